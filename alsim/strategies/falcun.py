"""FALCUN: rows drawn for their uncertainty and for how their predictions differ from the picks'."""

import math

import torch
from torch import Tensor

from alsim.signals import Signal
from alsim.strategies.geometry import draw
from alsim.strategies.selectors import Candidates
from alsim.strategies.stochastic import shifted_margin
from alsim.strategies.strategy import Strategy

# Rounding in predictions, in units of the dtype's epsilon: of two equal rows in unlike batches.
_ROUNDING = 16


def falcun(gamma: float = 10.0) -> Strategy:
    """Return the strategy that draws rows in proportion to (u + d)^γ. Gilhuber et al. (2024).

    A row's uncertainty is u = 1 − (p₍₁₎ − p₍₂₎). Its diversity d starts as u, and falls to the L1
    distance between its prediction and that of each pick where this is smaller. Before each draw d
    is scaled to [0, 1] over the rows not yet picked, as in the authors' code; once it is 0 for all
    of them, the rest of the query is random. So uncertain rows come first, then rows unlike them.

    Departures: a distance within rounding error of 0 counts as 0, and d that lie within rounding
    error of each other are scaled to 0.

    Args:
        gamma: γ ≥ 0; 0 draws uniformly, and large values pick the largest u + d.
    """
    if not 0 <= gamma < math.inf:
        raise ValueError("gamma must be at least 0")

    def select(candidates: Candidates, k: int, *, generator: torch.Generator) -> Tensor:
        p = candidates.kept["probabilities"]
        uncertainty = candidates.scores.double()
        diversity, noise = uncertainty.clone(), _ROUNDING * torch.finfo(p.dtype).eps
        is_left = torch.ones(len(p), dtype=torch.bool)
        picked: list[int] = []
        while len(picked) < k:
            if picked:
                distances = torch.cdist(p, p[picked[-1:]], p=1)[:, 0].double()
                diversity = diversity.minimum(distances.where(distances > noise, 0))
            weights = draw_weights(uncertainty, diversity, is_left, gamma, noise)
            picked.append(draw(weights, generator=generator))
            is_left[picked[-1]] = False
        return torch.tensor(picked)

    keeps = frozenset[Signal]({"probabilities"})
    return Strategy(keeps, shifted_margin, select, keeps=keeps)


def draw_weights(
    uncertainty: Tensor, diversity: Tensor, is_left: Tensor, gamma: float, noise: float = 0.0
) -> Tensor:
    """Return what each row weighs in a draw, `(n,)` float64; 0 for rows already picked.

    The largest weight is 1, so that the power cannot make all of them 0.

    Args:
        uncertainty: `(n,)`, at least as large as the diversity.
        diversity: `(n,)` ≥ 0.
        is_left: `(n,)` bool, the rows that may be drawn, at least one.
        gamma: The exponent.
        noise: The diversities are alike if they lie no further apart.
    """
    left = diversity[is_left]
    if not left.any():
        return is_left.double()
    least, most = left.min(), left.max()
    scaled = (left - least) / (most - least) if most - least > noise else torch.zeros_like(left)
    relevance = uncertainty[is_left] + scaled
    weights = torch.zeros_like(uncertainty)
    weights[is_left] = (relevance / relevance.max()) ** gamma
    return weights
