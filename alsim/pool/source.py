"""Where rows come from: one Parquet file, several, or a table in memory, read piece by piece."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pyarrow.compute as pc

from alsim.errors import PoolError
from alsim.options.types import Tabular
from alsim.pool.finding import SPLIT, Found, find_files, half_named, path_columns
from alsim.pool.parquet import open_file
from alsim.pool.schemas import class_names, common_schema
from alsim.pool.shards import Shard


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """A run of rows that can be decoded independently of all others."""

    start: int  # its first row, counted over the whole source
    n: int
    batches: Callable[[str], Iterator["pa.Array[Any]"]]  # column name -> its values, in order


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """Rows that can be read: small columns at once, embeddings in parts.

    Everything is read as `schema` says, whatever way the files hold it: see `schemas` and `forms`.
    """

    name: str
    where: str  # for messages: the path as it was given
    schema: pa.Schema
    n: int
    parts: tuple[Part, ...]
    table: Callable[[Sequence[str]], pa.Table]  # the named columns, in memory
    conflicts: Mapping[str, str] = field(default_factory=dict)  # column -> why it has no type
    lacking: Mapping[str, str] = field(default_factory=dict)  # column -> the first file without
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def open_source(pool: str | Path | Tabular, *, name: str | None = None) -> Source:
    """Return the source behind a path (file, folder or glob) or a table in memory.

    A table is pyarrow's, or one that gives Arrow's stream, such as a data frame.

    What folders and names of files state is a column like any other, unless the files have one of
    that name.

    Raises:
        PoolError: If there is no file, a file is not whole Parquet, or a table is not one of Arrow.
    """
    if isinstance(pool, Tabular):
        return _open_table(_as_table(pool), name or "pool")
    path = Path(pool)
    found = find_files(path)
    files = [open_file(file) for file in found.files]
    for file in files:
        _check_names(file.schema, str(file.path))
    names = [str(file.path.relative_to(found.root)) for file in files]
    schema, conflicts = common_schema([file.schema for file in files], names)
    lacking = {
        column: file
        for file, here in zip(names, files, strict=True)
        for column in schema.names
        if column not in here.schema.names
    }
    stated, warnings = _stated(found, schema)
    for column, values in stated.items():
        schema = schema.append(pa.field(column, values.type))
    widths: dict[str, dict[int, int]] = {}
    shards = [
        Shard(
            file,
            str(file.path),
            class_names(file.schema),
            {column: values[index] for column, values in stated.items()},
            widths,
        )
        for index, file in enumerate(files)
    ]
    parts: list[Part] = []
    n = 0
    for shard, file in zip(shards, files, strict=True):
        for group, rows in enumerate(file.groups):
            parts.append(Part(n, rows, partial(_batches, shard, group, schema)))
            n += rows
    if not n:
        raise PoolError("the pool has no rows", str(pool), "give a file with rows")
    return Source(
        name=name or _name(path),
        where=str(pool),
        schema=schema,
        n=n,
        parts=tuple(parts),
        table=partial(_table, shards, schema),
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


def _open_table(table: pa.Table, name: str) -> Source:
    if not table.num_rows:
        raise PoolError("the pool has no rows", name, "give a table with rows")
    _check_names(table.schema, name)
    schema, _ = common_schema([table.schema], [name])
    shard = Shard.of_table(table, name)
    part = Part(0, shard.n, partial(_batches, shard, 0, schema))
    return Source(name, name, schema, shard.n, (part,), partial(_table, [shard], schema))


def _batches(shard: Shard, group: int, schema: pa.Schema, column: str) -> Iterator["pa.Array[Any]"]:
    return shard.batches(group, column, schema.field(column).type)


def _table(shards: Sequence[Shard], schema: pa.Schema, columns: Sequence[str]) -> pa.Table:
    wanted = pa.schema([(name, schema.field(name).type) for name in columns])
    return pa.concat_tables([shard.table(wanted) for shard in shards]).unify_dictionaries()


def _stated(found: Found, schema: pa.Schema) -> tuple[dict[str, "pa.Array[Any]"], tuple[str, ...]]:
    """Return the columns that paths state, with a value for each file, and warnings."""
    stated = {
        column: _as_integers(pa.array(values, pa.string()))
        for column, values in path_columns(found).items()
        if column not in schema.names
    }
    if SPLIT in stated or SPLIT in schema.names:
        return stated, ()
    warning = half_named(found)
    return stated, () if warning is None else (warning,)


def _as_integers(values: "pa.Array[Any]") -> "pa.Array[Any]":
    """Return texts as integers where each is written just as its integer is."""
    try:
        integers = pc.cast(values, pa.int64())
    except pa.ArrowInvalid:
        return values
    return integers if pc.cast(integers, pa.string()).equals(values) else values


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
