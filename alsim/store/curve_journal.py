"""A learning curve's journal: what it recorded, a line at a time, whatever may cut it short.

What its lines hold is in `curve_lines`.
"""

import errno
import os
from contextlib import suppress
from pathlib import Path

from alsim.errors import StoreError
from alsim.store.atomic import cannot_write, make_parent, write_all
from alsim.store.curve_lines import (
    Ending,
    Entry,
    Recorded,
    end_line,
    entry_line,
    header_line,
    no_journal,
    parse,
    refuse_foreign,
    refuse_wrong_end,
)
from alsim.store.journal import mend_journal
from alsim.store.opening import opened, read_all, read_if_there


def read_journal(path: Path) -> Recorded | None:
    """Return what a journal holds, or None where it has not yet a whole first line.

    A torn last line is left out: one without its end, or that does not match its digest, such
    as zeros after a power cut. So a journal can be read while it is written.

    Raises:
        StoreError: If it cannot be read, is no journal, is damaged before its last line, or is of
            another schema version.
    """
    data = read_if_there(path, mend_journal(path))
    return None if data is None else parse(data, path)


class Journal:
    """A journal that is written to. A context manager, which closes it."""

    def __init__(self, path: Path, descriptor: int, recorded: Recorded) -> None:
        self._path = path
        self._descriptor = descriptor
        self._recorded = recorded
        self._n_bytes = recorded.n_bytes
        self._n_entries = len(recorded.entries)
        self._is_ended = recorded.ending is not None

    @staticmethod
    def open(path: Path, strategy: str, seed: int) -> "Journal":
        """Make a journal, or open it again behind its last whole line.

        Its folder is made if need be; the folder above must exist. A new journal is on the
        disk, by name and first line, when this returns. Only one process may have it open.

        Raises:
            StoreError: If it is another curve's, is damaged, or cannot be written.
        """
        try:
            make_parent(path)
            with opened(path.parent) as place:
                descriptor = place.open(path.name, os.O_RDWR | os.O_APPEND | os.O_CREAT)
                try:
                    recorded = _cut(descriptor, path, strategy, seed)
                    held = recorded or Recorded(strategy, seed, (), None, 0)
                    journal = Journal(path, descriptor, held)
                    if recorded is None:
                        journal._write(header_line(strategy, seed))
                        journal.sync()
                        place.sync()
                except BaseException:
                    os.close(descriptor)
                    raise
        except OSError as error:
            raise cannot_write(path, error) from error
        return journal

    @property
    def recorded(self) -> Recorded:
        """Return what it held when it was opened."""
        return self._recorded

    def append(self, entry: Entry) -> None:
        """Write the next round, in one piece; it is on the disk only after `sync`.

        Raises:
            StoreError: If the system cannot write it; then nothing of it is kept.
            ValueError: If it is not the curve's next step.
        """
        self._refuse_after_end()
        refuse_foreign(entry, self._recorded.strategy, self._recorded.seed, self._n_entries)
        self._write(entry_line(entry))
        self._n_entries += 1

    def end(self, ending: Ending) -> None:
        """Write why the curve ended, as `append` does; nothing can follow.

        Raises:
            StoreError: If the system cannot write it.
            ValueError: If it has ended, or at another step.
        """
        self._refuse_after_end()
        refuse_wrong_end(ending, self._n_entries)
        self._write(end_line(ending))
        self._is_ended = True

    def sync(self) -> None:
        """Put what was written on the disk.

        Raises:
            StoreError: If the system cannot.
        """
        try:
            os.fsync(self._descriptor)
        except OSError as error:
            raise cannot_write(self._path, error) from error

    def close(self) -> None:
        """Close the file; a second time does nothing."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _write(self, line: bytes) -> None:
        try:
            if not os.fstat(self._descriptor).st_nlink:
                # The system would go on writing to a file that no one can ever read.
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
            try:
                write_all(self._descriptor, line)
            except BaseException:
                # What comes next must not follow half a line.
                with suppress(OSError):
                    os.ftruncate(self._descriptor, self._n_bytes)
                raise
        except OSError as error:
            raise cannot_write(self._path, error) from error
        self._n_bytes += len(line)

    def _refuse_after_end(self) -> None:
        if self._is_ended:
            raise ValueError("the curve has ended")


def _cut(descriptor: int, path: Path, strategy: str, seed: int) -> Recorded | None:
    """Cut an open journal behind its last whole line, and return what it holds, None for nothing.

    Nothing is an empty file, zeros, or the beginning of this very first line: no other file is cut.
    """
    data = read_all(descriptor)
    recorded = parse(data, path)
    if recorded is None and not header_line(strategy, seed).startswith(data.rstrip(b"\0")):
        raise no_journal(path)
    if recorded is not None and (recorded.strategy, recorded.seed) != (strategy, seed):
        raise StoreError(
            f"the journal is that of {recorded.strategy}, seed {recorded.seed}, "
            f"not of {strategy}, seed {seed}",
            str(path),
            mend_journal(path),
        )
    os.ftruncate(descriptor, 0 if recorded is None else recorded.n_bytes)
    return recorded
