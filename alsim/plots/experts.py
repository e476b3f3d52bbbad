"""A net's metric by how many of its experts run: which experts are worth their cost?"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from alsim.analysis.statistics.bands import BandKind
from alsim.analysis.statistics.intervals import Bounds, bounds_of
from alsim.analysis.training.values import (
    TOP,
    Trained,
    choose_fraction,
    choose_metric,
    choose_tasks,
    expert_curve,
    net_means,
)
from alsim.errors import StoreError
from alsim.measures import SHARES
from alsim.plots.drawing.edges import edges_of
from alsim.plots.drawing.figures import Drawing, finished, make_figure, own_style
from alsim.plots.drawing.lines import Line, Look, band_opacity, draw_line, seeds_in_words
from alsim.plots.drawing.of_trainings import (
    DrawableTraining,
    labels_in_words,
    looks_of_nets,
    nets_of,
    study_warnings,
)
from alsim.plots.drawing.page import points
from alsim.plots.drawing.records import Record, numbers_of, records_of_lines
from alsim.plots.drawing.words import axis_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WHERE = "alsim plot --kind experts"
_MARKERS = {"task-k": "o", "mean-k": "s", "round": "^", "sample": "v", "soft": "P", "all": "D"}


@own_style()
def draw_experts(
    study: DrawableTraining,
    *,
    metric: str | None = None,
    band: BandKind = "t",
    title: str | None = None,
    task: str | None = None,
    fraction: float | None = None,
) -> Drawing:
    """Return a metric against the experts that run for a task; Yan et al. (2019), Fig. 2.

    For a net with stochastic gates, the evaluations with each task's K most likely experts,
    "top-K", form a line; the others are marks, at the mean number of experts over tasks and seeds.
    A model without such gates is a horizontal line: all of its experts run.
    Bands are drawn about the line, and as bars about the marks.

    Raises:
        UsageError: If there is no such metric, task or fraction.
        StoreError: If no net was evaluated by stochastic gates.
    """
    tasks = study.tasks
    metric = choose_metric(tasks, metric, _WHERE)
    names = choose_tasks(tasks, metric, task, _WHERE)
    share = choose_fraction(tasks, fraction, _WHERE)
    which = nets_of(study, tasks)
    looks = looks_of_nets(which)
    warnings = study_warnings(study)
    if not any(way for each in which for _, way in net_means(tasks, each, metric, names)):
        raise StoreError(
            "no net of the study has stochastic gates to choose experts by",
            str(study.folder),
            "train one that has, and evaluate it in several ways: "
            "alsim train --model multi-cluster --evaluation task-k,mean-k,all,top-1,top-5",
        )
    figure = make_figure(7.6, max(4.4, 1.4 + 0.2 * (len(which) + len(_MARKERS))))
    axes = figure.add_subplot()
    n_seeds: list[int] = []
    records: list[Record] = []
    shown: set[str] = set()
    has_levels = False
    for each in which:
        line = expert_curve(tasks, each, metric, names, share)
        if line is not None:
            edges = edges_of(line.values, band, bounds_of(metric))
            drawn = Line(looks[each].label, line, looks[each].style, band, edges)
            draw_line(axes, drawn, opacity=band_opacity(len(which)))
            records += records_of_lines([drawn], metric, "experts", who="net")
            n_seeds.append(len(line.seeds))
        for way, at, values in _marks(study, each, metric, names, share):
            n_seeds.append(len(values))
            edges = edges_of(values[:, None], band, bounds_of(metric))
            (numbers,) = numbers_of(values[:, None], edges)
            mark: dict[str, str | float | None] = {"net": looks[each].label, "metric": metric}
            mark |= {"evaluation": way, "experts": None if np.isnan(at) else at}
            records.append({**mark, **numbers})
            if not way:
                has_levels = True
                _draw_level(axes, values, looks[each])
                continue
            shown.add(way)
            _draw_mark(axes, at, values, way, looks[each], band, bounds_of(metric))
    axes.set_xlabel("experts that run for a task", fontsize=points(9))
    axes.set_ylabel(axis_label(metric, [study]), fontsize=points(9))
    axes.locator_params(axis="x", integer=True)
    axes.set_xlim(left=0)
    if metric in SHARES:
        bottom, top = axes.get_ylim()
        axes.set_ylim(max(bottom, 0.0), min(top, 1.0))
    axes.tick_params(labelsize=points(8))
    _write_legend(axes, [looks[each] for each in which], shown)
    of = names[0] if len(names) == 1 else f"mean of {len(names)} tasks"
    above = title or f"{of}, {labels_in_words(study, share)}"
    levels = "levels: models without such gates; " if has_levels else ""
    seeds = seeds_in_words(n_seeds, band)
    note = f"lines: each task's K likeliest; {levels}{seeds}"
    return finished(figure, warnings, title=above, footnote=note, axes=axes, records=records)


def _marks(
    study: DrawableTraining, which: Trained, metric: str, names: Sequence[str], share: float
) -> list[tuple[str, float, np.ndarray]]:
    """Return each evaluation except top-K, its number of experts, and one value per seed."""
    experts = net_means(study.tasks, which, "n_experts", names)
    found: list[tuple[str, float, np.ndarray]] = []
    for (fraction, way), values in net_means(study.tasks, which, metric, names).items():
        if fraction == share and not way.startswith(TOP):
            at = list(experts.get((fraction, way), {}).values())
            found.append((way, float(np.mean(at)) if at else np.nan, np.array([*values.values()])))
    return found


def _draw_mark(
    axes: "Axes", x: float, values: np.ndarray, way: str, look: Look, band: BandKind, within: Bounds
) -> None:
    axes.plot(
        x,
        values.mean(),
        marker=_MARKERS.get(way, "X"),
        color=look.style.colour,
        markeredgecolor="#222222",
        markeredgewidth=points(0.7),
        markersize=points(8),
        linestyle="",
        zorder=4,
        clip_on=False,
    )
    edges = edges_of(values[:, None], band, within)
    if edges is not None:
        axes.vlines(x, *edges, color=look.style.colour, linewidth=points(1.1), zorder=3)


def _draw_level(axes: "Axes", values: np.ndarray, look: Look) -> None:
    axes.axhline(
        float(values.mean()),
        color=look.style.colour,
        linestyle=look.style.dashes,
        linewidth=points(1.2),
        label=look.label,
        zorder=1.5,
    )


def _write_legend(axes: "Axes", looks: Sequence[Look], shown: set[str]) -> None:
    from matplotlib.lines import Line2D

    models = [
        Line2D([], [], color=look.style.colour, linestyle=look.style.dashes, label=look.label)
        for look in looks
    ]
    marks = [
        Line2D([], [], color="#888888", marker=marker, linestyle="", label=way)
        for way, marker in _MARKERS.items()
        if way in shown
    ]
    axes.figure.legend(
        handles=[*models, *marks], loc="outside right upper", frameon=False, fontsize=points(8.5)
    )
