"""The loss of every head of every task in a batch, for all tasks or for each row's own only."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from alsim.models import MIXED, OWN, Outputs
from alsim.models.own import gathered, picked
from alsim.training.gate_losses import SampledGates, sampled_losses, surrogate_losses
from alsim.training.losses import known_where, masked_losses, row_losses


@dataclass(frozen=True, slots=True, eq=False)
class LabelledBatch:
    """A batch of n rows: everything but the model's outputs."""

    heads: Mapping[str, tuple[str, ...]]  # task -> its heads
    labels: Mapping[str, Tensor]  # task -> labels in one of the forms of `losses`
    present: Mapping[str, Tensor]  # modality -> (n,), above 0 where present
    class_weights: Mapping[str, Tensor]  # task -> (c,); without an entry all weights are equal


def head_losses(
    outputs: Outputs, batch: LabelledBatch, sampled: Mapping[str, SampledGates]
) -> tuple[Tensor, Tensor]:
    """Return the mean loss of each head over the rows that count for it, and their number.

    For a modality's head only the rows with this modality count. Both results are `(terms,)`, task
    by task; a loss is 0 with zero gradient if no row counts. `sampled` are the gates of each task;
    empty without noise.
    """
    losses: list[Tensor] = []
    counts: list[Tensor] = []
    for task, heads in batch.heads.items():
        weights = batch.class_weights.get(task)
        logits = torch.stack([outputs.logits[task][head] for head in heads])
        of_heads = _of_heads(batch.labels[task], heads, batch)
        loss, count = (
            sampled_losses(logits, of_heads, sampled[task], weights)
            if sampled
            else masked_losses(logits, of_heads, weights)
        )
        losses.append(loss)
        counts.append(count)
    return torch.cat(losses), torch.cat(counts)


def own_head_losses(
    outputs: Outputs, batch: LabelledBatch, sampled: Mapping[str, SampledGates], own: Tensor
) -> tuple[Tensor, Tensor]:
    """Return the same as `head_losses` for rows with one task each, in one pass over the rows.

    The outputs and the sampled gates are those of the rows' own tasks, `OWN`, whose places are
    `own`, `(n,)` int64. The labels are all classes, `(n,)` int64, or all targets, `(n,)` float; a
    row's other labels are unknown.
    """
    of_tasks = torch.stack([batch.labels[task] for task in batch.heads], 1)
    y = gathered(of_tasks.unsqueeze(2), own).squeeze(1)
    said = outputs.logits[OWN]
    logits = torch.stack(list(said.values()))
    of_heads = _of_heads(y, tuple(said), batch)
    rows, known = (
        surrogate_losses(logits, of_heads, sampled[OWN])
        if sampled
        else row_losses(logits, of_heads)
    )
    weights = known.to(rows.dtype)
    if batch.class_weights:
        table = logits.new_ones(len(batch.heads), logits.shape[-1])
        for place, task in enumerate(batch.heads):
            if task in batch.class_weights:
                table[place, : batch.class_weights[task].shape[0]] = batch.class_weights[task]
        weights = weights * picked(table, own).gather(1, y.clamp_min(0).unsqueeze(1)).squeeze(1)
    tasks = torch.arange(len(batch.heads), device=own.device)
    of_task = (own.unsqueeze(1) == tasks).to(rows.dtype)  # (n, t)
    total = weights @ of_task
    losses = (rows * weights) @ of_task / torch.where(total > 0, total, 1)
    counts = known.to(rows.dtype) @ of_task
    return losses.t().flatten(), counts.t().flatten()


def _of_heads(y: Tensor, heads: tuple[str, ...], batch: LabelledBatch) -> Tensor:
    """Return a task's labels for each head, unknown where a row does not count, `(h, n, …)`."""
    return torch.stack(
        [y if head == MIXED else known_where(y, batch.present[head] > 0) for head in heads]
    )
