"""Distances and clusters of rows. Nothing here holds n × n numbers."""

import math
from collections.abc import Callable, Iterator
from typing import Literal

import torch
from torch import Tensor

from alsim.strategies.rows import Rows

Space = Literal["embeddings", "hidden"]  # where rows are compared: the net's input, or its features

BLOCK = 1 << 20  # numbers in one block of distances: 4 MiB in float32, about a cache

_SEEDS_FROM = 8  # rows per cluster from which the first centres are drawn
_TRAIN_ON = 32  # rows per cluster on which the centres are moved
_AT_LEAST = 4096  # rows for either, however few the clusters
_ITERATIONS = 25
_TOLERANCE = 1e-3  # the least relative gain for another iteration


def squared_distances(a: Tensor, b: Tensor) -> Tensor:
    """Return ‖aᵢ − bⱼ‖², `(n, m)` ≥ 0, of `(n, d)` and `(m, d)`; the caller splits into blocks.

    ‖a‖² − 2ab + ‖b‖², both minus the mean of b, so that an offset common to all rows costs no
    digits. Identical rows are at distance 0, see `_norms`.
    """
    origin = b.mean(0)
    a, b = a - origin, b - origin
    return _distances(a, _norms(a), b, _norms(b))


def distances_among(points: Tensor) -> Callable[[Tensor], Tensor]:
    """Return a function from b row numbers, `(b,)`, to their squared distances to all, `(b, n)`.

    As `squared_distances`, but the part that all blocks of the `(n, d)` points share is computed
    once, and a row is at distance 0 from itself.
    """
    moved = points - points.mean(0)
    norms = _norms(moved)

    def to_all(rows: Tensor) -> Tensor:
        distances = _distances(moved[rows], norms[rows], moved, norms)
        distances[torch.arange(len(rows)), rows] = 0
        return distances

    return to_all


def blocks(n: int, *shape: int) -> tuple[Tensor, ...]:
    """Return the rows 0 … n − 1 in blocks, each small enough that block × max(shape) fits."""
    return torch.arange(n).split(max(1, BLOCK // max(shape)))


def spans(n: int, *shape: int) -> Iterator[slice]:
    """Yield the rows 0 … n − 1 in blocks of the sizes of `blocks`."""
    size = max(1, BLOCK // max(shape))
    return (slice(start, start + size) for start in range(0, n, size))


def nearest(points: Rows, centres: Tensor) -> tuple[Tensor, Tensor]:
    """Return each row's squared distance to its nearest centre, `(n,)`, and that centre, `(n,)`.

    Computed in blocks of rows, of `(n, d)` points and `(m, d)` centres, m ≥ 1. Among equally near
    centres the first is returned.
    """
    origin = centres.mean(0)
    moved = centres - origin
    norms = _norms(moved)
    parts: list[tuple[Tensor, Tensor]] = []
    for span in spans(len(points), *centres.shape):
        block = points[span] - origin
        least = _distances(block, _norms(block), moved, norms).min(1)
        parts.append((least.values, least.indices))
    distances, indices = zip(*parts, strict=True)
    return torch.cat(distances), torch.cat(indices)


def k_means(points: Rows, k: int, *, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return k ≤ n centres, `(k, d)`, and the nearest one of each of `(n, d)` points, `(n,)` int64.

    Lloyd's iterations from greedy k-means++ (Arthur & Vassilvitskii 2007), stopped after 25 or
    once the mean squared distance falls by less than 0.1 %. Departures, for speed: with many rows
    the centres are drawn from 8k random rows and moved on 32k of them (at least 4,096); then every
    row goes to its nearest centre. A cluster that loses its rows keeps its centre and stays empty,
    for instance when fewer than k rows differ.
    """
    n = len(points)
    if not 1 <= k <= n:
        raise ValueError(f"cannot make {k} clusters of {n} rows")
    rows = torch.randperm(n, generator=generator)[: max(_TRAIN_ON * k, _AT_LEAST)]
    sample = points[rows]
    centres = _first_centres(sample[: max(_SEEDS_FROM * k, _AT_LEAST)], k, generator=generator)
    before = float("inf")
    for _ in range(_ITERATIONS):
        distances, assignment = nearest(sample, centres)
        spread = float(distances.double().sum())
        if spread >= before * (1 - _TOLERANCE):
            break
        before, centres = spread, means(sample, assignment, centres)
    return centres, nearest(points, centres)[1]


def central_rows(points: Rows, k: int, *, generator: torch.Generator) -> Tensor:
    """Return the row nearest to the centre of each of k ≤ n clusters of `(n, d)` points, `(k,)`.

    Ties are broken at random; an empty cluster is replaced by another random row.
    """
    centres, clusters = k_means(points, k, generator=generator)
    distances = torch.cat(
        [
            (points[span] - centres[clusters[span]]).square().sum(1)
            for span in spans(len(points), *points.shape[1:])
        ]
    )
    # Nearest first, equally near in random order; then the first of each cluster.
    order = torch.randperm(len(points), generator=generator)
    order = order[distances[order].argsort(stable=True)]
    order = order[clusters[order].argsort(stable=True)]
    mine = clusters[order]
    is_first = torch.cat([torch.tensor([True]), mine[1:] != mine[:-1]])
    rest = order[~is_first]
    rest = rest[torch.randperm(len(rest), generator=generator)]
    return torch.cat([order[is_first], rest])[:k]


def means(points: Tensor, assignment: Tensor, centres: Tensor) -> Tensor:
    """Return the mean of each cluster's rows, `(k, d)`; an empty cluster keeps its centre.

    Of `(n, d)` points, their clusters, `(n,)` int64, and where the clusters are now, `(k, d)`.
    """
    sizes = assignment.bincount(minlength=len(centres))
    sums = torch.zeros_like(centres).index_add_(0, assignment, points)
    return torch.where(sizes[:, None] > 0, sums / sizes.clamp(min=1)[:, None], centres)


def draw(weights: Tensor, *, generator: torch.Generator) -> int:
    """Return a position with probability in proportion to `weights`, `(n,)` ≥ 0.

    Uniformly if all are 0. Unlike `torch.multinomial` it takes any number of rows.
    """
    total = weights.double().cumsum(0)
    if not total[-1] > 0:
        return int(torch.randint(len(weights), (), generator=generator))
    u = torch.rand((), generator=generator, dtype=torch.float64) * total[-1]
    # right=True: a row of weight 0 is never drawn, not even when u is exactly 0.
    return min(int(torch.searchsorted(total, u, right=True)), int(weights.nonzero()[-1]))


def _first_centres(points: Tensor, k: int, *, generator: torch.Generator) -> Tensor:
    """Return k rows by greedy k-means++, `(k, d)`.

    Each time 2 + log k rows are drawn in proportion to their squared distance to the centres so
    far, and the one that leaves the smallest sum is taken (Arthur & Vassilvitskii 2007, §6). With
    one draw each, some clusters would get only a few rows.
    """
    to_all = distances_among(points)
    chosen = torch.randint(len(points), (1,), generator=generator)
    nearest = to_all(chosen)[0]
    trials = 2 + int(math.log(k))
    while len(chosen) < k:
        drawn = torch.tensor([draw(nearest, generator=generator) for _ in range(trials)])
        left = to_all(drawn).minimum(nearest)
        best = left.double().sum(1).argmin()
        nearest = left[best]
        chosen = torch.cat([chosen, drawn[best : best + 1]])
    return points[chosen]


def _norms(points: Tensor) -> Tensor:
    """Return ‖x‖² of each row, `(n,)`, minus the rounding error of a product of two rows.

    So the computed distance of identical rows is below 0, and 0 once clamped. Without this, a
    rounding error that differs between processors would remain, and would decide which rows are
    drawn. Measured on rows of 4 to 16,384 numbers, the error is at most 3 units in the last place,
    in float64 √d / 6.
    """
    units = 8 + points.shape[1] ** 0.5 / 2
    return (points * points).sum(1) * (1 - units * torch.finfo(points.dtype).eps)


def _distances(a: Tensor, a_norms: Tensor, b: Tensor, b_norms: Tensor) -> Tensor:
    products = torch.addmm(b_norms, a, b.T, alpha=-2)
    return products.add_(a_norms[:, None]).clamp_(min=0)
