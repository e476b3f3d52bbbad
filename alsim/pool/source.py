"""Where rows come from: one Parquet file, several, or a table in memory, read piece by piece."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

import pyarrow as pa

from alsim.errors import PoolError
from alsim.options.types import Tabular
from alsim.pool.columns import texts_or_integers
from alsim.pool.finding import SPLIT, Found, find_files, half_named, path_columns
from alsim.pool.parquet import File, open_file
from alsim.pool.schemas import class_names, common_schema
from alsim.pool.shards import InMemory, Shard


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """A run of rows that can be decoded independently of all others."""

    start: int  # its first row, counted over the whole source
    batches: Callable[[str], Iterator["pa.Array[Any]"]]  # column name -> its values, in order


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """Rows that can be read: small columns at once, embeddings in parts.

    Everything is read as `schema` says, however the files store it: see `schemas` and `forms`.
    """

    name: str
    where: str  # for messages: the path as it was given
    schema: pa.Schema
    n: int
    parts: tuple[Part, ...]
    shards: Sequence[Shard]
    conflicts: Mapping[str, str]  # column -> why it has no type
    lacking: Mapping[str, str]  # column -> the first file without
    notes: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def readable(self) -> list[str]:
        """Return the names of the columns that have one type."""
        return [name for name in self.schema.names if name not in self.conflicts]

    def table(self, columns: Sequence[str]) -> pa.Table:
        """Return the named columns, in memory."""
        return pa.concat_tables(
            [shard.table(columns) for shard in self.shards]
        ).unify_dictionaries()


def open_source(pool: str | Path | Tabular, *, name: str | None = None) -> Source:
    """Return the source behind a path (file, folder or glob) or a table in memory.

    A table is pyarrow's, or one that gives Arrow's stream, such as a data frame.

    What folders and names of files state is a column like any other, unless the files have one of
    that name.

    Raises:
        PoolError: If there is no file, a file is not whole Parquet, or a table is not one of Arrow.
    """
    rows: Mapping[str, File | InMemory]  # by the name of the file below the folder
    if isinstance(pool, Tabular):
        where = name = name or "pool"
        found, rows, places = Found((), Path()), {name: InMemory(_as_table(pool))}, [name]
    else:
        where, path = str(pool), Path(pool)
        found, name = find_files(path), name or _name(path)
        rows = {str(file.relative_to(found.root)): open_file(file) for file in found.files}
        places = list(map(str, found.files))
    schemas = [each.schema for each in rows.values()]
    for each, place in zip(schemas, places, strict=True):
        _check_names(each, place)
    schema, conflicts = common_schema(schemas, list(rows))
    lacking = {
        column: file
        for file, each in rows.items()
        for column in schema.names
        if column not in each.schema.names
    }
    stated, warnings = _stated(found, schema)
    for column, values in stated.items():
        schema = schema.append(pa.field(column, values.type))
    widths: dict[str, dict[int, int]] = {}
    shards: list[Shard] = []
    parts: list[Part] = []
    n = 0
    for index, (each, place) in enumerate(zip(rows.values(), places, strict=True)):
        here = {column: values[index] for column, values in stated.items()}
        shards.append(Shard(each, schema, place, class_names(each.schema), here, widths))
        for group, size in enumerate(each.groups):
            parts.append(Part(n, partial(shards[-1].batches, group)))
            n += size
    if not n:
        raise PoolError("the pool has no rows", where, "give one with rows")
    return Source(
        name=name,
        where=where,
        schema=schema,
        n=n,
        parts=tuple(parts),
        shards=shards,
        conflicts=conflicts,
        lacking=lacking,
        notes=found.notes,
        warnings=(*found.warnings, *warnings),
    )


def _as_table(pool: Tabular) -> pa.Table:
    """Return a table in memory as pyarrow's; a stream can be read once."""
    try:
        return pool if isinstance(pool, pa.Table) else pa.table(cast("Any", pool))
    except (pa.ArrowException, TypeError, ValueError) as error:
        what = f"the table cannot be given to Arrow: {error}"
        raise PoolError(what, f"a {type(pool).__name__}", "convert it: pyarrow.table(…)") from error


def _stated(found: Found, schema: pa.Schema) -> tuple[dict[str, "pa.Array[Any]"], tuple[str, ...]]:
    """Return the columns that paths state, with a value for each file, and warnings."""
    stated = {
        column: texts_or_integers(values)
        for column, values in path_columns(found).items()
        if column not in schema.names
    }
    has_split = SPLIT in stated or SPLIT in schema.names
    return stated, () if has_split else half_named(found)


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
