"""Where rows come from: one Parquet file, several, or a table in memory, read piece by piece."""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from alsim.errors import PoolError

BATCH_ROWS = 1024  # a batch of a 768-wide float32 column then stays near the processor's cache
READ_BUFFER = 1 << 20  # bytes; without one, Arrow holds a whole compressed column chunk


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """A run of rows that can be decoded independently of all others."""

    start: int  # its first row, counted over the whole source
    n: int
    batches: Callable[[str], Iterator["pa.Array[Any]"]]  # column name -> its values, in order


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """Rows that can be read: small columns at once, embeddings in parts."""

    name: str
    where: str  # for messages: the path as it was given
    schema: pa.Schema
    n: int
    parts: tuple[Part, ...]
    table: Callable[[Sequence[str]], pa.Table]  # the named columns, in memory


def open_source(pool: str | Path | pa.Table, *, name: str | None = None) -> Source:
    """Return the source behind a path (file, folder or glob) or a table in memory.

    Raises:
        PoolError: If there is no file, a file is not whole Parquet, or schemas differ.
    """
    if isinstance(pool, pa.Table):
        return _open_table(pool, name or "pool")
    path = Path(pool)
    files = find_files(path)
    handles = [_open_file(file) for file in files]
    _check_schemas(files, handles)
    parts: list[Part] = []
    n = 0
    for file, handle in zip(files, handles, strict=True):
        for group in range(handle.metadata.num_row_groups):
            rows = handle.metadata.row_group(group).num_rows
            parts.append(Part(n, rows, partial(_read_group, file, handle.metadata, group)))
            n += rows
    if not n:
        raise PoolError("the pool has no rows", str(pool), "give a file with rows")
    return Source(
        name=name or _name(path),
        where=str(pool),
        schema=handles[0].schema_arrow,
        n=n,
        parts=tuple(parts),
        table=partial(_read_columns, files),
    )


def find_files(path: Path) -> list[Path]:
    """Return the Parquet files of a file, a folder (searched deeply) or a glob, sorted."""
    if path.is_file():
        return [path]
    if path.is_dir():
        files = sorted(path.rglob("*.parquet"))
        if not files:
            raise PoolError("no Parquet files in this folder", str(path), "files end in .parquet")
        return files
    if any(character in str(path) for character in "*?["):
        pattern = path.relative_to(path.anchor) if path.anchor else path
        files = sorted(file for file in Path(path.anchor).glob(str(pattern)) if file.is_file())
        if files:
            return files
        raise PoolError("no file matches this pattern", str(path), "quote it, and check the path")
    beside = sorted(path.parent.glob("*.parquet")) if path.parent.is_dir() else []
    listed = ", ".join(file.name for file in beside[:5])
    mend = f"beside it there is: {listed}" if listed else "check the path"
    raise PoolError("no such file", str(path), mend)


def _name(path: Path) -> str:
    if path.is_file():
        return path.stem
    return (path if path.is_dir() else path.parent).resolve().name


@contextmanager
def reading(file: Path) -> Generator[None]:
    """Turn what Arrow raises over a damaged file into a PoolError."""
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        what = f"the file cannot be decoded ({first})"
        mend = "it is damaged or cut short: write or copy it again"
        raise PoolError(what, str(file), mend) from None


def _open_file(file: Path) -> pq.ParquetFile:
    magic = b"PAR1"
    try:
        size = file.stat().st_size
        with file.open("rb") as handle:
            starts = handle.read(4) == magic
            handle.seek(max(size - 4, 0))
            ends = handle.read(4) == magic
    except OSError as error:
        what = f"the file cannot be read ({error.strerror})"
        raise PoolError(what, str(file), "check that you may read it") from None
    if not starts:
        mend = "other formats are converted by: alsim pool import"
        raise PoolError("this is not a Parquet file", str(file), mend)
    if not ends or size < 12:
        raise PoolError("the Parquet file ends early", str(file), "write or copy it again")
    with reading(file):
        return pq.ParquetFile(file)


def _check_schemas(files: list[Path], handles: list[pq.ParquetFile]) -> None:
    first = {field.name: field.type for field in handles[0].schema_arrow}
    for file, handle in zip(files[1:], handles[1:], strict=True):
        other = {field.name: field.type for field in handle.schema_arrow}
        for name in {**first, **other}:
            if first.get(name) != other.get(name):
                here, there = other.get(name, "absent"), first.get(name, "absent")
                raise PoolError(
                    f"the files have differing schemas: column {name!r} is {here} here, "
                    f"{there} in {files[0].name}",
                    str(file),
                    "write all files with one schema, or name one of them",
                )


def _read_group(
    file: Path, metadata: pq.FileMetaData, group: int, column: str
) -> Iterator["pa.Array[Any]"]:
    # A handle of its own: a ParquetFile is not safe to share between threads.
    with reading(file):
        handle = pq.ParquetFile(file, metadata=metadata, buffer_size=READ_BUFFER, pre_buffer=False)
        batches = handle.iter_batches(
            batch_size=BATCH_ROWS, row_groups=[group], columns=[column], use_threads=False
        )
        for batch in batches:
            yield batch.column(column)


def _read_columns(files: list[Path], columns: Sequence[str]) -> pa.Table:
    tables: list[pa.Table] = []
    for file in files:
        with reading(file):
            tables.append(pq.ParquetFile(file).read(columns=list(columns)))
    return pa.concat_tables(tables).unify_dictionaries()


def _open_table(table: pa.Table, name: str) -> Source:
    if not table.num_rows:
        raise PoolError("the pool has no rows", name, "give a table with rows")

    def batches(column: str) -> Iterator["pa.Array[Any]"]:
        for chunk in table.column(column).chunks:
            for start in range(0, len(chunk), BATCH_ROWS):
                yield chunk.slice(start, BATCH_ROWS)

    def columns(names: Sequence[str]) -> pa.Table:
        return table.select(list(names))

    n = table.num_rows
    return Source(name, name, table.schema, n, (Part(0, n, batches),), columns)
