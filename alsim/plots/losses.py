"""How final losses spread over runs: can a model be trained at all, or only with luck?"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from alsim.analysis.training.values import (
    MEASURES,
    Trained,
    choose_fraction,
    choose_tasks,
    first_evaluations,
    net_means,
)
from alsim.errors import StoreError, UsageError, nearest
from alsim.plots.drawing.figures import (
    Drawing,
    finished,
    make_figure,
    own_style,
    write_footnote,
    write_heading,
)
from alsim.plots.drawing.lines import Look, signed
from alsim.plots.drawing.of_trainings import (
    DrawableTraining,
    labels_in_words,
    looks_of_nets,
    nets_of,
    only_study,
    study_warnings,
)
from alsim.plots.drawing.words import axis_label
from alsim.plots.names import shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WHERE = "alsim plot --kind losses"
_OF_FITS = {
    "validation_loss": "validation loss, mean of the tasks",
    "train_loss": "training loss, mean of the tasks",
}
_BINS = (8, 40)  # at the least and at most


def draw_losses(
    studies: Sequence[DrawableTraining],
    *,
    metric: str | None = None,
    title: str | None = None,
    task: str | None = None,
    fraction: float | None = None,
) -> Drawing:
    """Return a histogram of where the nets of each model ended, over the seeds.

    Ma et al. (2018), Fig. 5: a mean hides how often a training fails. Panels share their bins and
    axes; each net is a tick below them. Nets that diverged ended nowhere, and are told beside.

    Args:
        studies: One.
        metric: validation_loss or train_loss, one panel a model; or accuracy, auc, mse or nll, by
            the first evaluation, one panel a model and task. None is the validation loss, the
            training loss where there is none.
        title: Above the panels.
        task: For the latter that one alone.
        fraction: Of the labels; None is the largest.

    Raises:
        UsageError: If there are several studies, or no such metric, task or fraction.
        StoreError: If there is nothing to draw.
    """
    study = only_study(studies, "losses")
    share = choose_fraction(study.fits, fraction, _WHERE)
    fits = study.fits.filter(pc.field("fraction") == share)
    metric = _choose(fits, study.tasks, metric)
    if metric in _OF_FITS:
        if task is not None:
            raise UsageError(
                f"{metric} is of all tasks together", f"{_WHERE} --task", "leave it out, or draw "
                "a task's own: --metric mse"
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
        mend = "wait for the first net, or look for why they diverged"
        raise StoreError(f"there is no {metric} to draw", str(study.folder), mend)
    n_rows, n_columns = len(which), len(columns)
    with own_style():
        # Side by side, a name and its figures are wider than a panel.
        between = ": " if n_columns == 1 else "\n"
        height = 1.15 if n_columns == 1 else 1.3
        figure = make_figure(1.2 + max(5.4, 3.4 * n_columns), 1.1 + height * n_rows)
        grid = figure.subplots(n_rows, n_columns, squeeze=False, sharex="col", sharey="col")
        for j, column in enumerate(columns):
            bins = _bins(pooled[column])
            for i, each in enumerate(which):
                _draw(grid[i, j], ends[each, column], bins, looks[each], between)
                if j == 0:
                    grid[i, j].set_ylabel("nets", fontsize=9)
            if metric not in _OF_FITS:
                above = 30 if n_columns > 1 else 18
                grid[0, j].annotate(
                    shortened(columns)[j], (0, 1), xycoords="axes fraction", xytext=(0, above),
                    textcoords="offset points", fontsize=9.5, fontweight="bold",
                )  # fmt: skip
            words = _OF_FITS.get(metric) or axis_label(metric, [study])
            grid[-1, j].set_xlabel(words, fontsize=9)
        if title:
            write_heading(figure, title)
        labels = labels_in_words(study, share)
        text = f"a net a seed, trained on {labels}; sd: standard deviation of the nets"
        write_footnote(figure, text)
    return finished(figure, study_warnings(study))


def _choose(fits: pa.Table, tasks: pa.Table, metric: str | None) -> str:
    """Return the metric that is asked for, or the loss that there is."""
    losses = [name for name in _OF_FITS if fits.column(name).null_count < fits.num_rows]
    told = set(tasks.column("metric").unique().to_pylist())
    there = [*losses, *(name for name in MEASURES if name in told)]
    if metric is None and losses:
        return losses[0]
    if not there:
        mend = "wait for the first net, or look for why they diverged"
        raise StoreError("no net has ended yet", _WHERE, mend)
    if metric not in there:
        raise UsageError(f"no net has a metric {metric!r}", _WHERE, nearest(str(metric), there))
    return metric


def _values(
    fits: pa.Table, tasks: pa.Table, which: Trained, metric: str, task: str, share: float
) -> np.ndarray:
    """Return one value a net, `(s,)`, finite."""
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
    """Return the edges of bins after Freedman and Diaconis (1981), neither few nor very many."""
    low, high = float(values.min()), float(values.max())
    if low == high:
        return np.linspace(low - 0.5, high + 0.5, _BINS[0] + 1)
    n = len(np.histogram_bin_edges(values, "fd")) - 1 if len(values) > 1 else 1
    return np.linspace(low, high, min(max(n, _BINS[0]), _BINS[1]) + 1)


def _draw(axes: "Axes", values: np.ndarray, bins: np.ndarray, look: Look, between: str) -> None:
    colour = look.style.colour
    axes.hist(values, bins.tolist(), color=colour, alpha=0.55, linewidth=0)
    axes.plot(
        values, np.full(len(values), -0.04), "|", color=colour, markersize=6, clip_on=False,
        transform=axes.get_xaxis_transform(), alpha=0.8,
    )  # fmt: skip
    told = f"n = {len(values)}"
    if len(values):
        axes.axvline(float(values.mean()), color="#222222", linewidth=1)
        told = f"mean {signed(float(values.mean()), '.3g')}, {told}"
    if len(values) > 1:
        told = told.replace(", n", f", sd {values.std(ddof=1):.2g}, n")
    axes.set_title(f"{look.label}{between}{told}", loc="left", fontsize=8.5)
    axes.locator_params(axis="y", integer=True, nbins=3)
    axes.locator_params(axis="x", nbins=5)
    axes.tick_params(labelsize=8)
    axes.tick_params(axis="x", pad=6)
