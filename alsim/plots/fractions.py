"""The models' metric against the number of labels: a panel per task, and first their mean."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from alsim.analysis.statistics.bands import BandKind
from alsim.analysis.statistics.intervals import bounds_of
from alsim.analysis.training.values import choose_metric, choose_tasks, fractions_in, label_curve
from alsim.errors import StoreError
from alsim.measures import SHARES
from alsim.plots.drawing.edges import edges_of
from alsim.plots.drawing.figures import Drawing, finished, make_panels, own_style
from alsim.plots.drawing.lines import (
    Line,
    band_opacity,
    draw_line,
    footnote,
    limits,
    write_legend,
)
from alsim.plots.drawing.names import shortened
from alsim.plots.drawing.of_trainings import (
    DrawableTraining,
    looks_of_nets,
    nets_of,
    study_warnings,
)
from alsim.plots.drawing.page import points
from alsim.plots.drawing.records import records_of_lines
from alsim.plots.drawing.words import axis_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WHERE = "alsim plot --kind fractions"
_WIDE = 8  # ratio of the last to the first number of labels from which the axis is logarithmic
_TICKS = 6  # up to this many numbers of labels, each has a tick


@own_style()
def draw_fractions(
    study: DrawableTraining,
    *,
    metric: str | None = None,
    band: BandKind = "t",
    title: str | None = None,
    task: str | None = None,
) -> Drawing:
    """Return a metric against the number of labels, one line per model; Yan et al. (2019), Fig. 1.

    Stochastic gates are evaluated in the way that also stopped training. A task's panel counts its
    own labels, the panel of the mean those of all tasks.

    Raises:
        UsageError: If there is no such metric or task.
        StoreError: If there is nothing to draw.
    """
    metric = choose_metric(study.tasks, metric, _WHERE)
    names = choose_tasks(study.tasks, metric, task, _WHERE)
    which = nets_of(study, study.tasks)
    looks = looks_of_nets(which)
    panels = [(f"mean of {len(names)} tasks", names)] * (len(names) > 1)
    panels += [(name, (name,)) for name in names]
    warnings, drawn = study_warnings(study), list[list[Line]]()
    for _, of in panels:
        lines: list[Line] = []
        for each in which:
            curve = label_curve(study.tasks, each, metric, of)
            if curve is not None:
                edges = edges_of(curve.values, band, bounds_of(metric))
                look = looks[each]
                lines.append(Line(look.label, curve, look.style, band, edges, look.marker))
                lacking = f"{look.label}: seeds that lack a fraction are left out"
                warnings += [lacking] * (curve.is_cut and lacking not in warnings)
        drawn.append(lines)
    if not any(drawn):
        mend = "wait until a seed has been trained on each fraction"
        raise StoreError(f"there is no {metric} to draw", str(study.folder), mend)
    is_dots = len(fractions_in(study.tasks)) == 1
    if is_dots:
        warnings.append(
            "one fraction of the labels, so one point per model; for lines: alsim train "
            "--fractions 0.1,0.5,1"
        )
    is_share = metric in SHARES
    n, n_columns = len(panels), min(4, len(panels))
    figure, axes_of = make_panels(
        shortened([name for name, _ in panels]),
        n_columns,
        around=(5.0, 2.1) if n == 1 else (2.4, 1.3),
        each=(2.6, 2.3),
        ylabel=axis_label(metric, [study]),
    )
    limits_of = _limits_of_dots if is_dots else limits
    seen = [limits_of(lines, is_share=is_share) for lines in drawn if lines]
    span = max(top - bottom for bottom, top in seen)
    span = min(span, 1.0) if is_share else span
    for place, (axes, (_, of), lines) in enumerate(zip(axes_of, panels, drawn, strict=True)):
        for line in _dodged(lines) if is_dots else lines:
            draw_line(axes, line, opacity=band_opacity(len(lines)))
        if lines:
            bottom, top = limits_of(lines, is_share=is_share)
            top = (bottom + top + span) / 2
            top = max(min(top, 1.0), span) if is_share else top
            axes.set_ylim(top - span, top)
            for drawn_line in axes.lines:  # a mean of 1 lies on the edge
                drawn_line.set_clip_on(str(drawn_line.get_label()).startswith("_"))
            (_hide_places if is_dots else _format_labels)(axes, lines)
        words = "labels of all tasks" if len(of) > 1 else "labels"
        if is_dots and lines:
            sizes = [round(float(line.curve.x[0])) for line in lines]
            least, most = min(sizes), max(sizes)
            words = f"{least:,}{f' to {most:,}' * (least < most)} {words}"
        if is_dots or place + n_columns >= n or len(of) > 1:
            axes.set_xlabel(words, fontsize=points(9))
    write_legend(figure, axes_of, looks.values(), handlelength=3.2)
    same = "; panels of one scale, each at its own height" if n > 1 else ""
    every = [line.curve for lines in drawn for line in lines]
    records = [
        record
        for (name, _), lines in zip(panels, drawn, strict=True)
        for record in records_of_lines(lines, metric, "n_labelled", who="net", panel=("task", name))
    ]
    note = footnote(every, band) + same
    return finished(figure, warnings, title=title, footnote=note, records=records)


def _dodged(lines: Sequence[Line]) -> list[Line]:
    """Return lines of one point side by side, in their order."""
    return [
        replace(line, curve=replace(line.curve, x=np.array([float(place)])))
        for place, line in enumerate(lines)
    ]


def _limits_of_dots(lines: Sequence[Line], *, is_share: bool) -> tuple[float, float]:
    """Return limits that show every mean with its whole interval; for shares within 0 … 1."""
    shown = [line.curve.mean for line in lines]
    shown += [edge for line in lines for edge in line.edges or ()]
    shown += [line.curve.values for line in lines if line.band == "seeds"]
    low, high = min(float(s.min()) for s in shown), max(float(s.max()) for s in shown)
    if is_share:
        low, high = max(low, 0.0), min(high, 1.0)
    room = 0.04 * (high - low or abs(high) * 0.1 or 0.1)
    return (max(low - room, 0.0), min(high + room, 1.0)) if is_share else (low - room, high + room)


def _hide_places(axes: "Axes", lines: Sequence[Line]) -> None:
    """Leave room about the points and hide their x positions, which have no meaning."""
    axes.set_xlim(-0.8, len(lines) - 0.2)
    axes.set_xticks([])


def _format_labels(axes: "Axes", lines: Sequence[Line]) -> None:
    """Format the axis of labels, logarithmic for a wide range, with ticks at the numbers used."""
    from matplotlib.ticker import FixedLocator, NullFormatter, NullLocator, StrMethodFormatter

    places = np.unique(np.concatenate([line.curve.x for line in lines]))
    if places[0] > 0 and places[-1] / places[0] >= _WIDE:
        axes.set_xscale("log")
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_minor_formatter(NullFormatter())
        if len(places) > _TICKS:
            places = places[np.linspace(0, len(places) - 1, 4).round().astype(int)]
        axes.xaxis.set_major_locator(FixedLocator(places.tolist()))
    else:
        axes.locator_params(axis="x", integer=True, nbins=4)
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
