"""Cluster-margin: the rows of smallest margin, spread over clusters."""

import numpy as np
import torch
from torch import Tensor

from alsim.strategies.geometry import Space, k_means
from alsim.strategies.selectors import Candidates, top_k
from alsim.strategies.strategy import Strategy
from alsim.strategies.uncertainty import margin


def cluster_margin(space: Space = "embeddings", clusters: int = 500, factor: int = 10) -> Strategy:
    """Return the strategy that takes turns between clusters of the 10k rows of smallest margin.

    Citovsky et al. (2021), Algorithms 1 and 2: the `factor`·k rows of smallest margin are grouped
    by cluster. In each round every cluster with rows left gives one at random, the smallest cluster
    first. Departures: the paper clusters the pool once, by average linkage up to a threshold, which
    takes n² numbers; here k-means groups the unlabelled rows into a given number of clusters, again
    at each step. The picks are returned in the order of the rounds.

    Args:
        space: Where rows are compared; the paper uses a net trained on the first labels.
        clusters: Number of clusters, at least 1; at most the number of rows is used.
        factor: k_m / k, at least 1.
    """
    if clusters < 1:
        raise ValueError("clusters must be at least 1")
    if factor < 1:
        raise ValueError("factor must be at least 1")

    def select(candidates: Candidates, k: int, *, generator: torch.Generator) -> Tensor:
        points = candidates.rows(space)
        rows = top_k(candidates, min(factor * k, len(points)), generator=generator)
        assignment = k_means(points, min(clusters, len(points)), generator=generator)[1]
        return rows[round_robin(assignment[rows], generator=generator)[:k]]

    pointwise = margin()
    return Strategy(pointwise.needs, pointwise.score, select, keeps=frozenset({space}))


def round_robin(clusters: Tensor, *, generator: torch.Generator) -> Tensor:
    """Return all positions, `(n,)`, in rounds of one per cluster, the smallest cluster first.

    The order within a cluster, and of clusters of the same size, is random. The clusters of the
    rows are `(n,)` int64 ≥ 0.
    """
    sizes = clusters.bincount()
    priority = torch.randperm(len(sizes), generator=generator)
    shuffled = torch.randperm(len(clusters), generator=generator)
    # Sorted by cluster: a row's place in its cluster is its position minus the cluster's start.
    by_cluster = shuffled[clusters[shuffled].argsort(stable=True)]
    nth = torch.arange(len(clusters)) - (sizes.cumsum(0) - sizes)[clusters[by_cluster]]
    mine = clusters[by_cluster]
    keys = (priority[mine], sizes[mine], nth)
    return by_cluster[torch.from_numpy(np.lexsort([key.numpy() for key in keys]))]
