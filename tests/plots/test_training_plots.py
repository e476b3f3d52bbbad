"""Pictures of training studies: losses, and metrics against labels and against experts."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from made_trainings import EVALUATIONS, TASKS, accuracy_of, make_results
from pictures import footnote

from alsim.errors import StoreError, UsageError
from alsim.experiments.training.records import TasksResult
from alsim.plots import draw, save_figure
from alsim.plots.drawing.figures import Drawing
from alsim.store.training import build_results

KINDS = ("losses", "fractions", "experts")


@dataclass(frozen=True, eq=False)
class MemoryStudy:
    """A training study held in memory."""

    results: Iterator[TasksResult]
    status: str = "complete"
    manifest: Mapping[str, object] = field(default_factory=lambda: {"evaluation_split": "test"})
    folder: Path = Path("runs/study")
    tables: list[pa.Table] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.tables.extend(build_results(self.results))

    @property
    def fits(self) -> pa.Table:
        return self.tables[0]

    @property
    def tasks(self) -> pa.Table:
        return self.tables[1]


STUDY = MemoryStudy(make_results())


def titles(drawing: Drawing) -> list[str]:
    return [axes.get_title(loc="left") for axes in drawing.figure.axes]


def points(drawing: Drawing, panel: int, label: str) -> tuple[list[float], list[float]]:
    lines = drawing.figure.axes[panel].lines
    line = next(each for each in lines if each.get_label() == label)
    return list(line.get_xdata()), list(line.get_ydata())  # pyright: ignore[reportArgumentType]


def test_a_histogram_counts_each_net_once_at_its_loss() -> None:
    drawing = draw("losses", [STUDY])
    assert len(drawing.figure.axes) == 2
    for axes in drawing.figure.axes:
        assert sum(bar.get_height() for bar in axes.patches) == 3  # pyright: ignore
        ticks = next(line for line in axes.lines if line.get_marker() == "|")
        assert list(ticks.get_xdata()) == pytest.approx([1.0, 1.01, 1.02])  # pyright: ignore
    assert titles(drawing)[0] == "mmoe: mean 1.01, sd 0.01, n = 3"
    assert drawing.figure.axes[-1].get_xlabel() == "validation loss, mean of the tasks"
    assert "trained on all labels" in footnote(drawing.figure)
    bins = [[bar.get_x() for bar in axes.patches] for axes in drawing.figure.axes]  # pyright: ignore
    assert bins[0] == bins[1]


@pytest.mark.long
def test_losses_can_be_those_of_a_task_or_of_a_fraction() -> None:
    drawing = draw("losses", [STUDY], metric="accuracy", fraction=0.5)
    assert len(drawing.figure.axes) == 4  # two models, two tasks
    alone = draw("losses", [STUDY], metric="accuracy", fraction=0.5, task="season")
    assert len(alone.figure.axes) == 2
    ticks = next(line for line in alone.figure.axes[0].lines if line.get_marker() == "|")
    expected = [accuracy_of("mmoe", seed, 0.5, "season", "") for seed in range(3)]
    assert list(ticks.get_xdata()) == pytest.approx(expected)  # pyright: ignore
    assert "50 % of the labels" in footnote(alone.figure)
    training = draw("losses", [STUDY], metric="train_loss")
    assert titles(training)[0].startswith("mmoe: mean 0.51")


def test_the_training_loss_is_drawn_without_a_validation_loss() -> None:
    study = MemoryStudy(make_results())
    place = study.fits.schema.get_field_index("validation_loss")
    nothing = pa.array([None] * study.fits.num_rows, pa.float64())
    study.tables[0] = study.fits.set_column(place, "validation_loss", nothing)
    assert titles(draw("losses", [study]))[0].startswith("mmoe: mean 0.51")


@pytest.mark.long
def test_diverged_nets_are_reported_and_left_out() -> None:
    study = MemoryStudy(make_results(diverged=[("mmoe", 0)]))
    for kind in KINDS:
        drawing = draw(kind, [study])
        assert drawing.warnings[0] == "mmoe: 2 nets diverged and are left out"
    assert titles(draw("losses", [study]))[0].endswith("sd 0.0071, n = 2")
    lost = [(model, seed) for model in ("mmoe", "multi-cluster") for seed in range(3)]
    all_lost = MemoryStudy(make_results(diverged=lost))
    for kind in KINDS:
        with pytest.raises(StoreError, match=r"no net has finished|nothing was measured"):
            draw(kind, [all_lost])


def test_each_panel_has_a_line_over_the_labels_for_each_model() -> None:
    drawing = draw("fractions", [STUDY])
    assert titles(drawing) == ["mean of 2 tasks", "colour", "season"]
    x, y = points(drawing, 0, "multi-cluster")
    assert x == [1000, 2000]
    means = [
        np.mean([accuracy_of("multi-cluster", s, f, t, "task-k") for s in range(3) for t in TASKS])
        for f in (0.5, 1.0)
    ]
    assert y == pytest.approx(means)
    assert points(drawing, 2, "mmoe")[0] == [500, 1000]
    assert drawing.figure.axes[0].get_xlabel() == "labels of all tasks"
    assert drawing.figure.axes[2].get_xlabel() == "labels"
    assert titles(draw("fractions", [STUDY], task="season")) == ["season"]


@pytest.mark.long
def test_the_axis_of_labels_is_logarithmic_over_a_wide_range() -> None:
    wide = MemoryStudy(make_results(fractions=[0.1, 0.5, 1.0]))
    axes = draw("fractions", [wide]).figure.axes[0]
    assert axes.get_xscale() == "log"
    assert axes.get_xticks().tolist() == [200, 1000, 2000]
    assert draw("fractions", [STUDY]).figure.axes[0].get_xscale() == "linear"


def test_a_single_fraction_gives_one_point_for_each_model_and_a_hint() -> None:
    drawing = draw("fractions", [MemoryStudy(make_results(fractions=[1.0]))])
    assert points(drawing, 1, "mmoe")[0] == [0]
    assert points(drawing, 1, "multi-cluster")[0] == [1]
    assert [axes.get_xlabel() for axes in drawing.figure.axes] == [
        "2,000 labels of all tasks", "1,000 labels", "1,000 labels",
    ]  # fmt: skip
    assert len(drawing.warnings) == 1
    assert "alsim train --fractions" in drawing.warnings[0]


@pytest.mark.long
def test_with_a_single_fraction_the_axes_hold_the_intervals_and_end_at_one() -> None:
    def accuracy(model: str, seed: int, fraction: float, task: str, evaluation: str) -> float:
        return 0.6 + 0.2 * seed if task == "season" else 0.7 if model == "mmoe" else 0.5

    study = MemoryStudy(make_results(fractions=[1.0], n_seeds=2, accuracy=accuracy))
    for axes in draw("fractions", [study]).figure.axes:
        bottom, top = axes.get_ylim()
        assert 0 <= bottom < top <= 1
    high = MemoryStudy(
        make_results(n_seeds=2, accuracy=lambda m, s, f, t, e: 0.9 + 0.1 * (f == 1) - 0.01 * s)
    )
    for axes in draw("fractions", [high]).figure.axes:
        assert axes.get_ylim()[1] <= 1
    near = MemoryStudy(make_results(fractions=[1.0], accuracy=lambda m, s, *_: 0.6 + 0.01 * s))
    for axes in draw("fractions", [near]).figure.axes:
        half = 4.302653 * 0.01 / 3**0.5
        assert axes.get_ylim()[0] < 0.61 - half < 0.61 + half < axes.get_ylim()[1]


def test_colour_shows_the_model_and_marker_and_dashes_show_what_chose_the_labels() -> None:
    results = make_results(["mmoe", "omoe"], chosen_by=["margin", "random"])
    axes = draw("fractions", [MemoryStudy(results)]).figure.axes[0]
    looks = {
        str(line.get_label()): (line.get_color(), line.get_marker(), line._unscaled_dash_pattern)  # pyright: ignore
        for line in axes.lines
    }
    for model in ("mmoe", "omoe"):
        random, margin = looks[f"{model} · random"], looks[f"{model} · margin"]
        assert random[0] == margin[0]
        assert random[1] != margin[1]
        assert random[2] != margin[2]
    assert looks["mmoe · random"][0] != looks["omoe · random"][0]
    assert looks["mmoe · random"][1] == looks["omoe · random"][1]


@pytest.mark.long
def test_labels_chosen_by_strategies_are_not_called_all_labels() -> None:
    manifest = {"evaluation_split": "test", "configuration": {"queries": "7d3f"}}
    alone = MemoryStudy(make_results(), manifest=manifest)
    note = footnote(draw("losses", [alone]).figure)
    assert "trained on the 2,000 labels that random chose" in note
    title = draw("experts", [alone]).figure.axes[0].get_title(loc="left")
    assert title == "mean of 2 tasks, the 2,000 labels that random chose"
    both = MemoryStudy(make_results(chosen_by=["random", "margin"]), manifest=manifest)
    note = footnote(draw("losses", [both], fraction=0.5).figure)
    assert "trained on the first 1,000 labels that each strategy chose" in note


def test_models_are_in_the_order_of_the_command_that_trained_them() -> None:
    models = {"multi-cluster": {}, "mmoe": {}}
    manifest = {"evaluation_split": "test", "configuration": {"models": models}}
    for kind in KINDS:
        drawing = draw(kind, [MemoryStudy(make_results(), manifest=manifest)])
        names = [title.partition(":")[0] for title in titles(drawing)]
        if kind != "losses":
            names = [text.get_text() for text in drawing.figure.legends[0].get_texts()]
        assert names[:2] == ["multi-cluster", "mmoe"]


def test_likeliest_experts_are_a_line_and_other_evaluations_and_models_marks_and_levels() -> None:
    drawing = draw("experts", [STUDY])
    (axes,) = drawing.figure.axes
    x, y = points(drawing, 0, "multi-cluster")
    assert x == [1, 2]

    def mean(model: str, evaluation: str, fraction: float = 1.0) -> float:
        values = [accuracy_of(model, s, fraction, t, evaluation) for s in range(3) for t in TASKS]
        return float(np.mean(values))

    assert y == pytest.approx([mean("multi-cluster", e) for e in ("top-1", "top-2")])
    marks = {
        (float(line.get_xdata()[0]), line.get_marker()): float(line.get_ydata()[0])  # pyright: ignore
        for line in axes.lines
        if line.get_linestyle() == "None"
    }
    assert set(marks) == {(EVALUATIONS["task-k"], "o"), (EVALUATIONS["all"], "D")}
    assert marks[4, "D"] == pytest.approx(mean("multi-cluster", "all"))
    level = next(line for line in axes.lines if line.get_label() == "mmoe")
    assert level.get_ydata()[0] == pytest.approx(mean("mmoe", ""))  # pyright: ignore
    assert axes.get_title(loc="left") == "mean of 2 tasks, all labels"
    half = draw("experts", [STUDY], fraction=0.5, task="colour")
    assert half.figure.axes[0].get_title(loc="left") == "colour, 50 % of the labels"
    expected = np.mean([accuracy_of("multi-cluster", s, 0.5, "colour", "top-1") for s in range(3)])
    assert points(half, 0, "multi-cluster")[1][0] == pytest.approx(expected)


def test_a_study_without_stochastic_gates_has_no_picture_of_experts() -> None:
    with pytest.raises(StoreError, match="no net of the study has stochastic gates"):
        draw("experts", [MemoryStudy(make_results(["mmoe", "omoe"]))])


def test_what_chose_the_labels_is_shown_where_it_differs() -> None:
    study = MemoryStudy(make_results(["mmoe"], chosen_by=["margin", "random"]))
    (legend,) = draw("fractions", [study]).figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["mmoe · random", "mmoe · margin"]


@pytest.mark.parametrize("kind", KINDS)
def test_one_study_is_drawn_at_a_time_and_an_incomplete_one_gives_a_warning(kind: str) -> None:
    with pytest.raises(UsageError, match="2 training studies in one picture"):
        draw(kind, [STUDY, STUDY])
    drawing = draw(kind, [MemoryStudy(make_results(), status="killed")], title="mine")
    assert drawing.warnings == ("the study is marked killed: drawn as far as it was recorded",)
    written = [*titles(drawing), drawing.figure.get_suptitle()]
    assert "mine" in written


@pytest.mark.parametrize("kind", KINDS)
def test_unknown_metrics_tasks_and_fractions_are_refused(kind: str) -> None:
    with pytest.raises(UsageError, match="has a metric 'acuracy'"):
        draw(kind, [STUDY], metric="acuracy")
    with pytest.raises(UsageError, match="no task 'seasn'"):
        draw(kind, [STUDY], task="seasn", metric="accuracy")
    with pytest.raises(UsageError, match=r"no training on 0\.3|--fraction has no meaning"):
        draw(kind, [STUDY], fraction=0.3)


def test_the_loss_over_all_tasks_is_refused_for_one_task() -> None:
    with pytest.raises(UsageError, match="validation_loss is one value for all tasks"):
        draw("losses", [STUDY], task="season")


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
def test_equal_studies_give_equal_pictures(kind: str, tmp_path: Path) -> None:
    for name in ("one", "two"):
        save_figure(draw(kind, [STUDY]).figure, tmp_path / f"{name}.svg")
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()
