"""Scores from one prediction: how unsure the model is. Higher is queried first."""

import torch
from torch import Tensor

from alsim.signals import Signals


def constant(signals: Signals) -> Tensor:
    """Return the same score for every row, `(n,)`: the selector's random ties then decide."""
    return torch.zeros(signals.n)


def least_confident(signals: Signals) -> Tensor:
    """Return 1 − max p, `(n,)` in [0, 1 − 1/c]. Settles (2009), §3.1; Lewis & Gale (1994)."""
    return 1 - signals.probabilities.amax(-1)


def margin(signals: Signals) -> Tensor:
    """Return −(p₍₁₎ − p₍₂₎), `(n,)` in [−1, 0]. Scheffer et al. (2001)."""
    best = signals.probabilities.topk(2, -1).values
    return best[:, 1] - best[:, 0]


def entropy(signals: Signals) -> Tensor:
    """Return the predictive entropy in nats, `(n,)` in [0, log c]. Settles (2009), §3.1."""
    p = signals.probabilities
    # xlogy: float32 softmax can reach exactly 0, and 0 · log 0 is nan.
    return -torch.special.xlogy(p, p).sum(-1)
