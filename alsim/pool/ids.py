"""The id column: a stable name for each row."""

import uuid
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from alsim.pool.columns import plain_column
from alsim.pool.faults import Fault

UUID_BYTES = 16


def read_ids(column: "pa.ChunkedArray[Any]", name: str, where: str) -> "pa.Array[Any] | Fault":
    """Return the ids of a column, int64 or strings, or what is wrong with them.

    Integers beyond int64, UUIDs, other bytes, dates and times become text, each its own.
    """
    values: Any = plain_column(column, name, where)
    if isinstance(values, Fault):
        return values
    if pa.types.is_decimal(column.type) and not pa.types.is_integer(values.type):
        values = pc.cast(column.combine_chunks(), pa.string())  # as floats some would be equal
    values = _integers_or_text(values)
    if values is None:
        mend = "ids are integers or strings: convert it, or name another column: --id NAME"
        return Fault(f"the id column {name!r} holds {column.type}", where, mend)
    if values.null_count:
        what = f"the id column {name!r} is null in {values.null_count} rows"
        return Fault(what, where, "give every row an id, or name another column: --id NAME")
    counts: Any = pc.value_counts(values)
    repeated = counts.filter(pc.greater(counts.field("counts"), pa.scalar(1)))
    if len(repeated):
        more = int(pc.sum(repeated.field("counts")).as_py()) - len(repeated)
        first = repeated.field("values")[0].as_py()
        what = f"duplicate ids in column {name!r}: {more} rows repeat an id, the first is {first!r}"
        return Fault(what, where, "make them distinct, or name another column: --id NAME")
    return values


def _integers_or_text(values: Any) -> Any:
    """Return ids as int64 or strings without loss, None if they are neither."""
    type_ = values.type
    if pa.types.is_string(type_):
        return values
    if pa.types.is_integer(type_) or pa.types.is_floating(type_):
        try:
            return pc.cast(values, pa.int64())  # floats if all are whole, as pandas may have them
        except pa.ArrowInvalid:
            return pc.cast(values, pa.string()) if pa.types.is_integer(type_) else None
    if pa.types.is_temporal(type_):
        return pc.cast(values, pa.string())
    tests = pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary
    if any(test(type_) for test in tests):
        return pa.array(map(_text, values.to_pylist()), pa.string())
    return None


def _text(value: bytes | None) -> str | None:
    if value is None:
        return None
    return str(uuid.UUID(bytes=value)) if len(value) == UUID_BYTES else value.hex()
