"""Names with parameters, such as `bald(k=50)` or `mmoe(experts=4)`."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, get_args

from alsim.errors import UsageError, nearest

Value = int | float | str | bool
_Number = TypeVar("_Number", int, float)

_IN_WORDS = {int: "a whole number", float: "a number", bool: "true or false"}
_FORM = re.compile(r"(?P<base>[^()]+?)\s*(\((?P<inside>[^()]*)\))?")


def number(text: str, type_: type[_Number]) -> _Number:
    """Return the number in a text; only the digits 0 to 9 are read, as by Typer.

    Raises:
        ValueError: If the text is not a number.
    """
    if not text.isascii():
        raise ValueError(text)
    return type_(text)


def refuse_repeats(flag: str, values: Sequence[str | int | float]) -> None:
    """Check that a flag names no value twice.

    Raises:
        UsageError: If it does.
    """
    seen: set[str | int | float] = set()
    for value in values:
        if value in seen:
            raise UsageError(f"{value!r} is named twice", flag, "name each once")
        seen.add(value)


@dataclass(frozen=True, slots=True)
class Written:
    """The parts of a name as the user wrote it."""

    text: str
    flag: str  # the option that named it, for messages
    base: str  # the name without parameters
    inside: str  # the text between the brackets

    @property
    def where(self) -> str:
        """Return where it was written, for messages."""
        return f"{self.flag} {self.text}"

    def given(self, types: Mapping[str, Any]) -> dict[str, Value]:
        """Return the parameters between the brackets by name, with hyphens for underscores.

        Args:
            types: The known parameters and their types: int, float, str, bool or a Literal.

        Raises:
            UsageError: If a parameter is unknown, given twice, or of another type.
        """
        given: dict[str, Value] = {}
        for part in filter(None, (part.strip() for part in self.inside.split(","))):
            name, equals, value = (piece.strip() for piece in part.partition("="))
            name = name.replace("_", "-")
            if not equals or name not in types or name in given:
                raise UsageError(
                    f"{name!r} is given twice" if name in given else f"no parameter {part!r}",
                    self.where,
                    "give it once" if name in given else nearest(name, types),
                )
            given[name] = self._value(name, value, types[name])
        return given

    def _value(self, name: str, value: str, type_: Any) -> Value:
        choices = get_args(type_)
        try:
            if value in choices:
                return value
            if type_ is bool:
                return {"true": True, "false": False}[value.lower()]
            if not choices:
                return number(value, type_) if type_ in _IN_WORDS else type_(value)
        except (ValueError, KeyError):
            pass
        wanted = ", ".join(map(str, choices)) or _IN_WORDS[type_]
        raise UsageError(f"{name} cannot be {value!r}", self.where, f"give {wanted}")


def take_apart(text: str, flag: str) -> Written:
    """Return the parts of `name` or `name(parameter=value, …)`.

    Raises:
        UsageError: If the text has neither form.
    """
    match = _FORM.fullmatch(text.strip())
    if match is None:
        what = f"{text!r} is not a {flag.removeprefix('--')}"
        raise UsageError(what, flag, "write name or name(parameter=value, …)")
    return Written(text, flag, match["base"], match["inside"] or "")


def put_together(base: str, parameters: Mapping[str, Value]) -> str:
    """Return a name with parameters in their order, numbers with all digits: workers read it."""
    inside = ",".join(f"{name}={_text(value)}" for name, value in parameters.items())
    return f"{base}({inside})" if inside else base


def _text(value: Value) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)
