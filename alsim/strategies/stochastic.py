"""Top-k under noise: rows are drawn by score, so that a query has fewer near-duplicates."""

import math
from dataclasses import replace

import torch
from torch import Tensor

from alsim.signals import Signals
from alsim.strategies.committee import MEMBERS, Masks, bald_score, committee_of
from alsim.strategies.selectors import Candidates, top_k
from alsim.strategies.strategy import Select, Strategy
from alsim.strategies.uncertainty import negative_margin


def power(beta: float) -> Select:
    """Return the selector of the k highest log(score) + ε, ε ~ Gumbel(0, scale 1/β).

    Kirsch et al. (2023), "power acquisition": k draws without replacement, each row in
    proportion to its scoreᵝ (Plackett–Luce). β → ∞ is top-k, β → 0 is uniform. Rows that score 0
    are drawn only once all others are, then in random order.

    Raises:
        ValueError: If β is not above 0; later, from the selector, if a score is negative.
    """
    if not 0 < beta < math.inf:
        raise ValueError(f"beta must be a number above 0, not {beta}")

    def select(candidates: Candidates, k: int, *, generator: torch.Generator) -> Tensor:
        scores = candidates.scores.double()
        if (scores < 0).any():
            raise ValueError("power acquisition needs scores of at least 0")
        # −log of a standard exponential is a standard Gumbel, and torch never draws 0 there.
        noise = -torch.empty_like(scores).exponential_(generator=generator).log()
        noised = replace(candidates, scores=scores.log() + noise / beta)
        return top_k(noised, k, generator=generator)

    return select


def power_bald(k: int = 20, masks: Masks = "consistent", beta: float = 1.0) -> Strategy:
    """Return BALD with power acquisition, "PowerBALD". Kirsch et al. (2023)."""
    return Strategy(MEMBERS, bald_score, power(beta), committee=committee_of(k, masks))


def power_margin(beta: float = 1.0) -> Strategy:
    """Return the margin, as a score 1 − p₍₁₎ + p₍₂₎ in [0, 1], with power acquisition.

    The power of Kirsch et al. (2023) needs a score ≥ 0; adding 1 to −(p₍₁₎ − p₍₂₎) keeps its order
    and makes it a weight. With one class every row scores 1 − p₍₁₎ = 0.
    """
    return Strategy(frozenset({"probabilities"}), shifted_margin, power(beta))


def shifted_margin(signals: Signals) -> Tensor:
    """Return 1 − (p₍₁₎ − p₍₂₎), `(n,)` ≥ 0; with one class 1 − p₍₁₎."""
    # Rounding can make a sum of probabilities slightly greater than 1, and so the margin.
    return (1 + negative_margin(signals.probabilities)).clamp_min(0)
