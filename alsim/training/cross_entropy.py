"""Cross-entropies of rows whose label is known, unknown, or partly known.

Labels have one of two forms: `(…, n)` int64, −1 unknown; or `(…, n, c)` bool, the classes that
are still possible: one class for a full label, all classes for an unknown one. A row without
possible classes is a contradiction with infinite loss.
"""

import torch
from torch import Tensor
from torch.nn import functional as F


def masked_cross_entropy(
    logits: Tensor, labels: Tensor, class_weights: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Return each head's mean cross-entropy over the rows with a label, and their number.

    Args:
        logits: `(h, n, c)` float, for h heads.
        labels: `(h, n)` int64, −1 if the row does not count for the head; or `(h, n, c)` bool, see
            `partial_cross_entropy`.
        class_weights: `(c,)` float; the mean is then weighted, as in `nn.CrossEntropyLoss`.

    Returns:
        The losses `(h,)`, 0 with zero gradient when no row counts; and the counts `(h,)` int64.
    """
    if labels.dtype == torch.bool:
        return partial_cross_entropy(logits, labels, class_weights)
    losses = F.cross_entropy(
        logits.flatten(0, 1),
        labels.flatten(),
        weight=class_weights,
        ignore_index=-1,
        reduction="none",
    )
    known = labels >= 0
    counts = known.sum(1)
    if class_weights is None:
        weight = counts.clamp_min(1)
    else:
        weight = (class_weights[labels.clamp_min(0)] * known).sum(1)
        weight = torch.where(counts > 0, weight, 1)
    return losses.view(labels.shape).sum(1) / weight, counts


def partial_cross_entropy(
    logits: Tensor, possible: Tensor, class_weights: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Return each head's mean loss over the rows with at least a partial label, and their number.

    A row's loss is −log Σ_{j possible} p_j, the negative log-likelihood of its partial label
    (Grandvalet 2002, "Logistic regression for partial labels"); with one possible class it is the
    cross-entropy.

    Args:
        logits: `(h, n, c)` float, for h heads.
        possible: `(h, n, c)` bool; all true if the row does not count for the head.
        class_weights: `(c,)` float; a row's weight is the mean of its possible classes' weights.

    Returns:
        The losses `(h,)`, 0 with zero gradient if no row counts or all weights are 0; and the
        counts `(h,)` int64.
    """
    losses, known = row_losses(logits, possible)
    counts = known.sum(1)
    if class_weights is None:
        weights = known.to(logits.dtype)
    else:
        weights = (possible * class_weights).sum(-1) / possible.sum(-1) * known
    total = weights.sum(1)
    return (losses * weights).sum(1) / torch.where(total > 0, total, 1), counts


def row_losses(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Return each row's cross-entropy, and whether it counts.

    Args:
        logits: `(…, n, c)` float.
        labels: `(…, n)` int64 or `(…, n, c)` bool.

    Returns:
        The losses `(…, n)` in nats, unweighted, 0 for unknown labels; and `(…, n)` bool, true where
        the label is at least partly known.
    """
    log_p = F.log_softmax(logits, -1)
    if labels.dtype == torch.bool:
        known = ~labels.all(-1)
        # exp(−∞) is an exact 0, in the sum and in its gradient.
        losses = -torch.where(labels, log_p, -torch.inf).logsumexp(-1)
    else:
        known = labels >= 0
        losses = -log_p.gather(-1, labels.clamp_min(0).unsqueeze(-1)).squeeze(-1)
    return torch.where(known, losses, 0), known
