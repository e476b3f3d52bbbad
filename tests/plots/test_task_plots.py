"""Curves by task with a panel each and one for the mean, and other kinds for one task."""

from dataclasses import replace

import pytest
from pictures import footnote
from task_runs import TASKS, task_run, value_of

from alsim.errors import UsageError
from alsim.plots import draw
from alsim.plots.drawing.figures import Drawing

RUN = task_run()


def titles(drawing: Drawing) -> list[str]:
    return [axes.get_title(loc="left") for axes in drawing.figure.axes]


def line(drawing: Drawing, panel: int, strategy: str) -> list[float]:
    axes = drawing.figure.axes[panel]
    return next(drawn.get_ydata() for drawn in axes.lines if drawn.get_label() == strategy).tolist()  # pyright: ignore[reportAttributeAccessIssue]


def mean(task: str, strategy: str) -> list[float]:
    return [sum(value_of(task, strategy, seed, step) for seed in range(3)) / 3 for step in range(5)]


def test_each_task_has_a_panel_after_that_of_the_mean() -> None:
    drawing = draw("curve", [RUN], task="all")
    assert titles(drawing) == ["mean of 2 tasks", "colour", "season"]
    for strategy in ("margin", "random"):
        colour, season = (mean(task, strategy) for task in TASKS)
        assert line(drawing, 1, strategy) == pytest.approx(colour)
        assert line(drawing, 2, strategy) == pytest.approx(season)
        halves = [(a + b) / 2 for a, b in zip(colour, season, strict=True)]
        assert line(drawing, 0, strategy) == pytest.approx(halves)
    assert drawing.figure.axes[0].get_ylabel() == "accuracy on the test split"
    assert drawing.figure.axes[0].get_xlabel() == "number of labelled objects"
    assert "mean of 3 seeds" in footnote(drawing.figure)


def test_the_axis_can_be_cost_and_the_metric_may_exist_for_some_tasks_only() -> None:
    drawing = draw("curve", [RUN], task="all", metric="auc", x="cost")
    assert titles(drawing) == ["colour"]
    axes = drawing.figure.axes[0]
    assert axes.get_xlabel() == "cost of the labels"
    assert axes.lines[0].get_xdata()[0] == 200
    assert line(drawing, 0, "margin") == pytest.approx([0.9 * v for v in mean("colour", "margin")])
    with pytest.raises(UsageError, match=r"(?s)no task has a metric 'acu'.*auc"):
        draw("curve", [RUN], task="all", metric="acu")


def test_the_auc_of_the_mean_or_of_five_classes_is_refused_with_the_reason() -> None:
    with pytest.raises(UsageError, match=r"(?s)one task that has two classes.*--task colour"):
        draw("curve", [RUN], metric="auc")
    tasks = {**RUN.manifest["tasks"], "season": {"classes": dict.fromkeys("abcde", 8)}}  # pyright: ignore[reportGeneralTypeIssues]
    five = replace(RUN, manifest={**RUN.manifest, "tasks": tasks})
    with pytest.raises(UsageError, match="two classes; season has 5"):
        draw("difference", [five], metric="auc", task="season")
    assert draw("curve", [RUN], metric="auc", task="colour").figure.axes


def test_runs_by_objects_and_runs_by_cells_are_not_drawn_on_one_axis_of_labels() -> None:
    cells = replace(
        RUN, name="cells", manifest={**RUN.manifest, "configuration": {"unit": "cell"}}
    )  # fmt: skip
    for kind in ("curve", "savings", "savings-curve", "wins", "difference", "decision"):
        with pytest.raises(UsageError, match=r"(?s)objects, the other for single.*--x questions"):
            draw(kind, [RUN, cells])
        assert draw(kind, [RUN, cells], x="cost").figure.axes
    with pytest.raises(UsageError, match=r"(?s)objects, the other for single.*of one unit"):
        draw("classes", [RUN, cells], task="colour")


@pytest.mark.long
def test_axes_count_objects_in_runs_by_objects_and_labels_in_runs_by_cells() -> None:
    cells = replace(RUN, manifest={**RUN.manifest, "configuration": {"unit": "cell"}})
    for run, words in ((RUN, "number of labelled objects"), (cells, "number of labels")):
        for kind in ("curve", "difference", "savings-curve", "classes"):
            axes = draw(kind, [run], task="colour").figure.axes[0]
            assert axes.get_xlabel().removesuffix(", n") == words
    for run, words in ((RUN, "fewer objects for"), (cells, "fewer labels for")):
        assert draw("savings-curve", [run]).figure.axes[0].get_ylabel().startswith(words)
        saved = draw("savings", [run]).figure.axes[0].get_xlabel()
        assert saved.startswith(f"{words.split()[1]} saved against random")


def test_the_tasks_that_all_runs_share_are_drawn() -> None:
    other = replace(task_run(("season", "usage")), name="more clothes")
    drawing = draw("curve", [RUN, other], task="all")
    assert titles(drawing) == ["season"]
    assert any("different tasks" in warning for warning in drawing.warnings)
    labels = [drawn.get_label() for drawn in drawing.figure.axes[0].lines]
    assert sorted(labels) == [
        "margin · clothes", "margin · more clothes", "random · clothes", "random · more clothes",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "kind", ["decision", "curve", "difference", "savings", "savings-curve", "wins"]
)
def test_every_kind_of_picture_can_be_drawn_for_one_task(kind: str) -> None:
    colour, season = (draw(kind, [RUN], task=task) for task in TASKS)
    for drawing, task in ((colour, "colour"), (season, "season")):
        written = [*titles(drawing), getattr(drawing.figure, "_suptitle", None)]
        assert any(str(task) in str(title) for title in written)
    if kind == "curve":
        assert line(colour, 0, "margin") == pytest.approx(mean("colour", "margin"))
        assert line(season, 0, "margin") == pytest.approx(mean("season", "margin"))
    if kind == "difference":
        assert line(colour, 0, "margin") == pytest.approx([0.02 * step for step in range(5)])
        assert line(season, 0, "margin") == pytest.approx([0] * 5)


def test_pictures_of_queries_and_classes_need_a_task() -> None:
    for kind in ("queries", "classes"):
        with pytest.raises(UsageError, match=r"(?s)its own classes.*--task colour or season"):
            draw(kind, [RUN])
        assert draw(kind, [RUN], task="colour").figure.axes


@pytest.mark.parametrize("kind", ["difference", "wins", "classes"])
def test_only_curves_can_be_drawn_for_all_tasks_at_once(kind: str) -> None:
    with pytest.raises(UsageError, match="--kind curve has a panel for each"):
        draw(kind, [RUN], task="all")


def test_a_given_title_comes_before_the_name_of_the_task() -> None:
    assert titles(draw("curve", [RUN], task="colour", title="mine")) == ["mine"]
