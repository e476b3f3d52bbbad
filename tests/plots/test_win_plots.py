from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from pictures import MemoryRun, footnote, make_steps, rising

from alsim.analysis.curves.comparison import compare
from alsim.errors import UsageError
from alsim.plots.drawing.figures import save_figure
from alsim.plots.wins import draw_wins

RANDOM = rising(4)
SWAPPED = RANDOM + np.array([[0.03], [-0.03], [0.031], [0.02]])  # ahead in 3 of 4 seeds
RUN = MemoryRun(
    steps=make_steps({"bald": SWAPPED, "margin": rising(4, ahead=0.02), "random": RANDOM})
)


def cells(axes: Axes) -> dict[tuple[str, str], list[str]]:
    """Return the text of each cell, by the names of its row and its column."""
    rows = [label.get_text() for label in axes.get_yticklabels()]
    columns = [label.get_text() for label in axes.get_xticklabels()]
    found: dict[tuple[str, str], list[str]] = {}
    for text in axes.texts:
        x, y = text.get_position()
        found.setdefault((rows[round(y)], columns[round(x)]), []).append(text.get_text())
    return found


def test_a_cell_shows_the_seeds_won_and_the_verdict_on_its_row() -> None:
    (axes,) = draw_wins([RUN]).figure.axes
    found = cells(axes)
    assert found["margin", "random"] == ["4 of 4", "▲ better"]
    assert found["random", "margin"] == ["0 of 4", "▼ worse"]
    assert found["bald", "random"] == ["3 of 4", "cannot tell"]
    assert found["random", "bald"] == ["1 of 4", "cannot tell"]
    assert len(found) == 6


def test_verdicts_are_those_of_the_comparison() -> None:
    (axes,) = draw_wins([RUN]).figure.axes
    found = cells(axes)
    for verdict in compare(RUN.steps).verdicts:
        assert found[verdict.first, verdict.second][1].endswith(verdict.outcome)


def test_rows_are_ordered_from_best_to_worst() -> None:
    (axes,) = draw_wins([RUN]).figure.axes
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names == [each.strategy for each in compare(RUN.steps).ranking]
    assert names[0] == "margin"
    assert names == [label.get_text() for label in axes.get_xticklabels()]


def test_colours_follow_the_verdicts_and_not_the_seeds_won() -> None:
    (axes,) = draw_wins([RUN]).figure.axes
    names = [label.get_text() for label in axes.get_yticklabels()]
    colours: dict[str, set[object]] = {}
    for patch in axes.patches:
        assert isinstance(patch, Rectangle)
        column, row = round(patch.get_x() + 0.5), round(patch.get_y() + 0.5)
        _, verdict = cells(axes)[names[row], names[column]]
        colours.setdefault(verdict, set()).add(patch.get_facecolor())
    assert {len(each) for each in colours.values()} == {1}
    assert len({each.pop() for each in colours.values()}) == 3


def test_a_tie_counts_half() -> None:
    run = MemoryRun(steps=make_steps({"bald": RANDOM[:1], "random": RANDOM[:1]}))
    assert cells(draw_wins([run]).figure.axes[0])["bald", "random"] == ["0.5 of 1", "cannot tell"]


def test_strategies_of_several_runs_are_labelled_by_run() -> None:
    other = MemoryRun("retrain", make_steps({"margin": rising(4, ahead=0.01)}))
    (axes,) = draw_wins([RUN, other]).figure.axes
    names = {label.get_text() for label in axes.get_yticklabels()}
    assert names == {"bald", "margin · posts", "margin · retrain", "random"}


def test_the_footnote_explains_the_number_and_the_verdict() -> None:
    note = footnote(draw_wins([RUN], metric="macro_f1").figure)
    assert "greater area (AUBC) under its macro F1 on the test split" in note
    assert "at 5 % by Holm over all pairs" in note


@pytest.mark.long
def test_texts_of_eight_strategies_fit_in_their_cells() -> None:
    curves = {f"strategy-{k}(k=20)": rising(2, ahead=0.001 * k) for k in range(8)}
    figure = draw_wins([MemoryRun(steps=make_steps(curves))], title="a title").figure
    figure.canvas.draw()
    (axes,) = figure.axes
    width = axes.bbox.width / 8
    assert len(axes.texts) == 2 * 56
    assert all(text.get_window_extent().width < width for text in axes.texts)


def test_a_single_strategy_is_refused() -> None:
    with pytest.raises(UsageError, match="only one strategy"):
        draw_wins([MemoryRun(steps=make_steps({"margin": RANDOM}))])


def test_a_metric_where_lower_is_better_is_refused() -> None:
    with pytest.raises(UsageError, match="'nll' is not a score"):
        draw_wins([RUN], metric="nll")


@pytest.mark.long
def test_equal_runs_give_equal_pictures(tmp_path: Path) -> None:
    for name in ("one", "two"):
        save_figure(draw_wins([RUN]).figure, tmp_path / f"{name}.svg")
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()
