"""ALFA-Mix: rows whose prediction changes when a little of a labelled row is mixed in."""

import math

import torch
from torch import Tensor
from torch.nn.functional import normalize

from alsim.strategies.geometry import central_rows, squared_distances
from alsim.strategies.linear_head import LinearHead, recover_head
from alsim.strategies.selectors import Candidates
from alsim.strategies.strategy import Strategy

_BLOCK = 8192  # rows


def alfa_mix(epsilon: float = 0.2) -> Strategy:
    """Return the strategy of Parvaneh et al. (2022), ALFA-Mix with the closed-form α.

    A row's hidden z is mixed with an anchor z*, the mean hidden of the labelled rows of a class:
    z_α = α ⊙ z* + (1 − α) ⊙ z, with α = ε ‖z* − z‖ ∇ ⊘ (‖∇‖ (z* − z)), eq. 5, where ∇ is the
    gradient of the cross-entropy of the predicted class. The rows whose prediction changes for
    some anchor are grouped into k clusters by k-means on z/‖z‖. The row nearest to the centre of
    each cluster is queried.

    This α moves z by ε ‖z* − z‖ ∇/‖∇‖: every anchor moves a row the same way, and the furthest
    anchor moves it most. A region of one prediction is convex under a linear head, so if any
    anchor changes the prediction, the furthest does. Only the furthest is computed; this is exact.

    As in the authors' code, ε is divided by √h, and α is not confined to [0, 1]. If fewer than k
    rows change, ε grows in steps of itself until k rows change or it has passed 1; the missing rows
    are then drawn at random from all rows. Departures: the head's weights are recovered
    (`recover_head`), so the gradient is 0 in directions in which no row varies; only classes with a
    labelled row have an anchor (the authors' code takes the mean of all labelled rows for the
    others); without any anchor the query is random; an empty cluster is replaced by a random
    changed row.

    Raises:
        ValueError: If ε is not in (0, 1].
    """
    if not 0 < epsilon <= 1:
        raise ValueError(f"epsilon must be above 0 and at most 1, not {epsilon:g}")

    def select(candidates: Candidates, k: int, *, generator: torch.Generator) -> Tensor:
        hidden = candidates.kept["hidden"]
        head = recover_head(hidden, candidates.kept["probabilities"], generator=generator)
        anchors = class_means(candidates.labelled["hidden"], candidates.labels)
        change = least_epsilon(hidden, anchors, head)
        changed = change.new_empty(0, dtype=torch.int64)
        for step in range(1, math.ceil(1 / epsilon) + 1):
            changed = (change <= step * epsilon).nonzero()[:, 0]
            if len(changed) >= k:
                points = normalize(hidden[changed])
                return changed[central_rows(points, k, generator=generator)]
        others = torch.randperm(len(hidden), generator=generator)
        return torch.cat([changed, others[~torch.isin(others, changed)]])[:k]

    return Strategy(
        select=select,
        keeps=frozenset({"hidden", "probabilities"}),
        labelled=frozenset({"hidden"}),
    )


def class_means(hidden: Tensor, labels: Tensor) -> Tensor:
    """Return the mean row of each class with a labelled row, `(classes with a label, h)`.

    Of hidden rows `(m, h)` and labels `(m,)` int64; rows labelled −1 are ignored.
    """
    known = labels >= 0
    classes, index = labels[known].unique(return_inverse=True)
    sums = torch.zeros(len(classes), hidden.shape[1], dtype=torch.float64)
    sums.index_add_(0, index, hidden[known].double())
    return sums / index.bincount(minlength=len(classes))[:, None]


def least_epsilon(hidden: Tensor, anchors: Tensor, head: LinearHead) -> Tensor:
    """Return the least ε at which some anchor changes a row's prediction, `(n,)` float64.

    It is infinite where no anchor changes it: there is no anchor, one class or no gradient. The
    rows are `(n, h)`, the anchors `(classes, h)` float64, and the head classifies the mixes.
    """
    if not len(anchors):
        return torch.full((len(hidden),), torch.inf, dtype=torch.float64)
    products = head.weight @ head.weight.T
    blocks = hidden.split(_BLOCK)
    steps = torch.cat([_steps(head.logits(z), products) for z in blocks])
    furthest = torch.cat([squared_distances(z.double(), anchors).amax(1).sqrt() for z in blocks])
    return math.sqrt(hidden.shape[1]) * steps / furthest


def _steps(logits: Tensor, products: Tensor) -> Tensor:
    """Return how far a row moves along its gradient until its prediction changes, `(n,)`.

    Each step adds W ∇/‖∇‖ to the logits, `(n, c)`; ∇ = Wᵀ(p − 1{ŷ}) only appears in W ∇ and ‖∇‖, so
    the products W Wᵀ, `(c, c)`, suffice.
    """
    top = logits.argmax(1, keepdim=True)
    # 1 − p_ŷ as the sum of the others keeps its digits where p_ŷ is nearly 1.
    pull = torch.softmax(logits, 1).scatter(1, top, 0)
    pull.scatter_(1, top, -pull.sum(1, keepdim=True))
    gains = pull @ products
    norms = (pull * gains).sum(1, keepdim=True).clamp(min=0).sqrt()
    gains /= norms.clamp(min=torch.finfo(gains.dtype).tiny)
    lead, faster = logits.gather(1, top) - logits, gains - gains.gather(1, top)
    return torch.where(faster > 0, lead / faster, torch.inf).amin(1)
