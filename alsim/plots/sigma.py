"""σ of each head over the labels, which gives the weights of the losses."""

from collections.abc import Sequence

from alsim.analysis.curves.curves import XAxis
from alsim.analysis.statistics.bands import BandKind
from alsim.errors import UsageError
from alsim.plots.drawing.figures import Drawing
from alsim.plots.drawing.names import shortened
from alsim.plots.drawing.of_runs import DrawableRun, distinct
from alsim.plots.drawing.panels import Panel, draw_panels, places_in


def draw_sigma(
    runs: Sequence[DrawableRun],
    *,
    band: BandKind = "t",
    title: str | None = None,
    x: XAxis = "labels",
) -> Drawing:
    """Return a panel for each head with its learned σ; a head's loss has the weight 1 / σ².

    Raises:
        UsageError: If no run learned σ.
    """
    unique = distinct(runs)
    places = places_in(unique, "sigma")
    if not places:
        raise UsageError(
            "no σ was learned",
            "alsim plot --kind sigma",
            "run with a model of several heads, such as --model three-head, and --loss uncertainty",
        )
    several = len({place.task for place in places}) > 1
    heads = shortened([place.head for place in places])
    tasks = shortened([place.task for place in places])
    return draw_panels(
        unique,
        "sigma",
        [
            Panel(f"{task}: {head} head" if several else f"{head} head", (place,))
            for task, head, place in zip(tasks, heads, places, strict=True)
        ],
        ylabel="σ (the loss has weight 1 / σ²)",
        n_columns=min(4, len(places)),
        band=band,
        title=title,
        x=x,
    )
