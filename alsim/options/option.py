"""An option, said once: its default, its help, what it can be, and how a text becomes its value.

A group of options is a frozen dataclass whose fields are options. From it follow the flags of a
command (`alsim.cli.from_options`), the signature of its Python twin (`alsim.studies.twins`), the
checks with all faults at once (`read`), and what `run.json` keeps.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from functools import cache
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Generic,
    Literal,
    TypedDict,
    TypeVar,
    Unpack,
    cast,
    get_args,
    get_type_hints,
    overload,
)

from alsim.errors import UsageError, nearest
from alsim.options.faults import Faults
from alsim.options.types import advice, as_plain, fits, shown

Given = TypeVar("Given")  # what a user may write
Value = TypeVar("Value")  # what it means
Group = TypeVar("Group")
Part = TypeVar("Part")


@dataclass(frozen=True, kw_only=True, slots=True)
class Range:
    """The numbers that an option can be; a bound that is None does not bind."""

    least: float | None = None
    most: float | None = None
    above: float | None = None
    below: float | None = None
    usual: str = ""  # advice for who is outside, such as "1e-3 is usual"

    def check(self, value: float, flag: str) -> None:
        """Raise a UsageError for a number outside."""
        text = f"{value:,}" if isinstance(value, int) else f"{value:g}"
        if self.least is not None and value < self.least:
            raise UsageError(f"{text} is too small", flag, f"ask for at least {self.least:g}")
        if self.most is not None and value > self.most:
            raise UsageError(f"{text} is too large", flag, f"ask for at most {self.most:,}")
        is_above = self.above is None or value > self.above
        is_below = self.below is None or value < self.below
        if not (is_above and is_below) or math.isnan(value):
            bounds = {"of at least": self.least, "of at most": self.most}
            bounds |= {"above": self.above, "below": self.below}
            known = {word: n for word, n in bounds.items() if n is not None and n < math.inf}
            listed = " and ".join(f"{word} {n:g}" for word, n in known.items())
            usual = f"; {self.usual}" if self.usual else ""
            raise UsageError(f"{text} is out of range", flag, f"give a number {listed}{usual}")


@dataclass(frozen=True, slots=True)
class Written:
    """The type of what a user may write, where that of the value is another."""

    hint: Any


class Facts(TypedDict, total=False):
    """What else can be said of an option."""

    within: Range  # what its number, or each of several, can be
    otherwise: str  # the default in words, where its value does not show it
    flag: str  # where the flag is not called as the field is
    often: bool  # among the most used
    repeat: bool  # the flag is repeated for several values
    of: tuple[str, ...]  # the models that have this parameter
    completes: Literal["strategies", "metrics", "models", "measures"]  # what Tab completes it to


class Option(Generic[Given, Value]):
    """A field of a group of options: set to what a user wrote, it holds what that means."""

    def __init__(
        self, default: Given, help: str, parse: Callable[[Given], Value] | None, facts: Facts
    ) -> None:
        self.default = default
        self.help = help
        self.parse = parse
        self.facts = facts
        self.name = ""
        self.flag = facts.get("flag", "")
        self.owner: type = object

    if not TYPE_CHECKING:

        def __class_getitem__(cls, types: tuple[Any, Any]) -> Any:
            """Return, where annotations are read, the type of the value, with what may be given."""
            given, value = types
            return Annotated[value, Written(given)]

    def __set_name__(self, owner: type, name: str) -> None:
        self.name, self.owner = name, owner
        self.flag = self.flag or "--" + name.replace("_", "-")

    @overload
    def __get__(self, instance: None, owner: type) -> Given: ...
    @overload
    def __get__(self, instance: object, owner: type) -> Value: ...
    def __get__(self, instance: object | None, owner: type) -> Given | Value:
        return self.default if instance is None else instance.__dict__[self.name]

    def __set__(self, instance: object, value: Given) -> None:
        instance.__dict__[self.name] = self.take(value)

    @property
    def heading(self) -> str:
        """Return what the options of its group are about."""
        return getattr(self.owner, "heading", "Options")

    @property
    def key(self) -> str:
        """Return the name of a parameter in brackets, such as "expert-width"."""
        return self.flag.removeprefix("--")

    @property
    def models(self) -> tuple[str, ...]:
        """Return the models of the table that have this parameter."""
        return self.facts.get("of", ())

    @property
    def hint(self) -> Any:
        """Return the type of what a user may write."""
        return _hints(self.owner)[self.name]

    def take(self, value: Any) -> Value:
        """Return what a value means.

        Raises:
            UsageError: If it means nothing.
        """
        return cast("Value", value) if self.parse is None else self.parse(value)

    def check(self, value: object) -> Value:
        """Return what a user's value means.

        Raises:
            UsageError: If it is of another type, means nothing, or is out of range.
        """
        if not fits(value, self.hint):
            what = f"{self.name} cannot be {shown(value)}"
            raise UsageError(what, self.flag, advice(value, self.hint))
        found = self.take(value)
        self.check_range(found)
        return found

    def check_range(self, value: Any) -> None:
        """Raise a UsageError for a number, or one of several, that is out of range."""
        within = self.facts.get("within")
        if within is not None and value is not None:
            if isinstance(value, Mapping):
                for name, number in value.items():
                    within.check(number, f"{self.flag} {name}")
            else:
                for number in value if isinstance(value, Iterable) else (value,):
                    within.check(number, self.flag)


def option(default: Value, help: str, **facts: Unpack[Facts]) -> Value:
    """Return an option whose value is what was given; a dataclass sees a default of its type."""
    return cast("Value", Option(default, help, None, facts))


def parsed(
    default: Given, parse: Callable[[Given], Value], help: str, **facts: Unpack[Facts]
) -> Option[Given, Value]:
    """Return an option whose value is what `parse` makes of what was given.

    It raises a UsageError for what means nothing, and returns a value of its own as it is.
    """
    return Option(default, help, parse, facts)


def options_of(group: type) -> dict[str, Option[Any, Any]]:
    """Return the options of a group by name, its own first, then those that it inherits."""
    known = {field.name for field in fields(group)}
    found: dict[str, Option[Any, Any]] = {}
    for cls in group.__mro__:
        for name, value in vars(cls).items():
            if name in known and isinstance(value, Option):
                found.setdefault(name, value)
    return found


def read(group: type[Group], given: Mapping[str, Any], faults: Faults) -> Group:
    """Return a group with the values given, by name; add all that is wrong to the faults.

    Where a value is wrong, the group has its default. Numbers of NumPy count as numbers. Fields
    that are no options are set as they are.
    """
    known, names = options_of(group), {field.name for field in fields(cast("Any", group))}
    values: dict[str, Any] = {}
    for name, value in given.items():
        if name not in known and name in names:
            values[name] = value
        elif name not in known:
            faults.attempt(None, refuse_unknown, group, name)
        else:
            values[name] = faults.attempt(known[name].default, known[name].check, as_plain(value))
    return group(**values)


def refuse_unknown(group: type, name: str) -> None:
    """Raise a UsageError for a name that is no option of a group."""
    flag = "--" + name.replace("_", "-")
    moved: Mapping[str, str] = getattr(group, "moved", {})
    if flag in moved:
        raise UsageError("it is a parameter of the model now", flag, moved[flag])
    raise UsageError(f"no option {name!r}", flag, nearest(name, options_of(group)))


def part(options: object, group: type[Part]) -> Part:
    """Return a group with the values of those of its fields that the options have."""
    names = [field.name for field in fields(cast("Any", group)) if hasattr(options, field.name)]
    return group(**{name: getattr(options, name) for name in names})


@cache
def _hints(owner: type) -> dict[str, Any]:
    """Return for each field of a class what a user may write."""
    hints = get_type_hints(owner, include_extras=True)
    return {name: _given(hint) for name, hint in hints.items()}


def _given(hint: Any) -> Any:
    written = [one for one in get_args(hint) if isinstance(one, Written)]
    return written[0].hint if written else hint
