"""The id column: a stable name for each row."""

import uuid
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from alsim.errors import PoolError
from alsim.pool.columns import plain_column
from alsim.pool.forms import is_bytes

UUID_BYTES = 16
ANOTHER = "name another column: --id NAME"


def read_ids(column: "pa.ChunkedArray[Any]", name: str, where: str) -> "pa.Array[Any]":
    """Return the ids of a column, int64 or strings.

    Integers beyond int64, UUIDs, other bytes, dates and times become distinct texts.

    Raises:
        PoolError: If they are neither, null, or not distinct.
    """
    values: Any = plain_column(column, name, where)
    if pa.types.is_decimal(column.type) and not pa.types.is_integer(values.type):
        values = pc.cast(column.combine_chunks(), pa.string())  # as floats some would be equal
    values = _integers_or_text(values)
    if values is None:
        mend = f"ids are integers or strings: convert it, or {ANOTHER}"
        raise PoolError(f"the id column {name!r} holds {column.type}", where, mend)
    if values.null_count:
        what = f"the id column {name!r} is null in {values.null_count} rows"
        raise PoolError(what, where, f"give every row an id, or {ANOTHER}")
    counts: Any = pc.value_counts(values)
    repeated = counts.filter(pc.greater(counts.field("counts"), pa.scalar(1)))
    if len(repeated):
        more = int(pc.sum(repeated.field("counts")).as_py()) - len(repeated)
        first = repeated.field("values")[0].as_py()
        what = f"duplicate ids in column {name!r}: {more} rows repeat an id, the first is {first!r}"
        raise PoolError(what, where, f"make them distinct, or {ANOTHER}")
    return values


def _integers_or_text(values: Any) -> Any:
    """Return ids as int64 or strings without loss, None if they are neither."""
    type_ = values.type
    if pa.types.is_string(type_):
        return values
    if pa.types.is_integer(type_) or pa.types.is_floating(type_):
        try:
            return pc.cast(values, pa.int64())  # whole floats too, as pandas may write integers
        except pa.ArrowInvalid:
            return pc.cast(values, pa.string()) if pa.types.is_integer(type_) else None
    if pa.types.is_temporal(type_):
        return pc.cast(values, pa.string())
    if is_bytes(type_) or pa.types.is_fixed_size_binary(type_):
        return pa.array(map(_text, values.to_pylist()), pa.string())
    return None


def _text(value: bytes | None) -> str | None:
    if value is None:
        return None
    return str(uuid.UUID(bytes=value)) if len(value) == UUID_BYTES else value.hex()
