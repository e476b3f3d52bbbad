"""Estimators of the gradient of an expected loss with respect to its gates' probabilities.

E_b[L(b)], b_i ~ Bernoulli(sigmoid(φ_i)), with a loss for each of k samples of the gates. Each
function returns a surrogate: its value is the mean loss, and its gradient is the estimate. With
respect to all parameters but φ it is always the gradient of the mean loss.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from alsim.options.experts import EstimatorName


def log_probability(gates: Tensor, logits: Tensor) -> Tensor:
    """Return log p(b; φ) = Σᵢ bᵢφᵢ − log(1 + e^φᵢ), `(…)`; both arguments are `(…, e)`."""
    return (gates * logits - F.softplus(logits)).sum(-1)


def reinforce(
    losses: Tensor, gates: Tensor, logits: Tensor, baseline: Tensor | None = None
) -> Tensor:
    """Return the score-function surrogate, `(…)`: ∇L + (L − baseline)·∇log p(b), the mean over k.

    Williams (1992); Yan et al. (2019), eq. 3, use one sample and no baseline. Unbiased if the
    baseline does not depend on these samples.

    Args:
        losses: `(k, …)`, one per sample.
        gates: `(k, …, e)` of 0 and 1, drawn from φ.
        logits: φ, broadcastable to the gates.
        baseline: Broadcastable to the losses, such as a mean of earlier steps.
    """
    return _scored(losses, losses if baseline is None else losses - baseline, gates, logits)


def leave_one_out(losses: Tensor, gates: Tensor, logits: Tensor) -> Tensor:
    """Return the score-function surrogate whose baseline is the other samples' mean, `(…)`.

    Kool et al. (2019), eq. 8. Unbiased. Arguments as in `reinforce`, with k at least 2.

    Raises:
        ValueError: If there is one sample only.
    """
    k = len(losses)
    if k < 2:
        raise ValueError("leave-one-out needs at least two samples")
    others = (losses.sum(0) - losses) / (k - 1)
    return _scored(losses, losses - others, gates, logits)


def disarm(losses: Tensor, gates: Tensor, logits: Tensor) -> Tensor:
    """Return the surrogate of antithetic pairs, `(…)`: ½(L(b) − L(b̃))(bᵢ − b̃ᵢ) σ(|φᵢ|).

    Dong et al. (2020), eq. 10. Unbiased.

    Args:
        losses: `(k, …)`; sample i and sample i + k/2 are a pair.
        gates: `(k, …, e)`, b = [u < p] in the first half and b̃ = [1 − u < p] in the second.
        logits: φ, broadcastable to the gates.

    Raises:
        ValueError: If k is odd.
    """
    if len(losses) % 2:
        raise ValueError("antithetic samples come in pairs")
    first, second = losses.detach().chunk(2)
    b, opposite = gates.detach().chunk(2)
    slopes = 0.5 * (first - second).unsqueeze(-1) * (b - opposite)
    slopes = slopes * torch.sigmoid(logits.detach().abs())
    return losses.mean(0) + (slopes * _valueless(logits)).sum(-1).mean(0)


def relaxed(losses: Tensor, gates: Tensor, logits: Tensor) -> Tensor:
    """Return the mean loss, `(…)`: the gradient flows through the gates themselves. Biased.

    The gates are those of `hard_concrete_gates` or `straight_through_gates`.
    """
    return losses.mean(0)


def _scored(losses: Tensor, advantages: Tensor, gates: Tensor, logits: Tensor) -> Tensor:
    score = _valueless(log_probability(gates.detach(), logits))
    return (losses + advantages.detach() * score).mean(0)


def _valueless(x: Tensor) -> Tensor:
    """Return zeros with the gradient of x."""
    return x - x.detach()


@dataclass(frozen=True, slots=True)
class Estimator:
    """An estimator in the table."""

    surrogate: Callable[..., Tensor]  # losses, gates, logits, and a baseline if it has one -> (…)
    is_unbiased: bool
    source: str
    takes_one_sample: bool = False  # whatever number the options give
    is_antithetic: bool = False  # the second half of the noise is 1 − the first half
    has_baseline: bool = False  # a moving mean of each task's losses in earlier steps


ESTIMATORS: Mapping[EstimatorName, Estimator] = {
    "leave-one-out": Estimator(leave_one_out, True, "Kool et al. 2019"),
    "reinforce": Estimator(reinforce, True, "Williams 1992", takes_one_sample=True),
    "reinforce-mean": Estimator(
        reinforce, True, "Williams 1992", takes_one_sample=True, has_baseline=True
    ),
    "disarm": Estimator(disarm, True, "Dong et al. 2020", is_antithetic=True),
    "hard-concrete": Estimator(relaxed, False, "Louizos et al. 2018", takes_one_sample=True),
    "straight-through": Estimator(relaxed, False, "Bengio et al. 2013", takes_one_sample=True),
}
