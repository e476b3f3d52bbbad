"""Pictures of a run's tables. Importing this package imports nothing that draws."""

from typing import TYPE_CHECKING, Any

from alsim.plots.kinds import KINDS, Kind, draw

if TYPE_CHECKING:
    from alsim.analysis.statistics.bands import BandKind
    from alsim.plots.curves import draw_curves
    from alsim.plots.drawing.figures import Drawing, check_target, save_figure
    from alsim.plots.drawing.of_runs import DrawableRun

__all__ = [
    "KINDS",
    "BandKind",
    "DrawableRun",
    "Drawing",
    "Kind",
    "check_target",
    "draw",
    "draw_curves",
    "save_figure",
]

_HOMES = {
    "BandKind": "alsim.analysis.statistics.bands",
    "DrawableRun": "alsim.plots.drawing.of_runs",
    "Drawing": "alsim.plots.drawing.figures",
    "check_target": "alsim.plots.drawing.figures",
    "draw_curves": "alsim.plots.curves",
    "save_figure": "alsim.plots.drawing.figures",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for only then: a command's help needs no more than the kinds."""
    if name not in _HOMES:
        raise AttributeError(f"module 'alsim.plots' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
