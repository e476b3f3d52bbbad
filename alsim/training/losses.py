"""Losses of rows whose label is known, unknown, or partly known.

Labels of classes are `(…, n)` int64, −1 unknown, or `(…, n, c)` bool, the classes still possible:
one class for a full label, all classes for an unknown one. A row without possible classes is a
contradiction with infinite loss. Labels of a regression target are `(…, n)` float, NaN unknown; the
task then has one output.
"""

import torch
from torch import Tensor
from torch.nn import functional as F


def masked_losses(
    outputs: Tensor, labels: Tensor, class_weights: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Return each head's mean loss over the rows with at least a partial label, and their number.

    Args:
        outputs: `(h, n, c)` float, the logits of h heads; for a target `(h, n, 1)`.
        labels: `(h, n)` int64 or float, or `(h, n, c)` bool.
        class_weights: `(c,)` float; a target has none. See `mean_over_rows`.

    Returns:
        The losses `(h,)`, 0 with zero gradient when no row counts; and the counts `(h,)` int64.
    """
    if labels.dtype == torch.bool or labels.is_floating_point():
        return mean_over_rows(*row_losses(outputs, labels), labels, class_weights)
    # The same as `mean_over_rows`, in fewer operations.
    losses = F.cross_entropy(
        outputs.flatten(0, 1),
        labels.flatten(),
        weight=class_weights,
        ignore_index=-1,
        reduction="none",
    )
    weight, counts = known_weight(labels, class_weights)
    return losses.view(labels.shape).sum(1) / weight, counts


def known_weight(labels: Tensor, class_weights: Tensor | None) -> tuple[Tensor, Tensor]:
    """Return the sum of the weights of each head's known rows, and their number, `(h,)` each.

    Of `(h, n)` int64 labels. The weight is 1 where no row is known, so that one can divide by it.
    """
    known = labels >= 0
    counts = known.sum(1)
    if class_weights is None:
        return counts.clamp_min(1), counts
    weight = (class_weights[labels.clamp_min(0)] * known).sum(1)
    return torch.where(counts > 0, weight, 1), counts


def row_losses(outputs: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Return each row's loss, `(…, n)`, and whether its label is at least partly known.

    The loss of a class is the cross-entropy in nats, of a target the squared error. That of a set
    of possible classes is −log Σ_{j possible} p_j, the negative log-likelihood of the partial label
    (Grandvalet 2002, "Logistic regression for partial labels"). An unknown label has the loss 0.

    Args:
        outputs: `(…, n, c)` float.
        labels: `(…, n)` int64 or float, or `(…, n, c)` bool.
    """
    if labels.is_floating_point():
        known = ~labels.isnan()
        # Masked in the target, not in the loss: a NaN masked later still has a NaN gradient.
        losses = (outputs.squeeze(-1) - torch.where(known, labels, 0)).square()
    elif labels.dtype == torch.bool:
        known = ~labels.all(-1)
        # exp(−∞) is an exact 0, in the sum and in its gradient.
        possible = torch.where(labels, F.log_softmax(outputs, -1), -torch.inf)
        losses = -possible.logsumexp(-1)
    else:
        known = labels >= 0
        log_p = F.log_softmax(outputs, -1)
        losses = -log_p.gather(-1, labels.clamp_min(0).unsqueeze(-1)).squeeze(-1)
    return torch.where(known, losses, 0), known


def mean_over_rows(
    losses: Tensor, known: Tensor, labels: Tensor, class_weights: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Return each head's mean loss, `(h,)`, and the number of its rows that count, `(h,)` int64.

    With class weights, `(c,)`, the mean is weighted, as in `nn.CrossEntropyLoss`: a row's weight is
    the mean of its possible classes' weights. Without any weight the loss is 0, with zero gradient.

    Args:
        losses: `(h, n)` float.
        known: `(h, n)` bool, which rows count.
        labels: `(h, n)` int64 or float, or `(h, n, c)` bool.
        class_weights: None: equal; for a target always.
    """
    weights = known.to(losses.dtype)
    if class_weights is not None and labels.dtype == torch.bool:
        weights = weights * ((labels * class_weights).sum(-1) / labels.sum(-1))
    elif class_weights is not None:
        weights = weights * class_weights[labels.clamp_min(0)]
    total = weights.sum(1)
    return (losses * weights).sum(1) / torch.where(total > 0, total, 1), known.sum(1)


def known_where(labels: Tensor, rows: Tensor) -> Tensor:
    """Return labels of any form, made unknown outside `rows`, `(n,)` bool."""
    if labels.dtype == torch.bool:
        return labels | ~rows.unsqueeze(-1)
    return torch.where(rows, labels, torch.nan if labels.is_floating_point() else -1)
