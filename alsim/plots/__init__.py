"""Pictures of a run's tables. Importing this package imports nothing that draws."""

from typing import TYPE_CHECKING, Any

from alsim.plots.kinds import KINDS, Kind, draw

if TYPE_CHECKING:
    from alsim.plots.curves import draw_curves
    from alsim.plots.drawing.figures import Drawing, check_target, save_figure

__all__ = ["KINDS", "Drawing", "Kind", "check_target", "draw", "draw_curves", "save_figure"]

_HOMES = {
    "Drawing": "alsim.plots.drawing.figures",
    "check_target": "alsim.plots.drawing.figures",
    "draw_curves": "alsim.plots.curves",
    "save_figure": "alsim.plots.drawing.figures",
}


def __getattr__(name: str) -> Any:
    """Import a name on first use: a command's help needs only the kinds."""
    if name not in _HOMES:
        raise AttributeError(f"module 'alsim.plots' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
