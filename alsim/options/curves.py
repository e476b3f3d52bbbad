"""What can be chosen about learning curves."""

from dataclasses import dataclass
from typing import Literal

Unit = Literal["object", "cell"]
Members = Literal["dropout", "gates"]  # what a committee's members differ in
Combination = Literal["mean", "max", "rank-sum", "rrf", "alternating", "quotas"]


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
    """What ends a run: so many steps, no unlabelled rows left, an accuracy, or so many labels."""

    kind: str = "steps"  # "steps" | "exhausted" | "accuracy" | "labels"
    value: float = 0.0

    def __str__(self) -> str:
        return self.kind if self.kind in ("steps", "exhausted") else f"{self.kind}={self.value:g}"


@dataclass(frozen=True, slots=True)
class ScheduleOptions:
    """The sizes as asked for; None takes the default, which shrinks with the pool."""

    initial_size: int | None = None
    query_size: QuerySize | None = None
    steps: int | None = None
    until: Until = Until()
