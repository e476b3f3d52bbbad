"""Records as JSON values, and back: strict, since a file may hold anything.

A round's metrics and queries are rows of values, without the strategy, the seed and the step that
they share with the round's step: a journal is written at each step, so brevity is speed.
"""

import reprlib
from collections.abc import Mapping, Set
from operator import attrgetter
from typing import Any, TypeVar, cast, get_type_hints

from alsim.experiments.records import MetricRecord, QueryRecord, Round, StepRecord

_INT64 = 1 << 63  # the tables' integers lie below it
_NUMBER = (float, int)
_TYPES: Mapping[Any, tuple[type, ...]] = {
    str: (str,),
    int: (int,),
    float: _NUMBER,
    str | int: (str, int),
    float | None: (*_NUMBER, type(None)),
}
_FIELDS = {
    kind: {name: _TYPES[hint] for name, hint in get_type_hints(kind).items()}
    for kind in (StepRecord, MetricRecord, QueryRecord)
}
_SHARED = ("strategy", "seed", "step")
_COLUMNS = {
    kind: {name: types for name, types in _FIELDS[kind].items() if name not in _SHARED}
    for kind in (MetricRecord, QueryRecord)
}
_VALUES = {kind: attrgetter(*columns) for kind, columns in _COLUMNS.items()}
_FLOATS = {
    kind: [i for i, types in enumerate(columns.values()) if float in types]
    for kind, columns in _COLUMNS.items()
}

Row = TypeVar("Row", MetricRecord, QueryRecord)


def round_to_json(done: Round) -> dict[str, Any]:
    """Return a round as JSON values. All of its records must be of one step of one curve."""
    step = {name: getattr(done.step, name) for name in _FIELDS[StepRecord]}
    for name, types in _FIELDS[StepRecord].items():
        if float in types:
            step[name] = float(step[name])
    return {
        "step": step,
        "metrics": [_to_row(metric) for metric in done.metrics],
        "queries": [_to_row(query) for query in done.queries],
    }


def round_from_json(value: object) -> Round:
    """Return the round that `round_to_json` was given.

    Raises:
        ValueError: If a key or a value is missing or too many, or a value is of another type, an
            integer beyond 64 bits, or text that is not Unicode.
    """
    parts = as_object(value, {"step", "metrics", "queries"})
    fields = _FIELDS[StepRecord]
    values = as_object(parts["step"], fields.keys())
    step = StepRecord(**{name: _checked(values[name], types) for name, types in fields.items()})
    return Round(
        step,
        tuple(_from_row(MetricRecord, row, step) for row in _as_list(parts["metrics"])),
        tuple(_from_row(QueryRecord, row, step) for row in _as_list(parts["queries"])),
    )


def places(done: Round) -> set[tuple[str, int, int]]:
    """Return the strategies, seeds and steps that a round's records name."""
    return {(r.strategy, r.seed, r.step) for r in (done.step, *done.metrics, *done.queries)}


def as_object(value: object, keys: Set[str] | None = None) -> dict[str, Any]:
    """Return a JSON object; a ValueError if it is none, or has others than these keys."""
    if not isinstance(value, dict):
        raise ValueError(f"{reprlib.repr(value)} is not an object")
    found = cast("dict[str, Any]", value)
    if keys is not None and found.keys() != keys:
        raise ValueError(f"the keys are {reprlib.repr(sorted(found))}, not {sorted(keys)}")
    return found


def as_text(value: object) -> str:
    """Return a text; a ValueError if the value is none."""
    return _checked(value, (str,))


def as_int(value: object) -> int:
    """Return a 64-bit integer; a ValueError if the value is none."""
    return _checked(value, (int,))


def as_float(value: object) -> float:
    """Return a number; a ValueError if the value is none."""
    return _checked(value, _NUMBER)


def _to_row(record: MetricRecord | QueryRecord) -> list[Any]:
    values = list(_VALUES[type(record)](record))
    for i in _FLOATS[type(record)]:
        if type(values[i]) is int:  # a strategy may score by integers; they are read as floats
            values[i] = float(values[i])
    return values


def _from_row(kind: type[Row], value: object, step: StepRecord) -> Row:
    row, columns = _as_list(value), _COLUMNS[kind]
    if len(row) != len(columns):
        raise ValueError(f"{reprlib.repr(row)} has not the {len(columns)} values of a row")
    named = {
        name: _checked(v, types) for v, (name, types) in zip(row, columns.items(), strict=True)
    }
    return kind(strategy=step.strategy, seed=step.seed, step=step.step, **named)


def _as_list(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError(f"{reprlib.repr(value)} is not a list")
    return cast("list[Any]", value)


def _checked(value: Any, types: tuple[type, ...]) -> Any:
    """Return a value of exactly one of the types; a float where an integer stands for one."""
    kind = type(value)
    if kind not in types:
        raise ValueError(f"{reprlib.repr(value)} is not {' or '.join(t.__name__ for t in types)}")
    if kind is int:
        if not -_INT64 <= value < _INT64:
            raise ValueError(f"{reprlib.repr(value)} is beyond 64 bits")
        return float(value) if float in types else value
    if kind is str and not value.isascii():
        value.encode()  # a lone surrogate is no text, and raises a ValueError
    return value
