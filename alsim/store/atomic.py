"""Atomic writes: a reader sees the old file or the new one, never a part."""

import errno
import os
import re
from collections.abc import Generator
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from alsim.errors import StoreError
from alsim.store import opening
from alsim.store.layout import again

_PARTIAL = re.compile(r"\..+\.[0-9]+\.tmp")


@contextmanager
def replacing(path: Path) -> Generator[BinaryIO]:
    """Open a file in memory whose bytes become those of `path` when the block ends well.

    If the block raises, `path` stays as it was.

    Raises:
        StoreError: If the system cannot write there (no such folder, no permission, disk full).
    """
    file = BytesIO()
    yield file
    replace_bytes(path, file.getbuffer())


def replace_bytes(path: Path, data: bytes | bytearray | memoryview) -> None:
    """Write a file beside `path` that then takes its place.

    The bytes are on the disk before the name changes, and the name before this returns. After
    a failure `path` is as it was.

    Raises:
        StoreError: If the system cannot write there (no such folder, no permission, disk full).
    """
    temporary = f".{path.name}.{os.getpid()}.tmp"
    try:
        with opening.opened(path.parent) as place:
            try:
                place.remove(temporary)
                descriptor = place.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
                try:
                    write_all(descriptor, data)
                    os.fsync(descriptor)
                finally:
                    os.close(descriptor)
                place.replace(temporary, path.name)
                place.sync()
            finally:
                with suppress(OSError):  # the first failure is the one to report
                    place.remove(temporary)
    except OSError as error:
        raise cannot_write(path, error) from error


def is_partial(name: str) -> bool:
    """Return whether a file is called like one on its way to take another's place."""
    return _PARTIAL.fullmatch(name) is not None


def make_folder(path: Path, *, anew: bool = False) -> None:
    """Make a folder within a run's, unless it is there.

    With `anew` an existing one is emptied.

    Raises:
        StoreError: If the system cannot, or something else has its name, a link included.
    """
    try:
        opening.make_folder(path, anew=anew)
    except OSError as error:
        raise cannot_write(path, error) from error


def make_parent(path: Path) -> None:
    """Make the folder that a file lies in, unless it is there; the folder above must exist.

    Raises:
        OSError: If the system cannot.
    """
    with suppress(FileExistsError):
        path.parent.mkdir()
        sync_folder(path.parent.parent)


def write_all(descriptor: int, data: bytes | bytearray | memoryview) -> None:
    """Write all of `data` at once, or the rest again where the system took only a part."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def sync_folder(folder: Path) -> None:
    """Put the folder's entries on the disk, so that a new name outlives a power cut."""
    if os.name != "posix":  # elsewhere a folder cannot be opened
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def gone_under_way(path: Path) -> str:
    """Return the advice where a path of a run is gone while the run is worked on."""
    return f"the folder was moved or deleted under way: put it back, then {again(path)}"


def cannot_write(path: Path, error: OSError) -> StoreError:
    """Return the error for a path that the system refused to write, with advice that fits."""
    then = again(path)
    elsewhere = "name a folder that can be written: --out FOLDER"
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT | errno.EFBIG:
            mend = f"free some space there, then {then}"
        case errno.EACCES | errno.EPERM | errno.EROFS:
            mend = f"allow writing there, then {then}; or {elsewhere}"
        case errno.ENOENT | errno.ENOTDIR:
            mend = gone_under_way(path)
        case _:
            mend = f"see that the disk is well, then {then}; or {elsewhere}"
    return StoreError(f"cannot write: {error.strerror or error}", str(path), mend)
