"""Task multi-clustering: per task and expert a gate that is open with a learned probability.

Yan et al. (2019), "Multi-Task Learning via Task Multi-Clustering".
"""

import math
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn

from alsim.models.mixers import Stitch, mix_experts
from alsim.models.own import picked
from alsim.options.experts import EstimatorName, ExpertOptions, top_k_of

# Hard-concrete's stretch and temperature, Louizos et al. (2018), §4.
STRETCH = (-0.1, 1.1)
TEMPERATURE = 2 / 3


def hard_gates(noise: Tensor, logits: Tensor) -> Tensor:
    """Return b ~ Bernoulli(sigmoid(logits)), 0 or 1, without gradient; `noise` is uniform."""
    return (noise < torch.sigmoid(logits)).to(noise.dtype)


def straight_through_gates(noise: Tensor, logits: Tensor) -> Tensor:
    """Return `hard_gates`, with ∂b/∂p taken to be 1; Bengio et al. (2013), §4."""
    p = torch.sigmoid(logits)
    return hard_gates(noise, logits) + p - p.detach()


def hard_concrete_gates(noise: Tensor, logits: Tensor) -> Tensor:
    """Return relaxed gates in [0, 1] that are 0 and 1 with positive probability.

    Louizos et al. (2018), eqs 10–11. Their distribution is not the model's Bernoulli distribution,
    so the gradient is that of another loss.
    """
    u = noise.clamp(1e-6, 1 - 1e-6)
    s = torch.sigmoid((torch.logit(u) + logits) / TEMPERATURE)
    return (s * (STRETCH[1] - STRETCH[0]) + STRETCH[0]).clamp(0, 1)


def hard_concrete_open(logits: Tensor) -> Tensor:
    """Return the probability that a hard-concrete gate is above 0; Louizos et al. (2018), eq. 12.

    sigmoid(φ − β log(−γ/ζ)) with temperature β, stretched to (γ, ζ).
    """
    return torch.sigmoid(logits - TEMPERATURE * math.log(-STRETCH[0] / STRETCH[1]))


RELAXED: Mapping[EstimatorName, Callable[[Tensor, Tensor], Tensor]] = {
    "straight-through": straight_through_gates,
    "hard-concrete": hard_concrete_gates,
}


def most_likely(p: Tensor, k: Tensor) -> Tensor:
    """Return 1 for the k most likely experts of each task, by p, `(t, e)`; ties go to the first.

    `k`, `(t, 1)` or `(1, 1)`, is rounded, halves upwards, and at least 1 (in the paper 0).
    """
    k = torch.floor(k + 0.5).clamp_min(1)
    earlier = torch.ones(p.shape[-1], p.shape[-1], dtype=torch.bool, device=p.device).tril(-1)
    mine, theirs = p.unsqueeze(-1), p.unsqueeze(-2)
    rank = ((theirs > mine) | ((theirs == mine) & earlier)).sum(-1)
    return (rank < k).to(p.dtype)


def _or_the_most_likely(b: Tensor, p: Tensor) -> Tensor:
    """Return the gates; a task without an open gate gets its most likely expert."""
    one = most_likely(p, torch.ones_like(p[:, :1]))
    return torch.where(b.any(-1, keepdim=True), b.to(p.dtype), one)


# How the experts are chosen in evaluation, from p and a fixed uniform draw, both (t, e).
EVALUATIONS: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {
    "task-k": lambda p, u: most_likely(p, p.sum(-1, keepdim=True)),
    "mean-k": lambda p, u: most_likely(p, p.sum(-1, keepdim=True).mean(0, keepdim=True)),
    "round": lambda p, u: _or_the_most_likely(p > 0.5, p),
    "sample": lambda p, u: _or_the_most_likely(u < p, p),
    "all": lambda p, u: torch.ones_like(p),
    "soft": lambda p, u: p,
}


def selection(evaluation: str) -> Callable[[Tensor, Tensor], Tensor]:
    """Return the choice of experts in evaluation; "top-5" is each task's five most likely.

    Raises:
        ValueError: If there is no such evaluation.
    """
    k = top_k_of(evaluation)
    if k is not None:
        return lambda p, u: most_likely(p, torch.full_like(p[:, :1], k))
    if evaluation not in EVALUATIONS:
        raise ValueError(f"no evaluation {evaluation!r}")
    return EVALUATIONS[evaluation]


class StochasticGate(nn.Module):
    """Gates b_i(t) ~ Bernoulli(p_i(t)) whose noise is set from outside, like a dropout mask.

    Without noise they are the gates of evaluation. The training loop sets `noise`, uniform in
    [0, 1), `(k, n, t, e)`: k samples for each row and task, or `(k, n, 1, e)` for a row's own task
    only. The logits φ start at 0; p = sigmoid(φ), but for hard-concrete gates p is the probability
    of not being 0.
    """

    noise: Tensor | None
    draw: Tensor

    def __init__(self, n_tasks: int, n_experts: int, options: ExpertOptions) -> None:
        super().__init__()
        self.estimator: EstimatorName = options.estimator
        self.samples = options.samples
        self.density_weight = options.density_weight
        self.evaluation = options.evaluation
        self.logits = nn.Parameter(torch.zeros(n_tasks, n_experts))
        self.register_buffer("draw", torch.rand(n_tasks, n_experts))  # for evaluation by "sample"
        self.register_buffer("noise", None, persistent=False)

    def forward(self, own: Tensor | None = None) -> Tensor:
        """Return the samples `(k, n, t, e)` in training, else the gates of evaluation `(t, e)`.

        With `own`, `(n,)` int64, for each row's only task: `(k, n, 1, e)` or `(n, 1, e)`.
        """
        if self.noise is None:
            gates = self.evaluated()
            return gates if own is None else picked(gates, own).unsqueeze(1)
        logits = self.logits if own is None else picked(self.logits, own).unsqueeze(1)
        return RELAXED.get(self.estimator, hard_gates)(self.noise, logits)

    def evaluated(self) -> Tensor:
        """Return the gates of evaluation, `(t, e)`; "soft" is sigmoid(φ) for every estimator."""
        # The mean of a hard-concrete gate is near sigmoid(φ), and far below p.
        is_soft = self.evaluation == "soft"
        p = torch.sigmoid(self.logits) if is_soft else self.probabilities()
        return selection(self.evaluation)(p, self.draw)

    def probabilities(self) -> Tensor:
        """Return the probability p that each gate is open, `(t, e)`."""
        is_concrete = self.estimator == "hard-concrete"
        return hard_concrete_open(self.logits) if is_concrete else torch.sigmoid(self.logits)

    def density(self) -> Tensor:
        """Return the mean over tasks of k(t) = Σᵢ pᵢ(t), `()`."""
        return self.probabilities().sum(-1).mean()


class MultiCluster(nn.Module):
    """z(t, x) = Σᵢ bᵢ(t) wᵢ(t) fᵢ(x), Yan et al. (2019), eq. 1; w starts as N(0, 1)."""

    def __init__(self, gate: StochasticGate) -> None:
        super().__init__()
        self.gate = gate
        self.weight = nn.Parameter(torch.randn(gate.logits.shape))

    def forward(self, experts: Tensor, x: Tensor, own: Tensor | None = None) -> Tensor:
        """Return `(n, t, h)`, under noise `(k, n, t, h)`: all samples mix the same experts."""
        weight = self.weight if own is None else picked(self.weight, own).unsqueeze(1)
        return mix_experts(experts, self.gate(own) * weight)

    def used(self, tasks: Sequence[int]) -> list[int]:
        """Return the experts with a gate open in evaluation for any of the tasks."""
        with torch.no_grad():
            return self.gate.evaluated()[list(tasks)].any(0).nonzero().flatten().tolist()

    def cut(self, tasks: Sequence[int], experts: Sequence[int]) -> Stitch:
        """Return the mixer of evaluation, with plain weights, for some tasks and experts."""
        weight = (self.gate.evaluated() * self.weight).detach()
        return Stitch(weight[list(tasks)][:, list(experts)])
