"""Workers forked from one server: threads, exit codes, and which processes end with which.

A study started by pytest starts its server; a command forks its server from itself.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from select import select

import pytest
from pools import make_table, write
from survival import (
    Command,
    Whole,
    children_of,
    is_alive,
    recorded_bytes,
    tables_of,
    until,
    whole_run,
)

import alsim
from alsim.errors import RunError, StoreError
from alsim.store import lock
from alsim.store.lock import RunLock
from alsim.studies.machine import worker_environment
from alsim.studies.messages import Passive
from alsim.studies.watch import Unit, Watch
from alsim.studies.workers.hosts import Server, connect, temporary
from alsim.studies.workers.processes import Processes
from alsim.studies.workers.protocol import WorkerTask
from alsim.studies.workers.server import Channel

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc"),
]

# A server whose workers run other code.
SERVER = """
import os, socket, sys, threading
from alsim.studies.workers.server import fork_workers
import torch

{before}

def compute():
    torch.set_num_threads(2)
    x = torch.ones(600, 600)
    for _ in range(20):
        x = x @ x / 600
    n_threads = len(os.listdir("/proc/self/task"))
    os.write(1, b"%d by %d" % (int(x.mean()), min(n_threads, 2)))

fork_workers(socket.socket(fileno=int(sys.argv[1])), compute)
"""
THREAD = "threading.Thread(target=threading.Event().wait, daemon=True).start()"
COMPUTED = "torch.set_num_threads(2); torch.ones(600, 600) @ torch.ones(600, 600)"


@contextmanager
def server(before: str = "") -> Generator[tuple[Server, list[int]]]:
    """Start a server of two workers; yield it with the pipes to which they write."""
    outputs: list[int] = []
    channels: list[Channel] = []
    for _ in range(2):
        output, theirs = os.pipe()
        outputs.append(output)
        channels.append(Channel(os.open(os.devnull, os.O_RDONLY), theirs, os.dup(theirs)))
    connection, its = connect()
    errors = temporary()
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER.format(before=before), str(its.fileno())],
        stderr=errors, pass_fds=[its.fileno()], env={**os.environ, **worker_environment(1)},
    )  # fmt: skip
    its.close()
    server = Server(process, connection, errors)
    assert server.fork(channels, {}, ()) == [0, 1]
    for descriptor in chain(*channels):
        os.close(descriptor)
    try:
        yield server, outputs
    finally:
        process.kill()
        server.close()
        for output in outputs:
            os.close(output)


def test_workers_compute_on_two_threads_though_their_server_has_one() -> None:
    with server() as (of_two, outputs):
        for output in outputs:  # a fork of a process that has used two threads would hang
            assert select([output], [], [], 60)[0], "it hangs"
            assert os.read(output, 100) == b"1 by 2"
        assert [of_two.code_of(number) for number in (0, 1)] == [0, 0]


@pytest.mark.parametrize("before", [THREAD, COMPUTED])
def test_a_server_that_has_threads_forks_nothing(before: str) -> None:
    with server(before) as (refusing, outputs):
        assert refusing.code_of(0) is None
        code, words = refusing.death()
        assert code == 1
        assert "RuntimeError: the server of workers has threads" in words
        assert [os.read(output, 100) for output in outputs] == [b"", b""]


# Forks a server, then tries with an extra thread and after using MKL, where forking is unsafe.
FORKING = """
import atexit, os, sys, threading, time
import torch
from alsim.cli.streams import own_streams
from alsim.errors import RunError
from alsim.studies.machine import worker_environment
from alsim.studies.messages import Passive
from alsim.studies.workers.forking import server_at_hand, server_of_workers
from alsim.studies.workers.processes import Processes
from alsim.studies.workers.protocol import WorkerTask

own_streams()
print("printed once")  # still buffered, as stdout is a pipe
atexit.register(print, "at the end", file=sys.stderr)

def children_of(process):
    with open(f"/proc/{process}/task/{process}/children") as file:
        return list(map(int, file.read().split()))

def die(server):
    task = WorkerTask("the task", Passive((0,), "random", os.curdir))
    with Processes(2, worker_environment(1), None, server) as group:
        try:
            group.run(task.message, [task], lambda task, report: None, lambda: None)
        except RunError as error:
            return "ended with exit code 1:" in str(error) and "out of order: Passive" in str(error)

with server_of_workers():
    server = server_at_hand()
    print(die(server), die(server))
    print([children_of(child) for child in children_of(os.getpid())])
print(children_of(os.getpid()))
done = threading.Event()
thread = threading.Thread(target=done.wait)
thread.start()
with server_of_workers():
    print(server_at_hand())
done.set()
thread.join()
torch.ones(50, 50) @ torch.ones(50, 50)
with server_of_workers():
    print(server_at_hand())
"""


# The environment of a user, not that of the tests.
PLAIN = {name: each for name, each in os.environ.items() if name not in worker_environment(1)}


def test_a_process_forks_a_server_if_it_has_one_thread_and_has_not_used_mkl() -> None:
    done = subprocess.run(
        [sys.executable, "-c", FORKING], capture_output=True, text=True, check=True,
        env={**PLAIN, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.stdout.splitlines() == ["printed once", "True True", "[[]]", "[]", "None", "None"]
    assert done.stderr == "at the end\n"


RUN = (
    *("run", "--seeds", "2", "--strategy", "margin", "--initial-size", "40", "--query-size", "5"),
    *("--steps", "2", "--max-epochs", "3", "--workers", "2"),
)
# Records each interpreter that starts.
NOTE = "import sys, threading\nopen({log!r}, 'a').write('.')\n"


def test_a_command_starts_a_second_interpreter_only_if_it_has_threads_and_the_bits_agree(
    tmp_path: Path,
) -> None:
    tables: list[dict[str, bytes]] = []
    for name, before, n_interpreters in (("forked", "pass", 1), ("started", THREAD, 2)):
        log, out = tmp_path / f"{name}.txt", tmp_path / name
        hook = NOTE.format(log=str(log)) + f"if 'alsim' in sys.orig_argv: {before}"
        (tmp_path / "sitecustomize.py").write_text(hook)
        subprocess.run(
            [sys.executable, "-m", "alsim", *RUN, "--out", out], check=True, capture_output=True,
            env={**PLAIN, "PYTHONPATH": str(tmp_path)},
        )  # fmt: skip
        assert len(log.read_text()) == n_interpreters
        tables.append(tables_of(out))
    assert tables[0] == tables[1]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    return whole_run(tmp_path_factory)


Start = Callable[[], tuple[Command, int, list[int]]]


@pytest.fixture
def start(whole: Whole, tmp_path: Path) -> Start:
    def start_one() -> tuple[Command, int, list[int]]:
        """Return a run that is recording, its server and its two workers."""
        out = tmp_path / "run"
        command = Command(whole.resume_command(out, "--workers", "2"), tmp_path / "log.txt")
        until(lambda: recorded_bytes(out) > 0.05 * whole.n_bytes or command.code is not None)
        (server,) = children_of(command.pid)
        workers = children_of(server)
        assert len(workers) == 2
        return command, server, workers

    return start_one


@pytest.mark.long
def test_a_killed_run_ends_its_server_and_its_workers_even_stopped_ones(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command, server, workers = start()
    os.kill(server, signal.SIGSTOP)
    for worker in workers:
        os.kill(worker, signal.SIGSTOP)
    command.kill(alone=True)
    with monkeypatch.context() as patched:
        patched.setattr(lock, "PATIENCE", 0.5)
        for still in workers:  # each of them holds the run's lock
            with pytest.raises(StoreError, match="still work on it"), RunLock(tmp_path / "run"):
                pass
            os.kill(still, signal.SIGCONT)  # it notices the end of its input
            until(lambda process=still: not is_alive(process))
    with RunLock(tmp_path / "run"):
        pass
    os.kill(server, signal.SIGCONT)
    until(lambda: not is_alive(server))


@pytest.mark.long
def test_the_server_kills_workers_that_cannot_notice_the_end_of_the_run(start: Start) -> None:
    command, server, workers = start()
    for worker in workers:
        os.kill(worker, signal.SIGSTOP)
    command.kill(alone=True)
    until(lambda: not any(map(is_alive, (server, *workers))), patience=20)


@pytest.mark.long
def test_a_worker_that_is_killed_ends_the_run_and_the_others(start: Start) -> None:
    command, server, (victim, other) = start()
    os.kill(victim, signal.SIGKILL)
    assert command.wait() == 5
    assert "a worker process was killed by signal 9" in command.output
    assert "Traceback" not in command.output
    assert not any(map(is_alive, (server, other)))


def test_unneeded_workers_end_at_once() -> None:
    began = time.monotonic()
    with Processes(2, worker_environment(1), None):
        pass
    assert time.monotonic() - began < 1  # the server was still importing


def test_the_last_output_of_a_dying_worker_is_reported_with_its_exit_code(tmp_path: Path) -> None:
    # In the wrong order: nothing is open, which is a bug and not an error of the user.
    task = WorkerTask("the task", Passive((0,), "random", tmp_path / "state"))
    with (
        pytest.raises(RunError, match="ended with exit code 1:") as caught,
        Processes(2, worker_environment(1), None) as group,
    ):
        group.run(task.message, [task], lambda task, report: None, lambda: None)  # pyright: ignore[reportArgumentType]
    assert "ValueError: out of order: Passive" in caught.value.args[0]


def is_server(process: int) -> bool:
    return b"alsim.studies.workers.server" in Path(f"/proc/{process}/cmdline").read_bytes()


class Metering(Watch):
    """Records the CPU seconds of the workers at the first epoch of each task."""

    def __init__(self) -> None:
        self.seconds: dict[int, float] = {}

    def progress(self, unit: Unit, key: str, n: int, seed: int | None = None) -> None:
        known = [each for each in children_of(os.getpid()) if is_server(each)]
        for worker in children_of(known[0]):
            fields = Path(f"/proc/{worker}/stat").read_text().rpartition(")")[2].split()
            ticks = int(fields[11]) + int(fields[12])
            self.seconds.setdefault(worker, ticks / os.sysconf("SC_CLK_TCK"))


def test_a_worker_uses_little_cpu_time_before_it_trains(tmp_path: Path) -> None:
    pool, meter = write(make_table(300), tmp_path / "pool.parquet"), Metering()
    alsim.run(
        pool, strategy="random", seeds=2, initial_size=30, query_size=5, steps=1, max_epochs=2,
        workers=2, out=tmp_path / "run", watch=meter,
    )  # fmt: skip
    assert len(meter.seconds) == 2
    assert max(meter.seconds.values()) < 0.3
