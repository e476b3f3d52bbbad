"""Learning curves by task: a panel for each, and first one for their mean."""

from collections.abc import Sequence

from alsim.analysis.curves.curves import XAxis
from alsim.analysis.curves.metric_curves import Place, places_of
from alsim.analysis.curves.task_runs import ALL, MIXED
from alsim.analysis.statistics.bands import BandKind
from alsim.analysis.statistics.intervals import SHARES
from alsim.errors import UsageError, nearest
from alsim.plots.drawing.figures import Drawing
from alsim.plots.drawing.of_runs import DrawableRun, distinct
from alsim.plots.drawing.panels import Panel, draw_panels
from alsim.plots.drawing.words import axis_label
from alsim.plots.names import shortened

_MOST_COLUMNS = 4


def draw_tasks(
    runs: Sequence[DrawableRun],
    metric: str = "accuracy",
    band: BandKind = "t",
    title: str | None = None,
    x: XAxis = "labels",
) -> Drawing:
    """Return a panel for the mean over the tasks and one for each task that has the metric.

    Labels and cost are those of all tasks together, as the runs count them. Of several runs only
    the tasks that all of them have are drawn.

    Args:
        runs: At least one; a folder given twice is drawn once.
        metric: Of the tasks: accuracy, balanced_accuracy, macro_f1, nll, ece or auc.
        band: See `alsim.analysis.statistics.bands`.
        title: Above the panels.
        x: Against what.

    Raises:
        UsageError: If no task has the metric.
    """
    unique = distinct(runs)
    places = _places(unique, metric)
    if not places:
        names = {str(name) for run in unique for name in run.metrics.column("metric").to_pylist()}
        known = sorted(name for name in names if _places(unique, name))
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
        unique,
        metric,
        panels,
        ylabel=axis_label(metric, unique),
        is_share=metric in SHARES,
        n_columns=n if n <= 3 else next((c for c in (4, 3) if n % c == 0), _MOST_COLUMNS),
        band=band,
        title=title,
        x=x,
    )


def _places(runs: Sequence[DrawableRun], metric: str) -> list[Place]:
    """Return where the mixed head of every run was measured on all rows of a task, by task."""
    shared = set[Place].intersection(*(set(places_of(run.metrics, metric)) for run in runs))
    return sorted(p for p in shared if (p.head, p.modalities) == (MIXED, ALL))
