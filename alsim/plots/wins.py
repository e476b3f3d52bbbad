"""Which strategy beats which: a matrix of verdicts, with the seeds won."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from alsim.analysis.curves.curves import XAxis
from alsim.analysis.curves.verdicts import Verdict, VerdictOutcome
from alsim.errors import UsageError
from alsim.plots.drawing.comparing import compare_runs
from alsim.plots.drawing.figures import Drawing, finished, make_figure, own_style
from alsim.plots.drawing.names import as_labels
from alsim.plots.drawing.of_runs import DrawableRun, differences, distinct
from alsim.plots.drawing.page import WIDEST, page, points
from alsim.plots.drawing.words import axis_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MARKS: Mapping[VerdictOutcome, str] = {
    "better": "▲ better",
    "worse": "▼ worse",
    "cannot tell": "cannot tell",
}
# Pale blue and orange, which colour-blind readers distinguish and on which text is legible.
_COLOURS: Mapping[VerdictOutcome, str] = {
    "better": "#A9CDE8",
    "worse": "#F3C9A0",
    "cannot tell": "#EDEDED",
}
_LETTER = 0.078  # inches of a letter of a name
_SMALL = 0.7  # below this width in inches a cell has marks in place of words


@own_style()
def draw_wins(
    runs: Sequence[DrawableRun],
    *,
    metric: str = "accuracy",
    title: str | None = None,
    x: XAxis = "labels",
) -> Drawing:
    """Return a matrix: the verdict on each row against each column, which its colour shows.

    Rows and columns are sorted by the mean AUBC, the best first, unless an order was chosen. The
    number above a verdict (`alsim.analysis.curves.verdicts`) only describes: in how many of the
    seeds the row's AUBC exceeds the column's, a tie counting half. More of the metric must be
    better; areas are taken over `x`.

    Raises:
        UsageError: If the metric cannot be used, there is only one strategy, or the curves share
            no labels.
    """
    unique = distinct(runs)
    warnings = differences(unique)
    compared = compare_runs(unique, metric, x, None, all_pairs=True)
    comparison = compared.found
    warnings += [
        f"{name}: not drawn, its seeds have no point in common" for name in comparison.left_out
    ]
    if len(comparison.strategies) < 2:
        raise UsageError(
            "there is only one strategy, so nothing to compare it with",
            "alsim plot --kind wins",
            "run with more strategies, such as --strategy random,margin; or draw --kind curve",
        )
    names = [numbers.strategy for numbers in comparison.ranking]
    names = page().in_order(names, lambda name: compared.keys[name][1])
    figure, axes = _figure(names, comparison.verdicts)
    note = (
        "colour: verdict on the row, by a paired t-test on the areas, at 5 % by Holm over all "
        "pairs; number: seeds in which the row has the greater area (AUBC) under its "
        f"{axis_label(metric, unique)}"
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


def _figure(names: Sequence[str], verdicts: Sequence[Verdict]) -> "tuple[Figure, Axes]":
    from matplotlib.patches import Rectangle

    n, labels = len(names), as_labels(names)
    longest = _LETTER * max(map(len, labels))
    beside, below = max(2.9, 0.9 + longest), max(1.9, 1.2 + longest / 2)  # at 30 degrees
    wide, high = (min(most, (WIDEST - beside) / n) for most in (0.95, 0.62))
    figure = make_figure(beside + wide * n, below + high * n)
    axes = figure.add_subplot()
    for (first, second), verdict in _cells(verdicts).items():
        row, column = names.index(first), names.index(second)
        colour = _COLOURS[verdict.outcome]
        axes.add_patch(
            Rectangle(
                (column - 0.5, row - 0.5), 1, 1, facecolor=colour, edgecolor="white",
                linewidth=points(1.2),
            )
        )  # fmt: skip
        _write_cell(axes, row, column, verdict, is_small=wide < _SMALL)
    axes.set_xlim(-0.5, n - 0.5)
    axes.set_ylim(n - 0.5, -0.5)
    axes.set_xticks(range(n), labels, rotation=30, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(n), labels)
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


def _write_cell(axes: "Axes", row: int, column: int, verdict: Verdict, *, is_small: bool) -> None:
    middle: dict[str, Any] = {"ha": "center", "va": "center"}
    if verdict.wins is None:
        words = "–" if is_small else "no shared seed"
        axes.text(column, row, words, fontsize=points(7), **middle)
        return
    n, mark = len(verdict.seeds), _MARKS[verdict.outcome]
    weight = "normal" if verdict.outcome == "cannot tell" else "bold"
    won = f"{verdict.wins * n:g}"
    size = 8 if is_small else 11
    text = won if is_small else f"{won} of {n}"
    axes.text(column, row - 0.12, text, fontsize=points(size), fontweight=weight, **middle)
    text = {"cannot tell": "?"}.get(mark, mark[0]) if is_small else mark
    axes.text(column, row + 0.24, text, fontsize=points(7), color="#111111", **middle)
