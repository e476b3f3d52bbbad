from collections.abc import Callable

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from pictures import MemoryRun, footnote, make_steps, rising

from alsim.analysis.statistics.bands import bootstrap_band, deviation_band
from alsim.analysis.statistics.whole_curve import whole_curve_bands
from alsim.errors import UsageError
from alsim.plots.batch_size import draw_batch_sizes
from alsim.plots.curves import draw_curves
from alsim.plots.difference import draw_difference
from alsim.plots.drawing.figures import Drawing
from alsim.plots.drawing.page import Page, on_page
from alsim.seeding import stream

RUN = MemoryRun(steps=make_steps({"margin": rising(4, ahead=0.01), "random": rising(4)}))


def draw(kind: str) -> tuple[Axes, str]:
    figure = draw_curves([RUN], band=kind).figure  # type: ignore[arg-type]
    return figure.axes[0], footnote(figure)


def areas(axes: Axes) -> list[PolyCollection]:
    return [each for each in axes.collections if isinstance(each, PolyCollection)]


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("bootstrap", "pointwise 95 % percentile bootstrap over seeds, too narrow for so few"),
        ("sd", "± one standard deviation of the seeds at each point, no interval of the mean"),
    ],
)
def test_a_band_has_the_edges_of_its_kind_and_the_footnote_says_which(
    kind: str, words: str
) -> None:
    axes, note = draw(kind)
    assert note == f"mean of 4 seeds; band: {words}"
    bands = {
        "bootstrap": bootstrap_band(rising(4), generator=stream(0, "plot", "band")),
        "sd": deviation_band(rising(4)),
    }
    edges = bands[kind]
    assert edges is not None
    corners = {tuple(np.round(corner, 12)) for corner in areas(axes)[1].get_paths()[0].vertices}
    for edge in edges:
        points = {(100.0 + 50 * k, round(float(y), 12)) for k, y in enumerate(edge)}
        assert points <= corners


def test_each_seed_can_be_drawn_as_a_thin_line() -> None:
    axes, note = draw("seeds")
    assert areas(axes) == []
    assert note == "mean of 4 seeds; thin lines: the seeds"
    seeds = [line for line in axes.lines if line.get_label() == "_seed"]
    drawn = {tuple(np.asarray(line.get_ydata())) for line in seeds}
    expected = {tuple(row) for values in (rising(4, ahead=0.01), rising(4)) for row in values}
    assert drawn == expected
    (mean,) = (line for line in axes.lines if line.get_label() == "random")
    assert all(line.get_linewidth() < mean.get_linewidth() / 2 for line in seeds)


def test_the_axis_limits_leave_room_for_the_seeds() -> None:
    luck = rising(2) + np.array([[-0.04], [0.04]])
    axes = draw_curves([MemoryRun(steps=make_steps({"margin": luck}))], band="seeds").figure.axes[0]
    bottom, top = axes.get_ylim()
    assert bottom < luck.min()
    assert top > luck.max()


def test_one_seed_is_its_own_mean() -> None:
    run = MemoryRun(steps=make_steps({"margin": rising(1)}))
    figure = draw_curves([run], band="seeds").figure
    assert [line.get_label() for line in figure.axes[0].lines if line.get_label() == "_seed"] == []
    assert footnote(figure) == "one seed"


def test_the_batch_sizes_have_their_own_picture() -> None:
    figure = draw_batch_sizes([RUN]).figure
    (axes,) = figure.axes
    assert axes.get_ylabel() == "largest batch (objects)"
    assert np.asarray(axes.lines[0].get_ydata()).tolist() == [32 + step for step in range(8)]
    assert footnote(figure) == "mean of 4 seeds"


@pytest.mark.parametrize(
    ("draw_of", "low", "high"), [(draw_curves, 0, 1), (draw_difference, -1, 1)]
)
def test_bands_stay_within_the_range_of_accuracies_and_of_their_differences(
    draw_of: Callable[..., Drawing], low: int, high: int
) -> None:
    wild = {"margin": np.array([[0.1, 0.2], [0.9, 1.0]]), "random": np.array([[0.9, 1], [0.1, 0]])}
    axes = draw_of([MemoryRun(steps=make_steps(wild))]).figure.axes[0]
    corners = np.concatenate([area.get_paths()[0].vertices for area in areas(axes)])
    assert corners[:, 1].min() == low
    assert corners[:, 1].max() == high


def wide(n_seeds: int = 5) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {
        name: rising(n_seeds, ahead=ahead) + rng.normal(0, 0.01, (n_seeds, 8))
        for name, ahead in (("margin", 0.01), ("random", 0.0))
    }


def test_a_band_over_the_whole_curve_pools_the_strategies_and_says_so() -> None:
    values = wide()
    drawing = draw_curves([MemoryRun(steps=make_steps(values))], band="simultaneous")
    assert footnote(drawing.figure) == "mean of 5 seeds; 95 % band over the whole curve"
    expected = whole_curve_bands(
        100.0 + 50 * np.arange(8),
        list(values.values()),
        generator=stream(0, "plot", "band over whole curves"),
        within=(0, 1),
    )
    for name, (low, high) in zip(values, expected, strict=True):
        mine = [row for row in drawing.records if row["strategy"] == name]
        assert [row["low"] for row in mine] == low.tolist()
        assert [row["high"] for row in mine] == high.tolist()


def test_a_band_over_the_whole_curve_is_the_same_where_a_part_is_drawn() -> None:
    run = MemoryRun(steps=make_steps(wide()))
    whole = draw_curves([run], band="simultaneous").records
    with on_page(Page(x_range=(200, 350))):
        part = draw_curves([run], band="simultaneous").records
    assert 0 < len(part) < len(whole)
    assert all(row in whole for row in part)


@pytest.mark.parametrize("draw_of", [draw_curves, draw_difference])
def test_few_seeds_have_no_band_over_the_whole_curve(draw_of: Callable[..., Drawing]) -> None:
    run = MemoryRun(steps=make_steps(wide(4)))
    with pytest.raises(UsageError, match=r"takes 5 seeds, and margin has 4") as caught:
        draw_of([run], band="simultaneous")
    assert "--band t" in caught.value.args[2]
