"""The largest training batch of each step."""

from collections.abc import Sequence

from alsim.analysis.curves.curves import XAxis
from alsim.analysis.statistics.bands import BandKind
from alsim.plots.curves import draw_curves
from alsim.plots.drawing.figures import Drawing
from alsim.plots.drawing.of_runs import DrawableRun


def draw_batch_sizes(
    runs: Sequence[DrawableRun],
    band: BandKind = "none",
    title: str | None = None,
    x: XAxis = "labels",
) -> Drawing:
    """Return the largest training batch of each step, drawn like the learning curves."""
    return draw_curves(runs, "batch_size", band, title, x)
