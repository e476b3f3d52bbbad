import itertools
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from pictures import COMPLETE, MemoryRun, footnote, make_queries

from alsim.analysis.curves.query_mix import query_mixes
from alsim.errors import StoreError, UsageError
from alsim.plots.drawing.figures import Drawing, save_figure
from alsim.plots.queries import draw_queries

POOL = {"dogs": 30, "cats": 60, "newts": 10, "axolotls": 10}
ORDER = ("cats", "dogs", "axolotls", "newts")
ANSWERS = {
    ("margin", 0, 1): ["newts", "cats", "newts", "dogs"],
    ("margin", 1, 1): ["newts", "cats", "cats", "dogs"],
    ("margin", 2, 1): ["dogs", "cats", "dogs", "dogs"],
    ("random", 0, 1): ["cats", "cats", "dogs", "axolotls"],
    ("random", 1, 1): ["cats", "cats", "dogs", "newts"],
    ("random", 2, 1): ["cats", "cats", "dogs", "newts"],
}


def make_run(
    answers: dict[tuple[str, int, int], list[str]] | None = None,
    pool: dict[str, int] | None = None,
    name: str = "posts",
) -> MemoryRun:
    recorded = {"fingerprint": "abc", "classes": POOL if pool is None else pool}
    queries = make_queries(ANSWERS if answers is None else answers)
    return MemoryRun(name, queries=queries, manifest={**COMPLETE, "pool": recorded})


def axes_of(drawing: Drawing) -> Axes:
    (axes,) = drawing.figure.axes
    return axes


def points(axes: Axes, label: str) -> dict[int, float]:
    """Return the ratios drawn for a strategy, by the position of the class."""
    (line,) = (line for line in axes.lines if line.get_label() == label)
    pairs = zip(np.asarray(line.get_xdata()), np.asarray(line.get_ydata()), strict=True)
    return {round(float(x)): float(y) for x, y in pairs}


def test_a_dot_is_the_mean_ratio_of_a_class_in_order_of_frequency() -> None:
    axes = axes_of(draw_queries([make_run()]))
    margin, _ = query_mixes(make_queries(ANSWERS), {name: POOL[name] for name in ORDER})
    assert points(axes, "margin") == pytest.approx(
        {k: ratio for k, ratio in enumerate(margin.ratios.mean(0)) if ratio}
    )
    names = [label.get_text() for label in axes.get_xticklabels()]
    assert names == ["cats  55 %", "dogs  27 %", "axolotls  9.1 %", "newts  9.1 %"]
    assert axes.get_yscale() == "log"


def test_the_dots_of_a_class_are_side_by_side_around_its_position() -> None:
    axes = axes_of(draw_queries([make_run()]))
    places = [
        float(np.asarray(line.get_xdata())[0])
        for line in axes.lines
        if line.get_label() in ("margin", "random")
    ]
    assert places == pytest.approx([-0.2, 0.2])


def test_the_ratio_one_is_marked_and_visible() -> None:
    axes = axes_of(draw_queries([make_run({("margin", 0, 1): ["newts"]})]))
    assert points(axes, "_one") == {0: 1.0, 1: 1.0}
    bottom, top = axes.get_ylim()
    assert bottom < 1 < top


def test_a_class_without_queries_has_an_open_mark_at_the_bottom() -> None:
    drawing = draw_queries([make_run()])
    axes = axes_of(drawing)
    (never,) = (line for line in axes.lines if line.get_label() == "_never")
    assert np.asarray(never.get_ydata()).tolist() == [axes.get_ylim()[0]]
    assert never.get_markerfacecolor() == "white"
    assert footnote(drawing.figure).endswith("; open: never queried")
    asked = {key: [*given, "axolotls"] for key, given in ANSWERS.items() if key[0] == "margin"}
    assert "open" not in footnote(draw_queries([make_run(asked)]).figure)


def test_bars_are_the_interval_over_seeds_cut_at_the_bottom() -> None:
    drawing = draw_queries([make_run()])
    axes = axes_of(drawing)
    bars = next(each for each in axes.collections if isinstance(each, LineCollection))
    margin, _ = query_mixes(make_queries(ANSWERS), {name: POOL[name] for name in ORDER})
    cats = margin.ratios[:, 0]
    half = 4.302653 * cats.std(ddof=1) / np.sqrt(3)  # t of 2 degrees of freedom
    (_, low), (_, high) = bars.get_segments()[0]
    assert low == pytest.approx(max(cats.mean() - half, axes.get_ylim()[0]), rel=1e-6)
    assert high == pytest.approx(cats.mean() + half, rel=1e-6)
    assert footnote(drawing.figure).startswith("mean of 3 seeds; bars: pointwise 95 % t-interval")


def test_without_band_there_are_no_bars_and_seeds_are_small_dots() -> None:
    none = axes_of(draw_queries([make_run()], band="none"))
    assert not [each for each in none.collections if isinstance(each, LineCollection)]
    drawing = draw_queries([make_run()], band="seeds")
    dots = [line for line in axes_of(drawing).lines if line.get_label() == "_seed"]
    assert len(dots) == 6
    assert "small dots: the seeds" in footnote(drawing.figure)


def test_answers_that_are_not_a_class_are_left_out_with_a_warning() -> None:
    answers = {("margin", 0, 1): ["cats", "cats | dogs", "dogs | newts"]}
    drawing = draw_queries([make_run(answers)])
    assert drawing.warnings == ("margin: 2 answers with none of the classes drawn are left out",)


def test_without_the_classes_of_the_pool_the_initial_labels_are_used() -> None:
    queries = make_queries({("margin", 0, 0): ["cats", "cats", "dogs"], **ANSWERS})
    drawing = draw_queries([MemoryRun("old", queries=queries)])
    names = [label.get_text() for label in axes_of(drawing).get_xticklabels()]
    assert names == ["cats  67 %", "dogs  33 %"]
    assert drawing.warnings[0].startswith("old was written before runs recorded the classes")


@pytest.mark.long
@pytest.mark.parametrize(("n_strategies", "n_drawn"), [(1, 50), (8, 28)])
def test_labels_of_fifty_classes_do_not_overlap_and_stay_inside_the_picture(
    n_strategies: int, n_drawn: int
) -> None:
    names = [f"topic-{k:02}" for k in range(50)]
    answers = {(f"s{k}", 0, 1): names for k in range(n_strategies)}
    pool = {name: 100 - k for k, name in enumerate(names)}
    figure = draw_queries([make_run(answers, pool)]).figure
    figure.canvas.draw()
    boxes = [label.get_window_extent() for label in figure.axes[0].get_xticklabels()]
    assert len(boxes) == n_drawn
    left_out = f"least queried classes, {50 - n_drawn} between are left out"
    assert (left_out in footnote(figure)) == (n_drawn < 50)
    assert figure.get_figwidth() <= 12
    for one, two in itertools.pairwise(boxes):
        assert one.x1 + 4 <= two.x0  # pixels
    for box in [*boxes, figure.legends[0].get_window_extent()]:
        assert figure.bbox.x0 <= box.x0 < box.x1 <= figure.bbox.x1
        assert figure.bbox.y0 <= box.y0 < box.y1 <= figure.bbox.y1


def test_runs_without_any_query_are_refused() -> None:
    with pytest.raises(StoreError, match="no query to draw"):
        draw_queries([make_run({("margin", 0, 0): ["cats"]})])


def test_runs_on_other_pools_are_not_drawn_together() -> None:
    other = MemoryRun("other", manifest={**COMPLETE, "pool": {"fingerprint": "xyz"}})
    with pytest.raises(UsageError, match="different pools"):
        draw_queries([make_run(), other])


@pytest.mark.long
def test_equal_runs_give_equal_pictures(tmp_path: Path) -> None:
    for name in ("one", "two"):
        figure = draw_queries([make_run()], band="bootstrap", title="a title").figure
        save_figure(figure, tmp_path / f"{name}.svg")
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()


def test_bars_of_classes_are_no_curve_that_a_band_could_hold_as_a_whole() -> None:
    with pytest.raises(UsageError, match="only learning curves, and their differences"):
        draw_queries([make_run()], band="simultaneous")
