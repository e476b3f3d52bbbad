from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from pictures import MemoryRun, footnote, make_steps, rising

from alsim.analysis.curves.savings import saved_at_end
from alsim.errors import UsageError
from alsim.plots.drawing.figures import save_figure
from alsim.plots.saving_curves import draw_saving_curves

MARGIN, RANDOM = rising(3, 12, ahead=0.004), rising(3, 12)
X = 100.0 + 50 * np.arange(12)
RUN = MemoryRun(steps=make_steps({"margin": MARGIN, "random": RANDOM}))


def axes_of(run: MemoryRun = RUN, **options: str) -> Axes:
    (axes,) = draw_saving_curves([run], **options).figure.axes  # type: ignore[arg-type]
    return axes


def lines(axes: Axes, label: str) -> list[np.ndarray]:
    return [np.asarray(line.get_ydata()) for line in axes.lines if line.get_label() == label]


def test_the_line_shows_the_saving_at_each_number_of_labels() -> None:
    axes = axes_of()
    (drawn,) = lines(axes, "margin")
    expected = [saved_at_end(X[:k], MARGIN[:, :k], RANDOM[:, :k]).amount for k in range(2, 13)]
    assert drawn == pytest.approx(np.array(expected, dtype=float), nan_ok=True)
    assert np.asarray(axes.lines[0].get_xdata()).tolist() == X[1:].tolist()
    assert axes.get_ylabel() == "fewer labels for random's accuracy at n"
    assert axes.get_xlabel() == "number of labels, n"


def test_an_end_that_was_not_measured_is_shaded_and_has_no_edge() -> None:
    unlike = MARGIN + np.linspace(-0.03, 0.03, 3)[:, None]  # one seed ahead, one behind
    axes = axes_of(MemoryRun(steps=make_steps({"margin": unlike, "random": RANDOM})))
    found = [saved_at_end(X[:k], unlike[:, :k], RANDOM[:, :k]) for k in range(2, 13)]
    assert {each.is_censored_low for each in found} == {True, False}
    assert any(each.is_censored_high for each in found)
    low, high = lines(axes, "_edge")
    for k, each in enumerate(found):
        assert np.isnan(low[k]) == (each.is_censored_low or each.low is None)
        assert np.isnan(high[k]) == (each.is_censored_high or each.high is None)
    (band,) = (each for each in axes.collections if isinstance(each, PolyCollection))
    corners = {tuple(np.round(corner, 9)) for path in band.get_paths() for corner in path.vertices}
    for n, each in zip(X[1:], found, strict=True):
        if each.low is not None and each.high is not None:
            assert (n, round(each.low, 9)) in corners
            assert (n, round(each.high, 9)) in corners
    assert "without edge where it extends beyond" in footnote(axes.figure)  # type: ignore[arg-type]


def test_dotted_lines_bound_the_measurable_range() -> None:
    above, below = lines(axes_of(), "_bound")
    assert above.tolist() == [0, X[-1] - X[0]]
    assert below.tolist() == [0, X[0] - X[-1]]


def test_the_line_has_a_gap_where_mean_curves_do_not_meet() -> None:
    # From the second step on, random is below the start of margin.
    fallen = RANDOM.copy()
    fallen[:, 1:] -= 0.3
    axes = axes_of(MemoryRun(steps=make_steps({"margin": MARGIN, "random": fallen})))
    (drawn,) = lines(axes, "margin")
    assert np.isnan(drawn).all()
    assert [text.get_text() for text in axes.texts if "margin" in text.get_text()] == [
        "margin  none measured"
    ]


def test_the_picture_shows_zero_and_every_amount() -> None:
    axes = axes_of()
    bottom, top = axes.get_ylim()
    (drawn,) = lines(axes, "margin")
    assert bottom < min(0, np.nanmin(drawn))
    assert top > np.nanmax(drawn)


def test_each_seed_can_be_drawn_separately() -> None:
    axes = axes_of(band="seeds")
    assert not [each for each in axes.collections if isinstance(each, PolyCollection)]
    drawn = lines(axes, "_seed")
    assert len(drawn) == 3
    alone = saved_at_end(X, MARGIN[:1], RANDOM[:1]).amount
    assert drawn[0][-1] == pytest.approx(alone)


def test_the_bootstrap_band_is_narrower_and_marked_as_too_narrow() -> None:
    t, bootstrap = axes_of(), axes_of(band="bootstrap")
    widths = []
    for axes in (t, bootstrap):
        low, high = lines(axes, "_edge")
        widths.append(high[-1] - low[-1])
    assert widths[1] < widths[0]
    assert "too narrow for so few" in footnote(bootstrap.figure)  # type: ignore[arg-type]


def test_one_seed_has_no_band() -> None:
    run = MemoryRun(steps=make_steps({"margin": MARGIN[:1], "random": RANDOM[:1]}))
    figure = draw_saving_curves([run]).figure
    assert footnote(figure).startswith("from the smoothed curves of 1 seed, so no band;")
    assert all(np.isnan(edge).all() for edge in lines(figure.axes[0], "_edge"))


def test_two_steps_are_a_point_with_a_bar() -> None:
    run = MemoryRun(steps=make_steps({"margin": MARGIN[:, :2], "random": RANDOM[:, :2]}))
    axes = axes_of(run)
    assert len(axes.collections) == 1
    assert lines(axes, "_edge") == []


def test_savings_are_in_the_unit_of_the_axis() -> None:
    axes = axes_of(x="cost")
    assert axes.get_ylabel() == "less cost for random's accuracy at n"
    (cost,), (labels,) = lines(axes, "margin"), lines(axes_of(), "margin")
    assert cost == pytest.approx(2 * labels, nan_ok=True)  # a label costs 2


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"metric": "nll"}, "'nll' is not a score of which more is better"),
        ({"band": "sd"}, "a saving has no standard deviation"),
        ({"band": "simultaneous"}, "only learning curves, and their differences"),
        ({"baseline": "bald"}, "no strategy is called 'bald'"),
    ],
)
def test_options_without_meaning_are_refused(options: dict[str, str], what: str) -> None:
    with pytest.raises(UsageError, match=what):
        axes_of(**options)


def test_one_step_alone_saves_nothing() -> None:
    run = MemoryRun(steps=make_steps({"margin": MARGIN[:, :1], "random": RANDOM[:, :1]}))
    with pytest.raises(UsageError, match="two numbers of labels"):
        axes_of(run)


def test_curves_of_different_lengths_are_drawn_with_a_warning() -> None:
    run = MemoryRun(steps=make_steps({"margin": MARGIN, "random": RANDOM[:, :6]}))
    (warning,) = draw_saving_curves([run]).warnings
    assert warning == "margin: drawn only where all seeds of it and of the baseline have a value"


@pytest.mark.long
def test_equal_runs_give_equal_pictures(tmp_path: Path) -> None:
    for name in ("one", "two"):
        save_figure(draw_saving_curves([RUN], band="bootstrap").figure, tmp_path / f"{name}.svg")
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()
