"""The picture of a decision: curves, the labels saved, paired differences and the verdict."""

import itertools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.text import Annotation, Text
from pictures import COMPLETE, MemoryRun, footnote, make_steps, rising

from alsim.analysis.curves.answer import headline
from alsim.analysis.curves.comparison import compare
from alsim.plots import draw
from alsim.plots.decision import draw_decision
from alsim.plots.drawing.figures import Drawing
from alsim.plots.drawing.style import BASELINE_STYLE

RANDOM, MARGIN = rising(4, 12), rising(4, 12, ahead=0.006)
CURVES = {"margin": MARGIN, "random": RANDOM, "bald": rising(4, 12, ahead=-0.004)}
FACTS = {**COMPLETE, "pool": {"name": "posts", "fingerprint": "abc"}, "n_evaluated": 1200}
RUN = MemoryRun(steps=make_steps(CURVES), manifest=FACTS)


def of(curves: dict[str, np.ndarray]) -> MemoryRun:
    return replace(RUN, steps=make_steps(curves))


def title(drawing: Drawing) -> str:
    return drawing.figure.get_suptitle().replace("\n", " ")


def names(axes: Axes) -> set[str]:
    """Return the labels of the curves; what is beside the axes has none."""
    labels = {str(line.get_label()) for line in axes.lines}
    return {label for label in labels if label and not label.startswith("_")}


def heights(axes: Axes, label: str) -> list[float]:
    (line,) = [each for each in axes.lines if each.get_label() == label]
    return np.asarray(line.get_ydata()).tolist()


def banded(axes: Axes) -> list[str]:
    """Return the strategies that have a band, by its colour."""
    of_lines = {to_hex(line.get_color()): str(line.get_label()) for line in axes.lines[::-1]}
    bands = [each for each in axes.collections if isinstance(each, PolyCollection)]
    return [of_lines[to_hex(each.get_facecolor()[0])] for each in bands]  # pyright: ignore[reportIndexIssue] -- an array


def bracket(axes: Axes) -> tuple[float, float, float]:
    """Return where the bracket begins and ends, and its height."""
    (arrow,) = [each for each in axes.texts if isinstance(each, Annotation) and not each.get_text()]
    (start, height), (end, _) = arrow.xy, arrow.xyann
    return float(start), float(end), float(height)


def words(axes: Axes) -> list[str]:
    return [text.get_text() for text in axes.texts if "saved" in text.get_text()] + [
        text.get_text() for text in axes.texts if "needed" in text.get_text()
    ]


def test_the_curves_are_above_and_the_paired_differences_below() -> None:
    top, bottom = draw_decision([RUN]).figure.axes
    for name, values in CURVES.items():
        assert heights(top, name) == pytest.approx(values.mean(axis=0).tolist())
        if name != "random":
            lesser = (values - RANDOM).mean(axis=0)
            assert heights(bottom, name) == pytest.approx(lesser.tolist())
    assert "random" not in [line.get_label() for line in bottom.lines]
    assert top.get_xlim() == bottom.get_xlim()


def test_the_title_is_the_answer_of_the_comparison_and_gives_way_to_ones_own() -> None:
    answer = headline(compare(RUN.steps))
    assert answer.startswith("margin is better than random: it needs ")
    assert title(draw_decision([RUN])) == answer
    assert title(draw_decision([RUN], title="mine")) == "mine"


def test_no_line_of_a_title_ends_within_an_interval() -> None:
    intervals = [f"95 % {n} to {n + 10}," for n in range(10, 22)]
    drawn = draw_decision([RUN], title=" ".join(["so", *intervals]))
    shown = drawn.figure.get_suptitle()
    assert "\n" in shown
    assert all(each in shown for each in intervals)


def test_the_bracket_spans_what_is_saved_at_the_last_value_of_the_baseline() -> None:
    found = {each.strategy: each.end_saving for each in compare(RUN.steps).strategies}
    saving = found["margin"]
    assert saving is not None
    assert saving.amount is not None
    assert saving.low is not None
    assert saving.high is not None
    (top, _) = draw_decision([RUN]).figure.axes
    start, end, height = bracket(top)
    assert (start, end) == (650 - saving.amount, 650)
    assert height == pytest.approx(RANDOM.mean(axis=0)[-1])
    (interval,) = [line for line in top.lines if line.get_label() == "_interval"]
    assert np.asarray(interval.get_xdata()).tolist() == [650 - saving.low, 650 - saving.high]
    numbers = f"{saving.amount:,.0f}", f"{saving.low:,.0f}", f"{saving.high:,.0f}"
    assert words(top) == ["at the end: {} labels saved\n95 % {} to {}".format(*numbers)]


def test_the_bracket_of_a_loser_spans_what_it_needs_more_at_its_own_last_value() -> None:
    run = of({"bald": CURVES["bald"], "random": RANDOM})
    drawing = draw_decision([run])
    (top, _) = drawing.figure.axes
    start, end, height = bracket(top)
    assert end == 650
    assert start < end
    assert height == pytest.approx(CURVES["bald"].mean(axis=0)[-1])
    assert words(top)[0].startswith(f"at the end: {end - start:,.0f} more labels needed\n95 % ")
    assert "bald is worse" in title(drawing)


def test_a_bracket_without_a_verdict_says_so_and_shows_no_interval() -> None:
    # Behind first and ahead in the end, so that neither is better on the whole.
    late = RANDOM + np.linspace(-0.05, 0.06, 12) + 0.01 * np.array([[1], [-1], [0.5], [-0.5]])
    run = of({"late": late, "random": RANDOM})
    found = compare(run.steps)
    (saving,) = (each.end_saving for each in found.strategies if each.end_saving)
    assert [each.outcome for each in found.verdicts] == ["cannot tell"]
    assert saving.low is not None
    assert saving.low > 0
    drawing = draw_decision([run])
    (top, _) = drawing.figure.axes
    assert words(top) == [f"at the end: {saving.amount:,.0f} labels saved\nnot tested"]
    assert [line for line in top.lines if line.get_label() == "_interval"] == []
    assert title(drawing).startswith("cannot tell whether late is better than random")


def test_the_words_of_the_bracket_cover_no_curve() -> None:
    figure = draw_decision([RUN]).figure
    figure.canvas.draw()
    (top, _) = figure.axes
    (text,) = [each for each in top.texts if "saved" in each.get_text()]
    box = Text.get_window_extent(text)  # without the line that leads to the bracket
    for line in top.lines:
        if line.get_label() in CURVES:
            x, y = top.transData.transform(np.asarray(line.get_xydata())).T
            dense = np.linspace(x[0], x[-1], 500)
            inside = (box.x0 < dense) & (dense < box.x1)
            height = np.interp(dense, x, y)[inside]
            assert not ((box.y0 < height) & (height < box.y1)).any()


def test_only_the_best_and_the_baseline_have_a_band_above() -> None:
    top, bottom = draw_decision([RUN]).figure.axes
    assert sorted(banded(top)) == ["margin", "random"]
    assert sorted(banded(bottom)) == ["bald", "margin"]


def test_of_many_differences_that_of_the_best_has_a_band() -> None:
    crowd = {f"s{k}": rising(4, 12, ahead=0.001 * k) for k in range(7)}
    top, bottom = draw_decision([of({**crowd, "random": RANDOM})]).figure.axes
    best = compare(make_steps({**crowd, "random": RANDOM})).ranking[0].strategy
    assert banded(bottom) == [best]
    assert sorted(banded(top)) == sorted([best, "random"])


def test_the_foot_names_the_pool_its_rows_and_the_seeds() -> None:
    note = footnote(draw_decision([RUN]).figure)
    assert note.startswith("posts: 1,200 test rows; mean of 4 seeds; band: pointwise 95 %")
    assert note.endswith("differences paired by seed")
    run = replace(RUN, manifest={**FACTS, "evaluation_split": "validation"})
    assert footnote(draw_decision([run]).figure).startswith("posts: 1,200 validation rows")


def test_the_baseline_is_grey_below_the_others() -> None:
    (top, _) = draw_decision([RUN]).figure.axes
    colours = {line.get_label(): line.get_color() for line in top.lines}
    assert colours["random"] == BASELINE_STYLE.colour
    run = replace(RUN, manifest={**FACTS, "configuration": {"baseline": "bald"}})
    top, bottom = draw_decision([run]).figure.axes
    assert {line.get_label(): line.get_color() for line in top.lines}["bald"] == "#757575"
    assert bottom.get_ylabel() == "minus bald"


@pytest.mark.parametrize(
    ("curves", "metric", "warning"),
    [
        ({"margin": MARGIN}, "accuracy", "nothing to compare with"),
        ({"margin": MARGIN, "bald": RANDOM}, "accuracy", "nothing to compare with"),
        (CURVES, "nll", None),
    ],
)
def test_where_nothing_can_be_decided_the_curves_are_drawn(
    curves: dict[str, np.ndarray], metric: str, warning: str | None
) -> None:
    drawing = draw_decision([of(curves)], metric=metric)
    (axes,) = drawing.figure.axes
    drawn = names(axes)
    assert drawn == set(curves)
    assert [text.partition(":")[0] for text in drawing.warnings] == [warning] * bool(warning)
    assert footnote(drawing.figure).startswith("posts: 1,200 test rows; mean of 4 seeds")


def test_one_seed_has_neither_bands_nor_an_interval() -> None:
    drawing = draw_decision([of({name: each[:1] for name, each in CURVES.items()})])
    top, bottom = drawing.figure.axes
    assert banded(top) == banded(bottom) == []
    assert all("95 %" not in each for each in words(top))
    assert "one seed gives no verdict" in title(drawing)
    assert footnote(drawing.figure) == "posts: 1,200 test rows; one seed, so no band"


def test_several_runs_are_one_decision_against_the_baseline_of_the_first() -> None:
    other = replace(RUN, name="more", steps=make_steps({"entropy": rising(4, 12, ahead=0.01)}))
    drawing = draw_decision([RUN, other])
    (top, _) = drawing.figure.axes
    drawn = names(top)
    assert drawn == {*CURVES, "entropy"}
    assert title(drawing).startswith("entropy is better than random: it needs ")


def test_runs_that_cannot_be_compared_are_drawn_as_curves_with_a_warning() -> None:
    other = replace(RUN, name="more", manifest={**FACTS, "pool": {"fingerprint": "xyz"}})
    drawing = draw_decision([RUN, other])
    assert len(drawing.figure.axes) == 1
    assert "different pools" in drawing.warnings[0]


@pytest.mark.parametrize("n", [2, 10])
def test_labels_beside_both_panels_do_not_overlap_and_stay_inside(n: int) -> None:
    crowd = {f"strategy-{k}": rising(3, 6, ahead=0.0001 * k) for k in range(n)}
    figure: Figure = draw("decision", [of({**crowd, "random": rising(3, 6)})]).figure
    figure.canvas.draw()
    for axes in figure.axes:
        named: Sequence = [t for t in axes.texts if t.get_text().startswith("strategy-")]
        boxes = sorted((t.get_window_extent() for t in named), key=lambda box: box.y0)
        assert len(boxes) == n
        assert all(one.y1 <= two.y0 + 1 for one, two in itertools.pairwise(boxes))
        assert all(box.x1 <= figure.bbox.x1 for box in boxes)
