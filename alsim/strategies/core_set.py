"""Core-set: rows far from every labelled one, by greedy k-centre."""

import math
from typing import Literal

import torch
from torch import Tensor

from alsim.signals import Signal
from alsim.strategies import geometry
from alsim.strategies.badge import squared_distances_to, squared_norms
from alsim.strategies.selectors import Candidates
from alsim.strategies.strategy import Select, Strategy
from alsim.strategies.uncertainty import constant


def core_set(space: Literal["hidden", "embeddings"] = "hidden") -> Strategy:
    """Return the strategy of greedy k-centre. Sener & Savarese (2018), Alg. 1.

    Picks one row after the other: the one whose nearest centre, labelled or picked, is farthest
    by Euclidean distance. The largest distance that remains is at most twice the least possible.
    Ties, and the first pick where nothing is labelled, fall at random.

    Left out is Alg. 2, which refines the greedy answer by mixed-integer programming.

    Args:
        space: Where distance is measured: at the mixed head's input, as in the paper, or
            between the embeddings as the net is given them.
    """
    keeps = frozenset[Signal]({space})
    return Strategy(
        frozenset(), constant, select=_farthest_first(space), keeps=keeps, labelled=keeps
    )


def _farthest_first(space: Literal["hidden", "embeddings"]) -> Select:
    def select(candidates: Candidates, k: int, *, generator: torch.Generator) -> Tensor:
        points = candidates.kept[space]
        # Distances are differences of large numbers where the points lie far from 0.
        mean = points.mean(0)
        # In random order, so that rows that tie, or would but for rounding, fall by the generator.
        order = torch.randperm(len(points), generator=generator)
        points, centres = points[order] - mean, candidates.labelled[space] - mean
        norms = squared_norms([points])
        nearest = torch.full_like(norms, math.inf)
        if len(centres):
            nearest = geometry.nearest(points, centres)[0].double()
        picked: list[int] = []
        while len(picked) < k:
            picked.append(int(nearest.argmax()))
            nearest = nearest.minimum(squared_distances_to(picked[-1], [points], norms))
            nearest[picked[-1]] = -1  # below every distance, and it stays so
        return order[picked]

    return select
