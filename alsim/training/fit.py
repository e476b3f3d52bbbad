"""Epochs over labelled rows, with or without early stopping."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from alsim.options.training import TrainingOptions
from alsim.training.batching import batch_sizes, epoch_order
from alsim.training.dropout import draw_masks
from alsim.training.features import Features
from alsim.training.gate_noise import draw_noise
from alsim.training.memory import blaming_memory
from alsim.training.replicas import Batch, Mode, Replicas
from alsim.training.task_weighting import draw_orders, dwa_weights

# Nats; a validation loss must fall by more to count as better. With separable classes it falls for
# ever as the weights grow, without further learning.
TOLERANCE = 1e-4

# Smaller mini-batches would change the training, so a lack of memory is an error.
_trains = blaming_memory(
    "training",
    gpu="lower --batch-size, use fewer --seeds or strategies at once, or --device cpu",
    host="use fewer --workers, fewer --seeds or strategies at once, or lower --batch-size",
)


@dataclass(frozen=True, slots=True, eq=False)
class Labelled:
    """The labelled rows of every replica and the answers the oracle gave."""

    rows: Tensor  # (r, m) int64, rows of the pool
    # task -> (r, m) int64, -1 unknown; or (r, m, c) bool, the classes still possible; or, for a
    # target, (r, m) float, NaN unknown
    labels: Mapping[str, Tensor]

    @property
    def n(self) -> int:
        """Return m, the number of labelled rows of each replica."""
        return self.rows.shape[1]

    def extended(self, rows: Tensor, labels: Mapping[str, Tensor]) -> "Labelled":
        """Return these rows and `k` more, `(r, k)`, with labels of the same form."""
        return Labelled(
            torch.cat([self.rows, rows], 1),
            {task: torch.cat([y, labels[task]], 1) for task, y in self.labels.items()},
        )


class EpochLosses(NamedTuple):
    """Means over the batches of an epoch."""

    total: Tensor  # (r,) float64, the minimised loss
    tasks: Tensor  # (r, t) float64, unweighted, over the batches with the task; NaN without any


@dataclass(frozen=True, slots=True, eq=False)
class FitStreams:
    """The random streams of one training phase, each with one generator per replica."""

    order: Sequence[torch.Generator]  # on the CPU; for the order of rows, and of tasks in pcgrad
    dropout: Sequence[torch.Generator]  # on the device of the features


def balanced_weights(labels: Tensor, n_classes: int) -> Tensor:
    """Return class weights inversely proportional to the classes' label counts, `(r, c)`.

    m / (c' · count), with c' the number of classes that occur and m the number of rows with a known
    class; the mean over these rows is 1. A class without a row has weight 0. King & Zeng (2001).
    Labels are `(r, m)` int64, −1 unknown, or `(r, m, c)` bool, the classes still possible. Partial
    labels count only if they leave a single class; a class that occurs only in larger sets has
    weight 1, so that these rows are not lost.
    """
    if labels.dtype == torch.bool:
        counts = (labels & (labels.sum(2, keepdim=True) == 1)).sum(1)
        otherwise = labels.any(1).float()
    else:
        counts = torch.stack([torch.bincount(y[y >= 0], minlength=n_classes) for y in labels])
        otherwise = torch.zeros((), device=labels.device)
    occurring = (counts > 0).sum(1, keepdim=True)
    # A reciprocal, not a quotient: the last bits differ, and stored runs used the reciprocal.
    weights = counts.sum(1, keepdim=True) * (occurring * counts.clamp_min(1)).reciprocal()
    return torch.where(counts > 0, weights, otherwise)


def train_epoch(
    replicas: Replicas,
    features: Features,
    labelled: Labelled,
    options: TrainingOptions,
    *,
    mode: Mode,
    streams: FitStreams,
    class_weights: Mapping[str, Tensor],
    joint: Tensor | None = None,
    task_weights: Mapping[str, Tensor] | None = None,
) -> EpochLosses:
    """Train one epoch; return the mean losses of its batches.

    `joint`, `(r,)`, is 1 if the ranking loss of a loss predictor trains the model too;
    `task_weights`, `(r,)` each, are those of dwa.
    """
    sizes = batch_sizes(labelled.n, options.batch_size, options.batch_rule)
    orders = [epoch_order(labelled.n, sum(sizes), generator=g) for g in streams.order]
    order = torch.stack(orders).to(features.device)
    rows = labelled.rows.gather(1, order)
    replica = torch.arange(replicas.size, device=features.device).unsqueeze(1)
    labels = {task: y[replica, order] for task, y in labelled.labels.items()}
    total = torch.zeros(replicas.size, dtype=torch.float64, device=features.device)
    tasks = total.new_zeros(replicas.size, len(labelled.labels))
    n_counted = torch.zeros_like(tasks)
    own = _own_tasks(replicas, features, labelled)
    is_pcgrad = replicas.objective.task_weighting == "pcgrad"
    sites, gates = replicas.sites, replicas.gates
    if own is not None:
        sites, gates = [s.of_one_task() for s in sites], [g.of_one_task() for g in gates]
    start = 0
    for size in sizes:
        stop = start + size
        inputs = features.take(rows[:, start:stop])
        batch = Batch(
            inputs if own is None else inputs._replace(own=own[rows[:, start:stop]]),
            {task: y[:, start:stop] for task, y in labels.items()},
            class_weights,
            joint,
            task_weights,
            draw_orders(tasks.shape[1], streams.order) if is_pcgrad else None,
        )
        masks = {
            **draw_masks(sites, size, features.dtype, streams.dropout),
            **draw_noise(gates, size, features.dtype, streams.dropout),
        }
        losses = replicas.step(batch, masks, mode)
        total += losses.total
        tasks += losses.plain
        n_counted += losses.counted
        start = stop
    return EpochLosses(total / len(sizes), tasks / n_counted)


def _own_tasks(replicas: Replicas, features: Features, labelled: Labelled) -> Tensor | None:
    """Return the place of each pool row's only task, if the other tasks can be skipped."""
    is_partial = any(y.dtype == torch.bool for y in labelled.labels.values())
    return features.own if replicas.objective.takes_own and not is_partial else None


def _dynamic_weights(
    replicas: Replicas, history: Sequence[EpochLosses], dtype: torch.dtype
) -> Mapping[str, Tensor]:
    """Return the tasks' weights by dynamic weight averaging, `(r,)` each; empty for other methods.

    They are 1 in the first two epochs of each training phase.
    """
    objective = replicas.objective
    if objective.task_weighting != "dwa" or len(history) < 2:
        return {}
    weights = dwa_weights(history[-1].tasks, history[-2].tasks).to(dtype)
    return dict(zip(objective.heads, weights.unbind(1), strict=True))


def class_weights_of(
    labelled: Labelled, n_classes: Mapping[str, int], options: TrainingOptions, dtype: torch.dtype
) -> Mapping[str, Tensor]:
    """Return the class weights according to the options, task -> `(r, c)`; empty for "none"."""
    if options.class_weights == "none":
        return {}
    return {
        task: balanced_weights(y, n_classes[task]).to(dtype)
        for task, y in labelled.labels.items()
        if not y.is_floating_point()
    }


@_trains
def fit_epochs(
    replicas: Replicas,
    features: Features,
    labelled: Labelled,
    options: TrainingOptions,
    *,
    n_classes: Mapping[str, int],
    streams: FitStreams,
) -> Tensor:
    """Fine-tune for `options.epochs`; return the last epoch's mean loss, `(r,)`.

    Raises:
        RunError: If memory runs out.
    """
    mode: Mode = "frozen" if options.batch_norm == "frozen" else "train"
    weights = class_weights_of(labelled, n_classes, options, features.dtype)
    history: list[EpochLosses] = []
    for _ in range(options.epochs):
        losses = train_epoch(
            replicas, features, labelled, options,
            mode=mode, streams=streams, class_weights=weights,
            task_weights=_dynamic_weights(replicas, history, features.dtype),
        )  # fmt: skip
        history.append(losses)
    return history[-1].total if history else torch.zeros(replicas.size)


class Stopped(NamedTuple):
    """How long each replica was trained."""

    best: Tensor  # (r,) int64, the epoch whose result is kept; 0: no loss was a number
    epochs: Tensor  # (r,) int64, the number of epochs trained


@_trains
def fit_early_stopping(
    replicas: Replicas,
    features: Features,
    labelled: Labelled,
    options: TrainingOptions,
    *,
    n_classes: Mapping[str, int],
    streams: FitStreams,
    validate: Callable[[], Tensor] | None,
    on_epoch: Callable[[int], None],
    tolerance: float = TOLERANCE,
) -> Stopped:
    """Train until the validation loss stops falling, and keep each replica's best epoch.

    Each replica stops on its own, `options.patience` epochs after its best epoch, at the latest
    after `options.max_epochs`; its best parameters, buffers and optimiser state are restored. A
    stopped replica is unaffected by those that continue.

    In the first `share` of the epochs, a loss predictor's ranking loss trains the model too. The
    number of epochs is known only when training stops, so the nets are then trained twice: first
    without it until they stop, then from the beginning for the same number of epochs.

    `validate` returns the model's validation losses, `(r,)`, without the loss predictor's; None
    trains for `max_epochs`. They must fall by more than `tolerance` to count as better. `on_epoch`
    is called after each epoch with its number.

    Raises:
        RunError: If memory runs out.
    """
    weights = class_weights_of(labelled, n_classes, options, features.dtype)

    def train(epoch: int, is_joint: Tensor | None, history: list[EpochLosses]) -> Tensor:
        losses = train_epoch(
            replicas, features, labelled, options,
            mode="train", streams=streams, class_weights=weights,
            joint=None if is_joint is None else is_joint.to(features.device, features.dtype),
            task_weights=_dynamic_weights(replicas, history, features.dtype),
        )  # fmt: skip
        history.append(losses)
        on_epoch(epoch)
        return losses.total

    stopping = _Stopping(options.max_epochs, options.patience, tolerance, validate)
    prediction = options.loss_prediction
    if prediction is None or not prediction.share:
        return _fit_to_best(replicas, train, stopping)
    epochs = torch.full((replicas.size,), options.max_epochs)
    if validate is not None:
        fresh = replicas.state()
        drawn = [(g, g.get_state()) for g in (*streams.order, *streams.dropout)]
        epochs = _fit_to_best(replicas, train, stopping).epochs
        replicas.load(fresh)
        # In lockstep a stopped replica draws numbers until the last one stops.
        for generator, state in drawn:
            generator.set_state(state)
    return _fit_to_best(replicas, train, stopping, epochs, (prediction.share * epochs).round())


class _Stopping(NamedTuple):
    """The rules for ending training."""

    max_epochs: int
    patience: int
    tolerance: float
    validate: Callable[[], Tensor] | None


def _fit_to_best(
    replicas: Replicas,
    train: Callable[[int, Tensor | None, list[EpochLosses]], Tensor],
    stopping: _Stopping,
    lengths: Tensor | None = None,
    joint_epochs: Tensor | None = None,
) -> Stopped:
    """Train epoch by epoch and keep the best epoch.

    Args:
        replicas: The replicas to train.
        train: Trains one epoch and returns the losses, `(r,)`. Its arguments: the epoch's number;
            `(r,)`, whether the ranking loss trains the model; the list to append the losses to.
        stopping: The rules for ending training.
        lengths: `(r,)`, the number of epochs of each replica; None: until the loss stops falling.
        joint_epochs: `(r,)`, in how many first epochs the ranking loss trains the model.
    """
    best, best_loss = replicas.state(), torch.full((replicas.size,), math.inf, dtype=torch.float64)
    best_epoch = torch.zeros(replicas.size, dtype=torch.int64)
    n_epochs = torch.zeros_like(best_epoch)
    history: list[EpochLosses] = []
    for epoch in range(1, stopping.max_epochs + 1):
        loss = train(epoch, None if joint_epochs is None else epoch <= joint_epochs, history)
        if stopping.validate is None:
            best_epoch = torch.where(torch.isfinite(loss).cpu(), epoch, 0)
            n_epochs[:] = epoch
            if not best_epoch.any():
                break
            continue
        now = stopping.validate().double().cpu()
        alive = epoch <= (best_epoch + stopping.patience if lengths is None else lengths)
        n_epochs[alive] = epoch
        improved = alive & (now < best_loss - stopping.tolerance)
        if improved.any():
            state = replicas.state()
            best = state if improved.all() else state.where(improved, best)
            best_loss = torch.where(improved, now, best_loss)
            best_epoch[improved] = epoch
        if not (epoch < (best_epoch + stopping.patience if lengths is None else lengths)).any():
            break
    if stopping.validate is not None:
        replicas.load(best)
    return Stopped(best_epoch, n_epochs)
