"""Learning curves: mean over seeds and a band, against labels, questions or cost."""

from collections.abc import Sequence
from typing import Literal

from alsim.analysis.curves.curves import XAxis, learning_curves
from alsim.analysis.curves.metric_curves import Place, places_of
from alsim.analysis.curves.runs import named
from alsim.analysis.curves.task_runs import ALL, MIXED
from alsim.analysis.statistics.bands import BandKind
from alsim.errors import StoreError, UsageError, nearest
from alsim.measures import SHARES
from alsim.plots.drawing.figures import Drawing, own_style
from alsim.plots.drawing.levels import ceilings_of
from alsim.plots.drawing.lines import draw_figure, looks_of, make_lines
from alsim.plots.drawing.names import shortened
from alsim.plots.drawing.of_runs import DrawableRun, differences, distinct
from alsim.plots.drawing.page import page
from alsim.plots.drawing.panels import Panel, draw_panels
from alsim.plots.drawing.words import axis_label, x_label

_MOST_COLUMNS = 4


@own_style()
def draw_curves(
    runs: Sequence[DrawableRun],
    metric: str = "accuracy",
    band: BandKind = "t",
    title: str | None = None,
    x: XAxis = "labels",
    task: Literal["all"] | None = None,
) -> Drawing:
    """Return the learning curves of one or more runs in one figure.

    For runs of several tasks they are the mean over the tasks. Each label is at the height where
    its curve ends, so that the labels read from the best to the worst. Runs on other pools or
    splits are drawn too, with a warning.
    The band `seeds` draws a line for each seed. The task "all" draws a panel for each task and one
    for their mean; for one task, use the runs that `of_task` returns.

    Raises:
        UsageError: If a run has no such metric.
        StoreError: If there is no point to draw.
    """
    if task is not None:
        return _draw_tasks(distinct(runs), metric, band, title, x)
    return draw_mean_curves(distinct(runs), metric, band, title, x)


def draw_mean_curves(
    unique: Sequence[DrawableRun],
    metric: str,
    band: BandKind,
    title: str | None,
    x: XAxis,
    *,
    note: str = "",
    warnings: Sequence[str] = (),
) -> Drawing:
    """Return the learning curves in one panel, with a note and warnings of the caller first."""
    warnings = [*warnings, *differences(unique)]
    found = [
        ((name, curve.strategy), curve)
        for name, run in named(unique)
        for curve in learning_curves(run.steps, metric, x=x)
    ]
    found = page().in_order(found, lambda each: each[0][1])
    looks = looks_of([key for key, _ in found], unique)
    lines = make_lines([(looks[key], curve) for key, curve in found], band, x, warnings)
    if not lines:
        raise StoreError(
            f"there is no {metric} to draw",
            ", ".join(str(run.folder) for run in unique),
            "wait for the first step, or run it again: alsim run --out FOLDER",
        )
    is_share = metric in SHARES
    return draw_figure(
        lines,
        warnings=warnings,
        ylabel=axis_label(metric, unique),
        xlabel=x_label(x, unique),
        x=x,
        is_share=is_share,
        number=".3f" if is_share else ".4g",
        title=title,
        note=note,
        levels=ceilings_of(unique, metric),
    )


def _draw_tasks(
    runs: Sequence[DrawableRun], metric: str, band: BandKind, title: str | None, x: XAxis
) -> Drawing:
    """Return a panel for the mean over the tasks and one for each task that has the metric.

    Labels and cost are those of all tasks together, as the runs count them. Only tasks that all
    runs have are drawn.

    Raises:
        UsageError: If no task has the metric.
    """
    places = _places(runs, metric)
    if not places:
        names = {str(name) for run in runs for name in run.metrics.column("metric").to_pylist()}
        known = sorted(name for name in names if _places(runs, name))
        raise UsageError(
            f"no task has a metric {metric!r}", "alsim plot --task all", nearest(metric, known)
        )
    panels = [
        Panel(name, (place,))
        for name, place in zip(shortened([p.task for p in places]), places, strict=True)
    ]
    if len(places) > 1:
        panels.insert(0, Panel(f"mean of {len(places)} tasks", tuple(places)))
    n = len(panels)
    return draw_panels(
        runs,
        metric,
        panels,
        n_columns=n if n <= 3 else next((c for c in (4, 3) if n % c == 0), _MOST_COLUMNS),
        band=band,
        title=title,
        x=x,
    )


def _places(runs: Sequence[DrawableRun], metric: str) -> list[Place]:
    """Return where every run measured the mixed head on all rows of a task, by task."""
    shared = set[Place].intersection(*(set(places_of(run.metrics, metric)) for run in runs))
    return sorted(p for p in shared if (p.head, p.modalities) == (MIXED, ALL))
