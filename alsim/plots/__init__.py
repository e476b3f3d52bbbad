"""Pictures of a run's tables. Importing this package imports nothing that draws."""

from typing import TYPE_CHECKING

from alsim.lazy import lazy_names
from alsim.plots.kinds import KINDS, Kind, draw

if TYPE_CHECKING:
    from alsim.plots.curves import draw_curves
    from alsim.plots.drawing.figures import Drawing, check_target, save_figure

__all__ = ["KINDS", "Drawing", "Kind", "check_target", "draw", "draw_curves", "save_figure"]

__getattr__, __dir__ = lazy_names(
    __name__,
    {"curves": ("draw_curves",), "drawing.figures": ("Drawing", "check_target", "save_figure")},
)
