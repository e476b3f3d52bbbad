"""The picture of the gates: its three panels and its footnote."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pictures import footnote

from alsim.analysis.training.gates import GateMap
from alsim.plots import save_figure
from alsim.plots.gates import draw_gates

# Tasks a and c are similar, b and d too; the seeds differ only in the numbers of the experts.
P = np.array(
    [[0.9, 0.8, 0.1, 0.0], [0.0, 0.1, 0.9, 0.9], [0.8, 0.9, 0.0, 0.1], [0.1, 0.0, 0.9, 0.8]]
)
VALUES = np.stack([P, P[:, ::-1], P[:, [1, 0, 3, 2]]])


def made(values: np.ndarray = VALUES, fact: str = "probability", fraction: float = 1.0) -> GateMap:
    s, t, _ = values.shape
    return GateMap(
        "multi-cluster", "random", fraction, fact, tuple(range(s)), tuple("abcdefgh"[:t]), values
    )


def panels(figure: Figure) -> list[Axes]:
    return figure.axes[:3]


def names_on(axes: Axes, which: str) -> list[str]:
    return [label.get_text() for label in getattr(axes, f"get_{which}ticklabels")()]


@pytest.mark.long
def test_the_map_shows_the_values_of_the_chosen_seed_at_the_named_tasks_and_experts() -> None:
    for seed in (0, 1):
        axes = panels(draw_gates(made(), seed=seed).figure)[0]
        shown = axes.images[0].get_array()
        tasks, experts = names_on(axes, "y"), [int(name) for name in names_on(axes, "x")]
        assert sorted(experts) == [0, 1, 2, 3]
        for row, task in enumerate(tasks):
            for column, expert in enumerate(experts):
                assert shown[row, column] == VALUES[seed, "abcd".index(task), expert]
    assert panels(draw_gates(made()).figure)[0].get_title(loc="left") == "pᵢ(t), seed 0"


def test_tasks_that_agree_are_neighbours() -> None:
    tasks = "".join(names_on(panels(draw_gates(made()).figure)[0], "y"))
    assert {*tasks[:2]} in ({"a", "c"}, {"b", "d"})


def test_the_bars_are_the_mean_densities_with_the_seeds_as_dots() -> None:
    values = VALUES.copy()
    values[2, 0] += 0.1
    figure = draw_gates(made(values)).figure
    axes = panels(figure)[1]
    tasks = names_on(panels(figure)[0], "y")
    lengths = [bar.get_width() for bar in axes.patches]
    mean = values.sum(-1).mean(0)
    assert lengths == pytest.approx([mean["abcd".index(task)] for task in tasks])
    dots = [c.get_offsets()[:, 0] for c in axes.collections[1:]]
    assert np.sort(np.array(dots)[:, tasks.index("a")]).tolist() == pytest.approx([1.8, 1.8, 2.2])


@pytest.mark.long
def test_correlations_are_drawn_in_the_same_order_and_printed_if_they_are_few() -> None:
    found = made()
    figure = draw_gates(found).figure
    axes = panels(figure)[2]
    order = ["abcd".index(task) for task in names_on(axes, "x")]
    assert names_on(axes, "x") == names_on(panels(figure)[0], "y")
    shown = np.asarray(axes.images[0].get_array())
    assert shown == pytest.approx(found.correlations[np.ix_(order, order)])
    written = [text.get_text() for text in axes.texts]
    assert len(written) == 12
    assert "1.0" in written
    many = np.random.default_rng(0).random((1, 14, 5))
    named = GateMap("m", "random", 1.0, "weight", (0,), tuple(map(str, range(14))), many)
    assert not panels(draw_gates(named).figure)[2].texts


def test_one_seed_has_neither_dots_nor_intervals_and_one_task_has_no_correlation() -> None:
    drawing = draw_gates(made(VALUES[:1]))
    assert not panels(drawing.figure)[1].collections
    assert "95 %" not in footnote(drawing.figure)
    alone = draw_gates(made(VALUES[:, :1])).figure
    assert [a.get_title(loc="left") for a in alone.axes if a.get_title(loc="left")] == [
        "pᵢ(t), seed 0",
        "experts used",
    ]
    assert "correlation" not in footnote(alone)


@pytest.mark.long
def test_the_footnote_describes_the_picture() -> None:
    whole = draw_gates(made()).figure
    assert whole._suptitle.get_text() == "multi-cluster, all labels"
    part = draw_gates(made(fraction=0.25, fact="weight")).figure
    assert part._suptitle.get_text() == "multi-cluster, 25 % of the labels"
    assert "exp of the entropy" in footnote(part)
    assert draw_gates(made(), title="mine").figure._suptitle.get_text() == "mine"


def test_a_task_without_values_is_grey_and_reported() -> None:
    values = VALUES.copy()
    values[:, 1] = np.nan
    drawing = draw_gates(made(values, "weight"))
    assert drawing.warnings == ("no gates of b: no row was evaluated there",)
    axes = panels(drawing.figure)[0]
    row = names_on(axes, "y").index("b")
    assert axes.images[0].get_array().mask[row].all()


@pytest.mark.long
def test_equal_maps_give_equal_pictures(tmp_path: Path) -> None:
    for name in ("one", "two"):
        save_figure(draw_gates(made()).figure, tmp_path / f"{name}.svg")
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()
