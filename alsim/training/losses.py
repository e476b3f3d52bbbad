"""Losses for all forms of labels.

Labels of classes are `(…, n)` int64, −1 unknown, or `(…, n, c)` bool, the classes still possible
(`cross_entropy`). Labels of a regression target are `(…, n)` float, NaN unknown; the task then has
one output, and its loss is the squared error.
"""

import torch
from torch import Tensor

from alsim.training import cross_entropy


def masked_losses(
    outputs: Tensor, labels: Tensor, class_weights: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Return each head's mean loss over the rows with at least a partial label, and their number.

    Args:
        outputs: `(h, n, c)` float, the logits of h heads; for a target `(h, n, 1)`.
        labels: `(h, n)` int64 or float, or `(h, n, c)` bool.
        class_weights: `(c,)` float; a target has none.

    Returns:
        The losses `(h,)`, 0 with zero gradient when no row counts; and the counts `(h,)` int64.
    """
    if not labels.is_floating_point():
        return cross_entropy.masked_cross_entropy(outputs, labels, class_weights)
    losses, known = row_losses(outputs, labels)
    counts = known.sum(1)
    return losses.sum(1) / counts.clamp_min(1), counts


def row_losses(outputs: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Return each row's loss, and whether it counts.

    Args:
        outputs: `(…, n, c)` float.
        labels: `(…, n)` int64 or float, or `(…, n, c)` bool.

    Returns:
        The losses `(…, n)`, cross-entropies in nats or squared errors, 0 for unknown labels; and
        `(…, n)` bool, true where the label is at least partly known.
    """
    if not labels.is_floating_point():
        return cross_entropy.row_losses(outputs, labels)
    known = ~labels.isnan()
    # Masked in the target, not in the loss: a NaN masked later still has a NaN gradient.
    targets = torch.where(known, labels, 0)
    return torch.where(known, (outputs.squeeze(-1) - targets).square(), 0), known


def known_where(labels: Tensor, rows: Tensor) -> Tensor:
    """Return labels of any form, made unknown outside `rows`, `(n,)` bool."""
    if labels.dtype == torch.bool:
        return labels | ~rows.unsqueeze(-1)
    return torch.where(rows, labels, torch.nan if labels.is_floating_point() else -1)
