"""The lock on a run's folder, so that no two processes write to it at once.

The operating system holds it (`flock` on the file `lock`) and frees it when the last process
that has the file open is gone. So a lock is never stale; what is left behind by a process that
was killed is its note of who it was.
"""

import errno
import os
import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated

import msgspec

from alsim.errors import StoreError
from alsim.store.atomic import cannot_write, write_all
from alsim.store.layout import LOCK
from alsim.store.opening import opened, remove_file

try:
    import fcntl
except ImportError:  # Windows: there is no lock
    fcntl = None

# Seconds to wait for the workers of a process that died, which end soon after it.
PATIENCE = 10.0
# A reader that checks whether the lock is free holds it for an instant.
_GLANCE = 0.5
_NO_LOCKS = {errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}


class HeldError(StoreError):
    """Another process works on the run."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lock."""

    process: Annotated[int, msgspec.Meta(gt=0, lt=1 << 31)]  # 0 in _UNKNOWN alone
    host: str
    since: str  # local time with its offset, ISO 8601

    @property
    def is_dead(self) -> bool:
        """Return whether the process ran on this machine and is no more."""
        if self.host != socket.gethostname():
            return False
        try:
            os.kill(self.process, 0)
        except ProcessLookupError:
            return True
        except OSError:  # it lives, and is another user's
            return False
        return False


_UNKNOWN = Holder(0, "an unknown host", "an unknown time")


class RunLock:
    """Holds a run's folder while the block runs.

    Attributes:
        fileno: To pass to worker processes: the lock lasts until all of them are gone. -1 where
            the system has no locks (Windows).
        left_by: The process that held the lock before and died without giving it back.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / LOCK
        self.fileno = -1
        self.left_by: Holder | None = None

    def __enter__(self) -> "RunLock":
        """Take the lock.

        Raises:
            HeldError: If another process has it.
            StoreError: If the folder cannot be locked or written.
        """
        if fcntl is None:
            return self
        self.fileno = _take(self._path)
        try:
            self.left_by = _read(self.fileno)
            since = datetime.now().astimezone().isoformat(timespec="seconds")
            mine = Holder(os.getpid(), socket.gethostname(), since)
            os.ftruncate(self.fileno, 0)
            write_all(self.fileno, msgspec.json.encode(mine) + b"\n")
        except OSError as error:
            self.__exit__()
            raise cannot_write(self._path, error) from error
        return self

    def __exit__(self, *exception: object) -> None:
        if self.fileno < 0:
            return
        # While it is still held, so that it is not another's file. A folder may be gone.
        with suppress(OSError):
            os.ftruncate(self.fileno, 0)  # for a folder that was moved
            if _is_at(self.fileno, self._path):
                self._path.unlink()
        os.close(self.fileno)
        self.fileno = -1


def holder(folder: Path) -> Holder | None:
    """Return who holds a run's folder now, or None; only looks, as a reader does."""
    path = folder / LOCK
    while fcntl is not None:
        try:
            with opened(folder) as place:
                descriptor = place.open(LOCK, os.O_RDONLY)
        except (OSError, StoreError):  # none, as a rule; or not for us to see, or no lock
            return None
        try:
            if not _locked(descriptor, fcntl.LOCK_SH):
                return _read(descriptor) or _UNKNOWN
            if _is_at(descriptor, path):
                return None
        except OSError:
            return None
        finally:
            os.close(descriptor)
    return None


def _take(path: Path) -> int:
    """Return a descriptor of the lock's file that holds the lock."""
    assert fcntl is not None
    began = time.monotonic()
    while True:
        try:
            with opened(path.parent) as place:
                descriptor = place.open(path.name, os.O_RDWR | os.O_CREAT | os.O_APPEND)
        except OSError as error:
            raise cannot_write(path, error) from error
        is_ours = False
        try:
            # Its last holder may have unlinked it after we opened it.
            is_ours = _locked(descriptor, fcntl.LOCK_EX) and _is_at(descriptor, path)
            held_by = _read(descriptor)
        except OSError as error:
            if error.errno in _NO_LOCKS:
                remove_file(path)
                raise StoreError(
                    f"the file system has no locks: {error.strerror}",
                    str(path.parent),
                    "keep runs on a local disk: --out FOLDER",
                ) from error
            raise cannot_write(path, error) from error
        finally:
            if not is_ours:
                os.close(descriptor)
        if is_ours:
            return descriptor
        is_ending = held_by is None or held_by.is_dead
        if time.monotonic() - began > (PATIENCE if is_ending else _GLANCE):
            raise _held(path, held_by or _UNKNOWN)
        time.sleep(0.02)


def _locked(descriptor: int, kind: int) -> bool:
    """Return whether the lock could be taken at once."""
    assert fcntl is not None
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):  # the latter on some network file systems
        return False
    return True


def _is_at(descriptor: int, path: Path) -> bool:
    """Return whether the path still names this file."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    except FileNotFoundError:
        return False


def _read(descriptor: int) -> Holder | None:
    """Return the holder that the lock's file names, if any."""
    try:
        return msgspec.json.decode(os.pread(descriptor, 4096, 0), type=Holder)
    except (ValueError, RecursionError):
        return None


def _held(path: Path, held_by: Holder) -> HeldError:
    where = f"{path.parent}: process {held_by.process} on {held_by.host} since {held_by.since}"
    if held_by.is_dead:
        return HeldError(
            "worker processes of a run that was killed still work on it",
            where,
            f"wait for them to end, or find them: fuser {path}",
        )
    stop = f"kill {held_by.process}"
    if held_by.host != socket.gethostname():
        stop += f" on {held_by.host}"
    return HeldError(
        "another process works on this run",
        where,
        f"wait for it, or stop it: {stop}; or name another folder: --out FOLDER",
    )
