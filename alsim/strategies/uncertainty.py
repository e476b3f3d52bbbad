"""Scores from one prediction: how uncertain it is. Higher is queried first."""

import torch
from torch import Tensor

from alsim.strategies.strategy import Strategy


def confidence_gap(p: Tensor) -> Tensor:
    """Return 1 − max p, `(…)` in [0, 1 − 1/c], of probabilities `(…, c)`. Lewis & Gale (1994)."""
    return 1 - p.amax(-1)


def negative_margin(p: Tensor) -> Tensor:
    """Return −(p₍₁₎ − p₍₂₎), `(…)` in [−1, 0], of probabilities `(…, c)`. Scheffer et al. (2001).

    With one class there is no second: the margin is then p₍₁₎ itself.
    """
    if p.shape[-1] == 1:
        return -p[..., 0]
    best = p.topk(2, -1).values
    return best[..., 1] - best[..., 0]


def entropy_of(p: Tensor) -> Tensor:
    """Return −Σ p log p in nats, `(…)` in [0, log c], of `(…, c)`. Settles (2009), §3.1."""
    # xlogy: float32 softmax can reach exactly 0, and 0 · log 0 is nan.
    return -torch.special.xlogy(p, p).sum(-1)


def random() -> Strategy:
    """Return passive learning: every row scores the same, and ties fall at random."""
    return Strategy()


def control() -> Strategy:
    """Return what labels are measured against: no query, and as much training."""
    return Strategy(asks=False)


def least_confident() -> Strategy:
    """Return the strategy that scores 1 − max p."""
    return Strategy(frozenset({"probabilities"}), lambda s: confidence_gap(s.probabilities))


def margin() -> Strategy:
    """Return the strategy that scores −(p₍₁₎ − p₍₂₎)."""
    return Strategy(frozenset({"probabilities"}), lambda s: negative_margin(s.probabilities))


def entropy() -> Strategy:
    """Return the strategy that scores the predictive entropy."""
    return Strategy(frozenset({"probabilities"}), lambda s: entropy_of(s.probabilities))
