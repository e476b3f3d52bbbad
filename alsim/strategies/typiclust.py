"""Typiclust: the most typical row of each cluster without a label."""

import numpy as np
import torch
from torch import Tensor

from alsim.signals import Signal
from alsim.strategies.geometry import Space, blocks, distances_among, k_means
from alsim.strategies.rows import Joined
from alsim.strategies.selectors import Candidates
from alsim.strategies.strategy import Select, Strategy

_LEAST_SIZE = 6  # rows: the authors drop clusters of five or fewer
_LOOK_AT = 4096  # maximum number of rows per cluster for which typicality is computed


def typiclust(
    space: Space = "embeddings", neighbours: int = 20, max_clusters: int = 500
) -> Strategy:
    """Return the strategy that queries the densest row of each uncovered cluster.

    Hacohen et al. (2022): labelled and unlabelled rows form min(m + k, 500) clusters; clusters
    with the fewest labels come first, among these the largest, and each gives its most typical
    row, by 1 / (mean distance to its 20 nearest neighbours in the cluster). Departures:

    - k-means is `geometry.k_means` for any number of clusters;
    - clusters of at most five rows come last instead of being dropped, and a cluster can be used
      again, its picks counting as labels, so that there are always k rows;
    - typicality is not recomputed after a pick, and labelled rows count as neighbours;
    - in a cluster of more than 4,096 rows, only 4,096 random ones are considered.

    Args:
        space: Where rows are compared.
        neighbours: Number of neighbours, at least 1; a smaller cluster uses all of its rows.
        max_clusters: At least 1.
    """
    select = typical_rows(space, neighbours, max_clusters)
    spaces = frozenset[Signal]({space})
    return Strategy(select=select, keeps=spaces, labelled=spaces)


def typical_rows(space: Space, neighbours: int, max_clusters: int) -> Select:
    """Return the selector of `typiclust`."""
    if neighbours < 1:
        raise ValueError("neighbours must be at least 1")
    if max_clusters < 1:
        raise ValueError("max-clusters must be at least 1")

    def select(candidates: Candidates, k: int, *, generator: torch.Generator) -> Tensor:
        labelled = candidates.labelled[space]
        m, points = len(labelled), Joined(labelled, candidates.rows(space))
        n_clusters = min(m + k, max_clusters, len(points))
        clusters = k_means(points, n_clusters, generator=generator)[1]
        turns = order_of_clusters(clusters[:m], clusters[m:], n_clusters, k, generator=generator)
        # Once sorted, the rows of a cluster are consecutive.
        by_cluster = clusters.argsort(stable=True).split(
            clusters.bincount(minlength=n_clusters).tolist()
        )
        chosen = torch.empty(k, dtype=torch.int64)
        for cluster in turns.unique():
            places = (turns == cluster).nonzero()[:, 0]
            rows = by_cluster[int(cluster)]
            rows = rows[torch.randperm(len(rows), generator=generator)]
            near = rows[:_LOOK_AT]
            order = mean_distances(points[near], neighbours).argsort(stable=True)
            ranked = torch.cat([near[order], rows[_LOOK_AT:]])
            chosen[places] = ranked[ranked >= m][: len(places)] - m
        return chosen

    return select


def order_of_clusters(
    labelled: Tensor, unlabelled: Tensor, n_clusters: int, k: int, *, generator: torch.Generator
) -> Tensor:
    """Return the cluster from which each of the k rows comes, `(k,)`.

    Clusters of at least six rows come first; then those with the fewest labels, including this
    query's; then the largest; ties at random. A cluster comes at most as often as it has unlabelled
    rows. The clusters of the labelled rows are `(m,)`, of the unlabelled ones `(n,)`, n ≥ k.
    """
    n_labelled = labelled.bincount(minlength=n_clusters)
    free = unlabelled.bincount(minlength=n_clusters)
    sizes = n_labelled + free
    shuffled = torch.randperm(n_clusters, generator=generator)
    turns = shuffled.repeat_interleave(free[shuffled].clamp(max=k))
    # Numbers the turns of each cluster from 0; turns of one cluster are consecutive here.
    starts = torch.cat([torch.tensor([True]), turns[1:] != turns[:-1]]).nonzero()[:, 0]
    lengths = free[turns[starts]].clamp(max=k)
    nth = torch.arange(len(turns)) - starts.repeat_interleave(lengths)
    keys = (-sizes[turns], n_labelled[turns] + nth, sizes[turns] < _LEAST_SIZE)
    return turns[torch.from_numpy(np.lexsort([key.numpy() for key in keys]))[:k]]


def mean_distances(points: Tensor, neighbours: int) -> Tensor:
    """Return each row's mean distance to its nearest neighbours, `(s,)`: 1 / typicality.

    Computed in blocks of the `(s, d)` points; with fewer neighbours, to all; 0 for a single row.
    """
    n_near = min(neighbours, len(points) - 1)
    if n_near == 0:
        return torch.zeros_like(points[:, 0])
    to_all, means = distances_among(points), list[Tensor]()
    for rows in blocks(len(points), *points.shape):
        distances = to_all(rows)
        distances[torch.arange(len(rows)), rows] = torch.inf
        means.append(distances.topk(n_near, largest=False).values.sqrt().mean(1))
    return torch.cat(means)
