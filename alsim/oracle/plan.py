"""An oracle's settings for one pool."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

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

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> "OraclePlan":
        """Return the plan that `dataclasses.asdict` and JSON made of one."""
        confusion = data["confusion"]
        return OraclePlan(
            kind=data["kind"],
            noise=tuple(data["noise"]),
            confusion=None if confusion is None else tuple(tuple(row) for row in confusion),
            answers=data["answers"],
            groups={name: tuple(classes) for name, classes in data["groups"].items()},
            max_questions=data["max_questions"],
            price=data["price"],
            read_price=data["read_price"],
            task_prices=data["task_prices"],
        )
