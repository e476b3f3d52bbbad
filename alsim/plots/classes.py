"""Accuracy by class over the labels: one heat map per strategy."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from alsim.analysis.curves.recalls import Recalls, minus_baseline, recalls
from alsim.analysis.curves.runs import check_units, named
from alsim.errors import StoreError, UsageError
from alsim.plots.drawing.baselines import pair_up
from alsim.plots.drawing.figures import Drawing, finished, make_panels, own_style
from alsim.plots.drawing.lines import Look, format_x, looks_of, seeds_in_words
from alsim.plots.drawing.names import shortened
from alsim.plots.drawing.of_runs import DrawableRun, baseline_of, differences, distinct, label_of
from alsim.plots.drawing.page import page, points
from alsim.plots.drawing.pool_classes import pool_classes
from alsim.plots.drawing.records import whole
from alsim.plots.drawing.words import split_in_words, x_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import QuadMesh
    from matplotlib.figure import Figure

_KIND = "classes"
_COLUMNS = 4
_SEEN = 98  # percentile of the differences at which the colour scale ends
_UNKNOWN = "#D9D9D9"
_MOST = 30  # classes that are drawn
_REST = ""  # the row between the extremes, where more are left out


@own_style()
def draw_classes(
    runs: Sequence[DrawableRun],
    *,
    title: str | None = None,
    baseline: str | None = None,
    relative: bool = False,
) -> Drawing:
    """Return the mean recall of each class over the labels, one heat map per strategy.

    Classes are sorted from the most frequent in the pool, at the top, to the least; those without
    an evaluated row are left out, with a warning. Of more than 30 the extremes are drawn, sorted by
    their last value, mean over the strategies. All panels share one colour scale.
    With a `baseline` or `relative` they are differences to it, in pairs by seed.

    Raises:
        UsageError: If the runs use different pools or units, or there is no such baseline.
        StoreError: If a run has no recall by class, as in older versions.
    """
    check_units("labels", runs, "draw runs of one unit")
    unique = distinct(runs)
    warnings = differences(unique)
    pool = pool_classes(unique, _KIND, warnings)
    found = [
        (name, run, {each.strategy: each for each in _recalls_of(run)})
        for name, run in named(unique)
    ]
    is_relative = relative or baseline is not None
    if is_relative:
        pairs, borrowed = pair_up(found, baseline, _KIND)
        warnings += borrowed
        looks = looks_of([pair.key for pair in pairs], unique)
        lesser = [(looks[p.key], minus_baseline(p.mine, p.baseline)) for p in pairs]
        shown = [(look, each) for look, each in lesser if each is not None]
        if not shown:
            raise UsageError(
                "no strategy shares seeds and labels with the baseline",
                f"alsim plot --kind {_KIND}",
                "run them with the same --seeds and sizes",
            )
    else:
        keys = [(name, strategy) for name, _, mine in found for strategy in mine]
        looks = looks_of(keys, unique)
        shown = [(looks[name, s], each) for name, _, mine in found for s, each in mine.items()]
    measured = {label for _, each in shown for label in each.classes}
    rows = [name for name in pool if name in measured]
    if lost := len(pool) - len(rows):
        words = "1 class" if lost == 1 else f"{lost} classes"
        verb = "is" if lost == 1 else "are"
        warnings.append(f"{words} without a row on {split_in_words(unique)} {verb} left out")
    shown = page().in_order(shown, lambda each: each[1].strategy)
    other = label_of(baseline_of(unique, baseline)) if is_relative else None
    drawn = _extremes(shown, rows)
    figure = _figure(shown, drawn, other, x_label("labels", unique))
    n_left_out = len(rows) - len(drawn) + 1 if _REST in drawn else 0
    note = _footnote(shown, split_in_words(unique), n_left_out, is_relative=is_relative)
    measure = f"recall minus {other}" if is_relative else "recall"
    records = [
        {"strategy": look.label, "class": name, "n_labelled": whole(n), measure: _or_none(value)}
        for look, each in shown
        for name, means in zip(rows, _grid(each, rows).tolist(), strict=True)
        for n, value in zip(each.n_labelled.tolist(), means, strict=True)
    ]
    return finished(figure, warnings, title=title, footnote=note, records=records)


def _or_none(value: float) -> float | None:
    return None if np.isnan(value) else value


def _extremes(shown: Sequence[tuple[Look, Recalls]], rows: Sequence[str]) -> list[str]:
    """Return the classes to draw: all, or the highest and the lowest, the best first."""
    if len(rows) <= _MOST:
        return list(rows)
    last = np.array([_grid(each, rows)[:, -1] for _, each in shown])
    known = np.where(np.isfinite(last), last, 0.0).mean(axis=0)
    order: list[str] = [rows[int(k)] for k in np.argsort(-known, kind="stable")]
    return [*order[: _MOST // 2], _REST, *order[-_MOST // 2 :]]


def _recalls_of(run: DrawableRun) -> tuple[Recalls, ...]:
    metrics = run.metrics
    found = recalls(run.steps, metrics) if "label" in metrics.column_names else ()
    if not any(each.values.size for each in found):
        raise StoreError(
            "the run has no accuracy by class",
            str(run.folder),
            "run it again into another folder, since older versions did not record it: "
            "alsim run --out FOLDER",
        )
    return found


def _figure(
    shown: Sequence[tuple[Look, Recalls]], rows: Sequence[str], baseline: str | None, xlabel: str
) -> "Figure":
    from matplotlib import colormaps

    grids = [_grid(each, rows) for _, each in shown]
    n_columns = min(_COLUMNS, len(shown))
    figure, panels = make_panels(
        [look.label for look, _ in shown],
        n_columns,
        around=(3.5 if n_columns == 1 else 2.6, 1.3),
        each=(2.5, max(2.2, 0.13 * len(rows)) + 0.5),
        xlabel=xlabel,
        sharey=True,
    )
    if baseline is None:
        scale: Mapping[str, Any] = {"cmap": "cividis", "vmin": 0.0, "vmax": 1.0}
        words, extend = "recall", "neither"
    else:
        most = float(np.nanpercentile(np.abs(np.concatenate([g.ravel() for g in grids])), _SEEN))
        most = most or 1.0
        scale = {"cmap": "PuOr_r", "vmin": -most, "vmax": most}
        words, extend = f"recall, minus {baseline}", "both"
    colours = colormaps[str(scale["cmap"])].with_extremes(bad=_UNKNOWN)
    maps = [
        _draw_map(axes, each.n_labelled, grid, {**scale, "cmap": colours})
        for axes, (_, each), grid in zip(panels, shown, grids, strict=True)
    ]
    panels[0].set_ylim(len(rows) - 0.5, -0.5)
    for axes in panels[::n_columns]:
        named = [place for place, name in enumerate(rows) if name != _REST]
        axes.set_yticks(named, shortened([rows[k] for k in named]), fontsize=points(7))
    bar = figure.colorbar(maps[0], ax=panels, extend=extend, aspect=40, pad=0.02)
    bar.set_label(words, fontsize=points(9))
    return figure


def _grid(each: Recalls, rows: Sequence[str]) -> NDArray[np.float64]:
    """Return the mean recalls of some classes, `(rows, p)`, NaN if there is none."""
    mean = each.mean
    grid = np.full((len(rows), mean.shape[1]), np.nan)
    for row, name in enumerate(rows):
        if name in each.classes:
            grid[row] = mean[each.classes.index(name)]
    return grid


def _draw_map(
    axes: "Axes",
    n_labelled: NDArray[np.float64],
    grid: NDArray[np.float64],
    scale: Mapping[str, Any],
) -> "QuadMesh":
    """Draw a panel: one column per label count, reaching half-way to its neighbours."""
    middles = (n_labelled[1:] + n_labelled[:-1]) / 2
    ends = (
        (2 * n_labelled[0] - middles[0], 2 * n_labelled[-1] - middles[-1])
        if middles.size
        else (n_labelled[0] - 0.5, n_labelled[0] + 0.5)
    )
    columns = np.concatenate([ends[:1], middles, ends[1:]])
    rows = np.arange(len(grid) + 1) - 0.5
    # Rasterised, since tens of thousands of cells would be too many shapes in a vector format.
    image = axes.pcolormesh(columns, rows, np.ma.masked_invalid(grid), rasterized=True, **scale)
    axes.grid(visible=False)
    axes.tick_params(axis="y", length=0)
    format_x(axes, "labels", nbins=3)
    return image


def _footnote(
    shown: Sequence[tuple[Look, Recalls]], split: str, n_left_out: int, *, is_relative: bool
) -> str:
    seeds = seeds_in_words([len(each.seeds) for _, each in shown], "none")
    text = f"share of a class's rows on {split} that is found, {seeds}; "
    text += (
        f"the {_MOST // 2} classes with the highest and the lowest last values, {n_left_out} "
        "between are left out"
        if n_left_out
        else "classes by their rows in the pool, most on top"
    )
    return text + ("; the largest 2 % lie beyond the colour scale" if is_relative else "")
