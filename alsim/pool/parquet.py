"""One Parquet file, of which nothing is taken on trust: opened, and read piece by piece."""

import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from alsim.errors import PoolError
from alsim.pool.forms import is_list

BATCH_ROWS = 1024  # a batch of a 768-wide float32 column then stays near the processor's cache
BATCH_VALUES = 4096 * BATCH_ROWS  # so wider columns of fixed size have fewer rows in a batch
SMALL_FILE = 1 << 24  # bytes; up to that, column chunks may well be held whole
READ_BUFFER = 1 << 20  # bytes; without one, Arrow holds a whole compressed column chunk
# Rows, and values of one row, that a file may claim: as many as fit in memory, whatever its size;
# beyond that a number for each of its bytes, since no embedding is compressed so well.
FREE_CLAIM = 10_000_000
CLAIM_PER_BYTE = 1000


@dataclass(frozen=True, slots=True, eq=False)
class File:
    """One Parquet file as it was when it was opened.

    Reading raises a PoolError if the file is damaged, or was changed since it was opened.
    """

    path: Path
    stamp: tuple[int, int, int]  # changes when the file does
    metadata: pq.FileMetaData
    schema: pa.Schema
    groups: tuple[int, ...]  # rows of each row group

    def read_group(self, group: int, column: str) -> Iterator["pa.Array[Any]"]:
        """Yield a column of one row group piece by piece, as it is in the file."""
        left = self.groups[group]
        width = _fixed_width(self.schema.field(column).type)
        batch_rows = max(min(BATCH_ROWS, BATCH_VALUES // max(width, 1)), 1)
        with _reading(self.path, self.stamp, self, column):
            batches = _handle(self).iter_batches(
                batch_size=batch_rows,
                row_groups=[group],
                columns=[column],
                use_threads=False,
            )
            for batch in batches:
                left -= len(batch)
                _check_rows(left >= 0, column, self.groups[group])
                yield batch.column(column)
            _check_rows(not left, column, self.groups[group])

    def read_columns(self, columns: Sequence[str]) -> pa.Table:
        """Return some columns, in memory, as they are in the file."""
        found: dict[str, Any] = {}
        for name in columns:  # one by one, so that a failure names its column
            with _reading(self.path, self.stamp, self, name):
                found[name] = _handle(self).read(columns=[name], use_threads=False).column(name)
                _check_rows(len(found[name]) == sum(self.groups), name, sum(self.groups))
        return pa.table(found)


def _check_rows(as_claimed: bool, column: str, n: int) -> None:
    if not as_claimed:
        raise pa.ArrowInvalid(f"column {column!r} does not hold the {n:,} rows that are claimed")


def _stamp(path: Path) -> tuple[int, int, int]:
    """Return what differs once a file is written over or another is put in its place."""
    status = path.stat()
    return status.st_size, status.st_mtime_ns, status.st_ino


class _Handles(threading.local):
    """The file that a thread read last, still open."""

    file: File | None = None
    handle: pq.ParquetFile | None = None


_LAST = _Handles()


def _handle(file: File) -> pq.ParquetFile:
    """Return an open file of this thread alone: a ParquetFile is not safe to share.

    The last one is kept, since opening takes longer the more columns a file has.
    """
    if _LAST.file is not file or _LAST.handle is None:
        # With a buffer, Arrow allocates what a page claims to need, even for a tiny file.
        buffer = READ_BUFFER if file.stamp[0] > SMALL_FILE else 0
        _LAST.handle = pq.ParquetFile(
            file.path, metadata=file.metadata, buffer_size=buffer, pre_buffer=False
        )
        _LAST.file = file
    return _LAST.handle


@contextmanager
def _reading(
    path: Path, stamp: tuple[int, int, int], file: File | None = None, column: str = ""
) -> Generator[None]:
    """Raise one PoolError for whatever Arrow raises, and if the file has changed."""
    failure = None
    try:
        yield
    # ValueError too: names and texts that are not UTF-8, numbers that no size can be.
    except (pa.ArrowException, OSError, ValueError, OverflowError, MemoryError) as error:
        failure = str(error).partition("\n")[0] or type(error).__name__
    try:
        same = _stamp(path) == stamp
    except OSError:
        same = False
    if not same:
        mend = "let whatever writes it finish, then start again"
        raise PoolError("the file was changed while it was read", str(path), mend) from None
    # A null array written by DuckDB has no values, where Arrow reads offsets that count some.
    if failure and "list offsets" in failure and file and _is_duckdb_array(file, column):
        what = f"the column {column!r} cannot be read: DuckDB wrote null in an array of fixed size"
        mend = f"write it as a list: cast it before COPY, SELECT {column}::FLOAT[] AS {column}, …"
        raise PoolError(what, str(path), mend) from None
    if failure is not None:
        what = f"the file cannot be decoded ({failure})"
        mend = "it is damaged or cut short: write or copy it again"
        raise PoolError(what, str(path), mend) from None


def open_file(path: Path) -> File:
    """Return a file whose footer makes sense.

    Raises:
        PoolError: If it is no Parquet file, not whole, or claims impossible sizes.
    """
    magic = b"PAR1"
    try:
        stamp = _stamp(path)
        with path.open("rb") as handle:
            starts = handle.read(4) == magic
            handle.seek(max(stamp[0] - 4, 0))
            ends = handle.read(4) == magic
    except OSError as error:
        what = f"the file cannot be read ({error.strerror})"
        raise PoolError(what, str(path), "check that you may read it") from None
    if not stamp[0]:
        raise PoolError("the file is empty", str(path), "write or copy it again")
    if not starts:
        mend = "other formats are converted by: alsim pool import"
        raise PoolError("this is not a Parquet file", str(path), mend)
    if not ends or stamp[0] < 12:
        raise PoolError("the Parquet file ends early", str(path), "write or copy it again")
    with _reading(path, stamp):
        # Never mapped into memory: a mapped file that is cut short while read kills the process.
        handle = pq.ParquetFile(path, memory_map=False)
        metadata, schema = handle.metadata, handle.schema_arrow
        groups = [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]
        _check_claims(schema, groups, stamp[0])
        if metadata.num_rows != sum(groups):
            what = f"it claims {metadata.num_rows:,} rows, and {sum(groups):,} in its row groups"
            raise pa.ArrowInvalid(what)
    return File(path, stamp, metadata, schema, tuple(groups))


def _check_claims(schema: pa.Schema, groups: list[int], size: int) -> None:
    """Raise as Arrow does if the file claims sizes that Arrow would allocate at once."""
    # Arrow pads absent rows, too, to the width of a column of fixed size.
    widest = max(map(_fixed_width, schema.types), default=0)
    most = max(FREE_CLAIM, CLAIM_PER_BYTE * size)
    n = sum(groups) if min(groups, default=0) >= 0 else min(groups)
    for claim, unit in ((n, "rows"), (widest, "values in a row")):
        if not 0 <= claim <= most:
            raise pa.ArrowInvalid(f"it claims {claim:,} {unit}")


def _fixed_width(type_: pa.DataType) -> int:
    return type_.list_size if isinstance(type_, pa.FixedSizeListType) else 0


def _is_duckdb_array(file: File, column: str) -> bool:
    made_by = file.metadata.created_by or ""
    return made_by.startswith("DuckDB") and is_list(file.schema.field(column).type)
