"""Curves from the tables of a training study, with every value computed by hand."""

import numpy as np
import pyarrow as pa
import pytest
from made_trainings import EVALUATIONS, TASKS, accuracy_of, make_results

from alsim.analysis.training.values import (
    Trained,
    choose_fraction,
    choose_metric,
    choose_tasks,
    expert_curve,
    first_evaluations,
    label_curve,
    net_means,
    trained_in,
)
from alsim.errors import StoreError, UsageError
from alsim.store.training import build_results

MODELS = ("mmoe", "multi-cluster")


def tables(**options: object) -> tuple[pa.Table, pa.Table]:
    """Return the fits and the tasks of a made-up study."""
    return build_results(make_results(**options))[:2]  # pyright: ignore[reportArgumentType]


FITS, MEASURED = tables()


def test_the_mean_over_tasks_is_per_net_fraction_and_evaluation() -> None:
    found = net_means(MEASURED, Trained("multi-cluster", "random"), "accuracy", TASKS)
    assert set(found) == {(f, e) for f in (0.5, 1.0) for e in EVALUATIONS}
    for (fraction, evaluation), seeds in found.items():
        assert list(seeds) == [0, 1, 2]
        for seed, value in seeds.items():
            each = [accuracy_of("multi-cluster", seed, fraction, t, evaluation) for t in TASKS]
            assert value == pytest.approx(np.mean(each))
    alone = net_means(MEASURED, Trained("mmoe", "random"), "accuracy", ["season"])
    assert alone[1.0, ""][2] == accuracy_of("mmoe", 2, 1.0, "season", "")


def test_a_net_that_lacks_a_task_does_not_count_in_the_mean() -> None:
    rows = [
        row
        for row in MEASURED.to_pylist()
        if not (row["seed"] == 1 and row["task"] == "season" and row["metric"] == "accuracy")
    ]
    fewer = pa.Table.from_pylist(rows, schema=MEASURED.schema)
    found = net_means(fewer, Trained("mmoe", "random"), "accuracy", TASKS)
    assert [list(seeds) for seeds in found.values()] == [[0, 2], [0, 2]]
    curve = label_curve(fewer, Trained("mmoe", "random"), "accuracy", TASKS)
    assert curve is not None
    assert curve.seeds == (0, 2)


def test_a_curve_of_a_model_uses_the_evaluation_that_stopped_it() -> None:
    assert first_evaluations(MEASURED) == {"mmoe": "", "multi-cluster": "task-k"}
    curve = label_curve(MEASURED, Trained("multi-cluster", "random"), "accuracy", ["colour"])
    assert curve is not None
    for seed, values in enumerate(curve.values):
        expected = [accuracy_of("multi-cluster", seed, f, "colour", "task-k") for f in (0.5, 1.0)]
        assert values.tolist() == expected


def test_labels_are_counted_over_all_tasks_or_for_the_chosen_one() -> None:
    which = Trained("mmoe", "random")
    together = label_curve(MEASURED, which, "accuracy", TASKS)
    alone = label_curve(MEASURED, which, "accuracy", ["season"])
    assert together is not None
    assert alone is not None
    assert together.x.tolist() == [1000, 2000]  # a label for each of two tasks
    assert alone.x.tolist() == [500, 1000]
    assert not together.is_cut


def study(*nets: tuple[int, float, int, dict[str, float]]) -> pa.Table:
    """Return the tasks of nets: seed, fraction, labels of each task, accuracies."""
    return pa.Table.from_pylist(
        [
            {
                "model": "m", "chosen_by": "random", "evaluation": "", "seed": seed, "task": task,
                "fraction": fraction, "n_cells": 2 * n, "metric": metric, "value": value,
            }
            for seed, fraction, n, accuracies in nets
            for task in ("a", "b")
            for metric, value in (("n_labelled", float(n)), ("accuracy", accuracies.get(task)))
            if value is not None
        ]
    )  # fmt: skip


def test_labels_are_counted_over_the_seeds_that_are_drawn() -> None:
    both = {"a": 0.5, "b": 0.7}
    # Seed 2 has no accuracy at the second fraction, so its 90 and 900 labels do not count either.
    made = study(
        (0, 0.1, 10, both), (1, 0.1, 20, both), (2, 0.1, 90, both),
        (0, 1.0, 100, both), (1, 1.0, 200, both), (2, 1.0, 900, {}),
    )  # fmt: skip
    for names, expected in ((("a",), [15, 150]), (("a", "b"), [30, 300])):
        curve = label_curve(made, Trained("m", "random"), "accuracy", names)
        assert curve is not None
        assert (curve.seeds, curve.x.tolist(), curve.is_cut) == ((0, 1), expected, True)


def test_two_fractions_of_as_many_labels_are_two_points() -> None:
    made = study(
        (0, 0.1, 10, {"a": 0.1, "b": 0.3}), (1, 0.1, 20, {"a": 0.2, "b": 0.4}),
        (0, 0.2, 20, {"a": 0.6, "b": 0.8}), (1, 0.2, 10, {"a": 0.7, "b": 0.9}),
        (0, 0.3, 5, {"a": 0.5, "b": 0.5}), (1, 0.3, 5, {"a": 0.5, "b": 0.5}),
    )  # fmt: skip
    curve = label_curve(made, Trained("m", "random"), "accuracy", ["a"])
    assert curve is not None
    assert curve.x.tolist() == [5, 15, 15]
    assert curve.values.tolist() == [[0.5, 0.1, 0.6], [0.5, 0.2, 0.7]]
    curve = label_curve(made, Trained("m", "random"), "accuracy", ["a", "b"])
    assert curve is not None
    assert curve.x.tolist() == [10, 30, 30]
    assert curve.mean.tolist() == pytest.approx([0.5, 0.25, 0.75])


def test_a_seed_that_diverged_is_left_out_of_the_whole_line() -> None:
    _, measured = tables(diverged=[("mmoe", 1)])
    curve = label_curve(measured, Trained("mmoe", "random"), "accuracy", TASKS)
    assert curve is not None
    assert curve.seeds == (0, 2)
    rows = [r for r in MEASURED.to_pylist() if not (r["seed"] == 1 and r["fraction"] == 1.0)]
    cut = pa.Table.from_pylist(rows, schema=MEASURED.schema)
    curve = label_curve(cut, Trained("mmoe", "random"), "accuracy", TASKS)
    assert curve is not None
    assert (curve.seeds, curve.is_cut) == ((0, 2), True)


def test_the_curve_over_experts_uses_the_number_of_experts_that_run() -> None:
    which = Trained("multi-cluster", "random")
    curve = expert_curve(MEASURED, which, "accuracy", TASKS, 1.0)
    assert curve is not None
    assert curve.x.tolist() == [1, 2]
    assert (curve.values[:, 1] - curve.values[:, 0]).tolist() == pytest.approx([0.03] * 3)
    assert expert_curve(MEASURED, Trained("mmoe", "random"), "accuracy", TASKS, 1.0) is None


def test_nets_are_distinguished_by_model_and_by_what_chose_their_labels() -> None:
    fits, _ = tables(chosen_by=("margin", "random"))
    assert trained_in(fits) == (
        *(Trained(model, "random") for model in MODELS),
        *(Trained(model, "margin") for model in MODELS),
    )


def test_without_a_name_the_available_metric_tasks_and_fraction_are_chosen() -> None:
    assert choose_metric(MEASURED, None, "here") == "accuracy"
    assert choose_tasks(MEASURED, "accuracy", None, "here") == TASKS
    assert choose_tasks(MEASURED, "accuracy", "all", "here") == TASKS
    assert choose_tasks(MEASURED, "accuracy", "season", "here") == ("season",)
    assert choose_fraction(FITS, None, "here") == 1.0
    assert choose_fraction(FITS, 0.5, "here") == 0.5


def test_the_default_metric_is_auc_for_tasks_of_two_classes_and_mse_for_targets() -> None:
    def made(*pairs: tuple[str, str]) -> pa.Table:
        return pa.Table.from_pylist([{"task": task, "metric": metric} for task, metric in pairs])

    two = [("income", "accuracy"), ("income", "auc"), ("income", "nll")]
    assert choose_metric(made(*two), None, "here") == "auc"
    assert choose_metric(made(*two), "nll", "here") == "nll"
    assert choose_metric(made(*two, ("season", "accuracy")), None, "here") == "accuracy"
    assert choose_metric(made(*two, ("age", "mse")), None, "here") == "auc"
    assert choose_metric(made(("age", "mse")), None, "here") == "mse"


def test_unknown_metrics_tasks_and_fractions_are_refused_with_the_available_ones() -> None:
    with pytest.raises(UsageError, match=r"(?s)no task has a metric 'acuracy'.*accuracy"):
        choose_metric(MEASURED, "acuracy", "here")
    with pytest.raises(UsageError, match=r"(?s)no task 'seasn' has accuracy.*did you mean season"):
        choose_tasks(MEASURED, "accuracy", "seasn", "here")
    with pytest.raises(UsageError, match=r"(?s)no training on 0\.3 of.*there is: 0\.5, 1"):
        choose_fraction(FITS, 0.3, "here")
    nothing = MEASURED.slice(0, 0)
    with pytest.raises(StoreError, match="nothing was measured"):
        choose_metric(nothing, None, "here")
    with pytest.raises(StoreError, match="no net was trained"):
        choose_fraction(FITS.slice(0, 0), None, "here")
    assert label_curve(nothing, Trained("mmoe", "random"), "accuracy", TASKS) is None
