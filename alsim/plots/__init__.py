"""Pictures of a run's tables. Importing this package does not import matplotlib."""

from alsim.plots.curves import BandKind, Drawing, draw_curves
from alsim.plots.figures import check_target, save_figure
from alsim.plots.runs import DrawableRun

__all__ = [
    "BandKind",
    "DrawableRun",
    "Drawing",
    "check_target",
    "draw_curves",
    "save_figure",
]
