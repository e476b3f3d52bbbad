"""BADGE: rows whose gradients are long and far apart, by k-means++ seeding.

Gradient embeddings are outer products, so lengths and distances follow from the factors:
⟨a₁ ⊗ z₁, a₂ ⊗ z₂⟩ = ⟨a₁, a₂⟩ ⟨z₁, z₂⟩. The products themselves, n·c·h numbers, are never made.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from alsim.signals import Signal, Signals
from alsim.strategies.geometry import draw, spans
from alsim.strategies.selectors import Candidates
from alsim.strategies.strategy import Strategy

# Rounding in sums of a few hundred products, in units of the dtype's epsilon.
_ROUNDING = 16


def badge() -> Strategy:
    """Return the strategy that seeds k-means++ on gradient embeddings. Ash et al. (2020), Alg. 1.

    A row's embedding is the gradient of the cross-entropy at the predicted label ŷ with respect
    to the mixed head's weights, g = (p − 1{ŷ}) ⊗ hidden; the bias is left out, as in
    the authors' code. The score is |g|.

    The first pick is the row with the longest g, as in the authors' code; k-means++ itself draws it
    uniformly. The others are drawn in proportion to the squared distance to the nearest pick.
    Departures: a distance within rounding error of 0 counts as 0, and once no row differs from
    the picks, the rest of the query is random.

    If several classes are equally probable, ŷ is the first of them. Only then could the order of
    the classes matter; this does not occur in trained predictions.
    """
    keeps = frozenset[Signal]({"probabilities", "hidden"})
    return Strategy(needs=keeps, score=_length, select=_select, keeps=keeps)


def gradient_at_prediction(p: Tensor) -> Tensor:
    """Return p − 1{ŷ}, `(n, c)`: the gradient of −log p(ŷ) with respect to the logits."""
    return p.scatter_add(1, p.argmax(1, keepdim=True), p.new_full((len(p), 1), -1))


def k_means_plus_plus(factors: Sequence[Tensor], k: int, *, generator: torch.Generator) -> Tensor:
    """Return k ≤ n distinct rows, `(k,)`, seeded by k-means++ on the outer products of `factors`.

    Arthur & Vassilvitskii (2007), but the first pick is the longest row, with ties at random. The
    factors are one or more of `(n, ·)`; row i stands for the outer product of their rows i.
    """
    norms = squared_norms(factors)
    picked = [random_argmax(norms, generator=generator)]
    nearest = torch.full_like(norms, math.inf)
    while len(picked) < k:
        nearest = nearest.minimum(squared_distances_to(picked[-1], factors, norms))
        nearest[picked[-1]] = 0  # it stays 0, so no row is picked twice
        if not nearest.any():
            return _filled(picked, len(norms), k, generator=generator)
        picked.append(draw(nearest, generator=generator))
    return torch.tensor(picked)


def squared_norms(factors: Sequence[Tensor]) -> Tensor:
    """Return the squared lengths of outer products, `(n,)` float64."""
    sums = [
        torch.cat([f[span].square().sum(1) for span in spans(len(f), f.shape[1])]) for f in factors
    ]
    return math.prod((each.double() for each in sums), start=torch.ones(()).double())


def squared_distances_to(i: int, factors: Sequence[Tensor], norms: Tensor) -> Tensor:
    """Return the squared distance of every outer product to the one of row i, `(n,)` float64.

    A distance within rounding error of 0 counts as 0, so that copies of a row are at distance 0.
    The factors are one or more of `(n, ·)`, and `norms` their `squared_norms`.
    """
    return squared_distances_from([f[i] for f in factors], norms[i], factors, norms)


def squared_distances_from(
    row: Sequence[Tensor], norm: Tensor, factors: Sequence[Tensor], norms: Tensor
) -> Tensor:
    """Return `squared_distances_to` a row that need not be among the others, with its `norm`."""
    pairs = zip(factors, row, strict=True)
    inner = math.prod(((f @ one).double() for f, one in pairs), start=torch.ones(()).double())
    sums = norms + norm
    distances = sums - 2 * inner
    noise = _ROUNDING * max(torch.finfo(f.dtype).eps for f in factors)
    return distances.where(distances > noise * sums, 0)


def random_argmax(values: Tensor, *, generator: torch.Generator) -> int:
    """Return the position of the largest of `(n,)` values, with ties at random."""
    best = (values == values.max()).nonzero()[:, 0]
    return int(best[torch.randint(len(best), (1,), generator=generator)])


def _filled(picked: list[int], n: int, k: int, *, generator: torch.Generator) -> Tensor:
    """Return `picked`, filled up to k rows with random others of n rows."""
    others = torch.ones(n, dtype=torch.bool)
    others[picked] = False
    rows = others.nonzero()[:, 0]
    drawn = torch.randperm(len(rows), generator=generator)[: k - len(picked)]
    return torch.cat([torch.tensor(picked), rows[drawn]])


def _length(signals: Signals) -> Tensor:
    factors = [gradient_at_prediction(signals.probabilities), signals.hidden]
    return squared_norms(factors).sqrt()


def _select(candidates: Candidates, k: int, *, generator: torch.Generator) -> Tensor:
    kept = candidates.kept
    factors = [gradient_at_prediction(kept["probabilities"]), kept["hidden"]]
    return k_means_plus_plus(factors, k, generator=generator)
