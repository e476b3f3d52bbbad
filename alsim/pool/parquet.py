"""One Parquet file, of which nothing is taken on trust: opened, and read piece by piece."""

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from alsim.errors import PoolError

BATCH_ROWS = 1024  # a batch of a 768-wide float32 column then stays near the processor's cache
BATCH_VALUES = 4096 * BATCH_ROWS  # so wider columns of fixed size have fewer rows in a batch
SMALL_FILE = 1 << 24  # bytes; up to that, column chunks may well be held whole
READ_BUFFER = 1 << 20  # bytes; without one, Arrow holds a whole compressed column chunk
# Rows, and values of one row, that a file may claim: some whatever its size, for they fit in
# memory; beyond that so many for a byte, since no embedding is compressed so well.
FREE_CLAIM = 10_000_000
CLAIM_PER_BYTE = 1000


@dataclass(frozen=True, slots=True, eq=False)
class File:
    """One Parquet file as it was when it was opened."""

    path: Path
    stamp: tuple[int, int, int]  # changes when the file does
    metadata: pq.FileMetaData
    schema: pa.Schema
    groups: tuple[int, ...]  # rows of each row group


def _stamp(path: Path) -> tuple[int, int, int]:
    """Return what differs once a file is written over or another is put in its place."""
    status = path.stat()
    return status.st_size, status.st_mtime_ns, status.st_ino


@contextmanager
def _reading(path: Path, stamp: tuple[int, int, int]) -> Generator[None]:
    """Raise one PoolError for whatever Arrow raises, and if the file is not what it was."""
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
    if failure is not None:
        what = f"the file cannot be decoded ({failure})"
        mend = "it is damaged or cut short: write or copy it again"
        raise PoolError(what, str(path), mend) from None


def open_file(path: Path) -> File:
    """Return a file whose footer makes sense.

    Raises:
        PoolError: If it is no Parquet file, not whole, or claims what cannot be.
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
    """Raise as Arrow does if the file claims sizes that memory would be taken for at once."""
    # Arrow pads absent rows too to the width of a column of fixed size.
    widest = max(map(_fixed_width, schema.types), default=0)
    most = max(FREE_CLAIM, CLAIM_PER_BYTE * size)
    n = sum(groups) if min(groups, default=0) >= 0 else min(groups)
    for claim, unit in ((n, "rows"), (widest, "values in a row")):
        if not 0 <= claim <= most:
            raise pa.ArrowInvalid(f"it claims {claim:,} {unit}")


def _fixed_width(type_: pa.DataType) -> int:
    return type_.list_size if isinstance(type_, pa.FixedSizeListType) else 0


def read_group(file: File, group: int, column: str) -> Iterator["pa.Array[Any]"]:
    """Yield a column of one row group piece by piece.

    Raises:
        PoolError: If the file is damaged, or was changed since it was opened.
    """
    left = file.groups[group]
    width = _fixed_width(file.schema.field(column).type)
    batch_rows = max(min(BATCH_ROWS, BATCH_VALUES // max(width, 1)), 1)
    # A handle of its own: a ParquetFile is not safe to share between threads.
    with _reading(file.path, file.stamp):
        # With a buffer, Arrow takes what memory a page claims to need, even of a tiny file.
        buffer = READ_BUFFER if file.stamp[0] > SMALL_FILE else 0
        handle = pq.ParquetFile(
            file.path, metadata=file.metadata, buffer_size=buffer, pre_buffer=False
        )
        batches = handle.iter_batches(
            batch_size=batch_rows,
            row_groups=[group],
            columns=[column],
            use_threads=False,
        )
        for batch in batches:
            left -= len(batch)
            _check_rows(left >= 0, column, file.groups[group])
            yield batch.column(column)
        _check_rows(not left, column, file.groups[group])


def _check_rows(as_claimed: bool, column: str, n: int) -> None:
    if not as_claimed:
        raise pa.ArrowInvalid(f"column {column!r} does not hold the {n:,} rows that are claimed")


def read_columns(files: Sequence[File], columns: Sequence[str]) -> pa.Table:
    """Return some columns of files of one schema, in memory.

    Raises:
        PoolError: If a file is damaged, or was changed since it was opened.
    """
    tables: list[pa.Table] = []
    for file in files:
        with _reading(file.path, file.stamp):
            handle = pq.ParquetFile(file.path, metadata=file.metadata)
            tables.append(handle.read(columns=list(columns)))
            _check_rows(tables[-1].num_rows == sum(file.groups), columns[0], sum(file.groups))
    return pa.concat_tables(tables).unify_dictionaries()
