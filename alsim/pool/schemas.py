"""One schema for all files of a pool: spellings of one type agree, class names are names."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from alsim.pool.forms import (
    as_lists,
    as_plain,
    is_list,
    is_vector,
    lengths_of,
    plain_type,
    value_type,
)

ClassNames = tuple[str, ...]
_MARK = {b"alsim.nested": b"yes"}  # of a field
NAMED_CLASS = pa.dictionary(pa.int32(), pa.string())


def class_names(schema: pa.Schema) -> dict[str, ClassNames]:
    """Return the class names in Hugging Face's metadata, by column of integers or lists of them."""
    try:
        features = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"].items()
    except (KeyError, ValueError, TypeError, AttributeError, RecursionError):
        return {}
    found: dict[str, ClassNames] = {}
    for column, feature in features:
        field = schema.field(column) if column in schema.names else None
        while field is not None and (inner := _inner(feature)) is not None:
            feature = inner
        names = feature.get("names") if isinstance(feature, dict) else None
        if field is None or not isinstance(names, list) or feature.get("_type") != "ClassLabel":
            continue
        plain = plain_type(field.type)
        if pa.types.is_integer(value_type(plain) if is_list(plain) else plain):
            found[column] = tuple(map(str, names))
    return found


def _inner(feature: Any) -> Any:
    """Return the feature of the values in a list, None if it is no list."""
    if isinstance(feature, list):
        return feature[0] if feature else None
    return feature.get("feature") if isinstance(feature, dict) else None


def read_type(field: "pa.Field[Any]", names: Mapping[str, ClassNames]) -> pa.DataType:
    """Return the type that a column of one file is read as by `read_values`."""
    plain = plain_type(field.type)
    if field.name not in names:
        return plain
    return pa.list_(pa.string()) if is_list(plain) else NAMED_CLASS


def read_values(
    values: Any, names: ClassNames | None, type_: pa.DataType, widths: dict[int, int]
) -> Any:
    """Return an array of a file as one of `type_`, that of the pool's schema.

    Args:
        values: A piece of a column.
        names: The class names, if its integers are classes.
        type_: That of the column.
        widths: See `as_plain`.

    Raises:
        ValueError: If that would lose something; so are Arrow's errors.
    """
    values = as_plain(values, widths)
    if names is not None:
        values = _named(values, names)
    if values.type.equals(type_):
        return values
    if isinstance(values, pa.DictionaryArray):
        values.validate(full=True)  # codes that point nowhere end the process
        values = values.dictionary_decode()
    if pa.types.is_dictionary(type_):
        values = values.dictionary_encode()
    return pc.cast(values, type_)


def _named(values: Any, names: ClassNames) -> Any:
    """Return class numbers as names; -1, a hidden label, and numbers without a name as null."""
    if is_list(values.type):
        inner = _named(values.flatten(), names).dictionary_decode()
        return as_lists(inner, lengths_of(values), values)
    known = pc.and_(pc.greater_equal(values, pa.scalar(0)), pc.less(values, pa.scalar(len(names))))
    codes = pc.if_else(known, values, pa.scalar(None, values.type))
    return pa.DictionaryArray.from_arrays(pc.cast(codes, pa.int32()), pa.array(names, pa.string()))


def common_type(first: pa.DataType, second: pa.DataType) -> pa.DataType | None:
    """Return the type that holds the values of both without loss, None if there is none.

    Widths of numbers, kinds of lists, of texts and of dictionaries are spellings of one type, and
    null is any type. Lists of bytes and lists of floats differ: their scales do.
    """
    if first.equals(second):
        return first
    if pa.types.is_dictionary(first) and pa.types.is_dictionary(second):
        inner: Any = common_type(first.value_type, second.value_type)
        return None if inner is None else pa.dictionary(pa.int32(), inner)
    for one, other in ((first, second), (second, first)):
        if pa.types.is_null(other):
            return one
        if pa.types.is_dictionary(one):
            return common_type(one.value_type, other)
        if pa.types.is_string_view(one):
            return common_type(pa.string(), other)
        if pa.types.is_decimal(one) and pa.types.is_integer(other):
            return pa.decimal128(38, one.scale)
    if is_vector(first) and is_vector(second) and _differ_in_scale(first, second):
        return None
    try:
        schemas = [pa.schema([("x", first)]), pa.schema([("x", second)])]
        return pa.unify_schemas(schemas, promote_options="permissive").field("x").type
    except (pa.ArrowTypeError, pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return None


def _differ_in_scale(first: pa.DataType, second: pa.DataType) -> bool:
    values = [value_type(first), value_type(second)]
    is_byte = [pa.types.is_integer(value) and value.bit_width == 8 for value in values]
    return any(is_byte) and any(map(pa.types.is_floating, values))


def common_schema(
    schemas: Sequence[pa.Schema], files: Sequence[str]
) -> tuple[pa.Schema, dict[str, str]]:
    """Return the schema of all files, and by column a fault where there is no common type.

    Such a column has the type of the first file in which it is a list, else of the first.

    Args:
        schemas: One a file.
        files: Their names, for messages.
    """
    types: dict[str, pa.DataType] = {}
    owners: dict[str, str] = {}
    wrong: dict[str, str] = {}
    nested: set[str] = set()
    for schema, file in zip(schemas, files, strict=True):
        names = class_names(schema)
        for field in schema:
            name, here = field.name, read_type(field, names)
            there = types.setdefault(name, here)
            owners.setdefault(name, file)
            if is_list(field.type) and is_list(plain_type(value_type(field.type))):
                nested.add(name)
            both = common_type(there, here)
            if both is None:
                what = f"{_short(here)} in {file}, {_short(there)} in {owners[name]}"
                wrong.setdefault(name, f"the files have differing types: column {name!r} is {what}")
                both = here if is_vector(here) and not is_vector(there) else there
            types[name] = both
    fields = [
        pa.field(name, type_, metadata=_MARK if name in nested else None)
        for name, type_ in types.items()
    ]
    metadata: Any = schemas[0].metadata
    return pa.schema(fields, metadata=metadata), wrong


def is_nested(column: "pa.Field[Any]") -> bool:
    """Return whether the vectors of a column in a common schema are lists of lists in a file."""
    return _MARK.items() <= (column.metadata or {}).items()


def _short(type_: pa.DataType) -> str:
    text = str(type_)
    return text if len(text) <= 60 else text[:59] + "…"
