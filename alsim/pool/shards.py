"""A piece of a pool, a file or a table in memory, read as the pool's schema says."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from alsim.errors import PoolError
from alsim.pool.parquet import BATCH_ROWS, File, read_columns, read_group
from alsim.pool.schemas import ClassNames, class_names, read_values


@dataclass(frozen=True, slots=True, eq=False)
class Shard:
    """A file or a table, and what is known of its rows besides."""

    rows: File | pa.Table
    where: str  # for messages
    classes: Mapping[str, ClassNames]  # by column of integers
    stated: Mapping[str, "pa.Scalar[Any]"] = field(default_factory=dict)  # by its path, by column
    # By column, shared by all shards: the lengths of lists within lists that were met.
    widths: dict[str, dict[int, int]] = field(default_factory=dict)

    @staticmethod
    def of_table(table: pa.Table, name: str) -> "Shard":
        """Return a table in memory as the only shard of a pool."""
        return Shard(table, name, class_names(table.schema))

    @property
    def n(self) -> int:
        """Return the number of rows."""
        return self.rows.n if isinstance(self.rows, File) else self.rows.num_rows

    def batches(self, group: int, name: str, type_: pa.DataType) -> Iterator["pa.Array[Any]"]:
        """Yield a column piece by piece, of a file's row group or of the whole table."""
        if name not in self.rows.schema.names:
            n = self.rows.groups[group] if isinstance(self.rows, File) else self.n
            yield self._without_file(name, n, type_)
        elif isinstance(self.rows, File):
            for batch in read_group(self.rows, group, name):
                yield self._read(batch, name, type_)
        else:
            for chunk in self.rows.column(name).chunks:
                for start in range(0, len(chunk), BATCH_ROWS):
                    yield self._read(chunk.slice(start, BATCH_ROWS), name, type_)

    def table(self, schema: pa.Schema) -> pa.Table:
        """Return the columns of `schema`, in memory."""
        here = [name for name in schema.names if name in self.rows.schema.names]
        if isinstance(self.rows, File):
            found = read_columns(self.rows, here)
        else:
            found = self.rows.select(here)
        columns: list[Any] = []
        types: list[Any] = schema.types
        for name, type_ in zip(schema.names, types, strict=True):
            chunks: Sequence[Any] = [self._without_file(name, self.n, type_)]
            if name in here:
                chunks = [self._read(chunk, name, type_) for chunk in found.column(name).chunks]
            columns.append(pa.chunked_array(chunks, type_))
        return pa.Table.from_arrays(columns, names=schema.names)

    def _without_file(self, name: str, n: int, type_: Any) -> "pa.Array[Any]":
        """Return a column that the file lacks: what the path states, else null."""
        value: Any = self.stated.get(name)
        return pa.nulls(n, type_) if value is None else pa.repeat(value, n)

    def _read(self, values: Any, name: str, type_: pa.DataType) -> "pa.Array[Any]":
        try:
            widths = self.widths.setdefault(name, {})
            return read_values(values, self.classes.get(name), type_, widths)
        except (ValueError, pa.ArrowException) as error:
            what = f"the column {name!r} cannot be read: {error}"
            mend = (
                "write it anew (of embeddings, one flat list a row, all of one length, or null), "
                "or leave it out by naming the others: --modality NAME"
            )
            raise PoolError(what, self.where, mend) from None
