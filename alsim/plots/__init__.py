"""Pictures of a run's tables. Importing this package imports nothing that draws."""

from typing import TYPE_CHECKING, Any

from alsim.plots.kinds import KINDS, Kind, draw

if TYPE_CHECKING:
    from alsim.analysis.bands import BandKind
    from alsim.plots.curves import draw_curves
    from alsim.plots.figures import Drawing, check_target, save_figure
    from alsim.plots.runs import DrawableRun

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
    "BandKind": "alsim.analysis.bands",
    "DrawableRun": "alsim.plots.runs",
    "Drawing": "alsim.plots.figures",
    "check_target": "alsim.plots.figures",
    "draw_curves": "alsim.plots.curves",
    "save_figure": "alsim.plots.figures",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for only then: a command's help needs no more than the kinds."""
    if name not in _HOMES:
        raise AttributeError(f"module 'alsim.plots' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
