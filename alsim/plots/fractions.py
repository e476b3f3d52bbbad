"""How models do with more labels: a panel for each task, and first one for their mean."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from alsim.analysis.bands import BandKind
from alsim.analysis.task_values import (
    choose_metric,
    choose_tasks,
    fractions_in,
    label_curve,
)
from alsim.errors import StoreError
from alsim.plots.figures import (
    Drawing,
    make_figure,
    make_panels,
    own_style,
    write_footnote,
    write_heading,
)
from alsim.plots.lines import (
    Line,
    band_opacity,
    draw_line,
    edges_of,
    footnote,
    limits,
)
from alsim.plots.trainings import (
    DrawableTraining,
    looks_of_nets,
    nets_of,
    only_study,
    study_warnings,
)
from alsim.plots.words import SHARES, axis_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WHERE = "alsim plot --kind fractions"
_WIDE = 8  # times as many labels at the end as at first, from which the axis is logarithmic
_TICKS = 6  # numbers of labels up to which each has its own tick


def draw_fractions(
    studies: Sequence[DrawableTraining],
    *,
    metric: str | None = None,
    band: BandKind = "t",
    title: str | None = None,
    task: str | None = None,
) -> Drawing:
    """Return a metric against the number of labels, a line a model; Yan et al. (2019), Fig. 1.

    Stochastic gates are evaluated as training was stopped by. In the panel of a task the labels
    are its own, in that of the mean those of all tasks.

    Args:
        studies: One.
        metric: accuracy, auc, mse or nll; None is the first of them that was measured.
        band: See `alsim.analysis.bands`.
        title: Above the panels.
        task: That one alone; None or "all" draws the mean and each.

    Raises:
        UsageError: If there are several studies, or no such metric or task.
        StoreError: If there is nothing to draw.
    """
    study = only_study(studies, "fractions")
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
                edges = edges_of(curve.values, band)
                lines.append(Line(looks[each].label, curve, looks[each].style, band, edges))
                told = f"{looks[each].label}: seeds that lack a fraction are left out"
                warnings += [told] * (curve.is_cut and told not in warnings)
        drawn.append(lines)
    if not any(drawn):
        mend = "wait until a seed has been trained on each fraction"
        raise StoreError(f"there is no {metric} to draw", str(study.folder), mend)
    if len(fractions_in(study.tasks)) == 1:
        warnings.append(
            "one fraction of the labels, so a point a model; for lines: alsim train --fractions "
            "0.1,0.5,1"
        )
    is_share = metric in SHARES
    n, n_columns = len(panels), min(4, len(panels))
    with own_style():
        size = (7.6, 4.4) if n == 1 else (2.4 + 2.6 * n_columns, 1.3 + 2.3 * -(-n // n_columns))
        figure = make_figure(*size)
        axes_of = make_panels(figure, n, n_columns, sharey=False)
        seen = [limits(lines, is_share=is_share) for lines in drawn if lines]
        span = max(top - bottom for bottom, top in seen)
        for place, (axes, (name, of), lines) in enumerate(zip(axes_of, panels, drawn, strict=True)):
            for line in lines:
                draw_line(axes, line, opacity=band_opacity(len(lines)))
            if lines:
                bottom, top = limits(lines, is_share=is_share)
                middle = (bottom + top) / 2
                axes.set_ylim(middle - span / 2, middle + span / 2)
                _format_labels(axes, lines)
            axes.set_title(name, loc="left", fontsize=9.5, parse_math=False)
            axes.tick_params(labelsize=8)
            words = "labels of all tasks" if len(of) > 1 else "labels"
            if place + n_columns >= n or len(of) > 1:
                axes.set_xlabel(words, fontsize=9)
            if place % n_columns == 0:
                axes.set_ylabel(axis_label(metric, [study]), fontsize=9)
        handles = {line.get_label(): line for axes in axes_of for line in axes.lines}
        labels = [look.label for look in looks.values() if look.label in handles]
        figure.legend(
            [handles[label] for label in labels],
            labels,
            loc="outside right upper",
            frameon=False,
            fontsize=9,
        )
        if title:
            write_heading(figure, title)
        same = "; panels of one scale, each at its own height" if n > 1 else ""
        every = [line.curve for lines in drawn for line in lines]
        write_footnote(figure, footnote(every, band) + same)
    return Drawing(figure, tuple(warnings))


def _format_labels(axes: "Axes", lines: Sequence[Line]) -> None:
    """Make the axis logarithmic where labels grow a lot, and write the numbers there are."""
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
