"""Records as JSON values, and back: strict, since a file may hold anything.

A round's metrics and queries are rows of values, without the strategy, the seed and the step that
they share with the round's step: a journal is written at each step, so brevity is speed. For the
same reason metrics that differ by their label alone are one row, whose value is an object of the
labels: `["label","mixed","all","recall",{"ant":0.5,"bee":1.0}]`.
"""

import reprlib
from collections.abc import Iterable, Iterator, Mapping, Set
from functools import cache
from operator import attrgetter
from typing import Any, Literal, TypeVar, cast, get_origin, get_type_hints

from alsim.experiments.curves.records import MetricRecord, QueryRecord, Round, StepRecord
from alsim.experiments.ranges import refuse_impossible

_Record = TypeVar("_Record")

_INT64 = 1 << 63  # the tables' integers lie below it
_NUMBER = (float, int)
_TYPES: Mapping[Any, tuple[type, ...]] = {
    str: (str,),
    int: (int,),
    float: _NUMBER,
    str | int: (str, int),
    float | None: (*_NUMBER, type(None)),
}
_SHARED = ("strategy", "seed", "step")


@cache
def _fields_of(kind: type) -> Mapping[str, tuple[type, ...]]:
    """Return the fields of a record, and of which types their values may be."""
    hints = get_type_hints(kind).items()
    return {name: (str,) if get_origin(h) is Literal else _TYPES[h] for name, h in hints}


_QUERY = {name: types for name, types in _fields_of(QueryRecord).items() if name not in _SHARED}
_QUERY_FLOATS = [i for i, types in enumerate(_QUERY.values()) if float in types]
_METRIC = ("task", "head", "modalities", "metric")  # and a value, or an object of them

_query_values = attrgetter(*_QUERY)
_metric_names = attrgetter(*_METRIC)


def round_to_json(done: Round) -> dict[str, Any]:
    """Return a round as JSON values. All of its records must be of one step of one curve."""
    step = {name: getattr(done.step, name) for name in _fields_of(StepRecord)}
    for name, types in _fields_of(StepRecord).items():
        if float in types:
            step[name] = float(step[name])
    return {
        "step": step,
        "metrics": _metric_rows(done.metrics),
        "queries": [_query_row(query) for query in done.queries],
    }


def round_from_json(value: object) -> Round:
    """Return the round that `round_to_json` was given.

    Raises:
        ValueError: If a key or a value is missing or too many, or a value is of another type, out
            of its range, an integer beyond 64 bits, or text that is not Unicode.
    """
    parts = as_object(value, {"step", "metrics", "queries"})
    step = record_from_json(StepRecord, parts["step"])
    done = Round(
        step,
        tuple(m for row in as_list(parts["metrics"]) for m in _metrics_of(row, step)),
        tuple(_query_of(row, step) for row in as_list(parts["queries"])),
    )
    for record in (*done.metrics, *done.queries):
        refuse_impossible(record)
    return done


def record_from_json(kind: type[_Record], value: object) -> _Record:
    """Return a record whose fields are the keys of a JSON object.

    Raises:
        ValueError: As `round_from_json`.
    """
    fields = _fields_of(kind)
    values = as_object(value, fields.keys())
    record = kind(**{name: _checked(values[name], types) for name, types in fields.items()})
    refuse_impossible(record)
    return record


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


def _metric_rows(metrics: Iterable[MetricRecord]) -> list[list[Any]]:
    rows: list[list[Any]] = []
    last: list[Any] = []
    for metric in metrics:
        names, label, value = list(_metric_names(metric)), metric.label, float(metric.value)
        if label is None:
            last = [*names, value]
            rows.append(last)
            continue
        if last[:-1] != names or not isinstance(last[-1], dict) or label in last[-1]:
            last = [*names, {}]
            rows.append(last)
        last[-1][label] = value
    return rows


def _metrics_of(value: object, step: StepRecord) -> Iterator[MetricRecord]:
    *names, last = _as_row(value, len(_METRIC) + 1)
    task, head, modalities, metric = map(as_text, names)
    values: Mapping[str | None, Any] = last if isinstance(last, dict) else {None: last}
    if not values:
        raise ValueError(f"{reprlib.repr(value)} has no value")
    for label, v in values.items():
        yield MetricRecord(
            *(step.strategy, step.seed, step.step),
            *(task, head, modalities, metric),
            None if label is None else as_text(label),
            as_float(v),
        )


def _query_row(query: QueryRecord) -> list[Any]:
    values = list(_query_values(query))
    for i in _QUERY_FLOATS:
        if type(values[i]) is int:  # a strategy may score by integers; they are read as floats
            values[i] = float(values[i])
    return values


def _query_of(value: object, step: StepRecord) -> QueryRecord:
    row = _as_row(value, len(_QUERY))
    named = {name: _checked(v, types) for v, (name, types) in zip(row, _QUERY.items(), strict=True)}
    return QueryRecord(strategy=step.strategy, seed=step.seed, step=step.step, **named)


def _as_row(value: object, n: int) -> list[Any]:
    row = as_list(value)
    if len(row) != n:
        raise ValueError(f"{reprlib.repr(row)} has not the {n} values of a row")
    return row


def as_list(value: object) -> list[Any]:
    """Return a JSON list; a ValueError if the value is none."""
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
