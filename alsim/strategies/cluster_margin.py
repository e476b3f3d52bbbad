"""Cluster-margin: the rows of smallest margin, spread over clusters."""

import numpy as np
import torch
from torch import Tensor

from alsim.strategies.geometry import Space, k_means
from alsim.strategies.selectors import Candidates, top_k
from alsim.strategies.strategy import Strategy
from alsim.strategies.uncertainty import margin


def cluster_margin(space: Space = "embeddings", clusters: int = 500, factor: int = 10) -> Strategy:
    """Return the strategy that goes round the clusters of the 10k rows of smallest margin.

    Citovsky et al. (2021), Algorithms 1 and 2: of the `factor`·k rows of smallest margin, the
    clusters that hold fewest come first, each giving one at random, round after round; a cluster
    that has none left is passed over. Departures: the paper clusters the pool once, by average
    linkage up to a threshold, which takes n² numbers; here it is k-means of the unlabelled rows
    into a given number of clusters, drawn anew each step. The picks are returned by that round.

    Args:
        space: Where rows are compared; the paper's are those of a net trained on the first labels.
        clusters: How many, at least 1; no more than rows.
        factor: k_m / k, at least 1.
    """
    if clusters < 1:
        raise ValueError("clusters must be at least 1")
    if factor < 1:
        raise ValueError("factor must be at least 1")

    def select(candidates: Candidates, k: int, *, generator: torch.Generator) -> Tensor:
        points = candidates.kept[space]
        rows = top_k(candidates, min(factor * k, len(points)), generator=generator)
        assignment = k_means(points, min(clusters, len(points)), generator=generator)[1]
        return rows[round_robin(assignment[rows], generator=generator)[:k]]

    pointwise = margin()
    return Strategy(pointwise.needs, pointwise.score, select, keeps=frozenset({space}))


def round_robin(clusters: Tensor, *, generator: torch.Generator) -> Tensor:
    """Return all positions, `(n,)`: one of each cluster, the smallest first, then again.

    Which row of a cluster, and clusters of one size, come at random.

    Args:
        clusters: `(n,)` int64 ≥ 0.
        generator: For what is random.
    """
    sizes = clusters.bincount()
    priority = torch.randperm(len(sizes), generator=generator)
    shuffled = torch.randperm(len(clusters), generator=generator)
    # Sorted by cluster, so that a row's place among its cluster's is its place less the start.
    by_cluster = shuffled[clusters[shuffled].argsort(stable=True)]
    nth = torch.arange(len(clusters)) - (sizes.cumsum(0) - sizes)[clusters[by_cluster]]
    mine = clusters[by_cluster]
    keys = (priority[mine], sizes[mine], nth)
    return by_cluster[torch.from_numpy(np.lexsort([key.numpy() for key in keys]))]
