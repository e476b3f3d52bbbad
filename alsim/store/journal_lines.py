"""The lines of a learning curve's journal: what one may hold, and what a whole journal tells.

Each line is `DIGEST JSON`: 16 hexadecimal digits of BLAKE2b over the JSON's bytes. The first
line says whose curve it is, the next are its steps from 0 on, and the last says why it ended.
"""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal

from alsim.errors import StoreError
from alsim.experiments.curves.records import Round
from alsim.store.layout import run_of
from alsim.store.records import (
    as_float,
    as_int,
    as_object,
    as_text,
    places,
    round_from_json,
)
from alsim.store.tables import check_version

_HEX = re.compile(rb"[0-9a-f]{0,16}")
_OPENING = b'{"schema":'


@dataclass(frozen=True, slots=True)
class Entry:
    """One round, and the seconds that its phases took."""

    round: Round
    seconds: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Ending:
    """Why a curve ended, and what its last phases took."""

    reason: Literal["done", "diverged"]
    step: int  # done: the last one; diverged: the one that failed, 0 being the passive phase
    seconds: Mapping[str, float]


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
    if lines and not tail and _body(lines[-1]) is None:
        lines.pop()
    if not lines:
        digest, _, body = data.rstrip(b"\0").partition(b" ")
        if not _HEX.fullmatch(digest) or not _OPENING.startswith(body[: len(_OPENING)]):
            raise no_journal(path)
        return None
    strategy, seed, entries, ending = "", 0, list[Entry](), None
    for number, line in enumerate(lines, start=1):
        try:
            record = _record(line)
            if number == 1:
                strategy, seed = _header(record, path)
            elif ending is not None:
                raise ValueError("it follows the end")
            elif "end" in record:
                ending = _ending(record)
                refuse_wrong_end(ending, len(entries))
            else:
                entry = _entry(record)
                refuse_foreign(entry, strategy, seed, len(entries))
                if entries:
                    _refuse_fall(entries[-1].round, entry.round)
                entries.append(entry)
        except (ValueError, RecursionError) as error:
            reason = str(error).partition("\n")[0]
            where = f"{path}, line {number}"
            raise StoreError(f"damaged journal: {reason}", where, mend_of(path)) from error
    n_bytes = sum(len(line) + 1 for line in lines)
    return Recorded(strategy, seed, tuple(entries), ending, n_bytes)


def line_of(record: Mapping[str, object]) -> bytes:
    """Return the line that holds a record, with its digest and its end."""
    body = json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()
    return _digest(body) + b" " + body + b"\n"


def _digest(body: bytes) -> bytes:
    return blake2b(body, digest_size=8).hexdigest().encode()


def _body(line: bytes) -> bytes | None:
    """Return a line's JSON, or None if it does not match its digest."""
    digest, _, body = line.partition(b" ")
    return body if digest == _digest(body) else None


def _record(line: bytes) -> dict[str, Any]:
    body = _body(line)
    if body is None:
        raise ValueError("it does not match its digest")
    return as_object(json.loads(body.decode()))


def _header(record: Mapping[str, Any], path: Path) -> tuple[str, int]:
    """Return the strategy and seed of a first line."""
    check_version(record.get("schema"), path)  # before all else: another may have other keys
    as_object(record, {"schema", "strategy", "seed"})
    return as_text(record["strategy"]), as_int(record["seed"])


def _entry(record: Mapping[str, Any]) -> Entry:
    as_object(record, {"round", "seconds"})
    return Entry(round_from_json(record["round"]), _seconds(record["seconds"]))


def _ending(record: Mapping[str, Any]) -> Ending:
    as_object(record, {"end", "step", "seconds"})
    reason = record["end"]
    if reason not in ("done", "diverged"):
        raise ValueError("a curve ends done or diverged")
    return Ending(reason, as_int(record["step"]), _seconds(record["seconds"]))


def _seconds(value: object) -> dict[str, float]:
    found = {as_text(phase): as_float(taken) for phase, taken in as_object(value).items()}
    for phase, taken in found.items():
        if not 0 <= taken < math.inf:
            raise ValueError(f"the seconds of {phase} cannot be {taken!r}")
    return found


def refuse_foreign(entry: Entry, strategy: str, seed: int, step: int) -> None:
    """Raise a ValueError unless all of an entry is of this curve and step."""
    wrong = places(entry.round) - {(strategy, seed, step)}
    if wrong:
        raise ValueError(f"it holds {wrong.pop()}, where {(strategy, seed, step)} should follow")


def _refuse_fall(last: Round, next_: Round) -> None:
    """Raise a ValueError if what only grows from step to step is less than at the step before."""
    for name in ("n_labelled", "n_questions", "cost"):
        before, after = getattr(last.step, name), getattr(next_.step, name)
        if after < before:
            raise ValueError(f"{name} falls from {before!r} to {after!r}")


def refuse_wrong_end(ending: Ending, n_entries: int) -> None:
    """Raise a ValueError unless a curve of so many rounds can end so."""
    step = n_entries - 1 if ending.reason == "done" else n_entries
    if ending.step != step or step < 0:
        raise ValueError(f"{ending.reason} at step {ending.step} after {n_entries} rounds")


def no_journal(path: Path) -> StoreError:
    """Return the error for a file that is not even the beginning of a journal."""
    return StoreError(
        "damaged journal: it does not begin as one",
        f"{path}, line 1",
        "move it away, since it may be another's file; then this computes its curve anew: "
        f"alsim resume {run_of(path)}",
    )


def mend_of(path: Path) -> str:
    """Return what to do about a damaged journal."""
    return f"delete that file; then this computes its curve anew: alsim resume {run_of(path)}"
