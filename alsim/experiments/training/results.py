"""From trained nets to their records: each task measured, by each evaluation of their gates."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from alsim.experiments.predictions import RowValues
from alsim.experiments.training.evaluation import Losses, Scale, known_rows, measure_task
from alsim.experiments.training.gate_facts import GateFact, gate_facts
from alsim.experiments.training.labels import TaskLabels
from alsim.experiments.training.records import FitRecord, GateRecord, TaskRecord, TasksResult
from alsim.experiments.training.setting import TasksSetting, net_of
from alsim.models import MIXED, ExpertNet, active_flops, n_parameters
from alsim.training.features import shape_of
from alsim.training.objective import Objective
from alsim.training.state import ReplicaState


@dataclass(frozen=True, slots=True, eq=False)
class Chosen:
    """What the seeds are trained on, one a replica."""

    rows: Tensor  # (r, m) int64
    labels: Mapping[str, Tensor]  # task -> (r, m), unscaled; -1 or NaN unknown
    scales: Mapping[str, Scale]  # of the regression targets


@dataclass(frozen=True, slots=True, eq=False)
class Said:
    """What nets predict on the evaluated split, by one evaluation of their gates."""

    evaluation: str  # empty where there are no stochastic gates
    values: Mapping[str, RowValues]  # task -> what its measures read, (r, n) each
    n_experts: Sequence[Sequence[int]]  # of each replica, that each task uses


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """Nets at their best epoch, and what they predict."""

    epochs: Tensor  # (r,) int64
    state: ReplicaState
    said: Sequence[Said]
    train_losses: Losses
    validation_losses: Losses | None


@dataclass(frozen=True, slots=True, eq=False)
class TrainedNet:
    """One net at its best epoch, and its records."""

    model: nn.Module  # in evaluation; stochastic gates by the first of the evaluations
    scales: Mapping[str, tuple[float, float]]  # target -> mean and deviation it is trained at
    result: TasksResult


def trained_net(
    setting: TasksSetting, chosen: Chosen, trained: Trained, r: int, seed: int, labels: TaskLabels
) -> TrainedNet:
    """Return one replica and its records; of one that diverged there is nothing measured."""
    pool, split = setting.pool, setting.pool.splits[setting.evaluated]
    net = net_of(setting, trained.state, r, seed)
    counts = {name: int(known_rows(y[r]).sum()) for name, y in chosen.labels.items()}
    first = trained.said[0].evaluation
    # (task, evaluation) -> metric -> value
    found = {(name, first): {"n_labelled": float(n)} for name, n in counts.items()}
    means: dict[str, float | None] = {"train_loss": None, "validation_loss": None}
    facts: list[GateFact] = []
    if bool(trained.epochs[r] > 0):
        facts = gate_facts(net.model, pool, setting.features, split, setting.chunks)
        for said in trained.said:
            for number, (name, task) in enumerate(pool.tasks.items()):
                measured = found.setdefault((name, said.evaluation), {})
                measured |= measure_task(
                    task, {k: v[r] for k, v in said.values[name].items()}, split
                )
                if said.n_experts[r]:
                    measured["n_experts"] = float(said.n_experts[r][number])
        for name in pool.tasks:
            found[name, first] |= _learned_weights(net, name)
        for fact in facts:
            if fact.fact == "probability":
                of_task = found[fact.task, first]
                of_task["density"] = of_task.get("density", 0.0) + fact.value
        for what, losses in (
            ("train_loss", trained.train_losses),
            ("validation_loss", trained.validation_losses or {}),
        ):
            known = {n: loss[r].item() for n, loss in losses.items() if not loss[r].isnan()}
            for name, loss in known.items():
                found[name, first][what] = loss
            means[what] = math.fsum(known.values()) / len(known) if known else None
    who = (seed, setting.name, labels.chosen_by, labels.fraction)
    sizes = (len(labels.rows), sum(counts.values()))
    fit = FitRecord(
        *who,
        *sizes,
        n_parameters=n_parameters(net.model),
        active_flops=_flops(net.model, setting),
        epochs=int(trained.epochs[r]),
        **means,
    )
    return TrainedNet(
        net.model,
        {
            name: (scale.mean[r].item(), scale.deviation[r].item())
            for name, scale in chosen.scales.items()
        },
        TasksResult(
            fit,
            tuple(
                TaskRecord(*who, *sizes, *place, metric, value)
                for place, of_task in found.items()
                for metric, value in of_task.items()
            ),
            tuple(GateRecord(*who, *sizes, *fact) for fact in facts),
        ),
    )


def _flops(net: nn.Module, setting: TasksSetting) -> int:
    """Return the multiply-adds of a row; of disjoint tasks by its own, the mean over tasks.

    A model that cannot be cut to a task counts as a whole.
    """
    shape = shape_of(setting.pool)
    if setting.features.own is None or not isinstance(net, ExpertNet):
        return active_flops(net, shape)
    tasks = setting.pool.tasks
    return round(sum(active_flops(net, shape, task) for task in tasks) / len(tasks))


def _learned_weights(net: Objective, task: str) -> dict[str, float]:
    """Return σ of a task's mixed head, or the task's weight, where they are learned."""
    if net.task_weights is not None:
        return {"task_weight": net.task_weights[list(net.heads).index(task)].item()}
    if net.log_variance is not None:
        return {"sigma": net.sigmas(net.log_variance)[task, MIXED]}
    return {}
