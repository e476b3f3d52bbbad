"""The one place that opens, makes and removes what lies in a run's folder.

The run's folder may be reached through links: `runs` may lie on another disk. What lies below it
is a run's own, so nothing there is written, cut or removed through a link, even one that is put
there at that moment: each file is opened relative to its open folder, and must be a regular file
of one name. Reading follows links, for a finished run's tables may be kept elsewhere.
"""

import errno
import os
import shlex
import shutil
import stat
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from alsim.errors import StoreError
from alsim.store.layout import FOLDERS, MANIFEST, again

_NO_FOLLOW: int = getattr(os, "O_NOFOLLOW", 0)
# So that opening a pipe does not wait for its other end.
_AT_ONCE: int = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_KINDS = {
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFDIR: "a folder",
    stat.S_IFREG: "a file",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
# What the systems answer where a link, or what is no file, was to be opened as a file or folder.
_NOT_OURS = {errno.ELOOP, errno.EMLINK, errno.EISDIR, errno.ENXIO, errno.ENOTDIR}


@dataclass(frozen=True, slots=True)
class Place:
    """An open folder of a run, whose files are reached by name alone."""

    path: Path
    _descriptor: int | None  # None where the system opens no folders (Windows)

    def open(self, name: str, flags: int) -> int:
        """Return a descriptor of a file, made if the flags say so. Nothing of it is cut.

        Raises:
            StoreError: If it is a link, no regular file, or one that has another name too.
            OSError: If the system cannot.
        """
        if flags & os.O_TRUNC:
            raise ValueError("what is cut must have been looked at first")
        flags |= _NO_FOLLOW | _AT_ONCE
        try:
            descriptor = os.open(self._at(name), flags, 0o666, dir_fd=self._descriptor)
        except OSError as error:
            if error.errno in _NOT_OURS:
                raise in_the_way(self.path / name) from error
            raise
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
            os.close(descriptor)
            raise in_the_way(self.path / name)
        return descriptor

    def replace(self, old: str, new: str) -> None:
        """Give a file the name of another, whose place it takes; of a link, the link's.

        Raises:
            StoreError: If a folder has that name.
            OSError: If the system cannot.
        """
        here, at = self._descriptor, self._at
        try:
            os.replace(at(old), at(new), src_dir_fd=here, dst_dir_fd=here)
        except IsADirectoryError as error:
            raise in_the_way(self.path / new) from error

    def remove(self, name: str) -> None:
        """Remove a file if it is there; of a link, the link."""
        with suppress(FileNotFoundError):
            os.unlink(self._at(name), dir_fd=self._descriptor)

    def names(self) -> list[str]:
        """Return the names of what lies there, sorted."""
        return sorted(os.listdir(self.path if self._descriptor is None else self._descriptor))  # noqa: PTH208

    def sync(self) -> None:
        """Put the names on the disk, so that a new one outlives a power cut."""
        if self._descriptor is not None:
            os.fsync(self._descriptor)

    def _at(self, name: str) -> str:
        return str(self.path / name) if self._descriptor is None else name


@contextmanager
def opened(folder: Path) -> Generator[Place]:
    """Open a folder: a run's, wherever links lead to it, or one within, which is no link.

    Raises:
        StoreError: If a link, or what is no folder, stands in the place of one within a run's.
        OSError: If the system cannot open it.
    """
    if os.name != "posix":  # elsewhere a folder cannot be opened
        yield Place(folder, None)
        return
    flags = os.O_RDONLY | os.O_DIRECTORY
    is_within = folder.name in FOLDERS and (folder.parent / MANIFEST).exists()
    if is_within:
        above = os.open(folder.parent, flags)
        try:
            descriptor = os.open(folder.name, flags | _NO_FOLLOW, dir_fd=above)
        except OSError as error:
            if error.errno in _NOT_OURS:
                raise in_the_way(folder) from error
            raise
        finally:
            os.close(above)
    else:
        descriptor = os.open(folder, flags)
    try:
        yield Place(folder, descriptor)
    finally:
        os.close(descriptor)


def make_folder(path: Path, *, anew: bool = False) -> None:
    """Make a folder within a run's, unless it is there; with `anew` an existing one is emptied.

    Raises:
        StoreError: If something else has its name, a link included.
        OSError: If the system cannot make it.
    """
    if anew:
        remove_folder(path)
    try:
        path.mkdir()
    except FileExistsError as error:
        if anew or path.is_symlink() or not path.is_dir():
            raise in_the_way(path) from error


def remove_folder(path: Path) -> None:
    """Remove a folder of a run with all that it holds, as far as that can be done; no link's."""
    shutil.rmtree(path, ignore_errors=True)


def remove_file(path: Path) -> None:
    """Remove a file of a run if that can be done."""
    with suppress(OSError, StoreError), opened(path.parent) as place:
        place.remove(path.name)


def open_to_read(path: Path) -> BinaryIO:
    """Open a regular file to read, wherever links lead to it; it is never waited for.

    Raises:
        OSError: If it is something else, or the system cannot.
    """
    descriptor = os.open(path, os.O_RDONLY | _AT_ONCE)
    kind = stat.S_IFMT(os.fstat(descriptor).st_mode)
    if kind != stat.S_IFREG:
        os.close(descriptor)
        if kind == stat.S_IFDIR:
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        raise OSError(errno.EINVAL, f"{_KINDS.get(kind, 'something else')}, no file", str(path))
    return os.fdopen(descriptor, "rb")


def read_bytes(path: Path) -> bytes:
    """Return what a regular file holds, see `open_to_read`."""
    with open_to_read(path) as file:
        return file.read()


def read_if_there(path: Path, mend: str) -> bytes | None:
    """Return what a regular file holds, None if there is no such file.

    Raises:
        StoreError: If the system cannot read it; then `mend` is what to do.
    """
    try:
        return read_bytes(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(f"cannot read: {error.strerror}", str(path), mend) from error


def read_all(descriptor: int) -> bytes:
    """Return what an open file holds, from its beginning; it stays open."""
    with os.fdopen(os.dup(descriptor), "rb") as file:
        file.seek(0)
        return file.read()


def in_the_way(path: Path) -> StoreError:
    """Return the error for something that stands where a run's own file or folder should."""
    try:
        found = path.lstat()
    except OSError:
        what, mend = "something", "move it away"
    else:
        name, other = (shlex.quote(f"{path}{suffix}") for suffix in ("", ".old"))
        what = _KINDS.get(stat.S_IFMT(found.st_mode), "something")
        mend = f"move it away: mv {name} {other}"
        if stat.S_ISREG(found.st_mode) and found.st_nlink > 1:
            what = "a file that has another name too (a hard link)"
            mend = f"make it a file of its own: mv {name} {other} && cp {other} {name}"
        elif stat.S_ISLNK(found.st_mode):
            mend = f"remove the link, not what it leads to: rm {name}"
    return StoreError(
        f"{what} stands in the place of a file or folder of the run",
        str(path),
        f"{mend}; then {again(path)}",
    )
