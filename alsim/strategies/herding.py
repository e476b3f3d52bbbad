"""Coverage: rows to which the whole pool is similar. Herding and its greedy search."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import normalize

from alsim.signals import Signal, Signals
from alsim.strategies.geometry import Space, blocks, distances_among, nearest
from alsim.strategies.selectors import Candidates
from alsim.strategies.strategy import Strategy
from alsim.strategies.uncertainty import negative_margin

Kernel = Callable[[Tensor], Tensor]  # squared distances (…) -> similarities (…) in [0, 1]

CANDIDATES = 10_000  # the first pass compares all pairs of rows
_AT_ONCE = 16  # rows whose gains are recomputed together
_COINCIDE = 1e-12  # squared distance of unit vectors below which they are one point, float64


def max_herding(space: Space = "embeddings", sigma: float = 1.0) -> Strategy:
    """Return the strategy that greedily covers the pool, Bae et al. (2024).

    The next row maximises Σᵢ max(0, K(x, xᵢ) − covᵢ), where covᵢ is the largest K(xᵢ, x′) over the
    labelled rows and earlier picks, and K = exp(−‖x − x′‖²/σ²) on features of unit length.
    Departures: the sum runs over the candidates, not the whole pool; for σ = 0 see
    `uncertainty_herding`. Reconstruction: σ² rather than 2σ² in the kernel.

    Args:
        space: Where rows are compared.
        sigma: σ > 0; 0 means the least distance between labelled rows.
    """
    _check(sigma)

    def select(candidates: Candidates, k: int, *, generator: torch.Generator) -> Tensor:
        return _herd(candidates, space, sigma, None, k, generator=generator)

    spaces = frozenset[Signal]({space})
    return Strategy(select=select, keeps=spaces, labelled=spaces, candidates=CANDIDATES)


def uncertainty_herding(
    space: Space = "embeddings", sigma: float = 0.0, temperature: float = 1.0
) -> Strategy:
    """Return the strategy that greedily covers rows of uncertain prediction, Bae et al. (2025).

    As max-herding, with weight 1 − (p₍₁₎ − p₍₂₎) for each xᵢ. The width σ adapts as in the paper:
    it is the least distance between two labelled rows, so it shrinks as labels are added, and in
    the limit the rows of smallest margin are picked. Departures: identical labelled rows count as
    one, and with fewer than two distinct ones σ = 1; the paper fits the temperature on held-out
    labels with a model trained on the rest, while p^(1/τ) here uses a given τ.

    Args:
        space: Where rows are compared.
        sigma: σ > 0; 0 means an adaptive σ.
        temperature: τ > 0; above 1 it makes predictions less certain.
    """
    _check(sigma)
    if not 0 < temperature < float("inf"):
        raise ValueError("temperature must be above 0")

    def score(signals: Signals) -> Tensor:
        logits = signals.probabilities.log() / temperature
        return 1 + negative_margin(torch.softmax(logits, -1))

    def select(candidates: Candidates, k: int, *, generator: torch.Generator) -> Tensor:
        return _herd(candidates, space, sigma, candidates.scores, k, generator=generator)

    spaces = frozenset[Signal]({space})
    return Strategy(
        frozenset({"probabilities"}),
        score,
        select,
        keeps=spaces,
        labelled=spaces,
        candidates=CANDIDATES,
    )


def least_distance(points: Tensor) -> float:
    """Return the least distance between two distinct points of m; 1 if there are no two.

    In blocks, and in float64: the distance may be far below the points' length, which is about 1.
    """
    if not len(points):
        return 1.0
    to_all, least = distances_among(points.double()), torch.inf
    for rows in blocks(len(points), *points.shape):
        distances = to_all(rows)
        least = min(least, float(torch.where(distances > _COINCIDE, distances, torch.inf).min()))
    return least**0.5 if least < torch.inf else 1.0


def greedy_cover(
    points: Tensor,
    weights: Tensor,
    covered: Tensor,
    kernel: Kernel,
    k: int,
    *,
    generator: torch.Generator,
) -> Tensor:
    """Return the k rows picked greedily for Σᵢ wᵢ max(0, K(x, xᵢ) − covᵢ), `(k,)`, best first.

    This is exactly the greedy choice, with ties in random order, also among rows without gain. A
    gain never grows as more is covered (the sum is submodular), so the old gain is an upper bound,
    and only the rows with the highest bounds are recomputed (Minoux 1978). The kernel is computed
    in blocks of rows, never n × n.

    Args:
        points: `(n, d)`.
        weights: `(n,)` ≥ 0.
        covered: `(n,)`, how similar each row is to the labelled ones.
        kernel: 1 at distance 0.
        k: At most n.
        generator: Breaks ties.
    """
    # Rows are in random order, and sorting is stable, so ties fall at random.
    order = torch.randperm(len(points), generator=generator)
    weights, covered = weights[order], covered[order]

    to_all = distances_among(points[order])

    def gains(rows: Tensor) -> Tensor:
        return kernel(to_all(rows)).sub_(covered).clamp_(min=0) @ weights

    bound = torch.cat([gains(rows) for rows in blocks(len(points), *points.shape)])
    is_fresh = torch.ones(len(points), dtype=torch.bool)
    picked: list[Tensor] = []
    while len(picked) < k:
        best = bound.sort(descending=True, stable=True).indices[:_AT_ONCE]
        if is_fresh[best[0]]:
            picked.append(best[0])
            covered = torch.maximum(covered, kernel(to_all(best[:1]))[0])
            bound[best[0]] = -torch.inf
            is_fresh = bound <= 0
        else:
            stale = best[~is_fresh[best]]
            bound[stale] = gains(stale)
            is_fresh[stale] = True
    return order[torch.stack(picked)]


def _herd(
    candidates: Candidates,
    space: Space,
    sigma: float,
    weights: Tensor | None,
    k: int,
    *,
    generator: torch.Generator,
) -> Tensor:
    """Return the k rows picked; without weights, `(n,)`, all weigh the same."""
    points = normalize(candidates.kept[space], dim=1)
    labelled = normalize(candidates.labelled[space], dim=1)
    width = sigma or least_distance(labelled)

    def gaussian(distances: Tensor) -> Tensor:
        # Below −80 float32 turns subnormal, which is slow and adds nothing.
        return distances.mul_(-1 / width**2).clamp_(min=-80).exp_()

    covered = torch.zeros_like(points[:, 0])
    weights = torch.ones_like(covered) if weights is None else weights.to(covered.dtype)
    if len(labelled):
        covered = gaussian(nearest(points, labelled)[0])
    return greedy_cover(points, weights, covered, gaussian, k, generator=generator)


def _check(sigma: float) -> None:
    if not 0 <= sigma < float("inf"):
        raise ValueError("sigma must be at least 0")
