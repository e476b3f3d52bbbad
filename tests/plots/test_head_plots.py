from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text
from pictures import MemoryRun, footnote, make_metrics, make_steps, rising

from alsim.errors import UsageError
from alsim.plots.drawing.figures import save_figure
from alsim.plots.heads import draw_heads
from alsim.plots.sigma import draw_sigma

PLACES = {
    ("mixed", "all"): 0.0,
    ("mixed", "none"): 0.4,
    ("mixed", "picture"): 0.2,
    ("mixed", "picture+text"): -0.1,
    ("picture", "all"): 0.3,
    ("picture", "picture+text"): 0.25,
    ("text", "all"): 0.1,
}
CURVES = {"margin": rising(ahead=0.005), "random": rising()}


def slope(head: str) -> float:
    """Return how fast a head learns."""
    return 0.5 if head == "text" else 1.0


def make_run(places: dict[tuple[str, str], float], metric: str = "accuracy") -> MemoryRun:
    rows = [
        (strategy, seed, step, head, modalities, metric, None, slope(head) * float(value) - worse)
        for strategy, values in CURVES.items()
        for (seed, step), value in np.ndenumerate(values)
        for (head, modalities), worse in places.items()
    ]
    return MemoryRun("posts", make_steps(CURVES), make_metrics(rows))


def test_heads_are_drawn_above_the_patterns_of_the_mixed_head() -> None:
    figure = draw_heads([make_run(PLACES)]).figure
    panels = [axes for axes in figure.axes if axes.get_visible()]
    assert [axes.get_title(loc="left") for axes in panels] == [
        "mixed head, all rows",
        "picture head, rows that have it",
        "text head, rows that have it",
        "mixed head, picture + text",
        "mixed head, picture only",
        "mixed head, rows with nothing",
    ]
    heads = [axes.get_title(loc="left").split()[0] for axes in panels]
    for axes, head, worse in zip(panels, heads, (0, 0.3, 0.1, -0.1, 0.2, 0.4), strict=True):
        drawn = {str(line.get_label()): np.asarray(line.get_ydata()) for line in axes.lines}
        for strategy, values in CURVES.items():
            assert drawn[strategy] == pytest.approx(slope(head) * values.mean(0) - worse)
    assert panels[0].get_ylabel() == "accuracy on the test split"


def test_all_panels_have_the_same_scale_with_different_limits() -> None:
    figure = draw_heads([make_run(PLACES)]).figure
    panels = [axes for axes in figure.axes if axes.get_visible()]
    spans = [axes.get_ylim()[1] - axes.get_ylim()[0] for axes in panels]
    assert spans == pytest.approx([spans[0]] * 6)
    for axes in panels:
        bottom, top = axes.get_ylim()
        drawn = np.concatenate([np.asarray(line.get_ydata()) for line in axes.lines])
        assert bottom < drawn.min() < drawn.max() < top
    assert footnote(figure).endswith("panels of one scale, each at its own height")


def test_one_legend_names_the_strategies() -> None:
    (legend,) = draw_heads([make_run(PLACES)]).figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["margin", "random"]


def test_a_single_pattern_has_no_panel_as_it_equals_all_rows() -> None:
    run = make_run({("mixed", "all"): 0, ("mixed", "picture+text"): 0, ("text", "all"): 0})
    panels = [axes for axes in draw_heads([run]).figure.axes if axes.get_visible()]
    assert len(panels) == 2


def test_one_head_and_four_patterns_give_a_grid_of_two_by_two() -> None:
    places = {("mixed", pattern): 0.0 for pattern in ("all", "picture", "text", "picture+text")}
    figure = draw_heads([make_run(places)]).figure
    assert figure.axes[0].get_subplotspec().get_gridspec().get_geometry() == (2, 2)  # type: ignore[union-attr]


@pytest.mark.parametrize("patterns", [("all",), ("all", "picture")])
def test_one_head_without_patterns_is_refused(patterns: tuple[str, ...]) -> None:
    with pytest.raises(UsageError, match="only one head"):
        draw_heads([make_run({("mixed", pattern): 0.0 for pattern in patterns})])


def test_sigma_has_a_panel_for_each_head() -> None:
    run = make_run({("mixed", "all"): 0.0, ("text", "all"): 0.3}, "sigma")
    figure = draw_sigma([run], band="sd").figure
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["mixed head", "text head"]
    assert figure.axes[0].get_ylabel() == "σ (the loss has weight 1 / σ²)"
    (margin,) = (line for line in figure.axes[1].lines if line.get_label() == "margin")
    assert np.asarray(margin.get_ydata()) == pytest.approx(CURVES["margin"].mean(0) / 2 - 0.3)
    assert "standard deviation" in footnote(figure)


def test_a_picture_of_sigma_is_refused_without_a_learned_sigma() -> None:
    with pytest.raises(UsageError, match=r"no σ was learned(.*\n)+.*--loss uncertainty"):
        draw_sigma([make_run(PLACES)])


@pytest.mark.long
def test_values_missing_from_every_panel_give_one_warning() -> None:
    run = make_run(PLACES)
    lost = run.metrics.slice(0, run.metrics.num_rows - len(PLACES))  # the last step of one seed
    drawing = draw_heads([MemoryRun("posts", run.steps, lost)])
    assert drawing.warnings == ("random: drawn only where all of its seeds have a value",)


def test_several_runs_have_their_lines_in_the_same_panels() -> None:
    one = make_run(PLACES)
    two = MemoryRun("retrain", one.steps, one.metrics)
    (legend,) = draw_heads([one, two]).figure.legends
    texts = [text.get_text() for text in legend.get_texts()]
    assert texts == ["margin · posts", "random · posts", "margin · retrain", "random · retrain"]


@pytest.mark.long
def test_equal_runs_give_equal_pictures(tmp_path: Path) -> None:
    for name in ("one", "two"):
        figure = draw_heads([make_run(PLACES)], title="a title").figure
        save_figure(figure, tmp_path / f"{name}.svg")
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()


def with_task(run: MemoryRun, task: str) -> pa.Table:
    place = run.metrics.schema.get_field_index("task")
    return run.metrics.set_column(place, "task", pa.array([task] * run.metrics.num_rows))


@pytest.mark.long
def test_titles_of_several_tasks_name_the_task_and_do_not_overlap() -> None:
    run = make_run(PLACES)
    tasks = ("gender", "kind of clothes")
    both = pa.concat_tables(with_task(run, task) for task in tasks)
    figure = draw_heads([MemoryRun("posts", run.steps, both)]).figure
    FigureCanvasAgg(figure).draw()
    titles = [
        text
        for axes in figure.axes
        for text in axes.findobj(Text)
        if isinstance(text, Text) and text.get_text() == axes.get_title(loc="left") != ""
    ]
    texts = [title.get_text().replace("\n", " ") for title in titles]
    assert [sum(words.startswith(task) for words in texts) for task in tasks] == [6, 6]
    boxes = [title.get_window_extent() for title in titles]
    for i, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:i]), texts[i]
        assert figure.bbox.x0 <= box.x0 < box.x1 <= figure.bbox.x1, texts[i]


def test_a_task_whose_rows_all_have_one_pattern_has_no_panel_for_it() -> None:
    run = make_run(PLACES)
    alike = make_run({("mixed", "all"): 0, ("mixed", "picture"): 0})
    both = pa.concat_tables([with_task(run, "gender"), with_task(alike, "season")])
    figure = draw_heads([MemoryRun("posts", run.steps, both)]).figure
    texts = [axes.get_title(loc="left") for axes in figure.axes if axes.get_visible()]
    assert [words for words in texts if words.startswith("season")] == [
        "season: mixed head, all rows"
    ]
    assert len(texts) == 7
