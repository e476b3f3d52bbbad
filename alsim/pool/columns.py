"""Small columns as plain arrays, whatever way a file holds them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from alsim.errors import PoolError
from alsim.pool.forms import is_bytes, is_text


def plain_column(column: "pa.ChunkedArray[Any]", name: str, where: str) -> "pa.Array[Any]":
    """Return a column as one array, dictionaries decoded and all strings of one type.

    Bytes that are text, as some programs write it, become strings; decimals become integers where
    all are whole, else floats.

    Raises:
        PoolError: If a text is not UTF-8 or a dictionary code points nowhere. Arrow reads both
            without complaint, and they end the process later.
    """
    try:
        column.validate(full=True)
        values: Any = column.combine_chunks()
        if isinstance(values, pa.DictionaryArray):
            values = values.dictionary_decode()
        if is_text(values.type):
            values = pc.cast(values, pa.string())
        elif is_bytes(values.type):
            values = _cast_first(values, pa.string())
        elif pa.types.is_decimal(values.type):
            values = _cast_first(values, pa.int64(), pa.float64())
    except pa.ArrowException as error:
        reason = str(error).rpartition("Invalid: ")[2]
        what = f"the column {name!r} ({column.type}) cannot be read: {reason}"
        mend = "rewrite it as plain integers or as strings in UTF-8"
        raise PoolError(what, where, mend) from None
    return values


def _cast_first(values: Any, *types: pa.DataType) -> Any:
    """Return values as the first of some types that holds them, else unchanged."""
    for type_ in types:
        try:
            return pc.cast(values, type_)
        except pa.ArrowInvalid:
            continue
    return values


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


def texts_or_integers(texts: Sequence[str | None]) -> "pa.Array[Any]":
    """Return texts, as integers if each is written exactly as its integer is."""
    values: Any = pa.array(texts, pa.string())
    try:
        integers = pc.cast(values, pa.int64())
    except pa.ArrowInvalid:
        return values
    return integers if pc.cast(integers, pa.string()).equals(values) else values
