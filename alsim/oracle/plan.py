"""An oracle's settings for one pool."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from alsim.options.oracle import OracleKind


@dataclass(frozen=True, slots=True)
class OraclePlan:
    """An oracle's settings: the contents of its files, with classes by their number."""

    kind: OracleKind = "perfect"
    noise: tuple[float, ...] = ()
    confusion: tuple[tuple[float, ...], ...] | None = None  # true class by answered class
    answers: int | None = None
    groups: Mapping[str, tuple[int, ...]] = field(default_factory=dict[str, tuple[int, ...]])
    max_questions: int | None = None
    price: float = 1.0
    read_price: float = 0.0
    task_prices: Mapping[str, float] = field(default_factory=dict[str, float])

    def of_task(self, task: str) -> "OraclePlan":
        """Return the plan for one task, at its own price."""
        return replace(self, price=self.task_prices.get(task, self.price))
