"""What a column is read as: vectors as flat lists of numbers, whatever way a file holds them."""

from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

# Most values of a sparse vector once it is dense; vectors of hashed words have 262,144.
WIDEST_SPARSE = 16_384
_VECTOR = {"type", "size", "indices", "values"}  # the fields of a vector in Spark


def is_list(type_: pa.DataType) -> bool:
    """Return whether the values of a column are lists, of any kind."""
    tests = (
        pa.types.is_list,
        pa.types.is_large_list,
        pa.types.is_fixed_size_list,
        pa.types.is_list_view,
        pa.types.is_large_list_view,
    )
    return any(test(type_) for test in tests)


def is_text(type_: pa.DataType) -> bool:
    """Return whether a column holds strings, of any kind."""
    tests = pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view
    return any(test(type_) for test in tests)


def is_bytes(type_: pa.DataType) -> bool:
    """Return whether a column holds bytes of any length."""
    return pa.types.is_binary(type_) or pa.types.is_large_binary(type_)


def is_number(type_: pa.DataType) -> bool:
    """Return whether a column holds integers or floats."""
    return pa.types.is_integer(type_) or pa.types.is_floating(type_)


def is_vector(type_: pa.DataType) -> bool:
    """Return whether a plain column of this type holds vectors: flat lists of numbers."""
    return is_list(type_) and _is_number(value_type(type_))


def value_type(type_: pa.DataType) -> pa.DataType:
    """Return the type of the values in a list."""
    return cast("pa.ListType[Any]", type_).value_type


def plain_type(type_: pa.DataType) -> pa.DataType:
    """Return the type of a column of `type_` after `as_plain`.

    Extension types become their storage type. Spark's vectors, list views, lists of lists, and
    lists wrapped in structs of one field become flat lists of numbers.
    """
    if isinstance(type_, pa.BaseExtensionType):
        return plain_type(type_.storage_type)
    if isinstance(type_, pa.RunEndEncodedType):
        return plain_type(type_.value_type)
    if pa.types.is_struct(type_):
        fields = list(type_)
        if {field.name for field in fields} == _VECTOR:
            return pa.list_(pa.float64())
        inner = plain_type(fields[0].type) if len(fields) == 1 else type_
        return inner if _is_number(inner) or is_vector(inner) else type_
    if not is_list(type_):
        return type_
    inner = plain_type(value_type(type_))
    if is_vector(inner):
        return pa.list_(value_type(inner))
    if not _is_number(inner):
        return type_
    value = pa.int8() if pa.types.is_boolean(inner) else inner
    if isinstance(type_, pa.FixedSizeListType):
        return pa.list_(value, type_.list_size)
    is_large = pa.types.is_large_list(type_) or pa.types.is_large_list_view(type_)
    return pa.large_list(value) if is_large else pa.list_(value)


def as_plain(values: Any, widths: dict[int, int] | None = None, depth: int = 0) -> Any:
    """Return an array of any type as one of its `plain_type`.

    Args:
        values: A piece of a column.
        widths: By depth, the length of lists within lists in the pieces read so far; updated.
        depth: The number of lists around `values`.

    Raises:
        ValueError: If lists within lists differ in length, or a sparse vector makes no sense.
    """
    type_ = values.type
    if isinstance(type_, pa.BaseExtensionType):
        return as_plain(values.storage, widths, depth)
    if isinstance(type_, pa.RunEndEncodedType):
        return as_plain(pc.call_function("run_end_decode", [values]), widths, depth)
    plain = plain_type(type_)
    if plain.equals(type_):
        return values
    if pa.types.is_struct(type_):
        if type_.num_fields == 4:
            return _from_spark(values)
        return as_plain(values.flatten()[0], widths, depth)
    lengths = lengths_of(values)
    items = as_plain(values.flatten(), widths, depth + 1)  # of the rows that are not null
    if is_vector(items.type) and len(items):
        width = _one_length(items)
        if widths is not None and widths.setdefault(depth, width) != width:
            raise ValueError("lists within lists that differ in length")
        lengths = lengths * width
    items = items.flatten() if is_vector(items.type) else items
    if pa.types.is_boolean(items.type):
        items = pc.cast(items, pa.int8())
    lists = as_lists(items, lengths, values)
    return lists if lists.type.equals(plain) else lists.cast(plain)


def _is_number(type_: pa.DataType) -> bool:
    return is_number(type_) or pa.types.is_boolean(type_)


def _one_length(lists: Any) -> int:
    """Return the length that all `lists` have."""
    lengths = np.unique(pc.list_value_length(lists).to_numpy(zero_copy_only=False))
    if lists.null_count or len(lengths) > 1:
        raise ValueError("lists within lists that differ in length")
    return int(lengths[0])


def _from_spark(values: Any) -> Any:
    """Return vectors of Spark's ML library, dense or sparse, as lists."""
    parts = {field.name: part for field, part in zip(values.type, values.flatten(), strict=True)}
    rows = values.is_valid().to_numpy(zero_copy_only=False)
    counts = lengths_of(parts["values"])
    is_sparse = rows & (_integers(parts["type"]) == 0)
    lengths = np.where(is_sparse, _integers(parts["size"]), counts)
    if lengths.size and not 0 <= lengths.min() <= lengths.max() <= WIDEST_SPARSE:
        raise ValueError(f"sparse vectors wider than {WIDEST_SPARSE:,}: make them shorter")
    owner = np.repeat(np.arange(len(rows)), counts)
    place = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
    indices = parts["indices"].filter(pa.array(is_sparse)).flatten().to_numpy(zero_copy_only=False)
    of_sparse = is_sparse[owner]
    if len(indices) != of_sparse.sum() or pc.is_null(parts["values"]).to_numpy(False)[rows].any():
        raise ValueError("vectors whose indices and values differ in number")
    place[of_sparse] = indices
    if ((place < 0) | (place >= lengths[owner])).any():
        raise ValueError("sparse vectors with an index beyond their size")
    starts, flat = np.cumsum(lengths) - lengths, np.zeros(int(lengths.sum()))
    flat[starts[owner] + place] = parts["values"].flatten().to_numpy(zero_copy_only=False)
    return as_lists(pa.array(flat), lengths, values)


def as_lists(items: Any, lengths: NDArray[np.int64], rows: Any) -> Any:
    """Return items as lists of the given lengths, null where `rows` are."""
    offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]), pa.int32())
    return pa.ListArray.from_arrays(offsets, items, mask=rows.is_null())


def _integers(values: Any) -> NDArray[np.int64]:
    return pc.fill_null(values, 0).to_numpy(zero_copy_only=False).astype(np.int64)


def lengths_of(lists: Any) -> NDArray[np.int64]:
    """Return the length of each list, `(n,)`, 0 where null."""
    return _integers(pc.list_value_length(lists))
