"""Small multiples of curves: one panel per measured place."""

from collections.abc import Sequence
from dataclasses import dataclass

from alsim.analysis.curve import Curve
from alsim.analysis.curves.curves import X_COLUMNS, XAxis
from alsim.analysis.curves.metric_curves import Place, metric_curves, places_of
from alsim.analysis.curves.runs import named
from alsim.analysis.statistics.bands import BandKind
from alsim.measures import SHARES
from alsim.plots.drawing.figures import Drawing, finished, make_panels, own_style
from alsim.plots.drawing.lines import (
    Key,
    Line,
    band_opacity,
    draw_line,
    few_bands,
    footnote,
    format_x,
    limits,
    looks_of,
    make_lines,
    write_legend,
)
from alsim.plots.drawing.of_runs import DrawableRun, differences
from alsim.plots.drawing.page import page
from alsim.plots.drawing.records import records_of_lines
from alsim.plots.drawing.words import axis_label, x_label


@dataclass(frozen=True, slots=True, eq=False)
class Panel:
    """One panel's title and contents."""

    title: str
    places: tuple[Place, ...]  # several: their mean is drawn


def places_in(runs: Sequence[DrawableRun], metric: str) -> tuple[Place, ...]:
    """Return the places at which any of the runs measured a metric, sorted."""
    return tuple(sorted({place for run in runs for place in places_of(run.metrics, metric)}))


@own_style()
def draw_panels(
    runs: Sequence[DrawableRun],
    metric: str,
    panels: Sequence[Panel],
    *,
    n_columns: int,
    band: BandKind,
    title: str | None,
    x: XAxis,
    ylabel: str | None = None,
) -> Drawing:
    """Return one panel for each place, with a line for each strategy of each run.

    Every panel has its own limits, but all have the same scale, so that equal gains look equal.
    """
    warnings, is_share = differences(runs), metric in SHARES
    found: list[list[tuple[Key, Curve]]] = [
        [
            ((name, curve.strategy), curve)
            for name, run in named(runs)
            for curve in metric_curves(run.steps, run.metrics, metric, panel.places, x)
        ]
        for panel in panels
    ]
    found = [page().in_order(each, lambda one: one[0][1]) for each in found]
    looks = looks_of(list(dict.fromkeys(key for each in found for key, _ in each)), runs)
    drawn: list[list[Line]] = []
    for curves in found:
        new: list[str] = []
        lines = make_lines([(looks[k], curve) for k, curve in curves], band, x, new)
        drawn.append(lines)
        warnings += [each for each in new if each not in warnings]  # most hold for every panel
    figure, axes_of = make_panels(
        [panel.title for panel in panels],
        n_columns,
        around=(1.9, 1.2),
        each=(2.6, 2.3),
        xlabel=x_label(x, runs),
        ylabel=ylabel or axis_label(metric, runs),
    )
    seen = [limits(few_bands(lines), is_share=is_share) for lines in drawn if lines]
    span = max((top - bottom for bottom, top in seen), default=1.0)
    for axes, lines in zip(axes_of, drawn, strict=True):
        for line in few_bands(lines):
            draw_line(axes, line, opacity=band_opacity(len(lines)))
        if lines:
            bottom, top = limits(few_bands(lines), is_share=is_share)
            middle = (bottom + top) / 2
            axes.set_ylim(middle - span / 2, middle + span / 2)
        format_x(axes, x, nbins=4)
    write_legend(figure, axes_of, looks.values())
    every = [line.curve for lines in drawn for line in lines]
    same = "; panels of one scale, each at its own height" if len(panels) > 1 else ""
    records = [
        record
        for panel, lines in zip(panels, drawn, strict=True)
        for record in records_of_lines(lines, metric, X_COLUMNS[x], panel=("panel", panel.title))
    ]
    note = footnote(every, band) + same
    return finished(figure, warnings, title=title, footnote=note, records=records)
