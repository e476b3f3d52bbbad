"""Prob-cover: rows whose balls cover as many rows as possible."""

import torch
from torch import Tensor
from torch.nn.functional import normalize

from alsim.signals import Signal
from alsim.strategies.geometry import Space, blocks, distances_among, k_means, nearest
from alsim.strategies.herding import CANDIDATES, greedy_cover
from alsim.strategies.selectors import Candidates
from alsim.strategies.strategy import Strategy

_PURITY = 0.95  # share of balls that must hold one cluster only, Yehuda et al. (2022)
_BALLS = 1000  # balls from which the radius is found


def prob_cover(space: Space = "embeddings", delta: float = 0.0) -> Strategy:
    """Return the strategy that picks the ball with the most uncovered rows, Yehuda et al. (2022).

    On features of unit length a row covers itself and the rows nearer than δ; labelled rows cover
    theirs, too. Departures: balls and their rows are those of the candidates, not the whole pool;
    once every row is covered, the rest is random; the graph of neighbours is never stored, since
    gains are recomputed where they matter (`greedy_cover`).

    Args:
        space: Where rows are compared.
        delta: The radius δ in (0, 2]; 0 means that of `pure_radius`.
    """
    if not 0 <= delta <= 2:
        raise ValueError("delta must lie in 0 … 2, the largest distance of unit vectors")

    def select(candidates: Candidates, k: int, *, generator: torch.Generator) -> Tensor:
        points = normalize(candidates.kept[space], dim=1)
        labelled = normalize(candidates.labelled[space], dim=1)
        radius = delta or pure_radius(
            torch.cat([labelled, points]), candidates.n_classes, generator=generator
        )

        def ball(distances: Tensor) -> Tensor:
            return (distances < radius**2).to(points.dtype)

        covered = torch.zeros_like(points[:, 0])
        if len(labelled):
            covered = ball(nearest(points, labelled)[0])
        # With δ = 0 no row would lie in its own ball.
        radius = max(radius, torch.finfo(points.dtype).tiny ** 0.5)
        ones = torch.ones_like(covered)
        return greedy_cover(points, ones, covered, ball, k, generator=generator)

    spaces = frozenset[Signal]({space})
    return Strategy(select=select, keeps=spaces, labelled=spaces, candidates=CANDIDATES)


def pure_radius(points: Tensor, n_classes: int, *, generator: torch.Generator) -> float:
    """Return the largest radius at which 95 % of the balls hold rows of one cluster only.

    Yehuda et al. (2022), with as many k-means clusters of the `(n, d)` points as classes. The
    radius is exact, not from a grid: a ball is pure up to the nearest row of another cluster, so
    the radius is the 5 % quantile of that distance. Departure: at most 1,000 random rows have
    balls, which cover all rows. The radius is infinite if there is one cluster.
    """
    clusters = k_means(points, min(n_classes, len(points)), generator=generator)[1]
    rows = torch.randperm(len(points), generator=generator)[:_BALLS]
    to_all, reach = distances_among(points), list[Tensor]()
    for block in blocks(len(rows), *points.shape):
        distances = to_all(rows[block])
        distances[clusters[rows[block], None] == clusters] = torch.inf
        reach.append(distances.amin(1))
    # The j-th smallest is reached by all but j of the balls (j from 0).
    j = int((1 - _PURITY) * len(rows) + 1e-9)
    return float(torch.cat(reach).sort().values[j]) ** 0.5
