"""The gates of a trained net: each task's experts, their number, and which tasks agree."""

from typing import TYPE_CHECKING

import numpy as np

from alsim.analysis.statistics.bands import t_band
from alsim.analysis.training.gates import Floats, GateMap, expert_order, similar_order
from alsim.plots.drawing.figures import Drawing, finished, make_figure, own_style
from alsim.plots.drawing.lines import signed
from alsim.plots.drawing.names import shortened
from alsim.plots.drawing.page import points

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_CELL = 0.24  # inches per task or expert
_UNKNOWN = "#D9D9D9"
_BAR = "#0072B2"
_WRITTEN = 12  # up to this many tasks the correlations are written as numbers


@own_style()
def draw_gates(
    found: GateMap, *, seed: int | None = None, title: str | None = None, labels: str = ""
) -> Drawing:
    """Return the map of one seed, the number of experts by task, and the tasks' correlations.

    Yan et al. (2019), Fig. 3. Tasks are sorted so that those that agree over all seeds are
    neighbours, and experts so that the map follows its diagonal; the orders have no other meaning.
    The map is that of `seed`, or of the first. The title is by default the model and `labels` in
    words, or the fraction and what chose the labels.

    Raises:
        ValueError: If there is no such seed.
    """
    chosen = found.seeds.index(found.seeds[0] if seed is None else seed)
    correlations = found.correlations
    tasks = similar_order(correlations)
    values = found.values[chosen][tasks]
    experts = expert_order(values)
    names = shortened([found.tasks[task] for task in tasks])
    n_tasks, n_experts = values.shape
    is_alone = n_tasks == 1
    widths = [_CELL * max(n_experts, 8), 1.5, 0.0 if is_alone else _CELL * max(n_tasks, 8)]
    height = 1.9 + _CELL * max(n_tasks, 4) + (0.0 if is_alone else 0.6)
    figure = make_figure(1.6 + sum(widths) + 1.2, height)
    panels: list[Axes] = list(
        figure.subplots(1, 2 if is_alone else 3, width_ratios=[w for w in widths if w], sharey=True)
    )
    _draw_map(panels[0], values[:, experts], found.fact)
    panels[0].set_xticks(range(n_experts), [str(i) for i in experts])
    panels[0].set_xlabel("expert", fontsize=points(9))
    panels[0].set_yticks(range(n_tasks), names)
    panels[0].set_ylim(n_tasks - 0.5, -0.5)
    _title(panels[0], f"{_fact(found)}, seed {found.seeds[chosen]}")
    _draw_used(panels[1], found.n_used[:, tasks], n_experts)
    _title(panels[1], "experts used")
    panels[1].set_xlabel(
        "k(t) = Σp" if found.fact == "probability" else "effective number", fontsize=points(9)
    )
    if not is_alone:
        _draw_correlations(panels[2], correlations[np.ix_(tasks, tasks)])
        panels[2].set_xticks(range(n_tasks), names, rotation=90)
        _title(panels[2], "correlation of tasks")
    for axes in panels:
        axes.tick_params(labelsize=points(7.5), length=0)
    above = title or described(found, labels)
    return finished(figure, _warnings(found), title=above, footnote=_footnote(found))


def described(found: GateMap, labels: str = "") -> str:
    """Return in words the model and labels of the gates."""
    if labels:
        return f"{found.model}, {labels}"
    whole = "all labels" if found.fraction == 1 else f"{100 * found.fraction:g} % of the labels"
    by = "" if found.chosen_by == "random" else f" that {found.chosen_by} chose"
    return f"{found.model}, {whole}{by}"


def _draw_map(axes: "Axes", values: Floats, fact: str) -> None:
    from matplotlib import colormaps

    colours = colormaps["cividis"].with_extremes(bad=_UNKNOWN)
    most = 1.0 if fact == "probability" else max(float(np.nanmax(values)), 1e-9)
    image = axes.imshow(
        np.ma.masked_invalid(values), cmap=colours, vmin=0.0, vmax=most, aspect="auto"
    )
    axes.grid(visible=False)
    bar = axes.figure.colorbar(image, ax=axes, location="left", fraction=0.04, pad=0.02)
    bar.ax.tick_params(labelsize=points(7.5))


def _draw_used(axes: "Axes", n_used: Floats, n_experts: int) -> None:
    """Draw one bar per task with its t-interval over the seeds; seeds are dots."""
    mean = n_used.mean(axis=0)
    rows = np.arange(len(mean))
    axes.barh(rows, np.nan_to_num(mean), height=0.62, color=_BAR, alpha=0.45, linewidth=0)
    band = t_band(n_used, within=(0.0, float(n_experts)))
    if band is not None:
        axes.hlines(rows, *band, color="#222222", linewidth=points(1.1))
        for each in n_used:
            axes.scatter(each, rows, s=6, color=_BAR, linewidths=0, zorder=3)
    top = float(np.nanmax(n_used)) if np.isfinite(n_used).any() else 1.0
    axes.set_xlim(0, min(n_experts * 1.02, max(top * 1.25, 1.0)))
    axes.locator_params(axis="x", nbins=4)
    axes.grid(visible=False, axis="y")


def _draw_correlations(axes: "Axes", correlations: Floats) -> None:
    from matplotlib import colormaps

    colours = colormaps["PuOr_r"].with_extremes(bad=_UNKNOWN)
    image = axes.imshow(
        np.ma.masked_invalid(correlations), cmap=colours, vmin=-1.0, vmax=1.0, aspect="auto"
    )
    axes.grid(visible=False)
    t = len(correlations)
    if t <= _WRITTEN:
        for i, j in np.ndindex(t, t):
            r = float(correlations[i, j])
            if i != j and np.isfinite(r):
                text = signed(r, "z.1f").replace("0.", ".")
                colour = "white" if abs(r) > 0.7 else "#222222"
                axes.text(j, i, text, ha="center", va="center", fontsize=points(6.5), color=colour)
    bar = axes.figure.colorbar(image, ax=axes, fraction=0.05, pad=0.03)
    bar.ax.tick_params(labelsize=points(7.5))


def _title(axes: "Axes", text: str) -> None:
    axes.set_title(text, loc="left", fontsize=points(9))


def _fact(found: GateMap) -> str:
    return "pᵢ(t)" if found.fact == "probability" else "mean weights"


def _warnings(found: GateMap) -> list[str]:
    """Return warnings about tasks without gates."""
    lost = [
        task
        for task, values in zip(found.tasks, found.values.transpose(1, 0, 2), strict=True)
        if not np.isfinite(values).all()
    ]
    return [f"no gates of {', '.join(lost)}: no row was evaluated there"] if lost else []


def _footnote(found: GateMap) -> str:
    n = len(found.seeds)
    seeds = "one seed" if n == 1 else f"{n} seeds"
    text = "experts of different seeds do not correspond, so the map shows one seed"
    if n > 1:
        text += f"; experts used: mean over {seeds}, dots the seeds, line 95 % t-interval"
    if found.fact == "weight":
        text += "; effective number: exp of the entropy of the mean weights"
    if len(found.tasks) > 1:
        mean = f", mean over {seeds}" if n > 1 else ""
        text += f"; correlation: Pearson's over the experts{mean}; grey: undefined"
    return text
