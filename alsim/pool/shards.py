"""A piece of a pool, a file or a table in memory, read as the pool's schema says."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from alsim.errors import PoolError
from alsim.pool.parquet import BATCH_ROWS, File
from alsim.pool.schemas import ClassNames, read_values


class InMemory:
    """A table in memory, read like a file with one row group."""

    def __init__(self, table: pa.Table) -> None:
        self.schema, self.groups, self._table = table.schema, (table.num_rows,), table

    def read_group(self, group: int, column: str) -> Iterator["pa.Array[Any]"]:
        """Yield a column piece by piece."""
        for chunk in self._table.column(column).chunks:
            for start in range(0, len(chunk), BATCH_ROWS):
                yield chunk.slice(start, BATCH_ROWS)

    def read_columns(self, columns: Sequence[str]) -> pa.Table:
        """Return some columns."""
        return self._table.select(columns)


@dataclass(frozen=True, slots=True, eq=False)
class Shard:
    """A file or a table, and what is known of its rows besides."""

    rows: File | InMemory
    schema: pa.Schema  # of the pool
    where: str  # for messages
    classes: Mapping[str, ClassNames]  # by column of integers
    stated: Mapping[str, "pa.Scalar[Any]"]  # by column, the value that its path states
    # By column, shared by all shards: the lengths of lists within lists read so far.
    widths: dict[str, dict[int, int]]

    def batches(self, group: int, name: str) -> Iterator["pa.Array[Any]"]:
        """Yield a column of a row group piece by piece."""
        if name not in self.rows.schema.names:
            yield self._absent(name, self.rows.groups[group])
            return
        for batch in self.rows.read_group(group, name):
            yield self._read(batch, name)

    def table(self, names: Sequence[str]) -> pa.Table:
        """Return some columns, in memory."""
        here = [name for name in names if name in self.rows.schema.names]
        found = self.rows.read_columns(here)
        columns: dict[str, Any] = {}
        for name in names:
            chunks: Sequence[Any] = [self._absent(name, sum(self.rows.groups))]
            if name in here:
                chunks = [self._read(chunk, name) for chunk in found.column(name).chunks]
            columns[name] = pa.chunked_array(chunks, self.schema.field(name).type)
        return pa.table(columns)

    def _absent(self, name: str, n: int) -> "pa.Array[Any]":
        """Return a column that the file lacks: what the path states, else null."""
        value: Any = self.stated.get(name)
        type_: Any = self.schema.field(name).type
        return pa.nulls(n, type_) if value is None else pa.repeat(value, n)

    def _read(self, values: Any, name: str) -> "pa.Array[Any]":
        try:
            type_, widths = self.schema.field(name).type, self.widths.setdefault(name, {})
            return read_values(values, self.classes.get(name), type_, widths)
        except (ValueError, pa.ArrowException) as error:
            what = f"the column {name!r} cannot be read: {error}"
            mend = (
                "rewrite it (an embedding as one flat list a row, all of one length, or null), "
                "or leave it out by naming the others: --modality NAME"
            )
            raise PoolError(what, self.where, mend) from None
