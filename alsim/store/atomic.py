"""Atomic writes: a reader sees the old file or the new one, never a part."""

import os
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from alsim.errors import StoreError


@contextmanager
def replacing(path: Path) -> Generator[BinaryIO]:
    """Open a temporary file beside `path` that takes its place when the block ends well.

    The bytes are on the disk before the name changes. If the block raises, the temporary file
    is removed and `path` stays as it was.

    Raises:
        StoreError: If the system cannot write there (no such folder, no permission, disk full).
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        with suppress(OSError):  # the first failure is the one to report
            temporary.unlink(missing_ok=True)


def cannot_write(path: Path, error: OSError) -> StoreError:
    """Return the error for a path that the system refused to write."""
    return StoreError(
        f"cannot write: {error.strerror or error}",
        str(path),
        "free some space, or name a folder that can be written: --out FOLDER",
    )


def _sync_folder(folder: Path) -> None:
    """Put the folder's entries on the disk, so that a new name outlives a power cut."""
    if os.name != "posix":  # elsewhere a folder cannot be opened
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
