from pathlib import Path

import numpy as np
import pytest
from matplotlib.collections import PolyCollection
from pictures import COMPLETE, MemoryRun, footnote, make_steps, rising

from alsim.errors import UsageError
from alsim.plots.difference import draw_difference
from alsim.plots.drawing.figures import save_figure

MARGIN, RANDOM = rising(3, ahead=0.01), rising(3)


def make_run(name: str = "posts", **manifest: object) -> MemoryRun:
    steps = make_steps({"margin": MARGIN, "entropy": MARGIN - 0.02, "random": RANDOM})
    return MemoryRun(name, steps, manifest={**COMPLETE, **manifest})


def test_lines_are_the_mean_paired_differences_with_a_line_at_zero() -> None:
    figure = draw_difference([make_run()]).figure
    (axes,) = figure.axes
    lines = {str(line.get_label()): line for line in axes.lines}
    assert set(lines) - {""} == {"margin", "entropy", "_zero"}  # the rest are samples of lines
    assert np.asarray(lines["margin"].get_ydata()) == pytest.approx((MARGIN - RANDOM).mean(0))
    assert np.asarray(lines["_zero"].get_ydata()) == pytest.approx([0, 0])
    assert axes.get_ylabel() == "accuracy on the test split, minus random"
    assert footnote(figure) == "mean of 3 seeds; band: pointwise 95 % t-interval"


def test_the_band_excludes_variation_shared_by_both_strategies_of_a_seed() -> None:
    luck = np.array([[-0.2], [0.0], [0.2]])
    steps = make_steps({"margin": MARGIN + luck, "random": RANDOM + luck})
    (axes,) = draw_difference([MemoryRun(steps=steps)]).figure.axes
    (band,) = (each for each in axes.collections if isinstance(each, PolyCollection))
    heights = band.get_paths()[0].vertices[:, 1]
    assert np.ptp(heights) < 0.15


def test_zero_is_visible_even_if_all_differences_are_far_from_it() -> None:
    steps = make_steps({"margin": RANDOM + 0.3, "random": RANDOM})
    (axes,) = draw_difference([MemoryRun(steps=steps)]).figure.axes
    bottom, top = axes.get_ylim()
    assert bottom < 0 < 0.3 < top


def test_another_baseline_can_be_chosen() -> None:
    figure = draw_difference([make_run()], baseline="margin", metric="nll").figure
    (axes,) = figure.axes
    label = axes.get_ylabel().replace("\n", " ")  # longer than the axis
    assert label == "negative log-likelihood (nats) on the test split, minus margin"
    lines = {str(line.get_label()): line for line in axes.lines}
    assert np.asarray(lines["entropy"].get_ydata()) == pytest.approx(np.full(8, 0.02))


def test_labels_show_the_last_difference_with_its_sign() -> None:
    (axes,) = draw_difference([make_run()], baseline="entropy").figure.axes
    texts = {text.get_text() for text in axes.texts}
    last = float((RANDOM - MARGIN + 0.02).mean(0)[-1])
    assert "margin  +0.0200" in texts
    assert f"random  −{-last:.4f}" in texts


def test_each_run_is_compared_with_its_own_baseline() -> None:
    lower = make_steps({"margin": MARGIN - 0.3, "random": RANDOM - 0.3})
    (axes,) = draw_difference([make_run(), MemoryRun("other", lower)]).figure.axes
    lines = {str(line.get_label()): line for line in axes.lines}
    one, two = lines["margin · posts"], lines["margin · other"]
    assert np.asarray(one.get_ydata()) == pytest.approx(np.asarray(two.get_ydata()))


def test_a_run_without_the_baseline_uses_that_of_another_run_with_a_warning() -> None:
    bald = MemoryRun("bald", make_steps({"bald": MARGIN}))
    drawing = draw_difference([bald, make_run()])
    assert drawing.warnings == ("bald has no random: compared with that of posts",)
    (axes,) = drawing.figure.axes
    lines = {str(line.get_label()): line for line in axes.lines}
    assert np.asarray(lines["bald · bald"].get_ydata()) == pytest.approx((MARGIN - RANDOM).mean(0))


def test_a_baseline_on_another_pool_is_not_used() -> None:
    bald = MemoryRun("bald", make_steps({"bald": MARGIN}))
    with pytest.raises(UsageError, match=r"bald has no random, and .* different pools"):
        draw_difference([bald, make_run(pool={"fingerprint": "xyz"})])


def test_the_error_without_a_baseline_names_the_remedies() -> None:
    run = MemoryRun(steps=make_steps({"margin": MARGIN, "bald": MARGIN}))
    with pytest.raises(UsageError, match=r"no random .*\n.*\n.*--baseline bald; or run with"):
        draw_difference([run])
    with pytest.raises(UsageError, match=r"called 'margn'.*\n.*\n.*did you mean margin\?"):
        draw_difference([make_run()], baseline="margn")


def test_a_baseline_alone_is_refused() -> None:
    with pytest.raises(UsageError, match="nothing to compare random with"):
        draw_difference([MemoryRun(steps=make_steps({"random": RANDOM}))])


def test_strategies_that_share_no_labels_with_the_baseline_are_not_drawn() -> None:
    run = MemoryRun("far", make_steps({"margin": MARGIN}, start=9000))
    drawing = draw_difference([make_run(), run])
    assert drawing.warnings == (
        "far has no random: compared with that of posts",
        "margin · far: not drawn, it shares no seed or no labels with the baseline",
    )
    base = MemoryRun("base", make_steps({"random": RANDOM}))
    with pytest.raises(UsageError, match="no strategy shares seeds and labels"):
        draw_difference([base, run])


def test_curves_of_different_lengths_are_cut_to_the_shorter_with_a_warning() -> None:
    steps = make_steps({"margin": MARGIN, "random": RANDOM[:, :5]})
    drawing = draw_difference([MemoryRun(steps=steps)])
    assert drawing.warnings == (
        "margin: drawn only where all seeds of it and of the baseline have a value",
    )
    assert len(np.asarray(drawing.figure.axes[0].lines[0].get_xdata())) == 5


@pytest.mark.long
def test_equal_runs_give_equal_pictures(tmp_path: Path) -> None:
    for name in ("one", "two"):
        figure = draw_difference([make_run()], band="bootstrap").figure
        save_figure(figure, tmp_path / f"{name}.png")
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
