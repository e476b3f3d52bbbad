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

    def questions(self, n_classes: int) -> tuple[int, int]:
        """Return the least and the greatest number of questions about one label."""
        if self.kind == "annotators":
            n = len(self.noise) if self.answers is None else self.answers
            return n, n
        if self.kind != "hierarchical":
            return 1, 1
        sizes = [len(group) for group in self.groups.values()]
        most = max(len(sizes) - 1, 0) + max(max(sizes, default=1) - 1, 0)
        most = most if self.max_questions is None else min(most, self.max_questions)
        return min(1, most), most

    def of_task(self, task: str) -> "OraclePlan":
        """Return the plan for one task, at its own price."""
        return replace(self, price=self.task_prices.get(task, self.price))
