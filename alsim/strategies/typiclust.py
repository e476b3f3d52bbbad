"""Typiclust: the most typical row of each cluster that has no label yet."""

import numpy as np
import torch
from torch import Tensor

from alsim.signals import Signal
from alsim.strategies.geometry import Space, blocks, distances_among, k_means
from alsim.strategies.selectors import Candidates
from alsim.strategies.strategy import Select, Strategy
from alsim.strategies.uncertainty import constant

_LEAST_SIZE = 6  # rows: the authors drop clusters of five or fewer
_LOOK_AT = 4096  # rows of one cluster among which typicality is found


def typiclust(
    space: Space = "embeddings", neighbours: int = 20, max_clusters: int = 500
) -> Strategy:
    """Return the strategy that asks for the densest row of each uncovered cluster.

    Hacohen et al. (2022): labelled and unlabelled rows form min(m + k, 500) clusters; clusters
    with the fewest labels come first, among these the largest, and each gives its most typical
    row, by 1 / (mean distance to its 20 nearest neighbours in the cluster). Departures:

    - k-means is that of `geometry.k_means` at every number of clusters;
    - clusters of at most five rows are left till last, not dropped, and a cluster is asked again,
      its picks counting as labels, so that there are always k rows;
    - typicality is not computed anew after a pick, and labelled rows count as neighbours;
    - in a cluster of more than 4,096 rows, a random 4,096 are looked at.

    Args:
        space: Where rows are compared.
        neighbours: At least 1; a cluster with fewer others uses all of them.
        max_clusters: At least 1.
    """
    select = typical_rows(space, neighbours, max_clusters)
    spaces: frozenset[Signal] = frozenset({space})
    return Strategy(frozenset(), constant, select, keeps=spaces, labelled=spaces)


def typical_rows(space: Space, neighbours: int, max_clusters: int) -> Select:
    """Return the selector of `typiclust`."""
    if neighbours < 1:
        raise ValueError("neighbours must be at least 1")
    if max_clusters < 1:
        raise ValueError("max-clusters must be at least 1")

    def select(candidates: Candidates, k: int, *, generator: torch.Generator) -> Tensor:
        labelled, unlabelled = candidates.labelled[space], candidates.kept[space]
        m, points = len(labelled), torch.cat([labelled, unlabelled])
        n_clusters = min(m + k, max_clusters, len(points))
        clusters = k_means(points, n_clusters, generator=generator)[1]
        turns = order_of_clusters(clusters[:m], clusters[m:], n_clusters, k, generator=generator)
        # A cluster's rows stand together once sorted.
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
    """Return the cluster that each of the k rows is to come from, `(k,)`.

    Clusters of at least six rows first; then fewest labels, those just asked for included; then
    the largest; ties at random. A cluster is named no more often than it has unlabelled rows.

    Args:
        labelled: `(m,)`, the clusters of the labelled rows.
        unlabelled: `(n,)`, those of the unlabelled ones, n ≥ k.
        n_clusters: How many there are.
        k: Query size.
        generator: Breaks ties.
    """
    n_labelled = labelled.bincount(minlength=n_clusters)
    free = unlabelled.bincount(minlength=n_clusters)
    sizes = n_labelled + free
    shuffled = torch.randperm(n_clusters, generator=generator)
    turns = shuffled.repeat_interleave(free[shuffled].clamp(max=k))
    # The how-manieth turn of its cluster each one is; turns of a cluster stand together.
    starts = torch.cat([torch.tensor([True]), turns[1:] != turns[:-1]]).nonzero()[:, 0]
    lengths = free[turns[starts]].clamp(max=k)
    nth = torch.arange(len(turns)) - starts.repeat_interleave(lengths)
    keys = (-sizes[turns], n_labelled[turns] + nth, sizes[turns] < _LEAST_SIZE)
    return turns[torch.from_numpy(np.lexsort([key.numpy() for key in keys]))[:k]]


def mean_distances(points: Tensor, neighbours: int) -> Tensor:
    """Return each row's mean distance to its nearest others, `(s,)`: the inverse of typicality.

    In blocks of rows.

    Args:
        points: `(s, d)`.
        neighbours: How many others at most; 0 for a row alone.
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
