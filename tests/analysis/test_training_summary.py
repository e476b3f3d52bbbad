"""The summary of passive training, against numbers computed by hand."""

import math
from collections.abc import Sequence
from typing import Any

import pytest

from alsim.analysis.training.summary import TaskSummary, TrainingSummary, summarise_training
from alsim.analysis.training.summary import effective_number as effective
from alsim.experiments.training.records import FitRecord, GateRecord, TaskRecord, TasksResult
from alsim.store.training import build_results

T1 = 12.706204736  # the 97.5 % quantile of t with one degree of freedom


def net(
    model: str,
    seed: int,
    tasks: dict[tuple[str, str, str], float],
    *,
    by: str = "random",
    fraction: float = 1.0,
    weights: Sequence[float] = (),
    epochs: int = 3,
) -> TasksResult:
    who = (seed, model, by, fraction)
    sizes = (10 * seed + 10, 20)
    loss = 0.5 + seed if epochs else None
    return TasksResult(
        FitRecord(*who, *sizes, 100, 50 + seed, epochs, loss, loss),
        tuple(TaskRecord(*who, *sizes, *place, value) for place, value in tasks.items()),
        tuple(GateRecord(*who, *sizes, "t", e, "weight", w) for e, w in enumerate(weights)),
    )


def summary(results: Sequence[TasksResult], **models: Sequence[str]) -> TrainingSummary:
    return summarise_training(*build_results(results), models)


def only(found: TrainingSummary, **wanted: Any) -> TaskSummary:
    rows = [r for r in found.tasks if all(getattr(r, k) == v for k, v in wanted.items())]
    assert len(rows) == 1, rows
    return rows[0]


def test_the_summary_has_means_intervals_and_paired_differences() -> None:
    values = {"a": (0.5, 0.7), "b": (0.6, 0.84)}
    found = summary(
        [
            net(model, seed, {("t", "", "accuracy"): each[seed], ("t", "", "nll"): 9})
            for model, each in values.items()
            for seed in (0, 1)
        ],
        b=(),
        a=(),
    )
    assert [row.model for row in found.tasks] == ["b", "a"]  # in the order in which they were named
    a, b = only(found, model="a"), only(found, model="b")
    assert (a.task, a.metric, found.compared_with) == ("t", "accuracy", "b")
    # .5 and .7: the deviation is .2/√2, and divided by √2 it is .1.
    assert (a.value.mean, a.value.half_width) == pytest.approx((0.6, 0.1 * T1))
    # −.1 and −.14.
    assert a.difference is not None
    assert (a.difference.mean, a.difference.half_width) == pytest.approx((-0.12, 0.02 * T1))
    assert b.difference is None
    assert [(n.model, n.n_seeds, n.epochs.mean) for n in found.nets] == [("b", 2, 3), ("a", 2, 3)]
    assert found.nets[0].n_objects.mean == 15
    assert found.nets[0].validation_loss is not None
    assert found.nets[0].validation_loss.mean == 1.0


def test_a_task_is_summarised_by_mse_or_auc_or_accuracy_and_the_mean_needs_one_metric() -> None:
    tasks = {
        ("height", "", "mse"): 4.0, ("late", "", "auc"): 0.9, ("late", "", "accuracy"): 0.8,
        ("kind", "", "accuracy"): 0.7, ("kind", "", "train_loss"): 1.0,
    }  # fmt: skip
    found = summary([net("a", 0, tasks)], a=())
    assert {r.task: r.metric for r in found.tasks} == {
        "height": "mse", "kind": "accuracy", "late": "auc",
    }  # fmt: skip
    assert found.tasks[0].value.half_width is None
    alike = {("x", "", "accuracy"): 0.5, ("y", "", "accuracy"): 1.0}
    both = summary([net("a", 0, alike), net("a", 1, {("x", "", "accuracy"): 0.1})], a=())
    mean = both.tasks[0]
    # A seed that lacks a task has no mean.
    assert (mean.task, mean.value.mean, mean.value.n) == (None, 0.75, 1)


def test_evaluations_are_compared_with_the_first_of_the_first_model() -> None:
    modes = {"task-k": 0.8, "top-1": 0.5}
    tasks = {("t", mode, "accuracy"): value for mode, value in modes.items()}
    tasks |= {("t", "task-k", "n_experts"): 3.0, ("t", "top-1", "n_experts"): 1.0}
    tasks |= {("t", "task-k", "density"): 2.6}
    other = {("t", "", "accuracy"): 0.6}
    found = summary(
        [net("m", 0, tasks), net("o", 0, other, weights=(0.5, 0.5, 0.0))],
        m=("task-k", "top-1"),
        o=(),
    )
    assert [(r.model, r.evaluation) for r in found.tasks] == [
        ("m", "task-k"), ("m", "top-1"), ("o", ""),
    ]  # fmt: skip
    differences = [r.difference and r.difference.mean for r in found.tasks]
    assert differences == [None, pytest.approx(-0.3), pytest.approx(-0.2)]
    experts = [r.experts and r.experts.mean for r in found.tasks]
    assert experts == [3.0, 1.0, pytest.approx(2.0)]


def test_queries_of_several_strategies_are_compared_with_labels_at_random() -> None:
    values = {
        ("a", "margin"): 0.9,
        ("a", "random"): 0.7,
        ("b", "margin"): 0.4,
        ("b", "random"): 0.5,
    }
    found = summary(
        [net(m, 0, {("t", "", "accuracy"): v}, by=by) for (m, by), v in values.items()],
        a=(),
        b=(),
    )
    assert found.compared_with == "random"
    reported = [
        (r.model, r.chosen_by, r.difference and round(r.difference.mean, 9)) for r in found.tasks
    ]
    assert reported == [
        ("a", "random", None), ("a", "margin", 0.2), ("b", "random", None), ("b", "margin", -0.1),
    ]  # fmt: skip


def test_diverged_nets_are_counted_and_left_out_of_means() -> None:
    good = net("a", 0, {("t", "", "accuracy"): 0.5, ("t", "", "n_labelled"): 7.0})
    bad = net("a", 1, {("t", "", "n_labelled"): 7.0}, epochs=0)
    found = summary([good, bad], a=())
    assert only(found).value.mean == 0.5
    (nets,) = found.nets
    assert (nets.n_seeds, nets.n_diverged) == (2, 1)
    assert (nets.epochs.mean, nets.epochs.n) == (3, 1)
    assert nets.train_loss is not None
    assert nets.train_loss.mean == 0.5
    (lost,) = summary([bad], a=()).nets
    assert (lost.n_diverged, lost.epochs.mean, lost.train_loss) == (1, 0, None)


def test_the_effective_number_of_equal_weights_is_their_number() -> None:
    assert effective([0.25] * 4) == pytest.approx(4)
    assert effective([1.0, 0.0]) == pytest.approx(1)
    expected = math.exp(-(0.5 * math.log(0.5) + 2 * 0.25 * math.log(0.25)))
    assert effective([0.5, 0.25, 0.25]) == pytest.approx(expected)
