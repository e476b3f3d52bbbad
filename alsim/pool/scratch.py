"""Temporary folders: those that a killed command left are removed by the next."""

import os
import shutil
import tempfile
from collections.abc import Generator, Iterable
from contextlib import contextmanager, suppress
from pathlib import Path

from alsim.errors import StoreError

try:
    import fcntl
except ImportError:  # Windows: no lock, so no command removes folders of others
    fcntl = None

_PREFIX = "alsim-held-"  # each is locked by who made it


@contextmanager
def scratch_folder() -> Generator[Path]:
    """Make a folder for decoded tensors, removed when the block ends.

    Raises:
        StoreError: If it cannot be made, or is too small for what is written there.
    """
    mend = "free some space there, or name another: TMPDIR=FOLDER alsim …"
    try:
        base = Path(tempfile.gettempdir())
        remove_abandoned(base.glob(f"{_PREFIX}*"))
        folder = Path(tempfile.mkdtemp(prefix="alsim-", dir=base))
    except OSError as error:
        what = f"no temporary folder can be made: {error.strerror or error}"
        raise StoreError(what, "the folder for temporary files", mend) from error
    descriptor = None
    try:
        if fcntl is not None:
            descriptor = os.open(folder, os.O_RDONLY)
            hold(descriptor)
            # Only now: a folder with this name and no lock was left by a process that was killed.
            folder = folder.rename(base / f"{_PREFIX}{folder.name}")
        yield folder
    except StoreError as error:
        what, where, _ = error.args
        raise StoreError(what, where, mend) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if descriptor is not None:
            os.close(descriptor)


def hold(descriptor: int) -> bool:
    """Lock an open file or folder until it is closed; return whether that succeeded."""
    try:
        if fcntl is not None:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # another's, or no locks there
        return False
    return fcntl is not None


def remove_abandoned(paths: Iterable[Path]) -> None:
    """Remove the files and folders of this user that no process holds any more."""
    for path in paths if fcntl is not None else ():
        with suppress(OSError):
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                if os.fstat(descriptor).st_uid == os.getuid() and hold(descriptor):
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
            finally:
                os.close(descriptor)
