"""Tables of training studies as arrays: a value a seed, by model, labels, task and evaluation."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from alsim.analysis.curve import Curve
from alsim.errors import StoreError, UsageError, nearest
from alsim.experiments.training.records import RANDOM
from alsim.measures import OF_TRAINING

TOP = "top-"  # before K: an evaluation by exactly the K likeliest experts of each task
_OF_FIRST = ("n_labelled", "train_loss")  # what is recorded with the first evaluation alone


class Trained(NamedTuple):
    """Nets that differ in their seed and in how many labels they were trained on."""

    model: str
    chosen_by: str  # what has chosen the labels: "random" or a strategy


def trained_in(table: pa.Table, order: Sequence[str] = ()) -> tuple[Trained, ...]:
    """Return which nets a table of a training study is of, those of labels at random first.

    Models come in the order given; others come last, by name.
    """
    found = {(row["model"], row["chosen_by"]) for row in _distinct(table, "model", "chosen_by")}
    places = {model: place for place, model in enumerate(order)}

    def place(each: tuple[str, str]) -> tuple[bool, str, int, str]:
        model, chosen_by = each
        return chosen_by != RANDOM, chosen_by, places.get(model, len(places)), model

    return tuple(Trained(*each) for each in sorted(found, key=place))


def fractions_in(table: pa.Table) -> tuple[float, ...]:
    """Return the fractions of the labels that nets were trained on, ascending."""
    return tuple(sorted(row["fraction"] for row in _distinct(table, "fraction")))


def tasks_in(tasks: pa.Table, metric: str) -> tuple[str, ...]:
    """Return the tasks that have a metric, by name."""
    rows = tasks.filter(pc.field("metric") == metric)
    return tuple(sorted(row["task"] for row in _distinct(rows, "task")))


def choose_metric(tasks: pa.Table, metric: str | None, where: str) -> str:
    """Return the metric that is asked for; without a name the usual one.

    That is AUC where each task of classes has two, else accuracy, and of targets alone mse.

    Raises:
        UsageError: If no task has it.
        StoreError: If nothing was measured.
    """
    recorded = {row["metric"] for row in _distinct(tasks, "metric")}
    there = [name for name in OF_TRAINING if name in recorded]
    if not there:
        mend = "wait for the first net, or look for why it diverged"
        raise StoreError("nothing was measured yet", where, mend)
    if metric is not None and metric not in there:
        raise UsageError(f"no task has a metric {metric!r}", where, nearest(metric, there))
    has_two = "auc" in there and tasks_in(tasks, "auc") == tasks_in(tasks, "accuracy")
    return metric or ("auc" if has_two else there[0])


def choose_tasks(tasks: pa.Table, metric: str, task: str | None, where: str) -> tuple[str, ...]:
    """Return the tasks that have a metric, or the one that is asked for; "all" is all.

    Raises:
        UsageError: If that one has not.
    """
    there = tasks_in(tasks, metric)
    if task in (None, "all"):
        return there
    if task not in there:
        raise UsageError(f"no task {task!r} has {metric}", where, nearest(str(task), there))
    return (str(task),)


def choose_fraction(table: pa.Table, fraction: float | None, where: str) -> float:
    """Return the fraction that is asked for, or the largest.

    Raises:
        UsageError: If no net was trained on it.
        StoreError: If there is no net.
    """
    there = fractions_in(table)
    if not there:
        raise StoreError("no net was trained yet", where, "wait for the first")
    for known in reversed(there):
        if fraction is None or np.isclose(known, fraction, rtol=1e-9, atol=0):
            return known
    known = ", ".join(f"{each:g}" for each in there)
    raise UsageError(f"no training on {fraction:g} of the labels", where, f"there is: {known}")


def first_evaluations(tasks: pa.Table) -> Mapping[str, str]:
    """Return by which evaluation each model was stopped, "" for one without stochastic gates."""
    rows = tasks.filter(pc.field("metric").isin(list(_OF_FIRST)))
    return {row["model"]: row["evaluation"] for row in _distinct(rows, "model", "evaluation")}


def label_curve(tasks: pa.Table, which: Trained, metric: str, names: Sequence[str]) -> Curve | None:
    """Return a metric against the number of labels; of several tasks the mean over them.

    By the evaluation by which the model was stopped. The labels are those of a single task, else
    those of all tasks together: the mean over the seeds of the curve. Each fraction is a point,
    also where two come to the same number.
    """
    evaluation = first_evaluations(tasks).get(which.model, "")
    found = {
        fraction: values
        for (fraction, mode), values in net_means(tasks, which, metric, names).items()
        if mode == evaluation
    }
    sizes: dict[float, dict[int, float]] = {}  # fraction -> seed -> labels
    if len(names) == 1:
        labels = net_means(tasks, which, "n_labelled", names)
        sizes |= {fraction: labels[fraction, evaluation] for fraction in found}
    else:
        for row in _distinct(_rows_of(tasks, which), "fraction", "seed", "n_cells"):
            sizes.setdefault(row["fraction"], {})[row["seed"]] = row["n_cells"]
    points = [(sizes[fraction], values) for fraction, values in found.items()]
    return _curve(points, which.model, metric)


def expert_curve(
    tasks: pa.Table, which: Trained, metric: str, names: Sequence[str], fraction: float
) -> Curve | None:
    """Return a metric against the experts that run, each task's K likeliest.

    Of several tasks it is the mean.
    """
    found = net_means(tasks, which, metric, names)
    points = [
        (dict.fromkeys(values, float(mode.removeprefix(TOP))), values)
        for (share, mode), values in found.items()
        if share == fraction and mode.startswith(TOP)
    ]
    return _curve(points, which.model, metric)


def net_means(
    tasks: pa.Table, which: Trained, metric: str, names: Sequence[str]
) -> dict[tuple[float, str], dict[int, float]]:
    """Return the mean over tasks of each net by seed, for each fraction and evaluation.

    A net counts where all of the tasks have a value.
    """
    rows = _rows_of(tasks, which).filter(
        (pc.field("metric") == metric) & pc.field("task").isin(list(names))
    )
    each: dict[tuple[float, str], dict[int, list[float]]] = {}
    for row in rows.sort_by("task").to_pylist():
        net = each.setdefault((row["fraction"], row["evaluation"]), {})
        net.setdefault(row["seed"], []).append(row["value"])
    found = {
        key: {
            seed: float(np.mean(values))
            for seed, values in sorted(seeds.items())
            if len(values) == len(names)
        }
        for key, seeds in sorted(each.items())
    }
    return {key: seeds for key, seeds in found.items() if seeds}


def _curve(
    points: Sequence[tuple[Mapping[int, float], Mapping[int, float]]], model: str, metric: str
) -> Curve | None:
    """Return a curve of the seeds that have a value everywhere; None without one.

    The points are x and the value of each seed; those at the same mean x keep their order.
    """
    if not points:
        return None
    seeds = sorted(set[int].intersection(*(set(values) for _, values in points)))
    if not seeds:
        return None
    means = [np.mean([places[seed] for seed in seeds]) for places, _ in points]
    x = np.array(means, np.float64)
    order = np.argsort(x, kind="stable")
    values = np.array([[of_seeds[seed] for _, of_seeds in points] for seed in seeds])[:, order]
    return Curve(
        strategy=model,
        metric=metric,
        seeds=tuple(seeds),
        x=x[order],
        values=values,
        is_cut=any(len(each) > len(seeds) for _, each in points),
        is_interpolated=False,
    )


def _rows_of(tasks: pa.Table, which: Trained) -> pa.Table:
    return tasks.filter(
        (pc.field("model") == which.model) & (pc.field("chosen_by") == which.chosen_by)
    )


def _distinct(table: pa.Table, *columns: str) -> list[dict[str, Any]]:
    return table.group_by(list(columns), use_threads=False).aggregate([]).to_pylist()
