"""A bar: a figure that must not be above, or below, a bound; and how bars are shown."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Bar:
    """One figure with its bound."""

    name: str
    figure: float
    most: float | None = None  # the figure may not be above
    least: float | None = None  # nor below
    floor: str = ""  # what the figure could be at best, or what it was measured from

    @property
    def is_met(self) -> bool:
        """Return whether the figure keeps its bounds."""
        return (self.most is None or self.figure <= self.most) and (
            self.least is None or self.figure >= self.least
        )

    @property
    def bound(self) -> str:
        """Return the bound as it is shown."""
        if self.most is not None:
            return f"≤ {self.most:g}"
        return "" if self.least is None else f"≥ {self.least:g}"

    @property
    def verdict(self) -> str:
        """Return "met", "missed", or nothing for a figure without a bound."""
        if not self.bound:
            return ""
        return "met" if self.is_met else "missed"

    def to_json(self) -> dict[str, Any]:
        """Return the bar as JSON values."""
        return {**asdict(self), "verdict": self.verdict}


def markdown(bars: Iterable[Bar]) -> str:
    """Return a table of bars."""
    rows = ["| bar | figure | bound | verdict | measured |", "| --- | --- | --- | --- | --- |"]
    rows += [
        f"| {bar.name} | {bar.figure:.2f} | {bar.bound} | {bar.verdict} | {bar.floor} |"
        for bar in bars
    ]
    return "\n".join(rows)
