"""Passive training on all tasks of a pool: compares models, and shows how much more labels help.

Nets are trained, one a seed, with early stopping on validation; then each task is measured on
test. No files, no clock.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from alsim.experiments.predictions import RowValues
from alsim.experiments.progress import Progress
from alsim.experiments.setting import fit_streams
from alsim.experiments.training.evaluation import (
    Losses,
    Scale,
    known_tasks,
    mean_loss,
    mean_over_known,
    over_rows,
    scale_of,
    task_losses,
    values_of,
)
from alsim.experiments.training.gate_facts import experts_used
from alsim.experiments.training.labels import TaskLabels
from alsim.experiments.training.results import (
    Chosen,
    Said,
    Trained,
    TrainedNet,
    trained_net,
)
from alsim.experiments.training.setting import TasksSetting, evaluated_by, fresh_net, net_of
from alsim.models import ExpertNet
from alsim.training.fit import TOLERANCE, Labelled, fit_early_stopping
from alsim.training.objective import Objective
from alsim.training.replicas import Replicas
from alsim.training.state import ReplicaState
from alsim.training.ways import make_replicas


def train_tasks(
    setting: TasksSetting, seeds: Sequence[int], chosen: Sequence[TaskLabels], progress: Progress
) -> list[TrainedNet]:
    """Return a net for each seed, with its records, trained on the labels chosen for it.

    The seeds are trained as replicas; the direct way takes one at a time. A seed starts from the
    same weights whatever its labels. Early stopping goes by the mean of the tasks' losses on the
    whole of validation, whatever the labels and the tasks' weights. Regression targets are trained
    at mean 0 and deviation 1, by the labelled rows of each seed. `chosen` has the labels of each
    seed, by one strategy, equally many rows of one fraction.

    Raises:
        RunError: If memory runs out.
        UsageError: If the model does not fit the pool, or the weighting of tasks the model.
    """
    rows = torch.stack([labels.rows for labels in chosen])
    labels = {
        name: torch.stack([of_seed.labels[name] for of_seed in chosen])
        for name in setting.pool.tasks
    }
    scales = {name: scale_of(y) for name, y in labels.items() if y.is_floating_point()}
    together = Chosen(rows, labels, scales)
    trained = _train(setting, seeds, together, progress)
    return [
        trained_net(setting, together, trained, r, seed, of_seed)
        for r, (seed, of_seed) in enumerate(zip(seeds, chosen, strict=True))
    ]


def _train(
    setting: TasksSetting, seeds: Sequence[int], chosen: Chosen, progress: Progress
) -> Trained:
    pool, features, device = setting.pool, setting.features, setting.features.device
    nets = [fresh_net(setting, seed) for seed in seeds]
    replicas = make_replicas(setting.way, nets, setting.training)
    validation = pool.splits["validation"]
    stopping = known_tasks(pool, validation)

    def validation_losses() -> Losses:
        truth = {n: t.labels[validation.start : validation.stop] for n, t in pool.tasks.items()}
        losses = task_losses(replicas, features, validation, setting.chunks, truth, chosen.scales)
        return mean_over_known(losses, truth)

    labels = {
        name: chosen.scales[name].apply(y).to(features.dtype) if name in chosen.scales else y
        for name, y in chosen.labels.items()
    }
    trained = fit_early_stopping(
        replicas, features,
        Labelled(chosen.rows.to(device), {name: y.to(device) for name, y in labels.items()}),
        setting.training,
        n_classes={name: len(task.classes) for name, task in pool.tasks.items()},
        streams=fit_streams(device, seeds, "passive"),
        validate=(lambda: mean_loss(validation_losses(), stopping)) if stopping else None,
        on_epoch=progress.epoch,
        tolerance=0.0 if chosen.scales else TOLERANCE,  # targets' losses have units of their own
    )  # fmt: skip
    state = replicas.state()
    return Trained(
        trained.best,
        state,
        [_said(setting, seeds, state, mode, chosen.scales) for mode in _modes(setting, nets[0])],
        _train_losses(setting, replicas, chosen),
        validation_losses() if stopping else None,
    )


def _modes(setting: TasksSetting, net: Objective) -> Sequence[str]:
    """Return the evaluations of a net: the empty one where it has no stochastic gates."""
    has_gates = isinstance(net.model, ExpertNet) and net.model.gates()
    return setting.evaluations if has_gates else ("",)


def _said(
    setting: TasksSetting,
    seeds: Sequence[int],
    state: ReplicaState,
    evaluation: str,
    scales: Mapping[str, Scale],
) -> Said:
    """Return what nets in some state predict on the evaluated split, by one evaluation."""
    if evaluation:
        setting = replace(setting, model=evaluated_by(setting.model, evaluation))
    replicas = make_replicas(
        setting.way, [fresh_net(setting, seed) for seed in seeds], setting.training
    )
    replicas.load(state)
    tasks, split = setting.pool.tasks, setting.pool.splits[setting.evaluated]

    def values(task: str, outputs: Tensor, here: slice) -> RowValues:
        return values_of(tasks[task], outputs, split[here], scales.get(task))

    found = over_rows(replicas, setting.features, split, setting.chunks, values)
    nets = (net_of(setting, state, r, seed) for r, seed in enumerate(seeds))
    return Said(evaluation, found, [experts_used(net.model) for net in nets])


def _train_losses(setting: TasksSetting, replicas: Replicas, chosen: Chosen) -> Losses:
    """Return each task's loss on the labels it was trained on, in evaluation."""
    train = setting.pool.splits["train"]
    places = chosen.rows - train.start
    # Of rows that a replica was not trained on, no loss is computed: their labels are unknown.
    of_split = {
        name: y.new_full((len(y), len(train)), math.nan if y.is_floating_point() else -1).scatter_(
            1, places, y
        )
        for name, y in chosen.labels.items()
    }
    losses = task_losses(replicas, setting.features, train, setting.chunks, of_split, chosen.scales)
    own = {name: of_rows.gather(1, places) for name, of_rows in losses.items()}
    return mean_over_known(own, chosen.labels)
