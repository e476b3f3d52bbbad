"""Whether a value is of an annotated type, and in words what such a type allows."""

import reprlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Protocol, Union, cast, get_args, get_origin, runtime_checkable

from alsim.errors import nearest

LARGEST = 2**63 - 1  # a whole number in a table has 64 bits


@runtime_checkable
class Tabular(Protocol):
    """A table in memory that gives its rows in Arrow's form, such as `pyarrow.Table`."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Return the rows as a PyCapsule, see Arrow's PyCapsule interface."""
        ...


_WORDS: Mapping[Any, str] = {
    int: "a whole number",
    float: "a number",
    str: "a text",
    bool: "true or false",
    Path: "a path",
    Tabular: "an Arrow table",
}


def fits(value: object, hint: Any) -> bool:
    """Return whether a value is of an annotated type.

    A whole number is a float too, but true and false are no numbers, and a text is no sequence.
    Whole numbers must lie within 64 bits, texts and paths be such as UTF-8 can hold.
    """
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        return any(fits(value, option) for option in get_args(hint))
    if origin is Literal:
        return value in get_args(hint)
    if origin is not None and issubclass(origin, Mapping):
        if not isinstance(value, Mapping):
            return False
        pairs, types = cast("Mapping[object, object]", value).items(), get_args(hint)
        return all(
            fits(each, type_) for pair in pairs for each, type_ in zip(pair, types, strict=True)
        )
    if origin is not None and issubclass(origin, Sequence):
        if isinstance(value, str | bytes) or not isinstance(value, Sequence):
            return False
        return all(fits(item, get_args(hint)[0]) for item in cast("Sequence[object]", value))
    if type(value) is int:
        return hint in (int, float) and abs(value) <= LARGEST
    if isinstance(value, bool):
        return hint is bool
    if isinstance(value, str | Path) and not _is_unicode(value):
        return False
    return isinstance(hint, type) and isinstance(value, hint)


class _Short(reprlib.Repr):
    """Representations that are cut where they are long or deep."""

    def repr_int(self, x: int, level: int) -> str:
        # Python refuses to write numbers of more than 4,300 digits.
        return super().repr_int(x, level) if abs(x) < 1 << 256 else "a huge number"


_SHORT = _Short()
_SHORT.maxstring = _SHORT.maxother = 60


def shown(value: object) -> str:
    """Return a value as it is shown in a message."""
    return _SHORT.repr(value)


def advice(value: object, hint: Any) -> str:
    """Return what to give in place of a value that does not fit."""
    literals = [part for part in (hint, *get_args(hint)) if get_origin(part) is Literal]
    options = [name for literal in literals for name in get_args(literal)]
    if isinstance(value, str) and options:
        return nearest(value, options)
    too_large = type(value) is int and abs(value) > LARGEST
    no_text = isinstance(value, str | Path) and not _is_unicode(value)
    more = " of at most 18 digits" if too_large else " in UTF-8" if no_text else ""
    return f"give {in_words(hint)}{more}"


def in_words(hint: Any) -> str:
    """Return what a type allows. Where a text is allowed, a path is one."""
    origin, options = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        left_out = {NoneType, Path} if str in options else {NoneType}
        known = [option for option in options if option not in left_out]
        shown_ones = [option for option in known if get_origin(option) or option in _WORDS]
        return " or ".join(in_words(option) for option in shown_ones or known)
    if origin is Literal:
        return " or ".join(repr(option) for option in options)
    if origin is not None and issubclass(origin, Mapping):
        return "names and numbers"
    if origin is not None:
        return f"a list, each {in_words(options[0])}"
    return _WORDS.get(hint, f"a {hint.__module__}.{hint.__qualname__}")


def as_plain(value: Any) -> Any:
    """Return a value with the numbers, texts and arrays of NumPy as Python's own."""
    if type(value).__module__ == "numpy" and hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, list | tuple):
        return [as_plain(item) for item in value]
    return value


def _is_unicode(value: str | Path) -> bool:
    """Return whether a text is free of the halves of characters that other encodings leave."""
    try:
        str(value).encode()
    except UnicodeEncodeError:
        return False
    return True
