"""The small languages of options: `0..4`, `a,b(x=1)`, `image_emb=0.2`, `64x32`."""

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from alsim.errors import UsageError
from alsim.options.types import LARGEST, shown
from alsim.parameters import number

MOST_SEEDS = 10_000
_Number = TypeVar("_Number", int, float)


def parse_names(text: str | Sequence[str] | None) -> tuple[str, ...]:
    """Return the names in `a,b(x=1,y=2)` or in a sequence of such texts; brackets hold together."""
    texts = [text] if isinstance(text, str) else list(text or ())
    parts = [part for text in texts for part in re.split(r",(?![^(]*\))", text)]
    return tuple(part.strip() for part in parts if part.strip())


def one_or_more(value: str | Sequence[str] | None) -> tuple[str, ...]:
    """Return the texts given, of which each is taken as it is."""
    return (value,) if isinstance(value, str) else tuple(value or ())


def parse_path(value: str | Path | None) -> Path | None:
    """Return the path that a text names."""
    return None if value is None else Path(value)


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


def _numbers(
    value: str | float | Sequence[float], type_: type[_Number], what: str, flag: str, mend: str
) -> tuple[_Number, ...]:
    """Return the numbers in a text, whole ones with an x between them, or those given.

    Raises:
        UsageError: If a text holds something else.
    """
    if not isinstance(value, str):
        given: Any = (value,) if isinstance(value, int | float) else value
        return tuple(map(type_, given))
    parts = value.split("x") if type_ is int else parse_names(value)
    try:
        numbers = tuple(number(part, type_) for part in parts)
    except ValueError:
        numbers = None
    if numbers is None or max(map(abs, numbers), default=0) > LARGEST:
        raise UsageError(f"{shown(value)} holds no {what}", flag, mend)
    return numbers


def parse_rates(value: str | float | Sequence[float] | None) -> tuple[float, ...]:
    """Return the error rates in `0.05,0.1`, in a sequence, or the single one; None: none.

    Raises:
        UsageError: If a text holds something else.
    """
    mend = "give one (0.1) or several (0.05,0.1,0.3)"
    return () if value is None else _numbers(value, float, "error rates", "--noise", mend)


def parse_shares(
    values: Sequence[str] | Mapping[str, float], flag: str, *, below: float = math.inf
) -> dict[str, float]:
    """Return the numbers in `name=0.2` texts or in a mapping, each at least 0 and below `below`.

    Raises:
        UsageError: If texts are not of this form, or a name comes twice.
    """
    if isinstance(values, Mapping):
        values = [f"{name}={share!r}" for name, share in values.items()]
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
        except (OSError, ValueError) as error:  # not UTF-8, or a path that no file can have
            reason = error.strerror if isinstance(error, OSError) else error
            raise UsageError(f"the ids cannot be read: {reason}", where, mend) from error
    found = tuple(id_ for id_ in (str(line).strip() for line in ids) if id_)
    if not found:
        raise UsageError("there are no ids", where, mend)
    return found


def parse_widths(value: str | int | Sequence[int] | None, flag: str) -> tuple[int, ...] | None:
    """Return the widths of layers in `64`, `64x32` or a sequence; None: as by default.

    Raises:
        UsageError: If a text holds something else.
    """
    mend = "give the width of one layer (64) or of each (64x32)"
    text = value.replace(",", "x") if isinstance(value, str) else value
    return None if text is None else _numbers(text, int, "whole numbers", flag, mend)


def parse_list(value: str | Sequence[str] | None, flag: str) -> tuple[str, ...] | None:
    """Return the names in `text;image;text+image` or in a sequence; None: as by default.

    Raises:
        UsageError: If one of them is empty.
    """
    if value is None:
        return None
    parts = value.split(";") if isinstance(value, str) else value
    names = tuple(part.strip() for part in parts)
    if isinstance(value, str) and not all(names):
        mend = "join names by semicolons: text;image;text+image"
        raise UsageError(f"{shown(value)} has an empty name", flag, mend)
    return names


def parse_image(value: str | Sequence[int] | None) -> tuple[int, int, int] | None:
    """Return height, width and channels in `32x32x3` or in a sequence.

    Raises:
        UsageError: If there are not three positive numbers.
    """
    if value is None:
        return None
    mend = "give height, width and channels: 32x32x3"
    numbers: Any = _numbers(value, int, "whole numbers", "--image-shape", mend)
    if len(numbers) != 3 or min(numbers) < 1:
        raise UsageError(f"{shown(value)} is no shape of a picture", "--image-shape", mend)
    return numbers


def parse_fractions(value: str | float | Sequence[float]) -> tuple[float, ...]:
    """Return the fractions in `0.05,0.25,1`, in a sequence, or the single one.

    Raises:
        UsageError: If a text holds something else, or one is not in (0, 1].
    """
    mend = "give shares of the labels above 0 and at most 1, such as 0.05,0.25,1"
    found = _numbers(value, float, "fractions", "--fractions", mend)
    if not found:
        raise UsageError(f"{value!r} holds no fractions", "--fractions", mend)
    for fraction in found:
        if not 0 < fraction <= 1:
            raise UsageError(f"{fraction:g} is no share", "--fractions", mend)
    return found


Span = str | Sequence[float | None] | None  # as a user may write it


def parse_span(value: Span, flag: str) -> tuple[float | None, float | None]:
    """Return the two ends in `0.5:1` or in a sequence; one that is left out is None.

    Raises:
        UsageError: If there are not two numbers, the lesser first.
    """
    mend = "give both ends, 200:1200, or one of them, 200: or :1200"
    parts: Sequence[Any] = value.split(":") if isinstance(value, str) else value or (None, None)
    try:
        ends = [None if part in (None, "") else number(str(part), float) for part in parts]
    except ValueError:
        ends = []
    if not all(end is None or math.isfinite(end) for end in ends):
        ends = []
    if len(ends) != 2 or (isinstance(value, str) and ends == [None, None]):
        raise UsageError(f"{shown(value)} is no range", flag, mend)
    low, high = ends
    if low is not None and high is not None and not low < high:
        raise UsageError(f"{shown(value)} has no width", flag, "give the lesser end first")
    return low, high
