"""One task of a run: its steps, its manifest, and the errors if it is missing."""

from dataclasses import replace

import pytest
from pictures import MemoryRun, make_metrics, make_steps, rising
from task_runs import STRATEGIES, TASKS, task_run, value_of

from alsim.analysis.curves.curves import learning_curves
from alsim.analysis.curves.metric_curves import Place, metric_curves
from alsim.analysis.curves.task_runs import of_strategies, of_task, tasks_of, with_metric
from alsim.errors import StoreError, UsageError

RUN = task_run()
OTHERS = ["strategy", "seed", "step", "n_labelled", "cost", "n_questions", "batch_size"]


@pytest.mark.parametrize("task", TASKS)
def test_the_steps_of_a_task_hold_its_own_measures_at_the_steps_of_the_run(task: str) -> None:
    found = of_task(RUN, task).steps
    assert found.select(OTHERS).equals(RUN.steps.select(OTHERS))
    for row in found.to_pylist():
        expected = value_of(task, row["strategy"], row["seed"], row["step"])
        assert row["accuracy"] == expected
        assert row["macro_f1"] == row["nll"] == pytest.approx(expected / 2)
        if task == "colour":
            assert row["auc"] == pytest.approx(0.9 * expected)
    assert ("auc" in found.column_names) == (task == "colour")


def test_metrics_queries_and_classes_are_those_of_the_task() -> None:
    colour, season = (of_task(RUN, task) for task in TASKS)
    assert set(colour.metrics.column("task").to_pylist()) == {"colour"}
    assert (colour.queries.num_rows, season.queries.num_rows) == (4, 0)
    assert colour.manifest["n_evaluated"] == 800
    assert colour.manifest["task"] == "colour"
    assert colour.manifest["pool"] == {
        "name": "clothes",
        "fingerprint": "abc",
        "classes": {"red": 30, "blue": 10},
    }
    assert (colour.name, colour.folder, colour.status) == (RUN.name, RUN.folder, "complete")


def test_the_mean_of_the_tasks_curves_is_the_curve_of_the_steps() -> None:
    places = [Place(task, "mixed", "all") for task in TASKS]
    found = metric_curves(RUN.steps, RUN.metrics, "accuracy", places)
    for mine, expected in zip(found, learning_curves(RUN.steps), strict=True):
        assert mine.strategy == expected.strategy
        assert mine.values == pytest.approx(expected.values)
    (one, other) = (metric_curves(RUN.steps, RUN.metrics, "accuracy", [p])[0] for p in places)
    assert found[0].values == pytest.approx((one.values + other.values) / 2)


def test_a_run_of_one_task_keeps_its_steps_and_gains_columns() -> None:
    values = rising()
    metrics = make_metrics(
        [
            ("margin", seed, step, "mixed", "all", metric, None, float(value))
            for seed, row in enumerate(values)
            for step, value in enumerate(row)
            for metric in ("accuracy", "auc")
        ]
    )
    run = MemoryRun(steps=make_steps({"margin": values}), metrics=metrics)
    found = of_task(run, "topic")
    assert found.steps.select(run.steps.column_names).equals(run.steps)
    assert found.steps.column("auc").to_pylist() == run.steps.column("accuracy").to_pylist()
    assert found.manifest is run.manifest


def test_the_measured_tasks_are_listed() -> None:
    assert tasks_of(RUN) == TASKS


def test_an_unknown_task_is_refused_with_the_list_of_tasks() -> None:
    with pytest.raises(UsageError, match=r"(?s)no task 'color'.*did you mean colour\?"):
        of_task(RUN, "color")


def test_a_run_without_the_accuracy_of_the_task_is_refused() -> None:
    metrics = RUN.metrics.filter([m != "accuracy" for m in RUN.metrics["metric"].to_pylist()])
    with pytest.raises(StoreError, match="no record of its accuracy at season"):
        of_task(MemoryRun(steps=RUN.steps, metrics=metrics), "season")


def test_a_step_without_a_value_for_the_task_is_null_and_the_curve_continues() -> None:
    rows = [
        row
        for row in RUN.metrics.to_pylist()
        if not (row["task"] == "season" and row["step"] == 2 and row["seed"] == 0)
    ]
    metrics = type(RUN.metrics).from_pylist(rows, schema=RUN.metrics.schema)
    found = of_task(MemoryRun(steps=RUN.steps, metrics=metrics), "season")
    curves = learning_curves(found.steps)
    assert [curve.strategy for curve in curves] == list(STRATEGIES)
    assert all(curve.x.size == 4 and curve.is_cut for curve in curves)


def test_a_measure_that_steps_lack_is_the_mean_over_the_tasks() -> None:
    short = replace(RUN, steps=RUN.steps.drop_columns(["macro_f1"]))
    whole = with_metric(short, "macro_f1")
    expected = [value / 2 for value in RUN.steps.column("accuracy").to_pylist()]
    assert whole.steps.column("macro_f1").to_pylist() == pytest.approx(expected)
    assert whole.steps.drop_columns(["macro_f1"]).equals(short.steps)
    assert whole.metrics.equals(short.metrics)
    assert whole.manifest == short.manifest


@pytest.mark.parametrize("metric", ["accuracy", "auc", "batch_size", "unheard_of"])
def test_a_column_is_added_only_if_steps_lack_it_and_every_task_has_the_measure(
    metric: str,
) -> None:
    assert with_metric(RUN, metric) is RUN


def test_some_strategies_of_a_run_are_its_rows_of_these() -> None:
    found = of_strategies(RUN, ["margin"])
    for mine, whole in (
        (found.steps, RUN.steps), (found.metrics, RUN.metrics), (found.queries, RUN.queries)
    ):  # fmt: skip
        kept = [row for row in whole.to_pylist() if row["strategy"] == "margin"]
        assert mine.to_pylist() == kept
        assert mine.num_rows < whole.num_rows
    assert (found.manifest, found.name, found.status) == (RUN.manifest, RUN.name, RUN.status)
