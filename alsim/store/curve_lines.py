"""The lines of a learning curve's journal: what one may hold, and what a whole journal records.

The first line says whose curve it is, the next are its steps from 0 on, and the last says why it
ended. A round's metrics and queries are rows of values, without the strategy, the seed and the
step that they share with the round's step: a journal is written at each step, so brevity is speed.
For the same reason metrics that differ by their label alone are one row, whose value is an object
of the labels: `["label","mixed","all","recall",{"ant":0.5,"bee":1.0}]`. What there is of each row
is bytes in base64; the rows of a task are the same at each step.
"""

import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints

from msgspec import UNSET, Meta, Struct, UnsetType, convert, to_builtins

from alsim.errors import StoreError
from alsim.experiments.curves.records import (
    ContributionRecord,
    ItemRecord,
    MetricRecord,
    QueryRecord,
    Round,
    RowBits,
    RowNumbers,
    StepRecord,
)
from alsim.experiments.ranges import Int64, refuse_impossible
from alsim.store.journal import body_of, line_of, mend_journal, object_of, record_of
from alsim.store.layout import run_of
from alsim.store.version import SCHEMA_VERSION, check_version

_DIGEST_SIZE = 8
_HEX = re.compile(rb"[0-9a-f]{0,16}")
_OPENING = b'{"schema":'

_Seconds = dict[str, Annotated[float, Meta(ge=0, le=sys.float_info.max)]]
_N_PLACE = 3  # fields that the records of a round share: strategy, seed and step
# A metric's names, and its value or those of its labels.
_MetricRow = tuple[str, str, str, str, float | Annotated[dict[str, float], Meta(min_length=1)]]
_metric_names = attrgetter("task", "head", "modalities", "metric")
_QUERY = dict(list(get_type_hints(QueryRecord, include_extras=True).items())[_N_PLACE:])
_QUERY_ROWS: Any = list[tuple[*_QUERY.values()]]
_query_values = attrgetter(*_QUERY)


class _Header(Struct, forbid_unknown_fields=True):
    schema: int
    strategy: str
    seed: Int64


class _Item(Struct, array_like=True, forbid_unknown_fields=True):
    task: str
    n: Annotated[int, Meta(ge=1)]
    ones: bytes
    known: bytes | UnsetType = UNSET


class _Contribution(Struct, array_like=True, forbid_unknown_fields=True):
    task: str
    metric: str
    part: Literal["area", "last"]
    values: bytes


class _Round(Struct, forbid_unknown_fields=True):
    step: dict[str, Any]
    metrics: list[_MetricRow]
    queries: list[Any]
    items: list[_Item]


class _EntryLine(Struct, forbid_unknown_fields=True):
    round: _Round
    seconds: _Seconds


class _EndLine(Struct, forbid_unknown_fields=True):
    end: Literal["done", "diverged"]
    step: Int64
    seconds: _Seconds
    contributions: list[_Contribution]


@dataclass(frozen=True, slots=True)
class Entry:
    """One round, and the seconds that its phases took."""

    round: Round
    seconds: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Ending:
    """Why a curve ended, what its last phases took, and what rows contributed to its scores."""

    reason: Literal["done", "diverged"]
    step: int  # done: the last one; diverged: the one that failed, 0 being the passive phase
    seconds: Mapping[str, float]
    contributions: tuple[ContributionRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a journal holds."""

    strategy: str
    seed: int
    entries: tuple[Entry, ...]  # step 0, 1, 2 …
    ending: Ending | None
    n_bytes: int  # of whole lines; what follows is a torn one


def parse(data: bytes, path: Path) -> Recorded | None:
    """Return what a journal's bytes hold, see `read_journal`."""
    *lines, tail = data.split(b"\n")
    if lines and not tail and body_of(lines[-1], _DIGEST_SIZE) is None:
        lines.pop()
    if not lines:
        digest, _, body = data.rstrip(b"\0").partition(b" ")
        if not _HEX.fullmatch(digest) or not _OPENING.startswith(body[: len(_OPENING)]):
            raise no_journal(path)
        return None
    schema, strategy, seed, entries, ending = 0, "", 0, list[Entry](), None
    for number, text in enumerate(lines, start=1):
        try:
            record = object_of(text, _DIGEST_SIZE)
            if number == 1:
                check_version(record.get("schema"), path)  # another may have other keys
                header = convert(record, _Header)
                schema, strategy, seed = header.schema, header.strategy, header.seed
            elif ending is not None:
                raise ValueError("it follows the end")
            elif "end" in record:
                line = convert(_upgraded(record, schema, "contributions"), _EndLine)
                ending = Ending(
                    line.end, line.step, line.seconds, _contributions_of(line, strategy, seed)
                )
                refuse_wrong_end(ending, len(entries))
                _refuse_other_contributions(ending, entries)
            else:
                line = convert(_upgraded(record, schema, "round", "items"), _EntryLine)
                entry = Entry(_round_of(line.round), line.seconds)
                refuse_foreign(entry, strategy, seed, len(entries))
                if entries:
                    _refuse_fall(entries[-1].round, entry.round)
                    _refuse_other_rows(entries[-1].round, entry.round)
                entries.append(entry)
        except (ValueError, RecursionError) as error:
            reason = str(error).partition("\n")[0][:200]
            where = f"{path}, line {number}"
            raise StoreError(f"damaged journal: {reason}", where, mend_journal(path)) from error
    n_bytes = sum(len(line) + 1 for line in lines)
    return Recorded(strategy, seed, tuple(entries), ending, n_bytes)


def _upgraded(value: Any, schema: int, *path: str) -> Any:
    """Return a line's object with what it has of each row: nothing before schema version 4."""
    if schema >= 4 or not isinstance(value, dict):
        return value
    name, *deeper = path
    if not deeper:
        return {name: [], **value}
    return {
        key: _upgraded(each, schema, *deeper) if key == name else each
        for key, each in value.items()
    }


def header_line(strategy: str, seed: int) -> bytes:
    """Return the first line of a curve's journal."""
    return _line(_Header(SCHEMA_VERSION, strategy, seed))


def entry_line(entry: Entry) -> bytes:
    """Return the line of a round."""
    return line_of(
        {"round": round_to_json(entry.round), "seconds": dict(entry.seconds)}, _DIGEST_SIZE
    )


def end_line(ending: Ending) -> bytes:
    """Return the line of an end."""
    contributions = [
        _Contribution(each.task, each.metric, each.part, each.values.values)
        for each in ending.contributions
    ]
    return _line(_EndLine(ending.reason, ending.step, dict(ending.seconds), contributions))


def _line(record: Struct) -> bytes:
    return line_of(to_builtins(record), _DIGEST_SIZE)


def round_to_json(done: Round) -> dict[str, Any]:
    """Return a round as JSON values. All of its records must be of one step of one curve."""
    # An integer where a float belongs, as some strategies score, becomes one, as when it is read.
    return {
        "step": to_builtins(convert(to_builtins(done.step), StepRecord)),
        "metrics": convert(_metric_rows(done.metrics), list[_MetricRow]),
        "queries": convert([_query_values(query) for query in done.queries], _QUERY_ROWS),
        "items": [_item_row(item) for item in done.items],
    }


def round_from_json(value: object) -> Round:
    """Return the round that `round_to_json` was given.

    Raises:
        ValueError: If a key or a value is missing or too many, or a value is of another type, out
            of its range, an integer beyond 64 bits, or text that is not Unicode.
    """
    return _round_of(convert(value, _Round))


def _round_of(kept: _Round) -> Round:
    step = record_of(StepRecord, kept.step)
    place = (step.strategy, step.seed, step.step)
    metrics = tuple(
        MetricRecord(*place, task, head, modalities, metric, label, number)
        for task, head, modalities, metric, value in kept.metrics
        for label, number in (value.items() if isinstance(value, dict) else [(None, value)])
    )
    queries = tuple(QueryRecord(*place, *row) for row in convert(kept.queries, _QUERY_ROWS))
    for record in (*metrics, *queries):
        refuse_impossible(record)
    items = tuple(ItemRecord(*place, item.task, _bits_of(item)) for item in kept.items)
    if len({item.task for item in items}) < len(items):
        raise ValueError("its items have a task twice")
    return Round(step, metrics, queries, items)


def _item_row(item: ItemRecord) -> list[Any]:
    bits = item.correct
    known = [] if bits.known is None else [bits.known]
    return to_builtins([item.task, bits.n, bits.ones, *known])


def _bits_of(item: _Item) -> RowBits:
    return RowBits(item.n, item.ones, None if item.known is UNSET else item.known)


def _contributions_of(line: _EndLine, strategy: str, seed: int) -> tuple[ContributionRecord, ...]:
    found = {
        (each.task, each.metric, each.part): ContributionRecord(
            strategy, seed, each.task, each.metric, each.part, RowNumbers(each.values)
        )
        for each in line.contributions
    }
    if len(found) < len(line.contributions):
        raise ValueError("it has the same contributions twice")
    return tuple(found.values())


def _metric_rows(metrics: Iterable[MetricRecord]) -> list[list[Any]]:
    rows: list[list[Any]] = []
    last: list[Any] = []
    for metric in metrics:
        names, label, value = list(_metric_names(metric)), metric.label, metric.value
        if label is None:
            last = [*names, value]
            rows.append(last)
            continue
        if last[:-1] != names or not isinstance(last[-1], dict) or label in last[-1]:
            last = [*names, {}]
            rows.append(last)
        last[-1][label] = value
    return rows


def refuse_foreign(entry: Entry, strategy: str, seed: int, step: int) -> None:
    """Raise a ValueError unless all of an entry is of this curve and step."""
    done = entry.round
    records = (done.step, *done.metrics, *done.queries, *done.items)
    wrong = {(r.strategy, r.seed, r.step) for r in records} - {(strategy, seed, step)}
    if wrong:
        raise ValueError(f"it holds {wrong.pop()}, where {(strategy, seed, step)} should follow")


def _refuse_fall(last: Round, next_: Round) -> None:
    """Raise a ValueError if what only grows from step to step is less than at the step before."""
    for name in ("n_labelled", "n_questions", "cost"):
        before, after = getattr(last.step, name), getattr(next_.step, name)
        if after < before:
            raise ValueError(f"{name} falls from {before!r} to {after!r}")


def _refuse_other_rows(last: Round, next_: Round) -> None:
    """Raise a ValueError unless the items are of the same tasks and rows as at the step before."""
    before, after = (
        {item.task: (item.correct.n, item.correct.known) for item in done.items}
        for done in (last, next_)
    )
    if before != after:
        wrong = min(task for task in before | after if before.get(task) != after.get(task))
        raise ValueError(f"its items of {wrong!r} are of other rows than those of the step before")


def _refuse_other_contributions(ending: Ending, entries: Sequence[Entry]) -> None:
    """Raise a ValueError unless the contributions are numbers, and of the rows of the items."""
    items = {item.task: item.correct for item in entries[-1].round.items} if entries else {}
    for each in ending.contributions:
        rows = items.get(each.task)
        if rows is None or not each.values.are_of(rows):
            what = f"its contributions to {each.metric} of {each.task!r}"
            raise ValueError(f"{what} are none, or of other rows than its items")


def refuse_wrong_end(ending: Ending, n_entries: int) -> None:
    """Raise a ValueError unless a curve of `n_entries` rounds can end like this."""
    step = n_entries - 1 if ending.reason == "done" else n_entries
    if ending.step != step or step < 0:
        raise ValueError(f"{ending.reason} at step {ending.step} after {n_entries} rounds")


def no_journal(path: Path) -> StoreError:
    """Return the error for a file that is not even the beginning of a journal."""
    return StoreError(
        "damaged journal: it does not begin as one",
        f"{path}, line 1",
        "move it away, since it may be another's file; then this computes it again: "
        f"alsim resume {run_of(path)}",
    )
