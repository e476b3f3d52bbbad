"""Small columns as plain arrays, whatever way a file holds them."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from alsim.pool.faults import Fault

_TEXTS = pa.types.is_large_string, pa.types.is_string_view


def plain_column(column: "pa.ChunkedArray[Any]", name: str, where: str) -> "pa.Array[Any] | Fault":
    """Return a column as one array, dictionaries decoded and all strings of one type.

    Bytes that are text, as some programs write it, are strings; decimals are integers where all
    are whole, else floats.

    Nothing is taken on trust: text that is not UTF-8 and dictionary codes that point nowhere pass
    Arrow unseen, and end the process later, so both are looked for here.
    """
    try:
        column.validate(full=True)
        values: Any = column.combine_chunks()
        if isinstance(values, pa.DictionaryArray):
            values = values.dictionary_decode()
        is_text = any(test(values.type) for test in _TEXTS)
        is_bytes = pa.types.is_binary(values.type) or pa.types.is_large_binary(values.type)
        if is_text or (is_bytes and _is_text(values)):
            values = pc.cast(values, pa.string())
        elif pa.types.is_decimal(values.type):
            values = _from_decimals(values)
    except pa.ArrowException as error:
        reason = str(error).rpartition("Invalid: ")[2]
        what = f"the column {name!r} ({column.type}) cannot be read: {reason}"
        return Fault(what, where, "write it anew as plain integers or as strings in UTF-8")
    return values


def _is_text(values: "pa.Array[Any]") -> bool:
    try:
        pc.cast(values, pa.string())
    except pa.ArrowInvalid:
        return False
    return True


def _from_decimals(values: "pa.Array[Any]") -> "pa.Array[Any]":
    try:
        return pc.cast(values, pa.int64())
    except pa.ArrowInvalid:
        return pc.cast(values, pa.float64())


def is_discrete(type_: pa.DataType) -> bool:
    """Return whether a plain column of this type can be read as classes."""
    tests = pa.types.is_integer, pa.types.is_boolean, pa.types.is_string
    return any(test(type_) for test in tests)


def enumerate_values(values: Any) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Return the sorted values of a discrete column as text, and the position of each row's.

    The positions are `(n,)`, -1 where null.
    """
    unique: Any = pc.drop_null(pc.unique(values))
    ordered = unique.take(pc.sort_indices(unique))
    codes = pc.index_in(values, value_set=ordered).fill_null(-1).to_numpy(False)
    return tuple(str(value) for value in ordered.to_pylist()), codes.astype(np.int64)
