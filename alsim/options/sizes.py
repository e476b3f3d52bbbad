"""How many rows a query asks for, and when a run ends: `20`, `20:200`, `accuracy=0.9`."""

from dataclasses import dataclass
from typing import Literal

from alsim.errors import UsageError
from alsim.options.types import LARGEST, shown
from alsim.parameters import number

DEFAULT_INITIAL_SIZE = 2000  # the study's


@dataclass(frozen=True, slots=True)
class QuerySize:
    """How many rows a query asks for: `first` at the first step, growing geometrically to `last`.

    The sizes reach `last` at the last planned step and stay there if a run goes on.
    """

    first: int
    last: int

    def at(self, step: int, steps: int) -> int:
        """Return the size of the query at `step` (1, 2, …) of `steps` planned."""
        if self.first == self.last or steps < 2:
            return self.first
        share = min(1.0, (step - 1) / (steps - 1))
        return round(self.first * (self.last / self.first) ** share)

    def total(self, steps: int) -> int:
        """Return the number of rows that `steps` queries ask for."""
        return sum(self.at(step, steps) for step in range(1, steps + 1))

    def __str__(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first}:{self.last}"


@dataclass(frozen=True, slots=True)
class Until:
    """What ends a run: its steps, no unlabelled rows left, an accuracy, or a number of labels."""

    kind: str = "steps"  # "steps" | "exhausted" | "accuracy" | "labels"
    value: float = 0.0

    def __str__(self) -> str:
        return self.kind if self.kind in ("steps", "exhausted") else f"{self.kind}={self.value:g}"


ValidationSize = int | Literal["free"] | None  # None: as by default


def parse_validation_size(value: str | int | None) -> ValidationSize:
    """Return the number of validation labels, `300`, or `free`; None: as by default.

    Raises:
        UsageError: If it is neither, or negative.
    """
    if value is None or value == "free":
        return value
    try:
        size = number(str(value), int)
    except ValueError:
        size = -1
    if not 0 <= size <= LARGEST:
        mend = "give a number (300), 0 for none, or free"
        raise UsageError(f"{shown(value)} is no number of labels", "--validation-size", mend)
    return size


def parse_query_size(value: str | int | QuerySize | None) -> QuerySize | None:
    """Return the size meant by `20`, or the growing one by `20:200`; None: as by default.

    Raises:
        UsageError: If it is neither, or not positive.
    """
    if value is None or isinstance(value, QuerySize):
        return value
    parts = str(value).split(":")
    try:
        sizes = [number(part, int) for part in parts]
    except ValueError:
        sizes = []
    if len(sizes) not in (1, 2) or min(sizes) < 1 or max(sizes) > LARGEST:
        mend = "give a number (20) or a range (20:200)"
        raise UsageError(f"{shown(value)} is no query size", "--query-size", mend)
    return QuerySize(sizes[0], sizes[-1])


def parse_until(value: str | Until | None) -> Until:
    """Return when a run ends: `exhausted`, `accuracy=X` or `labels=N`; None: after its steps.

    Raises:
        UsageError: If it is none of these.
    """
    if value is None:
        return Until()
    if isinstance(value, Until):
        return value
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
    mend = "give exhausted, accuracy=0.9 (validation accuracy, a share) or labels=5000"
    raise UsageError(f"{shown(value)} is no end of a run", "--until", mend)
