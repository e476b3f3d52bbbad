"""Small columns as plain arrays, whatever way a file holds them."""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from alsim.pool.faults import Fault


def plain_column(column: "pa.ChunkedArray[Any]", name: str, where: str) -> "pa.Array[Any] | Fault":
    """Return a column as one array, dictionaries decoded and all strings of one type.

    Nothing is taken on trust: text that is not UTF-8 and dictionary codes that point nowhere pass
    Arrow unseen, and end the process later, so both are looked for here.
    """
    try:
        column.validate(full=True)
        values: Any = column.combine_chunks()
        if isinstance(values, pa.DictionaryArray):
            values = values.dictionary_decode()
        if pa.types.is_large_string(values.type) or pa.types.is_string_view(values.type):
            values = pc.cast(values, pa.string())
    except pa.ArrowException as error:
        reason = str(error).rpartition("Invalid: ")[2]
        what = f"the column {name!r} ({column.type}) cannot be read: {reason}"
        return Fault(what, where, "write it anew as plain integers or as strings in UTF-8")
    return values
