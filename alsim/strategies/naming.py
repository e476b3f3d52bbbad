"""From what a user writes, `bald(k=50)`, to a strategy.

A strategy's own parameters are the keyword arguments of its builder. Every strategy takes three
more: `candidates`, and how its net is trained, `batch-norm` and `batch-rule`, so that one run can
compare one strategy under both.
"""

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args, get_origin, get_type_hints

from alsim.errors import UsageError, nearest
from alsim.loading import told
from alsim.signals import Signal
from alsim.strategies.plugins import find_entry
from alsim.strategies.strategy import Strategy
from alsim.strategies.table import STRATEGIES
from alsim.training.options import TrainingOptions

Value = int | float | str | bool

_FORM = re.compile(r"(?P<base>[^()]+?)\s*(\((?P<inside>[^()]*)\))?")
_CANDIDATES = "candidates"
_TRAINING = {"batch-norm": "batch_norm", "batch-rule": "batch_rule"}


@dataclass(frozen=True, slots=True, eq=False)
class Named:
    """A strategy as it is run and recorded."""

    name: str  # as the records have it: normalised, without parameters at their defaults
    strategy: Strategy
    parameters: Mapping[str, Value]  # every one, those at their defaults too
    training: Mapping[str, str]  # field of TrainingOptions -> value, where it has its own

    def adapt(self, options: TrainingOptions) -> TrainingOptions:
        """Return how its net is trained in a study with these options."""
        return replace(options, **self.training)  # pyright: ignore[reportArgumentType] -- values were checked against the fields' types


def find_strategy(text: str, candidates: int | None = None) -> Named:
    """Return the strategy that `name` or `name(parameter=value, …)` means.

    Args:
        text: What the user wrote.
        candidates: How many rows it considers at most, where the text says nothing of it; None
            leaves that to the strategy.

    Raises:
        UsageError: If there is none of that name, or a parameter does not fit it.
    """
    match = _FORM.fullmatch(text.strip())
    if match is None:
        raise UsageError(
            f"{text!r} is no strategy", "--strategy", "write name or name(parameter=value, …)"
        )
    base = match["base"]
    entry = find_entry(base)
    own = _parameters(entry.build, text)
    types = {**{name: type_ for name, (type_, _) in own.items()}, **_common_types()}
    given = _given(text, match["inside"] or "", types)
    arguments = {name: default for name, (_, default) in own.items()}
    arguments |= {name: value for name, value in given.items() if name in own}
    try:
        built = entry.build(**{name.replace("-", "_"): v for name, v in arguments.items()})
    except ValueError as error:
        raise UsageError(str(error), f"--strategy {text}", "change the parameter") from None
    except Exception as error:  # someone else's code may raise anything
        if base in STRATEGIES:
            raise
        what = f"{base} cannot be made: {told(error)}"
        raise UsageError(what, f"--strategy {text}", "mend the plug-in") from error
    strategy = _checked(built, text)
    if candidates is not None and strategy.signals:
        strategy = replace(strategy, candidates=candidates)
    if _CANDIDATES in given:
        if int(given[_CANDIDATES]) < 1:
            raise UsageError(
                "candidates must be at least 1", f"--strategy {text}", "ask for more of them"
            )
        strategy = replace(strategy, candidates=int(given[_CANDIDATES]))
    shown = {
        name: value for name, value in given.items() if name not in own or value != own[name][1]
    }
    inside = ",".join(f"{name}={_text(shown[name])}" for name in types if name in shown)
    parameters: dict[str, Value] = dict(arguments)
    if strategy.candidates is not None:
        parameters[_CANDIDATES] = strategy.candidates
    return Named(
        name=f"{base}({inside})" if inside else base,
        strategy=strategy,
        parameters={**parameters, **{n: v for n, v in given.items() if n in _TRAINING}},
        training={field: str(given[n]) for n, field in _TRAINING.items() if n in given},
    )


def describe(text: str) -> dict[str, Any]:
    """Return what there is to tell of a strategy, as JSON values.

    Raises:
        UsageError: As `find_strategy`.
    """
    named = find_strategy(text)
    entry = find_entry(_base(text))
    return {
        "summary": entry.summary,
        "parameters": dict(named.parameters),
        "source": entry.source,
        "cost": entry.cost,
    }


def _base(text: str) -> str:
    return text.partition("(")[0].strip()


def _parameters(build: Callable[..., Strategy], text: str) -> dict[str, tuple[Any, Value]]:
    """Return a builder's parameters, name -> (type, default).

    Raises:
        UsageError: If one has no type that can be written in a name, or no default.
    """
    try:
        hints = {} if inspect.isclass(build) else get_type_hints(build)
        parameters = inspect.signature(build).parameters
    except (ValueError, TypeError, NameError) as error:
        what = f"its parameters cannot be told: {error}"
        raise UsageError(what, f"--strategy {text}", "name a function with annotations") from None
    for name, parameter in parameters.items():
        type_ = hints.get(name)
        if type_ not in (int, float, str, bool) and get_origin(type_) is not Literal:
            raise UsageError(
                f"its parameter {name!r} is not annotated as int, float, str, bool or a Literal",
                f"--strategy {text}",
                f"write {name}: float = 1.0, say",
            )
        if parameter.default is inspect.Parameter.empty:
            raise UsageError(
                f"its parameter {name!r} has no default", f"--strategy {text}", "give it one"
            )
    return {
        name.replace("_", "-"): (hints[name], parameter.default)
        for name, parameter in parameters.items()
    }


def _checked(built: object, text: str) -> Strategy:
    """Return what a builder gave if it is a strategy that asks for signals that there are."""
    if not isinstance(built, Strategy):
        raise UsageError(
            f"it returns a {type(built).__name__}, no Strategy",
            f"--strategy {text}",
            "return Strategy(frozenset({…}), score)",
        )
    known = get_args(Signal)
    for signal in sorted(built.signals | built.labelled):
        if signal not in known:
            raise UsageError(
                f"there is no signal {signal!r}", f"--strategy {text}", nearest(signal, known)
            )
    return built


def _common_types() -> dict[str, Any]:
    hints = get_type_hints(TrainingOptions)
    return {_CANDIDATES: int, **{name: hints[field] for name, field in _TRAINING.items()}}


def _given(text: str, inside: str, types: Mapping[str, Any]) -> dict[str, Value]:
    """Return the parameters written between the brackets."""
    given: dict[str, Value] = {}
    for part in filter(None, (part.strip() for part in inside.split(","))):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        name = name.replace("_", "-")
        if not equals or name not in types or name in given:
            raise UsageError(
                f"{name!r} is given twice" if name in given else f"no parameter {part!r}",
                f"--strategy {text}",
                "give it once" if name in given else nearest(name, types),
            )
        given[name] = _value(text, name, value, types[name])
    return given


def _value(text: str, name: str, value: str, type_: Any) -> Value:
    choices = get_args(type_)
    try:
        if choices and value in choices:
            return value
        if not choices and type_ is bool:
            return {"true": True, "false": False}[value.lower()]
        if not choices:
            return type_(value)
    except (ValueError, KeyError):
        pass
    allowed = ", ".join(map(str, choices)) if choices else {int: "a whole number"}.get(type_, "")
    raise UsageError(
        f"{name} cannot be {value!r}",
        f"--strategy {text}",
        f"give {allowed or 'a number' if type_ is not bool else 'true or false'}",
    )


def _text(value: Value) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    # All digits, since a worker reads the strategy from its name.
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)
