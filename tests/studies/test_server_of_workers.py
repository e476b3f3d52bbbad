"""Workers forked from one server: threads, exits, and who ends when whom is gone."""

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
from survival import Command, Whole, children_of, is_alive, recorded_bytes, until, whole_run

import alsim
from alsim.errors import RunError, StoreError
from alsim.store import lock
from alsim.store.lock import RunLock
from alsim.studies.machine import worker_environment
from alsim.studies.messages import Passive
from alsim.studies.watch import Unit, Watch
from alsim.studies.workers.channel import Channel
from alsim.studies.workers.processes import Processes
from alsim.studies.workers.protocol import WorkerTask

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc"),
]

# A server whose workers do something else than to serve.
SERVER = """
import os, sys, threading
from alsim.studies.workers.channel import Channel
from alsim.studies.workers.server import fork_all
import torch

{before}

def compute():
    torch.set_num_threads(2)
    x = torch.ones(600, 600)
    for _ in range(20):
        x = x @ x / 600
    n_threads = len(os.listdir("/proc/self/task"))
    os.write(1, b"%d by %d" % (int(x.mean()), min(n_threads, 2)))

fork_all([Channel.read(text) for text in sys.argv[1:]], compute)
"""
THREAD = "threading.Thread(target=threading.Event().wait, daemon=True).start()"
COMPUTED = "torch.set_num_threads(2); torch.ones(600, 600) @ torch.ones(600, 600)"


@contextmanager
def server(before: str = "") -> Generator[tuple[subprocess.Popen[bytes], list[int]]]:
    """Start a server of two workers, and yield it with the pipes that they write to."""
    outputs: list[int] = []
    channels: list[Channel] = []
    for _ in range(2):
        output, theirs = os.pipe()
        outputs.append(output)
        channels.append(Channel(os.open(os.devnull, os.O_RDONLY), theirs, os.dup(theirs)))
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER.format(before=before), *map(str, channels)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        pass_fds=[*chain(*channels)], env={**os.environ, **worker_environment(1)},
    )  # fmt: skip
    for channel in channels:
        channel.close()
    try:
        yield process, outputs
    finally:
        process.kill()
        process.communicate()
        for output in outputs:
            os.close(output)


def test_workers_compute_on_two_threads_though_their_server_has_one() -> None:
    with server() as (process, outputs):
        for output in outputs:  # a fork of a process that has computed on two would hang
            assert select([output], [], [], 60)[0], "it hangs"
            assert os.read(output, 100) == b"1 by 2"
        assert process.stdout is not None
        assert {process.stdout.readline() for _ in range(3)} == {b"forked\n", b"0 0\n", b"1 0\n"}
        process.communicate(timeout=60)
        assert process.returncode == 0


@pytest.mark.parametrize("before", [THREAD, COMPUTED])
def test_a_server_that_has_threads_forks_nothing(before: str) -> None:
    with server(before) as (process, outputs):
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 1
        assert b"RuntimeError: the server of workers has threads" in errors
        assert [os.read(output, 100) for output in outputs] == [b"", b""]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    return whole_run(tmp_path_factory)


Start = Callable[[], tuple[Command, int, list[int]]]


@pytest.fixture
def start(whole: Whole, tmp_path: Path) -> Start:
    def start_one() -> tuple[Command, int, list[int]]:
        """Return a run amid its recording, its server and its two workers."""
        out = tmp_path / "run"
        command = Command(whole.go_on(out, "--workers", "2"), tmp_path / "told.txt")
        until(lambda: recorded_bytes(out) > 0.05 * whole.n_bytes or command.code is not None)
        (server,) = children_of(command.pid)
        workers = children_of(server)
        assert len(workers) == 2
        return command, server, workers

    return start_one


@pytest.mark.long
def test_a_killed_run_takes_its_server_and_its_workers_with_it_even_stopped_ones(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command, server, workers = start()
    os.kill(server, signal.SIGSTOP)
    for worker in workers:
        os.kill(worker, signal.SIGSTOP)
    command.kill(alone=True)
    with monkeypatch.context() as patched:
        patched.setattr(lock, "PATIENCE", 0.5)
        for still in (server, workers[0], workers[1]):  # each of them holds the run's lock
            with pytest.raises(StoreError, match="still work on it"), RunLock(tmp_path / "run"):
                pass
            if still == server:
                os.kill(server, signal.SIGKILL)
            else:
                os.kill(still, signal.SIGCONT)  # it sees that nothing more comes
            until(lambda process=still: not is_alive(process))
    with RunLock(tmp_path / "run"):
        pass


@pytest.mark.long
def test_the_server_kills_workers_that_cannot_see_that_the_run_is_gone(start: Start) -> None:
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
    assert "a worker process was killed by signal 9" in command.told
    assert "Traceback" not in command.told
    assert not any(map(is_alive, (server, other)))


def test_workers_that_are_not_needed_after_all_end_at_once() -> None:
    began = time.monotonic()
    with Processes(2, worker_environment(1), None):
        pass
    assert time.monotonic() - began < 1  # the server was still importing


def test_what_a_worker_prints_as_it_dies_is_reported_with_its_exit_code(tmp_path: Path) -> None:
    # Out of order: nothing is opened, which is a bug and no error of the user's.
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
    """Notes, at the first epoch of each task, the CPU seconds of the workers so far."""

    def __init__(self) -> None:
        self.seconds: dict[int, float] = {}

    def progress(self, unit: Unit, key: str, n: int, seed: int | None = None) -> None:
        known = [each for each in children_of(os.getpid()) if is_server(each)]
        for worker in children_of(known[0]):
            fields = Path(f"/proc/{worker}/stat").read_text().rpartition(")")[2].split()
            ticks = int(fields[11]) + int(fields[12])
            self.seconds.setdefault(worker, ticks / os.sysconf("SC_CLK_TCK"))


def test_a_worker_costs_little_before_it_trains(tmp_path: Path) -> None:
    pool, meter = write(make_table(300), tmp_path / "pool.parquet"), Metering()
    alsim.run(
        pool, strategy="random", seeds=2, initial_size=30, query_size=5, steps=1, max_epochs=2,
        workers=2, out=tmp_path / "run", watch=meter,
    )  # fmt: skip
    assert len(meter.seconds) == 2
    assert max(meter.seconds.values()) < 0.3
