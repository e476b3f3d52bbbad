"""The small languages of options: `20:200`, `accuracy=0.9`, `0..4`, `image_emb=0.2`."""

import math
import re
from collections.abc import Sequence
from pathlib import Path

from alsim.errors import UsageError
from alsim.options.curves import QuerySize, Until
from alsim.options.types import LARGEST, shown
from alsim.parameters import number

MOST_SEEDS = 10_000


def parse_names(text: str | Sequence[str]) -> tuple[str, ...]:
    """Return the names in `a,b(x=1,y=2)` or in a sequence of such texts; brackets hold together."""
    texts = [text] if isinstance(text, str) else list(text)
    parts = [part for text in texts for part in re.split(r",(?![^(]*\))", text)]
    return tuple(part.strip() for part in parts if part.strip())


def parse_seeds(value: str | int | Sequence[int]) -> tuple[int, ...]:
    """Return the seeds meant by a count (`5`: 0 … 4), a range (`3..7`), or a list (`1,4,9`).

    Raises:
        UsageError: If it is none of these, or names no seed, or too many.
    """
    mend = "give a count (5), a range (3..7) or a list (1,4)"
    try:
        seeds = _seeds(value)
    except ValueError:
        seeds = ()
    # Of a range not even the length is asked for before it is known to be a small one.
    if seeds[MOST_SEEDS:]:
        raise UsageError(f"{shown(value)} names more than {MOST_SEEDS:,} seeds", "--seeds", mend)
    if not seeds or not all(0 <= seed <= LARGEST for seed in seeds):
        raise UsageError(f"{shown(value)} names no seeds", "--seeds", mend)
    return tuple(seeds)


def _seeds(value: str | int | Sequence[int]) -> Sequence[int]:
    if isinstance(value, int):
        return range(value)
    if not isinstance(value, str):
        return tuple(value)
    if ".." in value:
        first, last = (number(part, int) for part in value.split(".."))
        return range(first, last + 1)
    if "," in value:
        return tuple(number(part, int) for part in value.split(",") if part.strip())
    return range(number(value, int))


def parse_query_size(value: str | int) -> QuerySize:
    """Return the size meant by `20`, or the growing one by `20:200`.

    Raises:
        UsageError: If it is neither, or not positive.
    """
    parts = str(value).split(":")
    try:
        sizes = [number(part, int) for part in parts]
    except ValueError:
        sizes = []
    if len(sizes) not in (1, 2) or min(sizes) < 1 or max(sizes) > LARGEST:
        raise UsageError(
            f"{shown(value)} is no query size",
            "--query-size",
            "give a number (20) or a range (20:200)",
        )
    return QuerySize(sizes[0], sizes[-1])


def parse_until(value: str | None) -> Until:
    """Return when a run ends: `exhausted`, `accuracy=X` or `labels=N`; None: after its steps.

    Raises:
        UsageError: If it is none of these.
    """
    if value is None:
        return Until()
    kind, _, end = value.partition("=")
    try:
        if kind == "exhausted" and not end:
            return Until("exhausted")
        if kind == "accuracy" and 0 < number(end, float) <= 1:
            return Until("accuracy", number(end, float))
        if kind == "labels" and 0 < number(end, int) <= LARGEST:
            return Until("labels", float(number(end, int)))
    except ValueError:
        pass
    raise UsageError(
        f"{shown(value)} is no end of a run",
        "--until",
        "give exhausted, accuracy=0.9 (validation accuracy, a share) or labels=5000",
    )


def parse_rates(value: str | float | Sequence[float] | None) -> tuple[float, ...]:
    """Return the error rates in `0.05,0.1`, in a sequence, or the single one; None: none.

    Raises:
        UsageError: If a text holds something else.
    """
    if value is None:
        return ()
    if not isinstance(value, str):
        return (float(value),) if isinstance(value, int | float) else tuple(map(float, value))
    try:
        return tuple(number(rate, float) for rate in parse_names(value))
    except ValueError:
        raise UsageError(
            f"{shown(value)} holds no error rates",
            "--noise",
            "give one (0.1) or several (0.05,0.1,0.3)",
        ) from None


def parse_shares(values: Sequence[str], flag: str, *, below: float = math.inf) -> dict[str, float]:
    """Return the numbers in `name=0.2` texts, each at least 0 and below `below`.

    Raises:
        UsageError: If texts are not of this form, or a name comes twice.
    """
    shares: dict[str, float] = {}
    wrong: list[str] = []
    for text in values:
        name, _, written = text.rpartition("=")
        try:
            share = number(written, float)
        except ValueError:
            share = -1.0
        if name in shares:
            raise UsageError(f"{name!r} is named twice", flag, "name each once")
        if name and 0 <= share < below:
            shares[name] = share
        else:
            wrong.append(shown(text))
    if wrong:
        mend = "give a name and a number ≥ 0" + (f" and < {below:g}" if below < math.inf else "")
        raise UsageError(f"not of the form name=0.2: {', '.join(wrong)}", flag, mend)
    return shares


def parse_ids(ids: str | Path | Sequence[str | int] | None) -> tuple[str, ...] | None:
    """Return the ids in a text file, one a line, or those given.

    Raises:
        UsageError: If the file cannot be read, or there are none.
    """
    if ids is None:
        return None
    where, mend = "--initial-ids", "give a text file with one id a line"
    if isinstance(ids, str | Path):
        where = f"--initial-ids {ids}"
        try:
            ids = Path(ids).read_text(encoding="utf-8-sig").split("\n")
        except OSError as error:
            raise UsageError(f"the ids cannot be read: {error.strerror}", where, mend) from error
        except ValueError as error:  # not UTF-8, or a path that no file can have
            raise UsageError(f"the ids cannot be read: {error}", where, mend) from error
    found = tuple(id_ for id_ in (str(line).strip() for line in ids) if id_)
    if not found:
        raise UsageError("there are no ids", where, mend)
    return found
