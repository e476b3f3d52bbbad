"""Columns that look like embeddings but are not read: their names, and how to convert them."""

import base64
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from alsim.errors import PoolError
from alsim.pool.forms import is_bytes, is_list, is_text, is_vector, lengths_of, value_type
from alsim.pool.schemas import is_nested
from alsim.pool.source import Source

LOOKED_AT = 64  # values of a column
FEWEST = 4  # numbers of a text without brackets
LEAST = 8  # bytes of an embedding
PARTS = 8  # of a pool, searched for values
LONG = 64  # bytes a row, above which bytes of one length may be numbers
NUMBER = re.compile(r"[-+]?((\d+\.?\d*|\.\d+)([eE][-+]?\d+)?|inf|infinity|nan)$", re.IGNORECASE)
FLOATS = ("float32", "float64", "float16")
MAGIC = {b"\x93NUMPY": "numpy.load(io.BytesIO(x))", b"\x80": "pickle.loads(x)"}


def find_lookalikes(source: Source) -> Mapping[str, str]:
    """Return by column a sentence on each that may hold embeddings which are not read.

    Text and bytes are judged by a few of their values, and so are lists of whole numbers or of
    lists: where they differ in length they are tokens or boxes rather than an embedding.
    """
    found: dict[str, str] = {}
    for column in source.schema:
        name = column.name
        if name in source.conflicts or not _may_be(column):
            continue
        try:
            values = _first_values(source, name)
            if isinstance(values, pa.DictionaryArray):
                values.validate(full=True)  # codes that point nowhere end the process
                values = pc.drop_null(values.dictionary_decode())
            values.validate(full=True)
        except PoolError as error:
            if not is_nested(column):
                raise
            found[name] = f"{error.args[0]}, so it is no input"
            continue
        except pa.ArrowInvalid:  # a fault, which reading the column reports
            continue
        reason = _reason(name, values, column.type, source.where) if len(values) else None
        if reason is not None:
            found[name] = f"the column {name!r} {reason}"
    return found


def numbers_in(text: str) -> list[float] | None:
    """Return the numbers of a text such as `[0.1, 2]`, `[0.1 2]` or `0 1 2 3`, None of others."""
    inside = text.strip()
    is_bracketed = inside.startswith("[") and inside.endswith("]")
    words = re.split(r"[\s,;]+", (inside[1:-1] if is_bracketed else inside).strip())
    words = ["nan" if word in ("null", "None") else word for word in words]
    if len(words) < (1 if is_bracketed else FEWEST) or not all(map(NUMBER.match, words)):
        return None
    return [float(word) for word in words]


def _may_be(column: "pa.Field[Any]") -> bool:
    type_ = column.type
    if is_nested(column):
        return True
    if isinstance(type_, pa.DictionaryType):
        type_ = type_.value_type
    if is_vector(type_):
        value = value_type(type_)
        is_fixed = pa.types.is_fixed_size_list(type_)
        return pa.types.is_integer(value) and value.bit_width > 8 and not is_fixed
    tests = (
        is_list, is_text, is_bytes, pa.types.is_binary_view, pa.types.is_fixed_size_binary,
        pa.types.is_struct, pa.types.is_map,
    )  # fmt: skip
    return any(test(type_) for test in tests)


def _first_values(source: Source, name: str) -> Any:
    """Return some values of a column that are not null."""
    step = max(len(source.parts) // PARTS, 1)
    for part in source.parts[::step]:
        first: Any = next(part.batches(name), None)
        if first is not None and len(some := pc.drop_null(first).slice(0, LOOKED_AT)):
            return some
    return pa.nulls(0)


def _reason(name: str, values: Any, type_: pa.DataType, where: str) -> str | None:
    """Return the sentence after the column's name, None if it is no lookalike."""
    if is_vector(type_):
        lengths = lengths_of(values)
        if len(np.unique(lengths[lengths > 0])) < 2:
            return None
        return f"holds lists of {value_type(type_)} that differ in length, so it is no input"
    some: Sequence[Any] = values.to_pylist()
    if is_list(type_) or pa.types.is_struct(type_) or pa.types.is_map(type_):
        what, way = _nested(some[0], type_)
    else:
        what, way = _text(some) if isinstance(some[0], str) else _bytes(some)
    if not way:
        return what
    return (
        f"holds {what}, which are not read; convert it: "
        f'd = pandas.read_parquet("{where}"); '
        f'd["{name}"] = d["{name}"].astype(object).map(lambda x: {way}, na_action="ignore"); '
        'd.to_parquet("NEW.parquet")'
    )


def _text(texts: Sequence[str]) -> tuple[str | None, str]:
    """Return what texts look like, and how to convert one, `x`, to numbers."""
    rows = [numbers_in(text) for text in texts]
    if None not in rows and len({len(row) for row in rows if row is not None}) == 1:
        way = "json.loads(x)"
        try:
            json.loads(texts[0])
        except ValueError:
            separator = "," if "," in texts[0] else " "
            way = f'numpy.fromstring(x.strip("[]"), sep="{separator}")'
        return "numbers written as text", way
    if all(text.startswith("[") and "..." in text for text in texts):
        return "holds arrays printed in short ('...'), whose numbers are lost: rewrite it", ""
    try:
        what, way = _bytes([base64.b64decode(text, validate=True) for text in texts])
    except ValueError:
        return None, ""
    return what and f"{what} in base64", way.replace("(x", "(base64.b64decode(x)")


def _bytes(values: Sequence[bytes]) -> tuple[str | None, str]:
    for magic, way in MAGIC.items():
        if all(value.startswith(magic) for value in values):
            return "arrays that Python packed", way
    lengths = {len(value) for value in values}
    if len(lengths) > 1:
        return None, ""
    for type_ in FLOATS:
        if _are_floats(values, type_):
            return f"bytes that look like {type_}", f'numpy.frombuffer(x, "{type_}")'
    if min(lengths) > LONG:
        return "bytes of one length, perhaps numbers", 'numpy.frombuffer(x, "int8")'
    return None, ""


def _are_floats(values: Sequence[bytes], type_: str) -> bool:
    """Return whether bytes give numbers that are usual in embeddings; hashes hardly do."""
    if len(values[0]) % np.dtype(type_).itemsize or len(values[0]) < LEAST:
        return False
    with np.errstate(all="ignore"):
        size = np.abs(np.frombuffer(b"".join(values), type_).astype(np.float64))
        return bool(np.all((size == 0) | ((size > 1e-9) & (size < 1e4))) and (size > 0).any())


def _nested(first: Any, type_: pa.DataType) -> tuple[str | None, str]:
    floats = "[float(v) for v in x]"
    if is_list(type_):
        inner = value_type(type_)
        if pa.types.is_null(inner):
            return "holds empty lists alone, so it is no input", ""
        if pa.types.is_decimal(inner):
            return f"lists of {inner}", floats
        is_text = bool(first) and all(isinstance(value, str) for value in first)
        if is_text and all(map(NUMBER.match, first)):
            return "lists of numbers written as text", floats
        return None, ""
    if isinstance(type_, pa.MapType):
        is_sparse = pa.types.is_floating(type_.item_type)
        return "holds maps to numbers, so it is no input" if is_sparse else None, ""
    assert isinstance(type_, pa.StructType)
    vectors = [field.name for field in type_ if is_vector(field.type)]
    if vectors:
        return "lists inside a struct", f'x["{vectors[0]}"]'
    if type_.num_fields > 1 and all(pa.types.is_floating(field.type) for field in type_):
        return "numbers in the fields of a struct", "list(x.values())"
    return None, ""
