"""Levels across a plot: what training on all labels of the pool gives."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from alsim.analysis.curves.ceiling import Ceiling, ceiling_of
from alsim.analysis.curves.runs import counted, named
from alsim.analysis.manifest import object_at, value_at
from alsim.plots.drawing.labels import EndLabel
from alsim.plots.drawing.names import as_labels
from alsim.plots.drawing.of_runs import DrawableRun
from alsim.plots.drawing.page import points
from alsim.plots.drawing.records import Record
from alsim.plots.drawing.style import LineStyle

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_STYLE = LineStyle("#333333", (0, (1, 1.7)))


@dataclass(frozen=True, slots=True, eq=False)
class Level:
    """A labelled height."""

    label: str
    ceiling: Ceiling

    @property
    def height(self) -> float:
        """Return the mean over the seeds."""
        return self.ceiling.estimate.mean

    def end(self, x: float, number: str) -> EndLabel:
        """Return its label beside the axes, as of a curve that ends at `x`."""
        return EndLabel(self.label, f"{self.height:{number}}", x, self.height, _STYLE)

    def record(self, metric: str, x: str) -> Record:
        """Return it as a point without labels, questions or cost."""
        found = self.ceiling.estimate
        numbers = {"mean": found.mean, "low": found.low, "high": found.high, "n_seeds": found.n}
        return {"strategy": self.label, x: None, "metric": metric, **numbers}


def ceilings_of(runs: Sequence[DrawableRun], metric: str) -> list[Level]:
    """Return the ceiling of each run that has one; of several its label names the run."""
    found = [
        (f"{_all_labels(run)} · {name}", _all_labels(run), ceiling)
        for name, run in named(runs)
        if object_at(run.manifest, "ceiling")
        and (ceiling := ceiling_of(run.metrics, metric)) is not None
    ]
    long, short, ceilings = zip(*found, strict=True) if found else ((), (), ())
    labels = as_labels(short if len(runs) == 1 else long)
    return [Level(label, each) for label, each in zip(labels, ceilings, strict=True)]


def draw_level(axes: "Axes", level: Level) -> None:
    """Draw a dotted line from side to side, behind the curves."""
    axes.axhline(
        level.height, color=_STYLE.colour, linestyle=_STYLE.dashes, linewidth=points(1.3),
        label="_level", zorder=1.6,
    )  # fmt: skip


def _all_labels(run: DrawableRun) -> str:
    """Return "all 11,500 labels", or of a run of several tasks "all 11,500 objects"."""
    n = value_at(run.manifest, "ceiling", "n_labelled")
    return f"all {n:,} {counted('labels', [run])}" if isinstance(n, int) else "all labels"
