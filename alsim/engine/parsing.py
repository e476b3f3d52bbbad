"""The small languages of options: `20:200`, `accuracy=0.9`, `0..4`, `image_emb=0.2`."""

import re
from collections.abc import Sequence

from alsim.errors import UsageError
from alsim.experiments.schedule import QuerySize, Until


def parse_names(text: str | Sequence[str]) -> tuple[str, ...]:
    """Return the names in `a,b(x=1,y=2)` or in a sequence of such texts; brackets hold together."""
    texts = [text] if isinstance(text, str) else list(text)
    parts = [part for text in texts for part in re.split(r",(?![^(]*\))", text)]
    return tuple(part.strip() for part in parts if part.strip())


def parse_seeds(value: str | int | Sequence[int]) -> tuple[int, ...]:
    """Return the seeds meant by a count (`5`: 0 … 4), a range (`3..7`), or a list (`1,4,9`).

    Raises:
        UsageError: If it is none of these, or names no seed.
    """
    if isinstance(value, int):
        value = str(value)
    if not isinstance(value, str):
        value = ",".join(str(int(seed)) for seed in value) + ","
    try:
        if ".." in value:
            first, last = (int(part) for part in value.split(".."))
            seeds = tuple(range(first, last + 1))
        elif "," in value:
            seeds = tuple(int(part) for part in value.split(",") if part.strip())
        else:
            seeds = tuple(range(int(value)))
    except ValueError:
        seeds = ()
    if not seeds or min(seeds) < 0:
        raise UsageError(
            f"{value!r} names no seeds",
            "--seeds",
            "give a count (5), a range (3..7) or a list (1,4)",
        )
    return seeds


def parse_query_size(value: str | int) -> QuerySize:
    """Return the size meant by `20`, or the growing one by `20:200`.

    Raises:
        UsageError: If it is neither, or not positive.
    """
    parts = str(value).split(":")
    try:
        sizes = [int(part) for part in parts]
    except ValueError:
        sizes = []
    if len(sizes) not in (1, 2) or min(sizes) < 1:
        raise UsageError(
            f"{value!r} is no query size", "--query-size", "give a number (20) or a range (20:200)"
        )
    return QuerySize(sizes[0], sizes[-1])


def parse_until(value: str | None) -> Until:
    """Return when a run ends: `exhausted`, `accuracy=X` or `labels=N`; None: after its steps.

    Raises:
        UsageError: If it is none of these.
    """
    if value is None:
        return Until()
    kind, _, number = value.partition("=")
    try:
        if kind == "exhausted" and not number:
            return Until("exhausted")
        if kind == "accuracy" and 0 < float(number) <= 1:
            return Until("accuracy", float(number))
        if kind == "labels":
            return Until("labels", float(int(number)))
    except ValueError:
        pass
    raise UsageError(
        f"{value!r} is no end of a run",
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
        return tuple(float(rate) for rate in parse_names(value))
    except ValueError:
        raise UsageError(
            f"{value!r} holds no error rates", "--noise", "give one (0.1) or several (0.05,0.1,0.3)"
        ) from None


def parse_shares(values: Sequence[str], flag: str) -> dict[str, float]:
    """Return the numbers in `name=0.2` texts, each at least 0.

    Raises:
        UsageError: If a text is not of this form.
    """
    shares: dict[str, float] = {}
    for text in values:
        name, _, number = text.rpartition("=")
        try:
            share = float(number)
        except ValueError:
            share = -1.0
        if not name or not share >= 0:
            raise UsageError(
                f"{text!r} is not of the form name=0.2", flag, "give a name and a number"
            )
        shares[name] = share
    return shares
