"""The classes of the queries against the pool's: does a strategy prefer rare classes?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from alsim.analysis.curves.query_mix import QueryMix, query_mixes
from alsim.analysis.curves.runs import named
from alsim.analysis.statistics.bands import BandKind, Edges
from alsim.analysis.statistics.intervals import NOT_NEGATIVE
from alsim.errors import StoreError
from alsim.plots.drawing.edges import edges_of
from alsim.plots.drawing.figures import Drawing, finished, make_figure, own_style
from alsim.plots.drawing.lines import Look, looks_of, seeds_in_words
from alsim.plots.drawing.names import shortened
from alsim.plots.drawing.of_runs import DrawableRun, baseline_of, differences, distinct
from alsim.plots.drawing.page import page, points
from alsim.plots.drawing.pool_classes import pool_classes
from alsim.plots.drawing.records import numbers_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MARKERS = "osD^vP<>"
_WIDEST = 12.0  # inches
_BESIDE = 2.6  # of them for the axis and the legend


@dataclass(frozen=True, slots=True, eq=False)
class _Mix:
    """The class mix of one strategy, its look, and the edges of its bars."""

    look: Look
    mix: QueryMix
    band: BandKind
    edges: Edges | None


@own_style()
def draw_queries(
    runs: Sequence[DrawableRun], *, band: BandKind = "t", title: str | None = None
) -> Drawing:
    """Return the share of each class among the queries divided by its share in the pool.

    Classes are sorted from the most to the least frequent; at 1 a class is queried as often as in
    the pool. The scale is logarithmic; a class that is never queried has an open mark at the
    bottom. The oracle's answers count, right or wrong, over all steps after the initial labels.
    Bands are bars, `seeds` small dots. Of more classes than fit, the most and the least queried are
    drawn, by the mean of all strategies but the baseline.

    Raises:
        UsageError: If the runs use different pools.
        StoreError: If a run does not record its pool's classes, or nothing was queried.
    """
    unique = distinct(runs)
    warnings = differences(unique)
    pool = pool_classes(unique, "queries", warnings)
    n_rows = sum(pool.values())
    found = [
        ((name, mix.strategy), mix)
        for name, run in named(unique)
        for mix in query_mixes(run.queries, pool)
    ]
    if not found:
        raise StoreError(
            "there is no query to draw beyond the initial labels",
            ", ".join(str(run.folder) for run in unique),
            "wait for the first query, or run again with a step or more: --steps 40",
        )
    found = page().in_order(found, lambda each: each[0][1])
    looks = looks_of([key for key, _ in found], unique)
    kept = _extremes([mix for _, mix in found], baseline_of(unique))
    n_left_out = len(pool) - len(kept)
    pool = {name: pool[name] for name in kept}
    found = [(key, mix.of(kept)) for key, mix in found]
    mixes = [
        _Mix(looks[key], mix, band, edges_of(mix.ratios, band, NOT_NEGATIVE)) for key, mix in found
    ]
    warnings += [
        f"{each.look.label}: {each.mix.n_left_out:,} answers with none of the classes drawn are "
        "left out"
        for each in mixes
        if each.mix.n_left_out
    ]
    figure, axes = _figure(mixes, pool, n_rows)
    note = _footnote(mixes, band, n_left_out)
    records = [
        {"strategy": each.look.label, "class": name, "share in the pool": n / n_rows, **numbers}
        for each in mixes
        for (name, n), numbers in zip(
            pool.items(),
            numbers_of(each.mix.ratios, each.edges, each.mix.seeds if band == "seeds" else ()),
            strict=True,
        )
    ]
    return finished(figure, warnings, title=title, footnote=note, axes=axes, records=records)


def _extremes(mixes: Sequence[QueryMix], baseline: str) -> list[str]:
    """Return the classes to draw: all that fit, or the most and the least queried, in order."""
    classes = list(mixes[0].classes)
    room = int((_WIDEST - _BESIDE) / _slot(len(mixes)))
    if len(classes) <= room:
        return classes
    of = [mix for mix in mixes if mix.strategy != baseline] or mixes
    order = np.argsort(-np.mean([mix.ratios.mean(axis=0) for mix in of], axis=0), kind="stable")
    half = room // 2
    return [classes[k] for k in sorted([*order[:half], *order[-half:]])]


def _slot(n_mixes: int) -> float:
    """Return the inches that a class takes."""
    return 0.12 + 0.025 * n_mixes


def _figure(mixes: Sequence[_Mix], pool: Mapping[str, int], n_rows: int) -> "tuple[Figure, Axes]":
    from matplotlib.ticker import LogLocator, NullFormatter, NullLocator, StrMethodFormatter

    figure = make_figure(max(7.6, _BESIDE + _slot(len(mixes)) * len(pool)), 5.0)
    axes = figure.add_subplot()
    bottom, top = _limits(mixes)
    axes.set_yscale("log")
    axes.set_ylim(bottom, top)
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=20))
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.grid(visible=False, axis="x")
    for place in range(0, len(pool), 2):  # shaded, to see which dots belong to a class
        axes.axvspan(place - 0.5, place + 0.5, color="#F5F5F5", linewidth=0, zorder=0)
    axes.axhline(1, color="#444444", linewidth=points(0.9), zorder=1.5, label="_one")
    for k, each in enumerate(mixes):
        offset = (k - (len(mixes) - 1) / 2) * 0.8 / len(mixes)
        _draw_mix(axes, each, offset, _MARKERS[k % len(_MARKERS)], bottom)
    axes.set_xlim(-0.5, len(pool) - 0.5)
    axes.set_xticks(
        range(len(pool)),
        [
            f"{name}  {100 * n / n_rows:.2g} %"
            for name, n in zip(shortened(list(pool)), pool.values(), strict=True)
        ],
        rotation=90,
        fontsize=points(7.5),
    )
    axes.tick_params(axis="x", length=0)
    axes.set_xlabel("class, and its share in the pool")
    axes.set_ylabel("share among queries / share in the pool")
    figure.legend(loc="outside right upper", frameon=False, fontsize=points(9))
    return figure, axes


def _draw_mix(axes: "Axes", each: _Mix, offset: float, marker: str, bottom: float) -> None:
    mean, colour = each.mix.ratios.mean(axis=0), each.look.style.colour
    place = np.arange(len(mean)) + offset
    is_asked = mean > 0
    axes.plot(
        place[is_asked], mean[is_asked], marker, color=colour, markersize=points(4),
        label=each.look.label, zorder=3,
    )  # fmt: skip
    if not is_asked.all():  # an empty unclipped line would widen the figure
        axes.plot(
            place[~is_asked], np.full((~is_asked).sum(), bottom), marker, color=colour,
            markersize=points(4), markerfacecolor="white", clip_on=False, label="_never", zorder=3,
        )  # fmt: skip
    if each.edges is not None:
        low, high = (edge[is_asked] for edge in each.edges)
        axes.vlines(
            place[is_asked],
            np.maximum(low, bottom),
            high,
            color=colour,
            linewidth=points(0.9),
            zorder=2,
        )
    if each.band == "seeds":
        for ratios in each.mix.ratios:
            axes.plot(
                place, np.maximum(ratios, bottom), ".", color=colour, markersize=points(2.5),
                alpha=0.6, label="_seed", zorder=2,
            )  # fmt: skip


def _limits(mixes: Sequence[_Mix]) -> tuple[float, float]:
    """Return limits that show every mean, 1, and bars and dots up to a factor of two beyond."""
    means = np.concatenate([each.mix.ratios.mean(axis=0) for each in mixes] + [np.ones(1)])
    low, high = float(means[means > 0].min()), float(means.max())
    around = np.concatenate(
        [means, *(edge.ravel() for each in mixes for edge in each.edges or ())]
        + [each.mix.ratios.ravel() for each in mixes if each.band == "seeds"]
    )
    bottom, top = float(around[around > 0].min()), float(around.max())
    return max(bottom, low / 2) / 1.2, min(top, high * 2) * 1.2


def _footnote(mixes: Sequence[_Mix], band: BandKind, n_left_out: int) -> str:
    words = seeds_in_words([len(each.mix.seeds) for each in mixes], band)
    words = words.replace("; band:", "; bars:").replace("no band", "no bars")
    never = any((each.mix.ratios.mean(axis=0) == 0).any() for each in mixes)
    words = words.replace("thin lines", "small dots") + "; open: never queried" * bool(never)
    left_out = f"; the most and the least queried classes, {n_left_out} between are left out"
    return words + left_out * bool(n_left_out)
