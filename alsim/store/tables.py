"""A run's tables: their columns, their order, and how they are written and read.

The columns are those of the record dataclasses, so that the two cannot drift apart. Rows are
sorted before they are written: the same records in any order give the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_origin, get_type_hints

import numpy as np

from alsim.errors import StoreError
from alsim.experiments.curves.records import (
    ContributionRecord,
    ItemRecord,
    MetricRecord,
    QueryRecord,
    Round,
    RowBits,
    RowNumbers,
    StepRecord,
)
from alsim.store.atomic import replacing
from alsim.store.opening import open_to_read
from alsim.store.row_columns import n_rows_of, row_column
from alsim.store.version import SCHEMA_VERSION, check_version

if TYPE_CHECKING:  # imported late: it starts a thread, and the server of workers may have none
    import pyarrow as pa

_VERSION_KEY = b"alsim.schema"
_GROUP = 1 << 20  # rows at most of a row group
_PART = 1 << 24  # values at most of a part of a table of lists, which a reader takes as a whole


@dataclass(frozen=True, slots=True)
class TimingRecord:
    """One row of `timings.parquet`: how long a phase of a step took, by the engine's clock."""

    strategy: str
    seed: int
    step: int
    phase: str
    seconds: float


@dataclass(frozen=True, slots=True)
class TableKind:
    """One table of a run's folder."""

    name: str
    record: type
    key: tuple[str, ...]  # the sort order, ascending, null last
    is_unique: bool  # whether two records may not share the key

    @property
    def file(self) -> str:
        """Return the name of the table's file."""
        return f"{self.name}.parquet"


STEPS = TableKind("steps", StepRecord, ("strategy", "seed", "step"), is_unique=True)
METRICS = TableKind(
    "metrics",
    MetricRecord,
    ("strategy", "seed", "step", "task", "head", "modalities", "metric", "label"),
    is_unique=True,
)
QUERIES = TableKind(
    "queries", QueryRecord, ("strategy", "seed", "step", "rank", "task", "id"), is_unique=True
)
TIMINGS = TableKind(
    "timings", TimingRecord, ("strategy", "seed", "step", "phase", "seconds"), is_unique=False
)
ITEMS = TableKind("items", ItemRecord, ("strategy", "seed", "step", "task"), is_unique=True)
CONTRIBUTIONS = TableKind(
    "contributions",
    ContributionRecord,
    ("strategy", "seed", "task", "metric", "part"),
    is_unique=True,
)


def schema_of(kind: TableKind, id_type: type[str] | type[int] = int) -> pa.Schema:
    """Return the columns of a table, with the schema version in the metadata.

    `id_type` is that of the pool's ids, which only the queries hold.
    """
    import pyarrow as pa

    types: dict[Any, pa.DataType] = {
        str: pa.string(),
        int: pa.int64(),
        float: pa.float64(),
        tuple[int, ...]: pa.list_(pa.int64()),
        tuple[float | None, ...]: pa.list_(pa.float64()),
        RowBits: pa.list_(pa.bool_()),
        RowNumbers: pa.list_(pa.float32()),
    }
    nullable: dict[Any, pa.DataType] = {str | None: pa.string(), float | None: pa.float64()}
    hints = get_type_hints(kind.record)
    columns: list[pa.Field[Any]] = []
    for field in fields(kind.record):
        hint = hints[field.name]
        if get_origin(hint) is Literal:
            hint = str
        if hint == str | int:
            columns.append(pa.field(field.name, types[id_type], nullable=False))
        elif hint in nullable:
            columns.append(pa.field(field.name, nullable[hint], nullable=True))
        else:
            columns.append(pa.field(field.name, types[hint], nullable=False))
    return pa.schema(columns, metadata={_VERSION_KEY: str(SCHEMA_VERSION).encode()})


class TableBuilder:
    """Collects the records of one table, compactly: a long run has millions of queries."""

    def __init__(self, kind: TableKind, chunk: int = 1 << 16) -> None:
        self._kind = kind
        self._chunk = chunk  # records held as Python objects before they become columns
        self._schema: pa.Schema | None = None
        self._pending: list[Any] = []
        self._batches: list[pa.RecordBatch] = []

    def extend(self, records: Iterable[Any]) -> None:
        """Add records of the table's kind."""
        self._pending.extend(records)
        if len(self._pending) >= self._chunk:
            self._flush()

    def build(self) -> pa.Table:
        """Return all records as one sorted table.

        Raises:
            ValueError: If two records share a key that must be unique.
        """
        import pyarrow as pa

        self._flush()
        schema = self._schema or schema_of(self._kind)
        table = pa.Table.from_batches(self._batches, schema=schema)
        table = table.sort_by([(column, "ascending") for column in self._kind.key]).combine_chunks()
        _refuse_repeats(table, self._kind)
        return table

    def _flush(self) -> None:
        import pyarrow as pa

        if not self._pending:
            return
        if self._schema is None:
            self._schema = schema_of(self._kind, _id_type(self._pending))
        columns = [
            pa.array(list(map(attrgetter(field.name), self._pending)), type=field.type)
            for field in self._schema
        ]
        self._batches.append(pa.record_batch(columns, schema=self._schema))
        self._pending.clear()


def row_table(kind: TableKind, records: Iterable[Any], part: int = _PART) -> pa.Table:
    """Return records whose last field is of each row as one sorted table.

    It is in parts of at most `part` values of rows, since Arrow numbers those of a list by int32.

    Raises:
        ValueError: If two records share a key.
    """
    import pyarrow as pa

    schema = schema_of(kind)
    *names, last = schema.names
    ordered: list[Any] = sorted(records, key=attrgetter(*kind.key))
    most = max((n_rows_of(getattr(record, last)) for record in ordered), default=0)
    size = max(1, part // max(1, most))
    batches = [
        pa.record_batch(
            [
                *(pa.array([getattr(record, name) for record in some]) for name in names),
                row_column([getattr(record, last) for record in some]),
            ],
            schema=schema,
        )
        for some in (ordered[at : at + size] for at in range(0, len(ordered), size))
    ]
    table = pa.Table.from_batches(batches, schema=schema)
    _refuse_repeats(table, kind)
    return table


def build_tables(
    rounds: Iterable[Round],
    timings: Iterable[TimingRecord] = (),
    contributions: Iterable[ContributionRecord] = (),
    metrics: Iterable[MetricRecord] = (),
) -> dict[TableKind, pa.Table]:
    """Return a run's tables, sorted. `rounds` is read once, in any order, before the others.

    Further `metrics` are those of no round.

    Raises:
        ValueError: If two records share a key, or ids are integers and strings at once.
    """
    builders = {kind: TableBuilder(kind) for kind in (STEPS, METRICS, QUERIES, TIMINGS)}
    items: list[ItemRecord] = []
    for done in rounds:
        builders[STEPS].extend((done.step,))
        builders[METRICS].extend(done.metrics)
        builders[QUERIES].extend(done.queries)
        items += done.items
    builders[METRICS].extend(metrics)
    builders[TIMINGS].extend(timings)
    tables = {kind: builder.build() for kind, builder in builders.items()}
    of_rows = {
        ITEMS: row_table(ITEMS, items),
        CONTRIBUTIONS: row_table(CONTRIBUTIONS, contributions),
    }
    return tables | of_rows


def write_table(path: Path, table: pa.Table) -> None:
    """Write a table as Parquet, atomically; equal tables give equal bytes.

    Raises:
        StoreError: If the system cannot write there.
    """
    import pyarrow.parquet as pq

    # So a group has one part of a table of lists.
    longest = max((len(batch) for batch in table.to_batches()), default=_GROUP)
    with replacing(path) as file:
        pq.write_table(
            table,
            file,
            compression="zstd",
            row_group_size=min(_GROUP, longest),
            write_page_checksum=True,
        )


def read_table(path: Path, kind: TableKind, mend: str) -> pa.Table:
    """Return a run's table, as this version has it: of version 2, `metrics` gets null labels.

    `mend` is the advice where the file is missing or broken.

    Raises:
        StoreError: If the file is missing, ends early, is damaged, has a schema version that this
            alsim does not read, or lacks a column or a value.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    # What is raised for damaged bytes: a wrong checksum, a footer that makes no sense, text that
    # is not UTF-8, sizes that no memory holds.
    damage = (OSError, pa.ArrowException, ValueError, MemoryError, OverflowError)
    try:
        _refuse_cut(path, mend)
        # Not by path: that would take folders called like "seed=1" for columns.
        with (
            open_to_read(path) as file,
            pq.ParquetFile(file, page_checksum_verification=True) as read,
        ):
            # Arrow's threads, letting go of a Python file as the interpreter ends, abort it.
            # By group, since the values of a list are numbered by int32.
            groups = [read.read_row_group(i, use_threads=False) for i in range(read.num_row_groups)]
            table = pa.concat_tables(groups) if groups else read.read(use_threads=False)
    except FileNotFoundError:
        raise StoreError(f"the run has no {path.name}", str(path), mend) from None
    except damage as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise StoreError(f"run file cannot be read: {reason}", str(path), mend) from error
    table = _upgraded(table, kind, path)
    _refuse_other_columns(path, table, kind)
    return table


def _id_type(records: Sequence[Any]) -> type[str] | type[int]:
    """Return what the first record's id is; records without one have integers."""
    return str if isinstance(getattr(records[0], "id", 0), str) else int


def _refuse_repeats(table: pa.Table, kind: TableKind) -> None:
    """Raise a ValueError if a key repeats: then the order, and so the bytes, would be chance."""
    import pyarrow as pa
    import pyarrow.compute as pc

    n_pairs = table.num_rows - 1
    if n_pairs < 1 or not kind.is_unique:
        return
    repeats = pa.chunked_array([np.ones(n_pairs, dtype=bool)])
    for name in kind.key:
        column = table.column(name)
        one, next_ = column.slice(0, n_pairs), column.slice(1)
        both_null = pc.and_(pc.is_null(one), pc.is_null(next_))  # that null equals null is null
        repeats = pc.and_(repeats, pc.coalesce(pc.equal(one, next_), both_null))
    first = pc.index(repeats, True).as_py()
    if first >= 0:
        key = tuple(table.column(name)[first].as_py() for name in kind.key)
        raise ValueError(f"two records of {kind.name} share the key {key}")


def _refuse_cut(path: Path, mend: str) -> None:
    """Raise a StoreError unless the file begins and ends as a Parquet file does."""
    with open_to_read(path) as file:
        head = file.read(4)
        size = file.seek(0, 2)
        file.seek(max(0, size - 4))
        tail = file.read(4)
    if size and head != b"PAR1"[: len(head)]:
        raise StoreError("run file is not Parquet", str(path), mend)
    if size < 12 or tail != b"PAR1":
        raise StoreError("run file ends early", str(path), mend)


def _upgraded(table: pa.Table, kind: TableKind, path: Path) -> pa.Table:
    """Return a table with what this version has more than the one that it was written in.

    Raises:
        StoreError: If this alsim does not read that version.
    """
    import pyarrow as pa

    found = (table.schema.metadata or {}).get(_VERSION_KEY)
    version = int(found) if found and found.isdigit() and len(found) < 10 else found
    check_version(version, path)
    if version == SCHEMA_VERSION:
        return table
    if version == 2 and kind == METRICS and "label" not in table.schema.names:
        labels = pa.nulls(len(table), pa.string())
        place = schema_of(kind).get_field_index("label")
        table = table.add_column(min(place, table.num_columns), "label", labels)
    return table.replace_schema_metadata(schema_of(kind).metadata)


def _refuse_other_columns(path: Path, table: pa.Table, kind: TableKind) -> None:
    """Raise a StoreError unless the table has this version's columns, of their types, filled."""
    schema = table.schema
    expected = schema_of(kind)
    wrong = [
        field.name
        for field in expected
        if field.name not in schema.names
        or (field.name != "id" and schema.field(field.name).type != field.type)
    ]
    mend = "leave a run's tables as alsim wrote them; copy them to change them"
    if wrong:
        what = f"{kind.name} lacks columns, or has them of another type: {', '.join(wrong)}"
        raise StoreError(what, str(path), mend)
    unfilled = [f.name for f in expected if not f.nullable and table.column(f.name).null_count]
    if unfilled:
        raise StoreError(f"{kind.name} lacks values of: {', '.join(unfilled)}", str(path), mend)
