"""The loss of every head of every task in a batch: of all tasks, or of each row's own alone."""

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
    """What is known of a batch of n rows, whatever a model says of them."""

    heads: Mapping[str, tuple[str, ...]]  # of each task
    labels: Mapping[str, Tensor]  # of each task, in a form of `losses`
    present: Mapping[str, Tensor]  # modality -> (n,), above 0 where present
    class_weights: Mapping[str, Tensor]  # task -> (c,); without an entry all weigh the same


def head_losses(
    outputs: Outputs, batch: LabelledBatch, sampled: Mapping[str, SampledGates]
) -> tuple[Tensor, Tensor]:
    """Return the mean loss of each head over the rows that count for it, and their number.

    Args:
        outputs: Of the batch.
        batch: Its labels; the head of a modality counts the rows that have the modality.
        sampled: The gates of each task; none without noise.

    Returns:
        Both `(terms,)`, task by task; the losses 0 with zero gradient where no row counts.
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
    """Return what `head_losses` does where each row has one task, computed once for all tasks.

    Args:
        outputs: Of the rows' own tasks, `OWN`.
        batch: Its labels, all of classes `(n,)` int64 or all of targets `(n,)` float.
        sampled: The gates of the rows' own tasks; none without noise.
        own: `(n,)` int64, the place of a row's task; the labels of others are unknown.
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
    """Return a task's labels as each head counts them, `(h, n, …)`."""
    return torch.stack(
        [y if head == MIXED else known_where(y, batch.present[head] > 0) for head in heads]
    )
