"""Class quotas: most queries go to the classes with the fewest labels."""

import heapq
from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

from alsim.strategies import uncertainty
from alsim.strategies.selectors import Candidates, top_k
from alsim.strategies.strategy import Strategy

Score = Literal["margin", "entropy", "least-confident", "random"]

_STRATEGIES: dict[Score, Callable[[], Strategy]] = {
    "margin": uncertainty.margin,
    "entropy": uncertainty.entropy,
    "least-confident": uncertainty.least_confident,
    "random": uncertainty.random,
}


def class_balanced(score: Score = "margin") -> Strategy:
    """Return the strategy that evens out the labels of the classes, by predicted class.

    Rows are picked one by one. The class with the fewest labels, earlier picks included, gives its
    best-scored row among the rows predicted as this class; classes without such rows are skipped.
    Among classes with equally few labels, the one whose next row scores highest comes first.

    After class-balanced active learning, Bengar et al. (2022), with quotas by predicted class
    instead of their optimisation over the expected counts Σ p. Answers that leave several classes
    possible do not count. A row with several most probable classes counts for the one with the
    fewest labels, then for the first in order: only here could the order of classes matter.
    """
    chosen = _STRATEGIES[score]()
    return Strategy(chosen.needs, chosen.score, select_balanced, keeps=frozenset({"probabilities"}))


def predicted_classes(probabilities: Tensor, n_labels: Tensor) -> Tensor:
    """Return the most probable class, `(n,)`; among equals, the one with the fewest labels."""
    is_top = probabilities == probabilities.amax(1, keepdim=True)
    return torch.where(is_top, n_labels, n_labels.max() + 1).argmin(1)


def select_balanced(candidates: Candidates, k: int, *, generator: torch.Generator) -> Tensor:
    """Return k rows, `(k,)`, that even out the labels of the classes."""
    probabilities = candidates.kept["probabilities"]
    labels = candidates.labels[candidates.labels >= 0]
    n_labels = labels.bincount(minlength=probabilities.shape[1])
    order = top_k(candidates, len(probabilities), generator=generator)  # ties already broken
    classes = predicted_classes(probabilities, n_labels)[order]
    # Positions in `order`, best first; no class gives more than k rows.
    places = {int(j): (classes == j).nonzero()[:k, 0].tolist() for j in classes.unique()}
    heap = [(int(n_labels[j]), mine[0], j, 0) for j, mine in places.items()]
    heapq.heapify(heap)
    chosen: list[int] = []
    while len(chosen) < k:
        count, place, j, n_picked = heapq.heappop(heap)
        chosen.append(place)
        if n_picked + 1 < len(places[j]):
            heapq.heappush(heap, (count + 1, places[j][n_picked + 1], j, n_picked + 1))
    return order[chosen]
