"""Curves with their bands, for all plots with lines."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from alsim.analysis.curve import Curve
from alsim.analysis.curves.curves import X_COLUMNS, XAxis
from alsim.analysis.statistics.bands import BandKind, Edges
from alsim.analysis.statistics.intervals import Bounds, bounds_of
from alsim.errors import UsageError
from alsim.measures import MEASURES
from alsim.plots.drawing.edges import edges_of, edges_over_curves
from alsim.plots.drawing.figures import Drawing, finished, make_figure
from alsim.plots.drawing.labels import LABEL_POINTS, EndLabel, Placed, label_ends
from alsim.plots.drawing.levels import Level, draw_level
from alsim.plots.drawing.names import as_labels
from alsim.plots.drawing.of_runs import (
    DrawableRun,
    baseline_of,
    called,
    is_control,
    strategies_of,
)
from alsim.plots.drawing.page import in_range, page, points, set_axes
from alsim.plots.drawing.records import records_of_lines
from alsim.plots.drawing.style import BASELINE_STYLE, LineStyle, line_styles

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Key = tuple[str, str]  # a run's name, a strategy

FEW_POINTS = 12  # up to this number each point is marked
FEW_LINES = 4  # up to this number bands may be darker
_BANDS: Mapping[BandKind, str] = {
    "t": "; band: pointwise 95 % t-interval",
    "simultaneous": "; 95 % band over the whole curve",
    "bootstrap": "; band: pointwise 95 % percentile bootstrap over seeds, too narrow for so few",
    "sd": "; band: ± one standard deviation of the seeds at each point, no interval of the mean",
    "seeds": "; thin lines: the seeds",
    "none": "",
}


@dataclass(frozen=True, slots=True)
class Look:
    """The label, style and marker of a strategy of a run."""

    label: str
    style: LineStyle
    marker: str = "o"


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """One curve with its label, style, marker and the edges of its band."""

    label: str
    curve: Curve
    style: LineStyle
    band: BandKind
    edges: Edges | None
    marker: str = "o"

    def plain(self) -> "Line":
        """Return the line without its band."""
        return replace(self, band="none", edges=None)


def looks_of(keys: Sequence[Key], runs: Sequence[DrawableRun]) -> dict[Key, Look]:
    """Return the look of each strategy; its label names the run if there are several."""
    styles = line_styles(keys, page().everyone or strategies_of(runs), baseline_of(runs))
    names = [(name, called(strategy)) for name, strategy in keys]
    labels = as_labels([s if len(runs) == 1 else f"{s} · {name}" for name, s in names])
    return {key: Look(label, styles[key]) for key, label in zip(keys, labels, strict=True)}


def make_lines(
    found: Sequence[tuple[Look, Curve]],
    kind: BandKind,
    x: XAxis,
    warnings: list[str],
    cut: str = "drawn only where all of its seeds have a value",
    within: Bounds | None = None,
) -> list[Line]:
    """Return the lines that can be drawn; warn about the others.

    `cut` is the warning for a curve that is drawn in part; `within` is the range of possible
    values, by default that of the metric.
    """
    lines: list[Line] = []
    over = dict[str, Edges]()
    if kind == "simultaneous":
        named = [(look.label, curve) for look, curve in found if curve.x.size]
        over = edges_over_curves(named, within or bounds_of(named[0][1].metric)) if named else {}
    for look, curve in found:
        if not curve.x.size:
            what = "label count" if x == "labels" else f"range of {x}"
            warnings.append(f"{look.label}: not drawn, its seeds have no {what} in common")
            continue
        if curve.is_cut:
            warnings.append(f"{look.label}: {cut}")
        seen = in_range(curve.x)
        curve = _only(curve, seen)
        if not curve.x.size:
            warnings.append(f"{look.label}: not drawn, it has no point in the range of --x-range")
            continue
        if kind == "simultaneous":
            low, high = over[look.label]
            edges = low[seen], high[seen]
        else:
            edges = edges_of(curve.values, kind, within or bounds_of(curve.metric))
        lines.append(Line(look.label, curve, look.style, kind, edges))
    if not lines:
        refuse_nothing([curve.x for _, curve in found])
    return lines


def refuse_nothing(places: Sequence[NDArray[np.float64]]) -> None:
    """Raise a UsageError if the limits of the axis leave no point of these curves."""
    every = np.concatenate([np.empty(0), *places])
    if every.size and not in_range(every).any():
        mend = f"the curves go from {every.min():,.6g} to {every.max():,.6g}"
        raise UsageError("no point lies in the range of the axis", "alsim plot --x-range", mend)


def _only(curve: Curve, seen: NDArray[np.bool_]) -> Curve:
    """Return the points of a curve that the axis shows, so that its label stands at their end."""
    return curve if seen.all() else replace(curve, x=curve.x[seen], values=curve.values[:, seen])


def few_bands(lines: Sequence[Line]) -> list[Line]:
    """Return lines of which, where there are many, only the best and the baseline have a band.

    Overlapping bands would hide each other. The best ends highest, or lowest where less is better.
    """
    if len(lines) <= FEW_LINES or not any(line.edges for line in lines):
        return list(lines)
    metric = lines[0].curve.metric
    is_loss = metric in MEASURES and not MEASURES[metric].more_is_better
    best = (min if is_loss else max)(lines, key=lambda line: float(line.curve.mean[-1]))
    grey = BASELINE_STYLE.colour
    return [e if e is best or e.style.colour == grey else e.plain() for e in lines]


def draw_figure(
    lines: Sequence[Line],
    *,
    warnings: Sequence[str],
    ylabel: str,
    xlabel: str,
    x: XAxis,
    is_share: bool,
    number: str,
    title: str | None,
    zero: str | None = None,
    note: str = "",
    levels: Sequence[Level] = (),
) -> Drawing:
    """Return a drawing with one panel, each curve with a label at its end.

    `number` is the format of the values in the labels, `zero` the label of a line at 0, if any,
    `note` the beginning of the footnote, and `levels` are drawn from side to side.
    """
    words = note + footnote([line.curve for line in lines], lines[0].band)
    metric = lines[0].curve.metric + ("" if zero is None else f" minus {zero}")
    records = records_of_lines(lines, metric, X_COLUMNS[x])
    records += [level.record(metric, X_COLUMNS[x]) for level in levels]
    lines = few_bands(lines)

    def draw(axes: "Axes") -> None:
        for line in lines:
            draw_line(axes, line, opacity=band_opacity(len(lines)))
        for level in levels:
            draw_level(axes, level)

    include = [level.height for level in levels] + [0.0] * (zero is not None)
    within = limits(lines, is_share=is_share, include=include)
    ends = ends_of(lines, number)
    ends += [level.end(max(end.x for end in ends), number) for level in levels]
    figure, axes, placed = draw_ends(draw, ends, within, x, (xlabel, ylabel), zero)
    return finished(
        figure, warnings, title=title, footnote=words, axes=axes, ends=placed, records=records
    )


def ends_of(lines: Sequence[Line], number: str) -> list[EndLabel]:
    """Return the labels of curves where they end, with the values there in a format."""
    return [
        EndLabel(
            line.label,
            signed(line.curve.mean[-1], number),
            float(line.curve.x[-1]),
            float(line.curve.mean[-1]),
            line.style,
        )
        for line in lines
    ]


def draw_ends(
    draw: Callable[["Axes"], None],
    ends: Sequence[EndLabel],
    within: tuple[float, float],
    x: XAxis,
    labels: tuple[str, str],
    zero: str | None,
) -> "tuple[Figure, Axes, list[Placed]]":
    """Return a figure with one panel, that panel, and its labels where its curves end.

    `within` are the limits of the y axis, `labels` those of both axes; `zero` as in `draw_figure`.
    """
    height = max(4.4, 1.3 + len(ends) * LABEL_POINTS / 72)
    figure = make_figure(7.6, height)
    axes = figure.add_subplot()
    draw(axes)
    axes.margins(x=0.015)
    axes.set_ylim(*within)
    if zero is not None:
        draw_zero(axes, zero)
    format_x(axes, x)
    axes.set_xlabel(labels[0])
    axes.set_ylabel(labels[1])
    return figure, axes, label_ends(axes, ends)


def signed(value: float, number: str) -> str:
    """Return a formatted number with a minus sign (−), as matplotlib writes it."""
    return f"{value:{number}}".replace("-", "−")


def band_opacity(n_lines: int) -> float:
    """Return the opacity of bands, given the number of lines."""
    return 0.14 if n_lines <= FEW_LINES else 0.09


def draw_line(axes: "Axes", line: Line, opacity: float) -> None:
    """Draw a mean curve with its band or its seeds."""
    curve, style = line.curve, line.style
    axes.plot(
        curve.x,
        curve.mean,
        color=style.colour,
        linestyle=style.dashes,
        marker=line.marker if curve.x.size <= FEW_POINTS else "",
        markersize=points(4),
        label=line.label,
        zorder=3,
    )
    if line.band == "seeds" and len(curve.values) > 1:
        marker = "." if curve.x.size == 1 else ""
        for values in curve.values:
            axes.plot(
                curve.x, values, color=style.colour, linewidth=points(0.7), alpha=0.55,
                marker=marker, label="_seed", zorder=2,
            )  # fmt: skip
    if line.edges is None:
        return
    low, high = line.edges
    if curve.x.size == 1:  # an area over one point would be invisible
        axes.vlines(curve.x, low, high, color=style.colour, linewidth=points(1), zorder=2)
    else:
        axes.fill_between(
            curve.x, low, high, color=style.colour, alpha=opacity, linewidth=0, zorder=2
        )


def draw_zero(axes: "Axes", words: str) -> None:
    """Draw a labelled line at 0."""
    axes.axhline(0, color="#444444", linewidth=points(0.9), zorder=1.5, label="_zero")
    axes.annotate(
        words,
        (1, 0),  # at the right, since all curves begin at 0 at the left
        xycoords=("axes fraction", "data"),
        xytext=(points(-2), points(3)),
        textcoords="offset points",
        ha="right",
        fontsize=points(7.5),
        color="#444444",
        bbox={"facecolor": "white", "alpha": 0.75, "linewidth": 0, "pad": 0.6},
        zorder=1.6,  # behind the curves
    )


def write_legend(
    figure: "Figure",
    panels: Sequence["Axes"],
    looks: Iterable[Look],
    handlelength: float | None = None,
) -> None:
    """Write a legend at the right of all panels, in the order of the looks, of the lines drawn."""
    handles = {line.get_label(): line for axes in panels for line in axes.lines}
    labels = [look.label for look in looks if look.label in handles]
    figure.legend(
        [handles[label] for label in labels],
        labels,
        loc="outside right upper",
        frameon=False,
        fontsize=points(9),
        handlelength=handlelength,
    )


def format_x(axes: "Axes", x: XAxis, nbins: int = 8, *, with_y: bool = True) -> None:
    """Format an axis of labels, questions or cost, with the limits asked for, of y only if so."""
    from matplotlib.ticker import StrMethodFormatter

    set_axes(axes, y=with_y)  # a scale brings its own formatter
    # A cost can be a fraction; labels and questions are whole numbers.
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.6g}" if x == "cost" else "{x:,.0f}"))
    if page().x_scale == "linear":
        axes.locator_params(axis="x", integer=x != "cost", nbins=nbins)


def limits(
    lines: Sequence[Line], *, is_share: bool, include: Sequence[float] = ()
) -> tuple[float, float]:
    """Return limits that show every mean, and as much of the bands as keeps the means legible."""
    low = min([float(line.curve.mean.min()) for line in lines] + list(include))
    high = max([float(line.curve.mean.max()) for line in lines] + list(include))
    span = high - low or abs(high) * 0.1 or 0.1
    bottom, top = low, high
    for line in lines:
        seen = (line.curve.values,) * 2 if line.band == "seeds" else line.edges
        if seen is not None:
            bottom = min(bottom, float(seen[0].min()))
            top = max(top, float(seen[1].max()))
    # With two seeds an interval may be twelve deviations wide; a band over the whole curve is wide
    # by right.
    room = span if any(line.band == "simultaneous" for line in lines) else span / 2
    bottom, top = max(bottom, low - room) - span * 0.04, min(top, high + room) + span * 0.04
    if is_share:
        bottom, top = max(bottom, -span * 0.02), min(top, max(1.0, high) + span * 0.02)
    return bottom, top


def footnote(curves: Sequence[Curve], kind: BandKind) -> str:
    """Return a footnote that explains points and bands."""
    is_between = any(curve.is_interpolated for curve in curves)
    words = seeds_in_words([len(curve.seeds) for curve in curves], kind, is_interpolated=is_between)
    is_banded = kind not in ("seeds", "none") and _BANDS[kind] in words
    words += control_words(curves)
    is_few = is_banded and len({curve.strategy for curve in curves}) > FEW_LINES
    return words + ", of the best and the baseline alone" * is_few


def control_words(curves: Sequence[Curve]) -> str:
    """Return what goes on a footnote where the control is drawn: it has labels of its own."""
    is_there = any(is_control(curve.strategy) for curve in curves)
    return "; control: after as many steps as the others" if is_there else ""


def seeds_in_words(n_seeds: Sequence[int], kind: BandKind, *, is_interpolated: bool = False) -> str:
    """Return a text that explains points and bands, given the number of seeds of each line."""
    counts = sorted(set(n_seeds))
    if counts == [1]:
        return "one seed, so no band" if kind in ("t", "bootstrap", "sd") else "one seed"
    seeds = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    between = ", each linear between its steps" if is_interpolated else ""
    return f"mean of {seeds} seeds{between}{_BANDS[kind]}"
