"""Which strategy beats which: a matrix of the seeds won, with the verdict on each pair."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from alsim.analysis.curves.comparison import Comparison, compare
from alsim.analysis.curves.curves import XAxis
from alsim.analysis.curves.runs import merge_runs
from alsim.analysis.curves.verdicts import Verdict, VerdictOutcome
from alsim.errors import UsageError
from alsim.plots.drawing.figures import Drawing, finished, make_figure, own_style
from alsim.plots.drawing.names import as_labels
from alsim.plots.drawing.of_runs import DrawableRun, differences, distinct
from alsim.plots.drawing.words import axis_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MARKS: Mapping[VerdictOutcome, str] = {
    "better": "▲ better",
    "worse": "▼ worse",
    "cannot tell": "cannot tell",
}


@own_style()
def draw_wins(
    runs: Sequence[DrawableRun],
    *,
    metric: str = "accuracy",
    title: str | None = None,
    x: XAxis = "labels",
) -> Drawing:
    """Return a matrix: in how many of the seeds the row's AUBC exceeds the column's.

    Rows and columns are sorted by the mean AUBC, the best first. Below each number is the verdict
    on the row (`alsim.analysis.curves.verdicts`): the number only describes. A tie counts half.
    More of the metric must be better; areas are taken over `x`.

    Raises:
        UsageError: If the metric cannot be used, there is only one strategy, or the curves share
            no labels.
    """
    unique = distinct(runs)
    warnings = differences(unique)
    comparison = compare(merge_runs(unique).steps, metric=metric, x=x)
    warnings += [
        f"{name}: not drawn, its seeds have no point in common" for name in comparison.left_out
    ]
    if len(comparison.strategies) < 2:
        raise UsageError(
            "there is only one strategy, so nothing to compare it with",
            "alsim plot --kind wins",
            "run with more strategies, such as --strategy random,margin; or draw --kind curve",
        )
    figure, axes = _figure(comparison)
    note = (
        "number and colour: seeds in which the row has the greater area (AUBC) under its "
        f"{axis_label(metric, unique)}; verdict on the row: paired t-test on the areas, at 5 % by "
        "Holm over all pairs"
    )
    records = [
        {
            "strategy": first,
            "against": second,
            "seeds_won": None if verdict.wins is None else verdict.wins * len(verdict.seeds),
            "n_seeds": len(verdict.seeds),
            "verdict": verdict.outcome,
            "p_adjusted": verdict.p_adjusted,
        }
        for (first, second), verdict in _cells(comparison.verdicts).items()
    ]
    return finished(figure, warnings, title=title, footnote=note, axes=axes, records=records)


def _figure(comparison: Comparison) -> "tuple[Figure, Axes]":
    from matplotlib import colormaps
    from matplotlib.colors import LinearSegmentedColormap

    names = [numbers.strategy for numbers in comparison.ranking]
    cells = _cells(comparison.verdicts)
    wins = np.full((len(names), len(names)), np.nan)
    for (first, second), verdict in cells.items():
        if verdict.wins is not None:
            wins[names.index(first), names.index(second)] = verdict.wins
    figure = make_figure(2.9 + 0.95 * len(names), 1.9 + 0.62 * len(names))
    axes = figure.add_subplot()
    # The pale half of the colour map, on which text is legible.
    pale = LinearSegmentedColormap.from_list("pale", colormaps["PuOr_r"](np.linspace(0.3, 0.7, 9)))
    axes.imshow(wins, cmap=pale, vmin=0, vmax=1, aspect="auto")
    for (first, second), verdict in cells.items():
        _write_cell(axes, names.index(first), names.index(second), verdict)
    labels = as_labels(names)
    axes.set_xticks(range(len(names)), labels, rotation=30, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(names)), labels)
    axes.tick_params(length=0)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    axes.set_ylabel("this …")
    axes.set_xlabel("… against this")
    return figure, axes


def _cells(verdicts: Sequence[Verdict]) -> dict[tuple[str, str], Verdict]:
    """Return the verdict on each ordered pair of strategies."""
    both = [*verdicts, *(verdict.swapped() for verdict in verdicts)]
    return {(verdict.first, verdict.second): verdict for verdict in both}


def _write_cell(axes: "Axes", row: int, column: int, verdict: Verdict) -> None:
    if verdict.wins is None:
        axes.text(column, row, "no shared seed", ha="center", va="center", fontsize=7)
        return
    n = len(verdict.seeds)
    is_decided = verdict.outcome != "cannot tell"
    axes.text(
        column, row - 0.12, f"{verdict.wins * n:g} of {n}", ha="center", va="center",
        fontsize=11, fontweight="bold" if is_decided else "normal",
    )  # fmt: skip
    axes.text(
        column, row + 0.24, _MARKS[verdict.outcome], ha="center", va="center", fontsize=7,
        color="#111111" if is_decided else "#444444",
    )  # fmt: skip
