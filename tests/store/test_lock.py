import errno
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from alsim.errors import StoreError
from alsim.store import lock
from alsim.store.lock import Holder, RunLock, holder

fcntl = pytest.importorskip("fcntl")

HOLDING = """
import subprocess, sys
from pathlib import Path
from alsim.store.lock import RunLock
with RunLock(Path(sys.argv[1])) as lock:
    children = [
        subprocess.Popen(
            [sys.executable, "-c", "import sys; sys.stdin.read()"], pass_fds=[lock.fileno]
        )
        for _ in sys.argv[2:]
    ]
    print(lock.left_by.process if lock.left_by else 0, *[c.pid for c in children], flush=True)
    sys.stdin.readline()
"""


class Holding:
    """A process that holds the lock of a folder until it receives a line."""

    def __init__(self, folder: Path, n_children: int = 0) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", HOLDING, str(folder), *["child"] * n_children],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        left_by, *children = map(int, self.process.stdout.readline().split())
        self.left_by = left_by
        self.children = children

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        """End it if it is still running, and its children, which read the same stdin."""
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()
        self.process.wait()


Hold = Callable[..., Holding]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def hold(folder: Path) -> Iterator[Hold]:
    """Start processes that hold the lock of the folder; end them after the test."""
    with ExitStack() as stack:

        def start(n_children: int = 0) -> Holding:
            return stack.enter_context(closing(Holding(folder, n_children)))

        yield start


def test_a_lock_is_held_within_the_block_and_leaves_no_file(folder: Path) -> None:
    assert holder(folder) is None
    with RunLock(folder) as held:
        assert held.left_by is None
        now = holder(folder)
        assert now is not None
        assert (now.process, now.host) == (os.getpid(), socket.gethostname())
        since = datetime.fromisoformat(now.since)
        assert since.utcoffset() is not None
        assert abs(datetime.now().astimezone() - since) < timedelta(minutes=1)
        assert os.fstat(held.fileno)
    assert list(folder.iterdir()) == []
    assert holder(folder) is None


def test_a_lock_is_released_when_the_block_raises(folder: Path) -> None:
    def fail() -> None:
        with RunLock(folder):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    with RunLock(folder) as held:
        assert held.left_by is None


@pytest.mark.process
def test_the_lock_of_a_running_process_is_refused_and_its_holder_is_named(
    folder: Path, hold: Hold
) -> None:
    process = hold().process.pid
    now = holder(folder)
    assert now is not None
    assert now.process == process
    began = time.monotonic()
    with (
        pytest.raises(StoreError, match="another process works on this run") as caught,
        RunLock(folder),
    ):
        pass
    assert time.monotonic() - began < 5
    assert caught.value.args[1] == (
        f"{folder}: process {process} on {socket.gethostname()} since {now.since}"
    )
    assert f"kill {process};" in caught.value.args[2]
    assert holder(folder) == now


def test_the_same_process_cannot_take_a_lock_twice(folder: Path) -> None:
    with RunLock(folder):
        with pytest.raises(StoreError, match="another process"), RunLock(folder):
            pass
        assert holder(folder) is not None


LOOKING = """
import sys
from pathlib import Path
from alsim.store.lock import holder
print("ready", flush=True)
while True:
    holder(Path(sys.argv[1]))
"""


@pytest.mark.process
def test_a_reader_that_checks_repeatedly_does_not_block_the_lock(folder: Path) -> None:
    command = [sys.executable, "-c", LOOKING, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as reader:
        assert reader.stdout is not None
        reader.stdout.readline()
        for _ in range(100):
            # As left by a killed process that cannot be identified.
            (folder / "lock").write_text('{"process": 1, "host": "elsewhere", "since": "1999"}')
            with RunLock(folder) as held:
                assert held.left_by == Holder(1, "elsewhere", "1999")
        reader.kill()


@pytest.mark.process
def test_the_lock_of_a_killed_process_is_free_and_its_holder_is_named(
    folder: Path, hold: Hold
) -> None:
    first = hold()
    assert first.left_by == 0
    first.kill()
    assert (folder / "lock").exists()
    assert holder(folder) is None
    second = hold()
    assert second.left_by == first.process.pid
    second.close()
    assert holder(folder) is None
    with RunLock(folder) as held:
        assert held.left_by is None


@pytest.mark.process
def test_a_lock_lasts_until_the_last_worker_of_a_killed_process_is_gone(
    folder: Path, hold: Hold, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = hold(2)
    held.kill()
    one, two = held.children
    os.kill(one, signal.SIGKILL)
    now = holder(folder)
    assert now is not None
    assert now.is_dead
    with monkeypatch.context() as patched:
        patched.setattr(lock, "PATIENCE", 0.5)
        with pytest.raises(StoreError, match="was killed still work on it"), RunLock(folder):
            pass
    # A worker that ends while we wait releases the lock.
    threading.Timer(0.5, os.kill, (two, signal.SIGKILL)).start()
    began = time.monotonic()
    with RunLock(folder) as mine:
        assert 0.3 < time.monotonic() - began < 8
        assert mine.left_by is not None
        assert mine.left_by.process == held.process.pid


RACING = """
import sys, time
from pathlib import Path
from alsim.errors import StoreError
from alsim.store.lock import RunLock
folder = Path(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
try:
    with RunLock(folder):
        print("mine", flush=True)
        sys.stdin.readline()
except StoreError as error:
    print(error.args[0], flush=True)
"""


@pytest.mark.process
def test_of_processes_that_start_together_exactly_one_gets_the_lock(folder: Path) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", RACING, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    pipes = [(p.stdin, p.stdout) for p in processes]
    for _, output in pipes:
        assert output is not None
        assert output.readline() == "ready\n"
    for entry, _ in pipes:
        assert entry is not None
        entry.write("\n")
        entry.flush()
    said = sorted(output.readline() for _, output in pipes if output is not None)
    assert said == ["another process works on this run\n"] * 2 + ["mine\n"]
    for process in processes:
        process.communicate()


COUNTING = """
import sys
from pathlib import Path
from alsim.errors import StoreError
from alsim.store.lock import RunLock
folder, file = Path(sys.argv[1]), Path(sys.argv[2])
n = 0
while n < 100:
    try:
        with RunLock(folder):
            file.write_text(str(int(file.read_text()) + 1))
            n += 1
    except StoreError:
        pass
"""


@pytest.mark.process
def test_no_two_processes_ever_hold_a_lock_even_as_each_holder_unlinks_its_file(
    folder: Path,
) -> None:
    count = folder / "count"
    count.write_text("0")
    command = [sys.executable, "-c", COUNTING, str(folder), str(count)]
    processes = [subprocess.Popen(command) for _ in range(3)]
    assert [process.wait() for process in processes] == [0, 0, 0]
    # A read and a write with another process in between would lose a count.
    assert count.read_text() == "300"


def test_a_lock_whose_file_was_unlinked_by_its_last_holder_does_not_count_as_held(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flock, path = fcntl.flock, folder / "lock"

    def unlink_before(descriptor: int, kind: int) -> None:
        path.unlink(missing_ok=True)
        monkeypatch.setattr(fcntl, "flock", flock)
        flock(descriptor, kind)

    monkeypatch.setattr(fcntl, "flock", unlink_before)
    with RunLock(folder) as held:
        assert os.path.samestat(os.fstat(held.fileno), path.stat())


@pytest.mark.parametrize(
    "text",
    [
        *("", "{}", "[]", "\0\0", '{"process": 12', "[" * 9999),
        *(
            f'{{"process": {process}, "host": "h", "since": "s"}}'
            for process in ("-1", "0", "true", '"12"', str(2**40))
        ),
    ],
)
def test_an_invalid_note_names_no_holder(folder: Path, text: str) -> None:
    (folder / "lock").write_text(text)
    assert holder(folder) is None
    with RunLock(folder) as held:
        assert held.left_by is None
        assert json.loads((folder / "lock").read_text())["process"] == os.getpid()
        (folder / "lock").write_text(text)
        assert holder(folder) == Holder(0, "an unknown host", "an unknown time")


@pytest.mark.process
def test_a_process_of_another_machine_is_never_reported_dead() -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    assert Holder(gone.pid, socket.gethostname(), "").is_dead
    assert not Holder(gone.pid, "elsewhere", "").is_dead
    assert not Holder(os.getpid(), socket.gethostname(), "").is_dead


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS])
def test_a_file_system_without_locks_is_named_as_the_cause(
    folder: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def fail(descriptor: int, kind: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", fail)
    with pytest.raises(StoreError, match="has no locks") as caught, RunLock(folder):
        pass
    assert "local disk" in caught.value.args[2]
    assert list(folder.iterdir()) == []
    assert holder(folder) is None


def test_a_full_disk_releases_the_lock(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(descriptor: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", fail)
        with pytest.raises(StoreError, match="No space left"), RunLock(folder):
            pass
    with RunLock(folder):
        pass


def test_a_missing_folder_and_a_file_cannot_be_locked(folder: Path) -> None:
    (folder / "file").touch()
    for place in (folder / "gone", folder / "file"):
        with pytest.raises(StoreError, match="cannot write"), RunLock(place):
            pass
        assert holder(place) is None


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_cannot_be_locked(folder: Path) -> None:
    folder.chmod(0o500)
    with pytest.raises(StoreError, match="Permission denied"), RunLock(folder):
        pass
    folder.chmod(0o700)


def test_a_folder_moved_while_locked_is_released_and_its_successor_is_left_alone(
    folder: Path,
) -> None:
    run = folder / "run"
    run.mkdir()
    with RunLock(run):
        run.rename(folder / "run.old")
        run.mkdir()
        with RunLock(run):
            pass
        (run / "lock").write_text("another's")
    assert (run / "lock").read_text() == "another's"
    with RunLock(folder / "run.old") as held:
        assert held.left_by is None


def test_deleting_a_locked_folder_raises_nothing(folder: Path) -> None:
    run = folder / "run"
    run.mkdir()
    with RunLock(run):
        (run / "lock").unlink()
        run.rmdir()
    assert not run.exists()
