"""Passive training on all tasks of a pool: models compared, and how much more labels help.

For each fraction of the labels: nets are trained, one a seed, with early stopping on validation;
then each task is measured on test. No files, no clock.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from alsim.experiments.gate_facts import GateFact, gate_facts
from alsim.experiments.task_evaluation import (
    Scale,
    known_rows,
    known_tasks,
    mean_loss,
    measure_task,
    predict,
    scale_of,
    task_losses,
)
from alsim.experiments.task_records import FitRecord, GateRecord, TaskRecord, TasksResult
from alsim.models import MIXED, ModelOptions, active_flops, n_parameters
from alsim.pool.pool import Pool, Split
from alsim.seeding import on_device, stream
from alsim.signals import Chunks
from alsim.training.features import Features, features_of, shape_of
from alsim.training.fit import FitStreams, Labelled, fit_early_stopping
from alsim.training.objective import Objective, make_objective
from alsim.training.options import TrainingOptions
from alsim.training.replicas import Replicas, Way
from alsim.training.state import ReplicaState
from alsim.training.ways import make_replicas

Losses = Mapping[str, Tensor]  # task -> (r,) float64


@dataclass(frozen=True, slots=True, eq=False)
class TasksSetting:
    """What all seeds and fractions share."""

    pool: Pool
    features: Features
    model: ModelOptions
    training: TrainingOptions
    way: Way
    chunks: Chunks

    @property
    def evaluated(self) -> Split:
        """Return the split that is measured: test, or validation where there is no test."""
        return "test" if self.pool.splits["test"] else "validation"


@dataclass(frozen=True, slots=True, eq=False)
class _Chosen:
    """What the seeds are trained on, one a replica."""

    rows: Tensor  # (r, m) int64
    labels: Mapping[str, Tensor]  # task -> (r, m), as the pool has them
    scales: Mapping[str, Scale]  # of the regression targets


@dataclass(frozen=True, slots=True, eq=False)
class _Trained:
    """Nets at their best epoch, and what they say."""

    epochs: Tensor  # (r,) int64
    state: ReplicaState
    said: Mapping[str, Tensor]  # of the evaluated split, task -> (r, n, c), targets in their unit
    train_losses: Losses
    validation_losses: Losses | None


def make_tasks_setting(
    pool: Pool,
    *,
    model: ModelOptions,
    training: TrainingOptions,
    way: Way,
    device: torch.device,
    chunks: Chunks | None = None,
) -> TasksSetting:
    """Return the setting of a training on all tasks of a pool, on a device.

    The pool is one loaded with `rows_kept="any"` and not to be queried: its tasks may be classes
    or targets, side by side or disjoint.
    """
    dtype = torch.float64 if training.precision == "float64" else torch.float32
    features = features_of(pool, device, dtype)
    return TasksSetting(pool, features, model, training, way, chunks or Chunks())


def labelled_rows(pool: Pool, fraction: float, seed: int) -> Tensor:
    """Return the train rows whose labels a seed trains on, `(m,)` int64, at random.

    Of one seed those of a smaller fraction are the first of a larger one's. A row brings all the
    labels that it has; one without any is not drawn.

    Raises:
        ValueError: If the fraction is not in (0, 1].
    """
    if not 0 < fraction <= 1:
        raise ValueError(f"a fraction of {fraction:g}")
    train = pool.splits["train"]
    known = [known_rows(t.labels[train.start : train.stop]) for t in pool.tasks.values()]
    rows = torch.stack(known).any(0).nonzero().flatten() + train.start
    order = torch.randperm(len(rows), generator=stream(seed, "labelled"))
    return rows[order[: max(1, round(fraction * len(rows)))]]


def train_tasks(
    setting: TasksSetting,
    seeds: Sequence[int],
    fractions: Sequence[float],
    observe: Callable[[str], None],
) -> Iterator[TasksResult]:
    """Yield the result of every seed for one fraction after another.

    The seeds are trained as replicas; the direct way takes one at a time. A seed starts from the
    same weights at every fraction. Early stopping goes by the mean of the tasks' losses on the
    whole of validation, whatever the fraction and the tasks' weights. Regression targets are
    trained at mean 0 and deviation 1, by the labelled rows of each seed.

    Args:
        setting: Pool, model, training.
        seeds: One a replica.
        fractions: Of the labelled train rows, in (0, 1].
        observe: Called at the start of each phase with its name.

    Raises:
        RunError: If memory runs out.
        UsageError: If the model does not fit the pool, or the weighting of tasks the model.
    """
    for fraction in fractions:
        observe(f"fraction {fraction:g}")
        rows = torch.stack([labelled_rows(setting.pool, fraction, seed) for seed in seeds])
        labels = {name: task.labels[rows] for name, task in setting.pool.tasks.items()}
        scales = {name: scale_of(y) for name, y in labels.items() if y.is_floating_point()}
        chosen = _Chosen(rows, labels, scales)
        trained = _train(setting, seeds, chosen, observe)
        for r, seed in enumerate(seeds):
            yield _result(setting, chosen, trained, r, seed, fraction)


def _train(
    setting: TasksSetting,
    seeds: Sequence[int],
    chosen: _Chosen,
    observe: Callable[[str], None],
) -> _Trained:
    pool, features, device = setting.pool, setting.features, setting.features.device
    nets = [_fresh(setting, seed) for seed in seeds]
    replicas = make_replicas(setting.way, nets, setting.training)
    validation = pool.splits["validation"]
    stopping = known_tasks(pool, validation)

    def validation_losses() -> Losses:
        said = predict(replicas, features, validation, setting.chunks)
        rows = torch.arange(validation.start, validation.stop)
        return task_losses(said, pool, rows, chosen.scales)

    labels = {
        name: chosen.scales[name].apply(y).to(features.dtype) if name in chosen.scales else y
        for name, y in chosen.labels.items()
    }
    epochs = fit_early_stopping(
        replicas, features,
        Labelled(chosen.rows.to(device), {name: y.to(device) for name, y in labels.items()}),
        setting.training,
        n_classes={name: len(task.classes) for name, task in pool.tasks.items()},
        streams=FitStreams(
            order=[stream(seed, "passive", "order") for seed in seeds],
            dropout=[on_device(stream(seed, "passive", "dropout"), device) for seed in seeds],
        ),
        validate=(lambda: mean_loss(validation_losses(), stopping)) if stopping else None,
        on_epoch=lambda epoch: observe(f"epoch {epoch}"),
    )  # fmt: skip
    observe("evaluate")
    said = predict(replicas, features, pool.splits[setting.evaluated], setting.chunks)
    for name, scale in chosen.scales.items():
        said[name] = scale.undo(said[name].squeeze(2)).unsqueeze(2)
    return _Trained(
        epochs,
        replicas.state(),
        said,
        _train_losses(setting, replicas, chosen),
        validation_losses() if stopping else None,
    )


def _train_losses(setting: TasksSetting, replicas: Replicas, chosen: _Chosen) -> Losses:
    """Return each task's loss on the labelled rows, in evaluation."""
    train = setting.pool.splits["train"]
    said = predict(replicas, setting.features, train, setting.chunks)
    replica = torch.arange(replicas.size).unsqueeze(1)
    own = {name: z[replica, chosen.rows - train.start] for name, z in said.items()}
    return task_losses(own, setting.pool, chosen.rows, chosen.scales)


def _result(
    setting: TasksSetting, chosen: _Chosen, trained: _Trained, r: int, seed: int, fraction: float
) -> TasksResult:
    """Return the records of one replica; of one that diverged there is nothing measured."""
    pool, split = setting.pool, setting.pool.splits[setting.evaluated]
    net = _net_of(setting, trained.state, r, seed)
    model = net.model
    counts = {name: int(known_rows(y[r]).sum()) for name, y in chosen.labels.items()}
    found = {name: {"n_labelled": float(n)} for name, n in counts.items()}
    losses = {"train_loss": trained.train_losses, "validation_loss": trained.validation_losses}
    means: dict[str, float | None] = dict.fromkeys(losses)
    facts: list[GateFact] = []
    is_alive = bool(trained.epochs[r] > 0)
    if is_alive:
        facts = gate_facts(model, pool, setting.features, split, setting.chunks)
        for name, task in pool.tasks.items():
            found[name] |= measure_task(task, trained.said[name][r], split)
            found[name] |= _learned_weights(net, name)
        for fact in facts:
            if fact.fact == "probability":
                so_far = found[fact.task].get("density", 0.0)
                found[fact.task]["density"] = so_far + fact.value
        for what, of_tasks in losses.items():
            known = {name: loss[r].item() for name, loss in (of_tasks or {}).items()}
            known = {name: loss for name, loss in known.items() if not math.isnan(loss)}
            for name, loss in known.items():
                found[name][what] = loss
            means[what] = math.fsum(known.values()) / len(known) if known else None
    who = (seed, setting.model.name, fraction)
    sizes = (chosen.rows.shape[1], sum(counts.values()))
    fit = FitRecord(
        *who,
        *sizes,
        n_parameters=n_parameters(model),
        active_flops=active_flops(model, shape_of(pool)),
        epochs=int(trained.epochs[r]),
        train_loss=means["train_loss"],
        validation_loss=means["validation_loss"],
    )
    return TasksResult(
        fit,
        tuple(
            TaskRecord(*who, *sizes, name, metric, value)
            for name, of_task in found.items()
            for metric, value in of_task.items()
        ),
        tuple(GateRecord(*who, *fact) for fact in facts),
    )


def _learned_weights(net: Objective, task: str) -> dict[str, float]:
    """Return σ of a task's mixed head, or the task's weight, where they are learned."""
    if net.task_weights is not None:
        return {"task_weight": net.task_weights[list(net.heads).index(task)].item()}
    if net.log_variance is not None:
        return {"sigma": net.sigmas(net.log_variance)[task, MIXED]}
    return {}


def _fresh(setting: TasksSetting, seed: int) -> Objective:
    objective = make_objective(
        shape_of(setting.pool), setting.model, setting.training, generator=stream(seed, "init")
    )
    return objective.to(setting.features.device, setting.features.dtype)


def _net_of(setting: TasksSetting, state: ReplicaState, r: int, seed: int) -> Objective:
    """Return one replica as a module of its own, in evaluation."""
    net = _fresh(setting, seed)
    tensors = {**state.parameters, **state.buffers}
    net.load_state_dict({name: tensors[name][r] for name in net.state_dict()})
    return net.eval()
