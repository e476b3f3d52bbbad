"""Scores from a committee: members of one net under different dropout masks (MC-dropout)."""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

from alsim.signals import Committee, Signal, Signals
from alsim.strategies.strategy import Strategy
from alsim.strategies.uncertainty import confidence_gap, entropy_of, negative_margin

Masks = Literal["consistent", "independent"]

MEMBERS: frozenset[Signal] = frozenset({"mc_probabilities"})


def committee_of(k: int, masks: Masks) -> Committee:
    """Return a committee of k members.

    Raises:
        ValueError: If there are fewer than two members.
    """
    if k < 2:
        raise ValueError(f"k must be at least 2, not {k}: one member alone cannot disagree")
    return Committee(k=k, masks=masks)


def mutual_information(p: Tensor) -> Tensor:
    """Return H(mean_k p_k) − mean_k H(p_k) in nats, `(n,)`, of members' `(n, members, c)`.

    The information of the label about which member is right: Houlsby et al. (2011), eq. 2, with
    dropout masks as draws of the posterior, Gal et al. (2017); eq. (5) of the VK study. It lies in
    [0, log min(members, c)]; rounding can give about −1e-7, hence the clamp.
    """
    # In the order in which committees come, so that rows are last in memory.
    members = p.permute(1, 2, 0)
    of_mean = _negative_entropies(members.mean(0))
    return (_negative_entropies(members).mean(0) - of_mean).clamp_min(0)


def _negative_entropies(p: Tensor) -> Tensor:
    """Return Σ p log p in nats, `(…, n)`, of `(…, c, n)`."""
    # The logarithm is vectorised, unlike xlogy. The least float times 0 is 0, too.
    return p.clamp_min(torch.finfo(p.dtype).tiny).log_().mul_(p).sum(-2)


def _mean_of_members(p: Tensor) -> Tensor:
    """Return the members' mean, `(n, c)`, of `(n, members, c)`."""
    return p.permute(1, 2, 0).mean(0).T


def bald_score(signals: Signals) -> Tensor:
    """Return the mutual information of each row's label and the committee's member, `(n,)`."""
    return mutual_information(signals.mc_probabilities)


def qbc_least_confident(k: int = 20, masks: Masks = "consistent") -> Strategy:
    """Return the strategy that scores 1 − max p, p being the committee's mean prediction."""
    return _of_mean(confidence_gap, k, masks)


def qbc_margin(k: int = 20, masks: Masks = "consistent") -> Strategy:
    """Return the strategy that scores −(p₍₁₎ − p₍₂₎), p being the committee's mean prediction."""
    return _of_mean(negative_margin, k, masks)


def qbc_entropy(k: int = 20, masks: Masks = "consistent") -> Strategy:
    """Return the strategy that scores the entropy of the committee's mean prediction."""
    return _of_mean(entropy_of, k, masks)


def bald(k: int = 20, masks: Masks = "consistent") -> Strategy:
    """Return the strategy that scores the mutual information of label and member.

    The k best rows are queried together, as in the VK study; Houlsby et al. query one at a time.
    """
    return Strategy(MEMBERS, bald_score, committee=committee_of(k, masks))


def _of_mean(score: Callable[[Tensor], Tensor], k: int, masks: Masks) -> Strategy:
    """Return the strategy that scores the mean of the members' probabilities (the VK study)."""
    return Strategy(
        MEMBERS,
        lambda s: score(_mean_of_members(s.mc_probabilities)),
        committee=committee_of(k, masks),
    )
