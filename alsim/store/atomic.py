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
from alsim.store.layout import MANIFEST, run_of

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
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
        try:
            write_all(descriptor, data)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        temporary.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        with suppress(OSError):  # the first failure is the one to report
            temporary.unlink(missing_ok=True)


def is_partial(path: Path) -> bool:
    """Return whether a path is called like a file on its way to take another's place."""
    return _PARTIAL.fullmatch(path.name) is not None


def make_folder(path: Path) -> None:
    """Make a folder unless it is there.

    Raises:
        StoreError: If the system cannot.
    """
    try:
        path.mkdir(exist_ok=True)
    except OSError as error:
        raise cannot_write(path, error) from error


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


def cannot_write(path: Path, error: OSError) -> StoreError:
    """Return the error for a path that the system refused to write, with advice that fits."""
    run = run_of(path)
    again = "run it again"
    with suppress(OSError):
        if (run / MANIFEST).is_file():
            again = f"go on: alsim resume {run}"
    elsewhere = "name a folder that can be written: --out FOLDER"
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT | errno.EFBIG:
            mend = f"free some space there, then {again}"
        case errno.EACCES | errno.EPERM | errno.EROFS:
            mend = f"allow writing there, then {again}; or {elsewhere}"
        case errno.ENOENT | errno.ENOTDIR:
            mend = f"the folder was moved or deleted under way: put it back, then {again}"
        case _:
            mend = f"see that the disk is well, then {again}; or {elsewhere}"
    return StoreError(f"cannot write: {error.strerror or error}", str(path), mend)
