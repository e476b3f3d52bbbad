"""Where rows come from: one Parquet file, several, or a table in memory, read piece by piece."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from alsim.errors import PoolError
from alsim.pool.parquet import BATCH_ROWS, File, open_file, read_columns, read_group


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
    files = [open_file(file) for file in find_files(path)]
    for file in files:
        _check_names(file.schema, str(file.path))
    _check_schemas(files)
    parts: list[Part] = []
    n = 0
    for file in files:
        for group, rows in enumerate(file.groups):
            parts.append(Part(n, rows, partial(read_group, file, group)))
            n += rows
    if not n:
        raise PoolError("the pool has no rows", str(pool), "give a file with rows")
    return Source(
        name=name or _name(path),
        where=str(pool),
        schema=files[0].schema,
        n=n,
        parts=tuple(parts),
        table=partial(read_columns, files),
    )


def find_files(path: Path) -> list[Path]:
    """Return the Parquet files of a file, a folder (searched deeply) or a glob, sorted.

    Raises:
        PoolError: If there are none.
    """
    try:
        return _find_files(path)
    except (OSError, ValueError) as error:  # a name too long, a folder that is closed, a lone **
        what = f"this path cannot be searched ({getattr(error, 'strerror', None) or error})"
        raise PoolError(what, str(path), "check the path, and that you may read it") from None


def _find_files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    if path.is_dir():
        # Spark names folders of files like files.
        files = sorted(file for file in path.rglob("*.parquet") if file.is_file())
        if not files:
            mend = "their names end in .parquet; other formats are converted by: alsim pool import"
            raise PoolError("no Parquet files in this folder", str(path), mend)
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


def _check_names(schema: pa.Schema, where: str) -> None:
    names = Counter(schema.names)
    twice = [name for name, n in names.items() if n > 1]
    if twice:
        mend = "give each column a name of its own"
        raise PoolError(f"{names[twice[0]]} columns are named {twice[0]!r}", where, mend)


def _check_schemas(files: list[File]) -> None:
    first = {field.name: field.type for field in files[0].schema}
    for file in files[1:]:
        other = {field.name: field.type for field in file.schema}
        for name in {**first, **other}:
            if first.get(name) != other.get(name):
                here, there = other.get(name, "absent"), first.get(name, "absent")
                raise PoolError(
                    f"the files have differing schemas: column {name!r} is {here} here, "
                    f"{there} in {files[0].path.name}",
                    str(file.path),
                    "write all files with one schema, or name one of them",
                )


def _open_table(table: pa.Table, name: str) -> Source:
    if not table.num_rows:
        raise PoolError("the pool has no rows", name, "give a table with rows")
    _check_names(table.schema, name)

    def batches(column: str) -> Iterator["pa.Array[Any]"]:
        for chunk in table.column(column).chunks:
            for start in range(0, len(chunk), BATCH_ROWS):
                yield chunk.slice(start, BATCH_ROWS)

    def columns(names: Sequence[str]) -> pa.Table:
        return table.select(list(names))

    n = table.num_rows
    return Source(name, name, table.schema, n, (Part(0, n, batches),), columns)
