"""TCM: typiclust while labels are few, margin afterwards."""

import torch
from torch import Tensor

from alsim.signals import Signal
from alsim.strategies.geometry import Space
from alsim.strategies.selectors import Candidates, top_k
from alsim.strategies.strategy import Strategy
from alsim.strategies.typiclust import typical_rows
from alsim.strategies.uncertainty import margin


def tcm(
    steps: int = 3,
    space: Space = "embeddings",
    neighbours: int = 20,
    max_clusters: int = 500,
) -> Strategy:
    """Return the strategy that uses typiclust for the first steps and margin afterwards.

    Doucet et al. (2024). Departures: the paper counts typiclust's steps from zero labels, while
    here the initial labels are drawn before step 1; and see `typiclust`.

    Args:
        steps: Number of steps with typiclust, at least 0.
        space: As in `typiclust`.
        neighbours: As in `typiclust`.
        max_clusters: As in `typiclust`.
    """
    if steps < 0:
        raise ValueError("steps must be at least 0")
    typical = typical_rows(space, neighbours, max_clusters)

    def select(candidates: Candidates, k: int, *, generator: torch.Generator) -> Tensor:
        rule = typical if candidates.step <= steps else top_k
        return rule(candidates, k, generator=generator)

    pointwise = margin()
    spaces = frozenset[Signal]({space})
    return Strategy(pointwise.needs, pointwise.score, select, keeps=spaces, labelled=spaces)
