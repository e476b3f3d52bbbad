"""Labels saved by each strategy: a dot, an interval and the verdict."""

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from pictures import MemoryRun, footnote, make_steps, rising

from alsim.analysis.curves.answer import verdict_on
from alsim.analysis.curves.comparison import compare
from alsim.errors import UsageError
from alsim.plots import draw
from alsim.plots.savings import draw_savings

RANDOM = rising(4, 12)
CURVES = {
    "bald": rising(4, 12, ahead=-0.004), "margin": rising(4, 12, ahead=0.006), "random": RANDOM
}  # fmt: skip
RUN = MemoryRun(steps=make_steps(CURVES))


def axes_of(run: MemoryRun = RUN, **options: str) -> Axes:
    (axes,) = draw("savings", [run], **options).figure.axes
    return axes


def rows(axes: Axes) -> list[str]:
    return [label.get_text() for label in axes.get_yticklabels()]


def lines(axes: Axes, label: str) -> list[Line2D]:
    return [line for line in axes.lines if line.get_label() == label]


def place(line: Line2D) -> list[tuple[float, float]]:
    x, y = line.get_data()
    return list(zip(np.asarray(x).tolist(), np.asarray(y).tolist(), strict=True))


def test_a_dot_is_the_saving_and_a_line_its_interval_on_the_strategys_row() -> None:
    axes = axes_of()
    assert rows(axes) == ["margin", "bald"]  # the most saved on top
    assert axes.get_ylim() == (1.5, -0.5)
    for each in compare(RUN.steps).strategies:
        if each.saving is not None:
            row = rows(axes).index(each.strategy)
            (dot,) = lines(axes, each.strategy)
            assert place(dot) == [(each.saving.amount, row)]
            ends = [(each.saving.low, row), (each.saving.high, row)]
            assert ends in [place(line) for line in lines(axes, "_interval")]


def test_beside_each_row_are_the_numbers_and_the_verdict() -> None:
    texts = [text.get_text() for text in axes_of().texts]
    found = compare(RUN.steps)
    for name, text in zip(("margin", "bald"), texts, strict=True):
        verdict = verdict_on(found, name)
        assert verdict is not None
        assert text.endswith(f"]  {verdict.outcome}")
    assert texts[0].startswith("+")
    assert texts[1].startswith("−")


def test_an_interval_that_the_verdict_cuts_begins_at_0_and_says_so() -> None:
    # With z's verdict Holm decides on y at .05, but y's interval is at .025.
    random = rising(4, 12)
    y = random + 0.012 * np.array([[1.0], [0.5], [0.2], [0.95]])
    run = MemoryRun(steps=make_steps({"y": y, "z": rising(4, 12, ahead=0.02), "random": random}))
    found = compare(run.steps)
    (on_y,) = (each for each in found.verdicts if each.first == "y")
    assert on_y.outcome == "better"
    assert on_y.area is not None
    assert on_y.area.p is not None
    assert 0.025 < on_y.area.p < 0.05
    axes = axes_of(run)
    row = rows(axes).index("y")
    ends = [place(line) for line in lines(axes, "_interval") if place(line)[0][1] == row]
    assert ends[0][0][0] == 0
    assert " [>0, " in axes.texts[row].get_text()
    assert "line: 95 % interval, both together" in footnote(axes.figure)


def test_an_end_beyond_what_was_measured_is_an_arrow() -> None:
    far = MemoryRun(steps=make_steps({"margin": rising(2, 3, seed=7), "random": rising(2, 3)}))
    (saving,) = [each.saving for each in compare(far.steps).strategies if each.saving is not None]
    assert saving.is_censored_low
    assert saving.is_censored_high
    axes = axes_of(far)
    arrows = [(place(line)[0][0], line.get_marker()) for line in lines(axes, "_open")]
    assert arrows == [(saving.low, "<"), (saving.high, ">")]
    assert "arrow: goes on beyond what was measured" in footnote(axes.figure)
    assert not lines(axes_of(), "_open")


def test_every_interval_and_0_are_in_sight() -> None:
    axes = axes_of()
    low, high = axes.get_xlim()
    seen = [x for line in lines(axes, "_interval") for x, _ in place(line)]
    assert low < min([*seen, 0]) < max([*seen, 0]) < high


def test_strategies_can_be_ordered() -> None:
    assert rows(axes_of(strategies=("bald", "margin"))) == ["bald", "margin"]


def test_one_seed_has_no_interval_and_no_verdict() -> None:
    run = replace(RUN, steps=make_steps({name: each[:1] for name, each in CURVES.items()}))
    axes = axes_of(run)
    assert not lines(axes, "_interval")
    assert footnote(axes.figure).endswith("1 seed, so neither interval nor verdict")


def test_what_was_not_measured_says_so() -> None:
    run = replace(RUN, steps=make_steps({"margin": RANDOM[:1] - 0.3, "random": RANDOM[:1]}))
    axes = axes_of(run)
    assert [text.get_text() for text in axes.texts] == ["not measured  cannot tell"]
    assert not lines(axes, "margin")


def test_a_run_without_a_baseline_or_anything_beside_it_is_refused() -> None:
    for curves in ({"margin": RANDOM}, {"random": RANDOM}):
        with pytest.raises(UsageError, match="no random to compare with, nothing beside it"):
            draw_savings([replace(RUN, steps=make_steps(curves))])
    with pytest.raises(UsageError, match="not a score"):
        draw_savings([RUN], metric="nll")
