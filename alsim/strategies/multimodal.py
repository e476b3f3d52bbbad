"""Multimodal querying: rows on which the modalities' own heads disagree."""

import torch
from torch import Tensor

from alsim.errors import UsageError
from alsim.signals import Signal, Signals
from alsim.strategies.selectors import Candidates, top_k
from alsim.strategies.strategy import Strategy
from alsim.strategies.uncertainty import entropy_of

_NEEDS: frozenset[Signal] = frozenset({"head_probabilities", "present"})


def head_disagreement() -> Strategy:
    """Return the strategy that scores how far the modalities' own heads differ.

    The score is the Jensen–Shannon divergence, Lin (1991), for several distributions of equal
    weight: the predictions of the heads whose modality is present. It is divided by the logarithm
    of their number, so it lies in [0, 1]. The mixed head is left out. A row with fewer than two
    modalities scores 0, so rows compete only with rows that have the same modalities: each such
    pattern gets a share of the k queries equal to its share of the pool, by largest remainder.
    """
    return Strategy(_NEEDS, disagreement, select_by_pattern, keeps=frozenset[Signal]({"present"}))


def co_testing() -> Strategy:
    """Return co-testing, Muslea et al. (2006): confident heads that contradict each other.

    The paper's aggressive form. Contention rows come first: those on which the heads of the present
    modalities share no most probable class. They are ordered by the highest probability of their
    least confident head. Where the paper stops for lack of such rows, the others follow, the least
    confident of the mixed head first.
    """
    return Strategy(_NEEDS, contention)


def disagreement(signals: Signals) -> Tensor:
    """Return the normalised Jensen–Shannon divergence of the present heads, `(n,)` in [0, 1]."""
    p, present = _own_heads(signals)
    n_heads = present.sum(1)
    weights = present / n_heads.clamp(min=1)[:, None]
    mean = (weights[..., None] * p).sum(1)
    divergence = entropy_of(mean) - (weights * entropy_of(p)).sum(1)
    # log 2 stands in where there is no pair of heads: the score there is 0 in any case.
    scaled = divergence / n_heads.clamp(min=2).log()
    return torch.where(n_heads > 1, scaled, 0).clamp(0, 1)


def contention(signals: Signals) -> Tensor:
    """Return the least confident head's p₍₁₎ where heads disagree, else the mixed −p₍₁₎, `(n,)`."""
    p, present = _own_heads(signals)
    absent = present == 0
    best = p.amax(-1)
    do_agree = ((p == best[..., None]) | absent[..., None]).all(1).any(-1)
    least = best.masked_fill(absent, 1).amin(1)
    return torch.where(do_agree, -signals.head_probabilities[:, 0].amax(1), least)


def select_by_pattern(candidates: Candidates, k: int, *, generator: torch.Generator) -> Tensor:
    """Return k rows, `(k,)`: the best of each missingness pattern, by its share of the pool."""
    present = candidates.kept["present"]
    _, pattern, sizes = present.unique(dim=0, return_inverse=True, return_counts=True)
    quotas = largest_remainder(sizes, k, generator=generator)
    order = top_k(candidates, len(present), generator=generator)
    chosen = [order[pattern[order] == i][:quota] for i, quota in enumerate(quotas.tolist())]
    is_chosen = torch.zeros(len(present), dtype=torch.bool)
    is_chosen[torch.cat(chosen)] = True
    return order[is_chosen[order]]


def largest_remainder(sizes: Tensor, k: int, *, generator: torch.Generator) -> Tensor:
    """Return k split in proportion to `sizes`, int64; equal remainders are in random order.

    Computed in integers, so that no remainder is a rounding error. No part exceeds its size.
    """
    total = int(sizes.sum())
    quotas = k * sizes // total
    shuffled = torch.randperm(len(sizes), generator=generator)
    remainders = (k * sizes % total)[shuffled]
    order = shuffled[remainders.sort(descending=True, stable=True).indices]
    quotas[order[: k - int(quotas.sum())]] += 1
    return quotas


def _own_heads(signals: Signals) -> tuple[Tensor, Tensor]:
    """Return the modalities' predictions, `(n, m, c)`, and which are present, `(n, m)`.

    Raises:
        UsageError: If there is one modality only, or the model has no head for each.
    """
    p, present = signals.head_probabilities, signals.present
    m = present.shape[1]
    if m < 2:
        raise UsageError(
            "the pool has one modality, but the heads of several modalities are compared",
            "--strategy head-disagreement or co-testing",
            "use margin, or a pool with several modalities",
        )
    if p.shape[1] != m + 1:
        raise UsageError(
            "the model has no head for each modality",
            "--strategy head-disagreement or co-testing",
            'use --model "three-head(heads=all)"',
        )
    return p[:, 1:], present.to(p.dtype)
