"""The spread of final losses over seeds: does training a model succeed reliably?"""

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from alsim.analysis.training.values import (
    Trained,
    choose_fraction,
    choose_tasks,
    first_evaluations,
    net_means,
)
from alsim.errors import StoreError, UsageError, nearest
from alsim.measures import OF_TRAINING
from alsim.plots.drawing.figures import Drawing, finished, make_figure, own_style
from alsim.plots.drawing.lines import Look, signed
from alsim.plots.drawing.names import shortened
from alsim.plots.drawing.of_trainings import (
    DrawableTraining,
    labels_in_words,
    looks_of_nets,
    nets_of,
    study_warnings,
)
from alsim.plots.drawing.page import points
from alsim.plots.drawing.words import axis_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WHERE = "alsim plot --kind losses"
_OF_FITS = {
    "validation_loss": "validation loss, mean of the tasks",
    "train_loss": "training loss, mean of the tasks",
}
_BINS = (8, 40)  # minimum and maximum


@own_style()
def draw_losses(
    study: DrawableTraining,
    *,
    metric: str | None = None,
    title: str | None = None,
    task: str | None = None,
    fraction: float | None = None,
) -> Drawing:
    """Return a histogram of the final losses of each model's nets, over the seeds.

    Ma et al. (2018), Fig. 5: a mean hides how often a training fails. Panels share their bins and
    axes; each net is a tick below them. Nets that diverged are left out, with a warning.

    The metric is validation_loss (the default where there is one) or train_loss, one panel per
    model; or accuracy, auc, mse or nll by the first evaluation, one panel per model and task.

    Raises:
        UsageError: If there is no such metric, task or fraction.
        StoreError: If there is nothing to draw.
    """
    share = choose_fraction(study.fits, fraction, _WHERE)
    fits = study.fits.filter(pc.field("fraction") == share)
    metric = _choose(fits, study.tasks, metric)
    if metric in _OF_FITS:
        if task is not None:
            raise UsageError(
                f"{metric} is one value for all tasks", f"{_WHERE} --task", "leave it out, or draw "
                "a metric by task: --metric mse"
            )  # fmt: skip
        columns: tuple[str, ...] = (_OF_FITS[metric],)
    else:
        columns = choose_tasks(study.tasks, metric, task, _WHERE)
    which = nets_of(study, fits)
    looks = looks_of_nets(which)
    ends = {
        (each, column): _values(fits, study.tasks, each, metric, column, share)
        for each in which
        for column in columns
    }
    pooled = {c: np.concatenate([ends[each, c] for each in which]) for c in columns}
    if not all(values.size for values in pooled.values()):
        mend = "wait for the first net, or find out why they diverged"
        raise StoreError(f"there is no {metric} to draw", str(study.folder), mend)
    n_rows, n_columns = len(which), len(columns)
    # In several columns, a name and its numbers are wider than a panel.
    between = ": " if n_columns == 1 else "\n"
    height = 1.15 if n_columns == 1 else 1.3
    figure = make_figure(1.2 + max(5.4, 3.4 * n_columns), 1.1 + height * n_rows)
    grid = figure.subplots(n_rows, n_columns, squeeze=False, sharex="col", sharey="col")
    for j, column in enumerate(columns):
        bins = _bins(pooled[column])
        for i, each in enumerate(which):
            _draw(grid[i, j], ends[each, column], bins, looks[each], between)
            if j == 0:
                grid[i, j].set_ylabel("nets", fontsize=points(9))
        if metric not in _OF_FITS:
            above = 30 if n_columns > 1 else 18
            grid[0, j].annotate(
                shortened(columns)[j], (0, 1), xycoords="axes fraction", xytext=(0, above),
                textcoords="offset points", fontsize=points(9.5), fontweight="bold",
            )  # fmt: skip
        words = _OF_FITS.get(metric) or axis_label(metric, [study])
        grid[-1, j].set_xlabel(words, fontsize=points(9))
    words = labels_in_words(study, share)
    note = f"one net per seed, trained on {words}; sd: standard deviation of the nets"
    records = [
        {"net": looks[each].label, "task": column, "metric": metric, "value": float(value)}
        for (each, column), values in ends.items()
        for value in values
    ]
    warnings = study_warnings(study)
    return finished(figure, warnings, title=title, footnote=note, records=records)


def _choose(fits: pa.Table, tasks: pa.Table, metric: str | None) -> str:
    """Return the requested metric, or the first loss that was recorded."""
    losses = [name for name in _OF_FITS if fits.column(name).null_count < fits.num_rows]
    measured = set(tasks.column("metric").unique().to_pylist())
    there = [*losses, *(name for name in OF_TRAINING if name in measured)]
    if metric is None and losses:
        return losses[0]
    if not there:
        mend = "wait for the first net, or find out why they diverged"
        raise StoreError("no net has finished yet", _WHERE, mend)
    if metric not in there:
        raise UsageError(f"no net has a metric {metric!r}", _WHERE, nearest(str(metric), there))
    return metric


def _values(
    fits: pa.Table, tasks: pa.Table, which: Trained, metric: str, task: str, share: float
) -> np.ndarray:
    """Return one finite value per net, `(s,)`."""
    if metric in _OF_FITS:
        own = fits.filter(
            (pc.field("model") == which.model) & (pc.field("chosen_by") == which.chosen_by)
        )
        found = [value for value in own.column(metric).to_pylist() if value is not None]
    else:
        evaluation = first_evaluations(tasks).get(which.model, "")
        found = [*net_means(tasks, which, metric, [task]).get((share, evaluation), {}).values()]
    values = np.array(found, dtype=np.float64)
    return values[np.isfinite(values)]


def _bins(values: np.ndarray) -> np.ndarray:
    """Return the edges of bins by Freedman and Diaconis (1981), their number limited."""
    low, high = float(values.min()), float(values.max())
    if low == high:
        return np.linspace(low - 0.5, high + 0.5, _BINS[0] + 1)
    n = len(np.histogram_bin_edges(values, "fd")) - 1 if len(values) > 1 else 1
    return np.linspace(low, high, min(max(n, _BINS[0]), _BINS[1]) + 1)


def _draw(axes: "Axes", values: np.ndarray, bins: np.ndarray, look: Look, between: str) -> None:
    colour = look.style.colour
    axes.hist(values, bins.tolist(), color=colour, alpha=0.55, linewidth=0)
    axes.plot(
        values, np.full(len(values), -0.04), "|", color=colour, markersize=points(6), clip_on=False,
        transform=axes.get_xaxis_transform(), alpha=0.8,
    )  # fmt: skip
    numbers = [f"n = {len(values)}"]
    if len(values) > 1:
        numbers.insert(0, f"sd {values.std(ddof=1):.2g}")
    if len(values):
        axes.axvline(float(values.mean()), color="#222222", linewidth=points(1))
        numbers.insert(0, f"mean {signed(float(values.mean()), '.3g')}")
    axes.set_title(f"{look.label}{between}{', '.join(numbers)}", loc="left", fontsize=points(8.5))
    axes.locator_params(axis="y", integer=True, nbins=3)
    axes.locator_params(axis="x", nbins=5)
    axes.tick_params(labelsize=points(8))
    axes.tick_params(axis="x", pad=6)
