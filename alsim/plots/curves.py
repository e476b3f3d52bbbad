"""Learning curves as a picture: mean over seeds, a band, labels or their cost on the x axis."""

from collections.abc import Sequence
from typing import Literal

from alsim.analysis.curves.curves import XAxis, learning_curves
from alsim.analysis.curves.runs import named
from alsim.analysis.statistics.bands import BandKind
from alsim.analysis.statistics.intervals import SHARES
from alsim.errors import StoreError
from alsim.plots.drawing.figures import Drawing, finished, own_style
from alsim.plots.drawing.lines import draw_figure, looks_of, make_lines
from alsim.plots.drawing.of_runs import DrawableRun, differences, distinct
from alsim.plots.drawing.words import axis_label, x_label
from alsim.plots.tasks import draw_tasks


def draw_curves(
    runs: Sequence[DrawableRun],
    metric: str = "accuracy",
    band: BandKind = "t",
    title: str | None = None,
    x: XAxis = "labels",
    task: Literal["all"] | None = None,
) -> Drawing:
    """Return the learning curves of one or more runs in one figure.

    Of runs of several tasks they are the mean over the tasks. Each label stands at the height
    where its curve ends, so that the labels read from the best to the worst. Runs on other pools
    or splits are drawn too, with a warning.

    Args:
        runs: At least one; a folder given twice is drawn once.
        metric: A column of the steps.
        band: See `alsim.analysis.statistics.bands`; `seeds` draws each of them.
        title: Above the axes.
        x: Against what the curves are drawn.
        task: "all" draws a panel for each task and their mean, see `draw_tasks`. The curves of one
            task are those of the runs that `of_task` makes.

    Raises:
        UsageError: If a run has no such metric.
        StoreError: If there is not one point to draw.
    """
    if task is not None:
        return draw_tasks(runs, metric, band, title, x)
    unique = distinct(runs)
    warnings = differences(unique)
    found = [
        ((name, curve.strategy), curve)
        for name, run in named(unique)
        for curve in learning_curves(run.steps, metric, x=x)
    ]
    looks = looks_of([key for key, _ in found], unique)
    lines = make_lines([(looks[key], curve) for key, curve in found], band, x, warnings)
    if not lines:
        raise StoreError(
            f"there is no {metric} to draw",
            ", ".join(str(run.folder) for run in unique),
            "wait for the first step, or run it again: alsim run --out FOLDER",
        )
    is_share = metric in SHARES
    with own_style():
        figure = draw_figure(
            lines,
            ylabel=axis_label(metric, unique),
            xlabel=x_label(x, unique),
            x=x,
            is_share=is_share,
            number=".3f" if is_share else ".4g",
            title=title,
        )
    return finished(figure, warnings)


def draw_batch_sizes(
    runs: Sequence[DrawableRun],
    band: BandKind = "none",
    title: str | None = None,
    x: XAxis = "labels",
) -> Drawing:
    """Return the largest training batch of each step, drawn as `draw_curves` does."""
    return draw_curves(runs, "batch_size", band, title, x)
