"""Core-set: rows far from every labelled one, by greedy k-centre."""

import math

import torch
from torch import Tensor

from alsim.signals import Signal
from alsim.strategies import geometry
from alsim.strategies.badge import squared_distances_to, squared_norms
from alsim.strategies.geometry import Space
from alsim.strategies.selectors import Candidates
from alsim.strategies.strategy import Strategy


def core_set(space: Space = "hidden") -> Strategy:
    """Return the strategy of greedy k-centre. Sener & Savarese (2018), Alg. 1.

    Each pick is the row farthest from its nearest centre, labelled or picked, by Euclidean
    distance. The largest remaining distance is at most twice the least possible. Ties are broken at
    random, and so is the first pick if nothing is labelled.

    Departure: Alg. 2, which refines the greedy answer by mixed-integer programming, is left out.

    Args:
        space: Where distance is measured: at the mixed head's input, as in the paper, or
            between the embeddings that the net is given.
    """

    def select(candidates: Candidates, k: int, *, generator: torch.Generator) -> Tensor:
        points = candidates.kept[space]
        # Centred: far from 0, distances would be differences of large numbers.
        mean = points.mean(0)
        # In random order, so that the generator breaks ties, also those that rounding hides.
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
            nearest[picked[-1]] = -1  # it stays below every distance
        return order[picked]

    keeps = frozenset[Signal]({space})
    return Strategy(select=select, keeps=keeps, labelled=keeps)
