"""Make the disk fail, or kill the process, at its k-th act on the files below a folder.

Acts are calls of the operating system: opening a file to write, writing, flushing to disk,
renaming, creating and removing. Processes import this as they start, from a `sitecustomize.py`
that `write_hook` writes. A fork counts from the start again, as a worker.
"""

import errno
import json
import os
import signal
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

VARIABLE = "ALSIM_TESTS_BREAK"
_WRITING = os.O_WRONLY | os.O_RDWR
# Acts that succeed on a full disk.
_ALWAYS_ROOM = {"remove", "rmdir"}


@dataclass(frozen=True)
class Break:
    """Which acts fail, where, and from which one on."""

    folder: str  # acts elsewhere succeed
    at: int = 1  # the first act that fails, counted among those that match; the rest fail too
    match: str = "*"  # "ACT NAME", such as "rename *.parquet"
    who: str = "*"  # parent, worker
    code: int = errno.ENOSPC  # 0: the process is killed instead, and its group with it
    is_short: bool = False  # whether half of the data is written before a write fails


class _State:
    def __init__(self) -> None:
        self.broken: Break | None = None
        self.n = 0
        self.is_hooked = False
        self.acts: list[str] = []


_state = _State()
_open, _write, _fsync, _allocate = os.open, os.write, os.fsync, os.posix_fallocate


@contextmanager
def breaking(broken: Break) -> Generator[list[str]]:
    """Apply the fault to this process while the block runs; yield the list of acts."""
    _arm(broken)
    try:
        yield _state.acts
    finally:
        _disarm()


def write_hook(folder: Path, broken: Break) -> dict[str, str]:
    """Return the environment in which Python processes meet the fault from their start.

    Their curves have a checkpoint from the first step on, even if they are short.
    """
    folder.mkdir(exist_ok=True)
    (folder / "sitecustomize.py").write_text(
        f"import sys\nsys.path.append({str(Path(__file__).parent)!r})\n"
        "import breaking\nbreaking.arm_from_environment()\n"
    )
    return {"PYTHONPATH": str(folder), VARIABLE: json.dumps(asdict(broken))}


def arm_from_environment() -> None:
    """Arm the fault of the environment if it is meant for a process like this one."""
    settings = os.environ.get(VARIABLE)
    if settings is None:
        return
    broken = Break(**json.loads(settings))
    who = "worker" if "alsim.studies.workers.server" in sys.orig_argv else "parent"
    _arm_if(fnmatch(who, broken.who), broken)
    os.register_at_fork(after_in_child=lambda: _arm_if(fnmatch("worker", broken.who), broken))
    from alsim.studies.curves import keep

    keep.FIRST = 0.0


def _arm_if(is_meant: bool, broken: Break) -> None:
    if is_meant:
        _arm(broken)
    else:
        _disarm()


def _arm(broken: Break) -> None:
    _state.broken, _state.n = broken, 0
    _state.acts = []
    if not _state.is_hooked:
        sys.addaudithook(_audit)
        _state.is_hooked = True
    os.write, os.fsync, os.posix_fallocate = _breaking_write, _breaking_fsync, _breaking_allocate
    os.open = _breaking_open


def _disarm() -> None:
    _state.broken = None
    os.open, os.write, os.fsync, os.posix_fallocate = _open, _write, _fsync, _allocate


def _breaking_open(path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
    # The event of opening a file does not contain the folder.
    if dir_fd is not None and flags & _WRITING:
        _meet("open", _absolute(path, dir_fd))
    return _open(path, flags, mode, dir_fd=dir_fd)


def _breaking_write(descriptor: int, data: Any, /) -> int:
    def half() -> None:
        if _state.broken is not None and _state.broken.is_short:
            _write(descriptor, memoryview(data)[: len(data) // 2])

    _meet("write", _of_descriptor(descriptor), half)
    return _write(descriptor, data)


def _breaking_fsync(descriptor: int, /) -> None:
    _meet("fsync", _of_descriptor(descriptor))
    _fsync(descriptor)


def _breaking_allocate(descriptor: int, offset: int, length: int, /) -> None:
    _meet("allocate", _of_descriptor(descriptor))
    _allocate(descriptor, offset, length)


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if _state.broken is None:
        return
    if event == "open":
        path, _, flags = arguments
        if isinstance(path, str | bytes) and isinstance(flags, int) and flags & _WRITING:
            _meet("open", _absolute(path))
    elif event == "os.rename":
        _meet("rename", _absolute(arguments[1], arguments[3]))
    elif event == "os.mkdir":
        _meet("mkdir", _absolute(arguments[0], arguments[2]))
    elif event in ("os.remove", "os.rmdir"):
        _meet(event.removeprefix("os."), _absolute(arguments[0], arguments[1]))


def _of_descriptor(descriptor: int) -> str:
    try:
        return str(Path(f"/proc/self/fd/{descriptor}").readlink())
    except OSError:
        return ""


def _absolute(path: Any, folder: int = -1) -> str:
    base = Path() if folder < 0 else Path(_of_descriptor(folder))
    return str((base / os.fsdecode(path)).absolute())


def _meet(act: str, path: str, before: Any = lambda: None) -> None:
    """Count an act, and make it fail from the chosen number on."""
    broken = _state.broken
    if broken is None or not (path + "/").startswith(broken.folder + "/"):
        return
    done = f"{act} {path.removeprefix(broken.folder).lstrip('/')}"
    if (broken.code == errno.ENOSPC and act in _ALWAYS_ROOM) or not fnmatch(done, broken.match):
        return
    _state.n += 1
    _state.acts.append(done)
    if _state.n < broken.at:
        return
    before()
    if not broken.code:
        os.killpg(0, signal.SIGKILL)
    raise OSError(broken.code, os.strerror(broken.code), path)
