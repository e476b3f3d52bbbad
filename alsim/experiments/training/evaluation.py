"""Measures of replicas at each task of a pool: losses to stop by, metrics to report."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from alsim import metrics
from alsim.measures import OF_TRAINING
from alsim.models import MIXED
from alsim.pool.pool import Pool, Task
from alsim.signals import Chunks
from alsim.training.features import Features
from alsim.training.losses import row_losses
from alsim.training.replicas import Replicas


@dataclass(frozen=True, slots=True, eq=False)
class Scale:
    """What a regression target is trained at: its mean and spread over the labelled rows."""

    mean: Tensor  # (r, 1) float64
    deviation: Tensor  # (r, 1) float64, positive

    def apply(self, targets: Tensor) -> Tensor:
        """Return targets, `(n,)` or `(r, n)`, of mean 0 and deviation 1, `(r, n)` float64."""
        return (targets.double() - self.mean) / self.deviation

    def undo(self, outputs: Tensor) -> Tensor:
        """Return outputs `(r, n)` in the unit of the file, float64."""
        return outputs.double() * self.deviation + self.mean


def scale_of(targets: Tensor) -> Scale:
    """Return the scale of labelled targets, `(r, m)` float, NaN unknown.

    Where none is known the mean is 0, and where they do not differ the deviation is 1.
    """
    values = targets.double()
    mean = values.nanmean(1, keepdim=True).nan_to_num()
    variance = (values - mean).square().nanmean(1, keepdim=True).nan_to_num()
    return Scale(mean, torch.where(variance > 0, variance, 1).sqrt())


def known_rows(labels: Tensor) -> Tensor:
    """Return where a task's labels are known, bool, in their shape."""
    return ~labels.isnan() if labels.is_floating_point() else labels >= 0


def predict(
    replicas: Replicas, features: Features, rows: range, chunks: Chunks
) -> dict[str, Tensor]:
    """Return the outputs of the mixed heads for some rows, task -> `(r, n, c)` on the CPU."""

    def of_chunk(some: range) -> dict[str, Tensor]:
        outputs = replicas.outputs(features.span(some.start, some.stop))
        return {task: heads[MIXED].cpu() for task, heads in outputs.logits.items()}

    parts = list(chunks.over(rows, of_chunk))
    return {task: torch.cat([part[task] for part in parts], 1) for task in parts[0]}


def known_tasks(pool: Pool, rows: range) -> list[str]:
    """Return the tasks of which one of the rows has a label."""
    return [
        name
        for name, task in pool.tasks.items()
        if known_rows(task.labels[rows.start : rows.stop]).any()
    ]


def task_losses(
    said: Mapping[str, Tensor], labels: Mapping[str, Tensor], scales: Mapping[str, Scale]
) -> dict[str, Tensor]:
    """Return the mean loss of each task over the rows that have it, task -> `(r,)` float64.

    The cross-entropy in nats, or the squared error of the scaled target: then 1 is what the mean of
    the labels would cost. NaN where no row has the task. By task `said` is `(r, n, c)`; labels are
    `(r, n)` or `(n,)`, unscaled, −1 or NaN unknown.
    """
    losses: dict[str, Tensor] = {}
    for name, outputs in said.items():
        of_task = scales[name].apply(labels[name]) if name in scales else labels[name]
        of_rows, known = row_losses(outputs.double(), of_task.expand(outputs.shape[:2]))
        losses[name] = of_rows.sum(1) / known.sum(1)
    return losses


def mean_loss(losses: Mapping[str, Tensor], tasks: Sequence[str]) -> Tensor:
    """Return the mean over some tasks, `(r,)` float64; NaN where one of them is."""
    return torch.stack([losses[task] for task in tasks]).mean(0)


def measure_task(task: Task, outputs: Tensor, rows: range) -> dict[str, float]:
    """Return the metrics of one replica for one task, over the rows that have it.

    Of classes: accuracy, nll, and of two classes auc, unless the rows are all of one. Of a target:
    mse, in the unit of the file squared. Without a row with the task there are none. Outputs are
    `(n, c)` logits, or of a target `(n, 1)` in the unit of the file, of these rows.
    """
    labels = task.labels[rows.start : rows.stop]
    known = known_rows(labels)
    if not known.any():
        return {}
    outputs, labels = outputs[known], labels[known]
    if task.kind == "target":
        return metrics.measure(OF_TRAINING, predicted=outputs.squeeze(1), targets=labels)
    logs = torch.log_softmax(outputs.double(), 1)
    predicted = logs.argmax(1)
    given = {
        "predicted": predicted,
        "labels": labels,
        "confusion": metrics.confusion_matrix(predicted, labels, len(task.classes)),
        "log_probabilities": logs,
        "probabilities": logs.exp(),
    }
    if len(task.classes) == 2:
        # The logits, whose difference keeps apart what probabilities near 1 would tie.
        given["scores"] = outputs[:, 1].double() - outputs[:, 0].double()
    return metrics.measure(OF_TRAINING, len(task.classes), **given)
