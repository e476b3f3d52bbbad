"""The id column: a stable name for each row."""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from alsim.pool.columns import plain_column
from alsim.pool.faults import Fault


def read_ids(column: "pa.ChunkedArray[Any]", name: str, where: str) -> "pa.Array[Any] | Fault":
    """Return the ids of a column, int64 or strings, or what is wrong with them."""
    values: Any = plain_column(column, name, where)
    if isinstance(values, Fault):
        return values
    type_ = values.type
    if pa.types.is_integer(type_) and not pa.types.is_uint64(type_):
        values = pc.cast(values, pa.int64())
    elif not pa.types.is_string(type_):
        mend = "ids are integers or strings: convert it, or name another column: --id NAME"
        return Fault(f"the id column {name!r} holds {type_}", where, mend)
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
