"""BASE: equally many rows at the boundary of each class."""

import numpy as np
import torch
from torch import Tensor

from alsim.strategies.linear_head import LinearHead, recover_head
from alsim.strategies.selectors import Candidates
from alsim.strategies.strategy import Strategy

_BLOCK = 8192  # rows


def base() -> Strategy:
    """Return balanced selection, BASE, Emam et al. (2021): k/c rows nearest to each boundary.

    A row's distance to class j is the distance of its hidden vector to the boundary between j and
    its predicted class ŷ, (lŷ − lⱼ)/‖wŷ − wⱼ‖; its distance to ŷ is the least of these. Departures:
    the paper leaves open which class takes a row that several want, so the nearest pair of row and
    class is taken first, and a row equally near to two classes goes to the more probable one; the
    remainder of k/c goes to the classes whose next row is nearest, one row each; the head's weights
    are recovered (`recover_head`).
    """
    return Strategy(select=_select, keeps=frozenset({"hidden", "probabilities"}))


def boundary_distances(logits: Tensor, head: LinearHead) -> Tensor:
    """Return each row's distance to each class's boundary, `(n, c)` float64 ≥ 0.

    It is infinite where two classes have the same weights, and so no boundary.
    """
    predicted = logits.argmax(1)
    apart = torch.cdist(head.weight, head.weight, compute_mode="donot_use_mm_for_euclid_dist")
    gaps = logits.gather(1, predicted[:, None]) - logits
    norms = apart[predicted]
    distances = torch.where(norms > 0, gaps / norms, torch.inf)
    return distances.scatter(1, predicted[:, None], distances.amin(1, keepdim=True))


def nearest_by_class(
    distances: Tensor, probabilities: Tensor, k: int, *, generator: torch.Generator
) -> Tensor:
    """Return k ≤ n rows, `(k,)`: each class takes ⌊k/c⌋ rows, and some take one more.

    The nearest pair of row and class is taken first, by distances `(n, c)`. The generator breaks
    ties between rows; a row equally near to several classes goes to the most probable of them, by
    probabilities `(n, c)`.
    """
    n, c = distances.shape
    shuffled = torch.randperm(n, generator=generator)
    # k rows a class are enough: the other classes take fewer than k of them.
    near = torch.stack([distances[shuffled, j].topk(k, largest=False).indices for j in range(c)])
    place, class_ = near.flatten(), torch.arange(c).repeat_interleave(k)
    row = shuffled[place]
    keys = (-probabilities[row, class_], place, distances[row, class_])  # the last key counts most
    order = np.lexsort([key.numpy() for key in keys])
    pairs = list(zip(row[order].tolist(), class_[order].tolist(), strict=True))
    chosen: dict[int, None] = {}
    sizes = [0] * c
    for quota in (k // c, k // c + 1):
        for i, j in pairs:
            if len(chosen) < k and sizes[j] < quota and i not in chosen:
                chosen[i] = None
                sizes[j] += 1
    return torch.tensor(list(chosen))


def _select(candidates: Candidates, k: int, *, generator: torch.Generator) -> Tensor:
    hidden, probabilities = candidates.kept["hidden"], candidates.kept["probabilities"]
    head = recover_head(hidden, probabilities, generator=generator)
    blocks = [boundary_distances(head.logits(z), head) for z in hidden.split(_BLOCK)]
    return nearest_by_class(torch.cat(blocks), probabilities, k, generator=generator)
