"""Measures of replicas at each task of a pool: losses to stop by, metrics to report."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from alsim import metrics
from alsim.experiments.predictions import RowValues, log_of_truth, predicted_of
from alsim.measures import OF_TRAINING
from alsim.models import MIXED
from alsim.pool.pool import Pool, Task
from alsim.signals import Chunks
from alsim.training.features import Features
from alsim.training.losses import row_losses
from alsim.training.replicas import Replicas

Losses = Mapping[str, Tensor]  # task -> (r,) float64


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


def over_rows(
    replicas: Replicas,
    features: Features,
    rows: range,
    chunks: Chunks,
    reduce: Callable[[str, Tensor, slice], RowValues],
) -> dict[str, RowValues]:
    """Return what the mixed heads' outputs reduce to, task -> name -> `(r, n)` on the CPU.

    `reduce` is given a task, its outputs for a chunk, `(r, n, c)` on the CPU, and the places of
    these rows among `rows`.
    """

    def of_chunk(some: range) -> dict[str, RowValues]:
        inputs = features.span(some.start, some.stop)._replace(heads="mixed")
        here = slice(some.start - rows.start, some.stop - rows.start)
        logits = replicas.outputs(inputs).logits
        return {task: reduce(task, heads[MIXED].cpu(), here) for task, heads in logits.items()}

    parts = list(chunks.over(rows, of_chunk))
    return {
        task: {name: torch.cat([part[task][name] for part in parts], 1) for name in values}
        for task, values in parts[0].items()
    }


def known_tasks(pool: Pool, rows: range) -> list[str]:
    """Return the tasks of which one of the rows has a label."""
    return [
        name
        for name, task in pool.tasks.items()
        if known_rows(task.labels[rows.start : rows.stop]).any()
    ]


def task_losses(
    replicas: Replicas,
    features: Features,
    rows: range,
    chunks: Chunks,
    labels: Mapping[str, Tensor],
    scales: Mapping[str, Scale],
) -> dict[str, Tensor]:
    """Return each replica's losses of some rows by the task, `(r, n)` float64, 0 if unknown.

    The cross-entropy in nats, or the squared error of the scaled target: then 1 is what the mean of
    the labels would cost. By task the labels of the rows are `(r, n)` or `(n,)`, unscaled, −1 or
    NaN unknown.
    """

    def losses(task: str, outputs: Tensor, here: slice) -> RowValues:
        y = labels[task][..., here]
        y = scales[task].apply(y) if task in scales else y
        return {"loss": row_losses(outputs.double(), y.expand(outputs.shape[:2]))[0]}

    found = over_rows(replicas, features, rows, chunks, losses)
    return {task: values["loss"] for task, values in found.items()}


def mean_over_known(losses: Mapping[str, Tensor], labels: Mapping[str, Tensor]) -> Losses:
    """Return the mean loss of each task over the rows that have it, task -> `(r,)` float64.

    NaN where no row has the task. By task the losses are `(r, n)`, the labels `(r, n)` or `(n,)`.
    """
    return {
        task: of_rows.sum(1) / known_rows(labels[task]).expand(of_rows.shape).sum(1)
        for task, of_rows in losses.items()
    }


def mean_loss(losses: Mapping[str, Tensor], tasks: Sequence[str]) -> Tensor:
    """Return the mean over some tasks, `(r,)` float64; NaN where one of them is."""
    return torch.stack([losses[task] for task in tasks]).mean(0)


def values_of(task: Task, outputs: Tensor, rows: range, scale: Scale | None) -> RowValues:
    """Return what a task's measures read of outputs `(r, n, c)`, of these rows, `(r, n)` each.

    Of classes the outputs are logits; of a target they are scaled, and `predicted` in its unit.
    """
    if task.kind == "target":
        said = outputs.squeeze(2)
        return {"predicted": said if scale is None else scale.undo(said)}
    logits = outputs.double()
    logs = torch.log_softmax(logits, -1)
    truth = task.labels[rows.start : rows.stop].clamp_min(0)
    values = {**predicted_of(logs), **log_of_truth(logs, truth)}
    if len(task.classes) == 2:
        # The logits, whose difference keeps apart what probabilities near 1 would tie.
        values["scores"] = logits[..., 1] - logits[..., 0]
    return values


def measure_task(task: Task, values: RowValues, rows: range) -> dict[str, float]:
    """Return the metrics of one replica for one task, over the rows that have it.

    Of classes: accuracy, nll, and of two classes auc, unless the rows are all of one. Of a target:
    mse, in the unit of the file squared. Without a row with the task there are none. The values,
    `(n,)` each, are those of these rows by `values_of`.
    """
    labels = task.labels[rows.start : rows.stop]
    known = known_rows(labels)
    if not known.any():
        return {}
    truth = "targets" if task.kind == "target" else "labels"
    given = {name: value[known] for name, value in {**values, truth: labels}.items()}
    return metrics.measure(OF_TRAINING, len(task.classes), **given)
