"""Passive training summarised: each model at each task over seeds, and against another.

Differences are taken seed by seed, since the nets of a seed are trained on the same labels.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from alsim.analysis.statistics.intervals import (
    NOT_NEGATIVE,
    Bounds,
    Estimate,
    bounds_of,
    difference_bounds,
    estimate,
)
from alsim.experiments.training.records import RANDOM

Metric = Literal["mse", "auc", "accuracy"]
METRICS: tuple[Metric, ...] = ("mse", "auc", "accuracy")  # a task is reported by the first it has


@dataclass(frozen=True, slots=True)
class NetSummary:
    """The nets of one model, trained on labels chosen alike, over seeds."""

    model: str
    chosen_by: str
    fraction: float
    n_seeds: int
    n_diverged: int  # of these seeds
    n_objects: Estimate
    n_cells: Estimate
    n_parameters: int
    active_flops: Estimate
    epochs: Estimate  # of those that did not diverge; 0 where all did
    train_loss: Estimate | None  # as the epochs are; None where all diverged
    validation_loss: Estimate | None


@dataclass(frozen=True, slots=True)
class TaskSummary:
    """The nets of one model at one task, by one evaluation, over seeds."""

    task: str | None  # None: the mean of all tasks
    metric: str
    model: str
    chosen_by: str
    fraction: float
    evaluation: str
    value: Estimate
    difference: Estimate | None  # to what the summary compares with; None where it is that
    experts: Estimate | None  # that the task uses: selected, or the effective number of a softmax


@dataclass(frozen=True, slots=True)
class TrainingSummary:
    """Passive training in a few numbers."""

    nets: tuple[NetSummary, ...]
    tasks: tuple[TaskSummary, ...]  # by task, fraction, model; the mean of all first, if any
    compared_with: str  # a model, or "random": the same model on labels drawn at random


_Key = tuple[str, str, float]  # model, chosen_by, fraction
_KEY = itemgetter("model", "chosen_by", "fraction")
_Values = dict[tuple[str | None, str, _Key, str], dict[int, float]]  # task, metric, …, evaluation


def summarise_training(
    fits: pa.Table,
    tasks: pa.Table,
    gates: pa.Table,
    models: Mapping[str, Sequence[str]],
    baseline: str | None = None,
) -> TrainingSummary:
    """Return the summary of a training study's tables.

    A regression task is reported by its mse, one of two classes by its auc, others by accuracy. The
    mean over tasks is there if all have the same metric. Each row is compared with the
    baseline, by its first evaluation, on the same labels. By default that is the first model; where
    labels were queried by several strategies and random is among them, the same model and
    evaluation on random's labels. The models are in order, with their evaluations (none without
    stochastic gates).
    """
    order = list(models)
    strategies = sorted({str(by) for by in fits.column("chosen_by").to_pylist()})
    with_random = baseline is None and RANDOM in strategies and len(strategies) > 1
    first = baseline or next(iter(models), "")
    values = _values(tasks.to_pylist())
    metrics = _metrics(values)
    _add_means(values, metrics)
    experts = _experts(values, gates.to_pylist())

    def reference(key: _Key, evaluation: str) -> tuple[_Key, str]:
        model, chosen_by, fraction = key
        if with_random:
            return (model, RANDOM, fraction), evaluation
        return (first, chosen_by, fraction), next(iter(models[first]), "")

    found: list[TaskSummary] = []
    for (task, metric, key, evaluation), by_seed in values.items():
        if metrics.get(task) != metric:
            continue
        other = reference(key, evaluation)
        theirs = {} if other == (key, evaluation) else values.get((task, metric, *other), {})
        apart = [by_seed[seed] - theirs[seed] for seed in sorted(by_seed.keys() & theirs.keys())]
        found.append(
            TaskSummary(
                task,
                metric,
                *key,
                evaluation,
                _over(by_seed.values(), bounds_of(metric)),
                _known(apart, difference_bounds(bounds_of(metric))),
                _known(experts.get((task, key, evaluation), ())),
            )
        )

    def place(s: NetSummary | TaskSummary) -> tuple[Any, ...]:
        return s.fraction, order.index(s.model), s.chosen_by != RANDOM, s.chosen_by

    def place_of_task(s: TaskSummary) -> tuple[Any, ...]:
        mode = list(models[s.model]).index(s.evaluation) if s.evaluation else 0
        return s.task is not None, s.task, *place(s), mode

    return TrainingSummary(
        tuple(sorted(_nets(fits.to_pylist()), key=place)),
        tuple(sorted(found, key=place_of_task)),
        RANDOM if with_random else first,
    )


def effective_number(weights: Sequence[float]) -> float:
    """Return e to the entropy of weights that sum to 1: how many equal ones are as spread."""
    return math.exp(-math.fsum(w * math.log(w) for w in weights if w > 0))


def _values(rows: Iterable[Mapping[str, Any]]) -> _Values:
    values: _Values = {}
    for row in rows:
        place = row["task"], row["metric"], _KEY(row), row["evaluation"]
        values.setdefault(place, {})[row["seed"]] = row["value"]
    return values


def _metrics(values: _Values) -> dict[str | None, str]:
    """Return the metric that each task is reported by, in the order of the tasks' names."""
    there: dict[str, set[str]] = {}
    for task, metric, _, _ in values:
        assert task is not None
        there.setdefault(task, set()).add(metric)
    return {
        task: next(metric for metric in METRICS if metric in there[task])
        for task in sorted(there)
        if there[task] & {*METRICS}
    }


def _add_means(values: _Values, metrics: dict[str | None, str]) -> None:
    """Add the mean over tasks, of the seeds that have all of them, if all have one metric."""
    if len(metrics) < 2 or len(set(metrics.values())) > 1:
        return
    metric = next(iter(metrics.values()))
    for key, evaluation in {(key, mode): None for _, m, key, mode in values if m == metric}:
        of_tasks = [values.get((task, metric, key, evaluation), {}) for task in metrics]
        seeds = set.intersection(*map(set, of_tasks))
        if seeds:
            values[None, metric, key, evaluation] = {
                seed: math.fsum(each[seed] for each in of_tasks) / len(of_tasks)
                for seed in sorted(seeds)
            }
    metrics[None] = metric


def _experts(
    values: _Values, gates: Iterable[Mapping[str, Any]]
) -> dict[tuple[str | None, _Key, str], list[float]]:
    """Return how many experts each task uses, one value a seed."""
    found = {
        (task, key, mode): list(by_seed.values())
        for (task, metric, key, mode), by_seed in values.items()
        if metric == "n_experts"
    }
    weights: dict[tuple[str, _Key, int], list[float]] = {}
    for row in gates:
        if row["fact"] == "weight":
            weights.setdefault((row["task"], _KEY(row), row["seed"]), []).append(row["value"])
    for (task, key, _), of_seed in weights.items():
        found.setdefault((task, key, ""), []).append(effective_number(of_seed))
    return found


def _over(values: Iterable[float], within: Bounds = NOT_NEGATIVE) -> Estimate:
    return estimate(np.array(list(values), np.float64), within=within)


def _known(values: Iterable[float | None], within: Bounds = NOT_NEGATIVE) -> Estimate | None:
    """Return the mean of the values that there are, None without one."""
    known = [value for value in values if value is not None]
    return _over(known, within) if known else None


def _nets(fits: Iterable[Mapping[str, Any]]) -> list[NetSummary]:
    groups: dict[_Key, list[Mapping[str, Any]]] = {}
    for fit in fits:
        groups.setdefault(_KEY(fit), []).append(fit)

    return [
        NetSummary(
            *key,
            n_seeds=len(nets),
            n_diverged=sum(not net["epochs"] for net in nets),
            n_objects=_over(net["n_objects"] for net in nets),
            n_cells=_over(net["n_cells"] for net in nets),
            n_parameters=nets[0]["n_parameters"],
            active_flops=_over(net["active_flops"] for net in nets),
            epochs=_over([net["epochs"] for net in nets if net["epochs"]] or [0]),
            train_loss=_known(net["train_loss"] for net in nets),
            validation_loss=_known(net["validation_loss"] for net in nets),
        )
        for key, nets in groups.items()
    ]
