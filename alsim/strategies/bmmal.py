"""BMMAL: BADGE on one gradient block a modality, with less weight for the dominant modality."""

import torch
from torch import Tensor

from alsim.signals import Signal, Signals
from alsim.strategies.badge import gradient_at_prediction, k_means_plus_plus, squared_norms
from alsim.strategies.selectors import Candidates
from alsim.strategies.strategy import Strategy


def bmmal() -> Strategy:
    """Return the strategy of balanced multimodal active learning. Shen et al. (2023).

    A row's embedding has a block for each of its q modalities,
    g_m = w_m · (p_m − 1{ŷ}) ⊗ hidden, with ŷ the mixed head's prediction; rows are picked by
    k-means++ on the blocks side by side, as in BADGE. The score is |g|.

    - δ_m is the modality's contribution to p, see `contributions`; for two modalities it is the
      paper's Shapley value, δ₁ = ½[p − p(x∖1) + p(x∖2) − p(∅)].
    - c_m = |δ_m| / Σ|δ|, class by class; 1/q where no modality contributes.
    - w_m = (1 − c_m) / (q − 1), which sums to 1; with one modality w = 1.
    - p_m = p(∅) + δ_m: the mixed head's prediction from m alone, according to the contributions.

    With one modality p_m = p, and this is BADGE. An absent modality contributes 0 and has no block.

    The paper's text and code differ: the text gives the dominant modality less weight, but the code
    multiplies block m by c_m. Where only the first of two modalities contributes, c = (1, 0), so
    the code keeps the dominant block and drops the other. This function follows the text. The code
    also returns nan where no modality contributes.

    Departures: the authors take p_m from the modality's own head and, in place of `hidden`, the
    features of its own branch. Not every model here has these, so both come from the mixed head.
    The paper covers neither three or more modalities nor absent ones.
    """
    keeps = frozenset[Signal]({"probabilities", "ablated_probabilities", "present", "hidden"})
    return Strategy(needs=keeps, score=_length, select=_select, keeps=keeps)


def contributions(p: Tensor, ablated: Tensor, present: Tensor) -> Tensor:
    """Return how much each modality adds to p, `(n, m, c)`; over the modalities p − p(∅).

    δ_m = p − p(x∖m) + (1/q) [p − p(∅) − Σ_j (p − p(x∖j))], over the q modalities present: each
    gets the cost of its absence and an equal share of the remainder (equal allocation of
    non-separable costs). For q ≤ 2 this is the Shapley value; for larger q, the Shapley value would
    need predictions from every subset.

    Args:
        p: `(n, c)`.
        ablated: `(n, m + 1, c)`, p without each modality, then without all of them.
        present: `(n, m)`, 1 or 0.
    """
    is_present = present.to(p.dtype).unsqueeze(2)
    lost = (p.unsqueeze(1) - ablated[:, :-1]) * is_present
    shared = (p - ablated[:, -1] - lost.sum(1)) / is_present.sum(1).clamp(min=1)
    return (lost + shared.unsqueeze(1)) * is_present


def toned_down(delta: Tensor, present: Tensor) -> Tensor:
    """Return the weights of the blocks, `(n, m, c)` in [0, 1], lower where |δ| is larger.

    For each class they sum to 1 over the modalities present, by `present`, `(n, m)`, 1 or 0; an
    absent modality has weight 0. `delta` are the contributions, `(n, m, c)`.
    """
    is_present = present.to(delta.dtype).unsqueeze(2)
    q = is_present.sum(1, keepdim=True)
    total = delta.abs().sum(1, keepdim=True)
    share = torch.where(total > 0, delta.abs() / total, 1 / q.clamp(min=1))
    return torch.where(q > 1, (1 - share) / (q - 1).clamp(min=1), 1) * is_present


def gradient_factors(
    p: Tensor, ablated: Tensor, present: Tensor, hidden: Tensor
) -> tuple[Tensor, Tensor]:
    """Return the factors of g, `(n, m · c)` and `(n, h)`: all blocks share `hidden`."""
    delta = contributions(p, ablated, present)
    # p_m − 1{ŷ} = (p − 1{ŷ}) − p + p_m
    blocks = (gradient_at_prediction(p) - p + ablated[:, -1]).unsqueeze(1) + delta
    return (toned_down(delta, present) * blocks).flatten(1), hidden


def _length(signals: Signals) -> Tensor:
    factors = gradient_factors(
        signals.probabilities, signals.ablated_probabilities, signals.present, signals.hidden
    )
    return squared_norms(factors).sqrt()


def _select(candidates: Candidates, k: int, *, generator: torch.Generator) -> Tensor:
    kept = candidates.kept
    factors = gradient_factors(
        kept["probabilities"], kept["ablated_probabilities"], kept["present"], kept["hidden"]
    )
    return k_means_plus_plus(factors, k, generator=generator)
