"""Losses under samples of stochastic gates, as multi-clustering is trained."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from alsim.models import ExpertNet, Outputs
from alsim.models.expert_options import EstimatorName
from alsim.training.gate_estimators import ESTIMATORS
from alsim.training.losses import row_losses


@dataclass(frozen=True, slots=True, eq=False)
class SampledGates:
    """The gates of some heads for one task, as drawn in a forward pass."""

    estimator: EstimatorName
    gates: Tensor  # (k, h, n, e)
    logits: Tensor  # (h, e)


def sampled_gates(model: nn.Module, heads: Sequence[str]) -> Mapping[str, SampledGates]:
    """Return the gates that a model's noise stands for, by task; none without noise.

    Args:
        model: Any; only an `ExpertNet` with stochastic gates has some.
        heads: Whose gates, in order.
    """
    of_heads = model.gates() if isinstance(model, ExpertNet) else {}
    if not of_heads or of_heads[heads[0]].noise is None:
        return {}
    assert isinstance(model, ExpertNet)
    gates = torch.stack([of_heads[head]() for head in heads], 1)  # (k, h, n, t, e)
    logits = torch.stack([of_heads[head].logits for head in heads])
    return {
        task: SampledGates(of_heads[heads[0]].estimator, gates[:, :, :, i], logits[:, i])
        for i, task in enumerate(model.tasks)
    }


def sampled_losses(
    outputs: Tensor, labels: Tensor, sampled: SampledGates, class_weights: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Return each head's mean loss over rows and samples of its gates, and row counts.

    The value is that of `masked_losses` averaged over the samples. Its gradient with
    respect to the gates' logits is the estimate of the gates' estimator, one for each row; the
    experts ran once, and the samples only re-mixed them. Yan et al. (2019), eq. 3.

    Args:
        outputs: `(h, k, n, c)` float, of h heads under the gates' noise.
        labels: `(h, n)` int64 or float, or `(h, n, c)` bool, as in `losses`.
        sampled: The gates of these heads and samples.
        class_weights: `(c,)` float.

    Returns:
        The losses `(h,)`, 0 with zero gradient when no row counts; and the counts `(h,)` int64.
    """
    by_sample = outputs.transpose(0, 1)
    losses, known = row_losses(by_sample, labels.expand(len(by_sample), *labels.shape))
    surrogate = ESTIMATORS[sampled.estimator].surrogate
    rows = surrogate(losses, sampled.gates, sampled.logits.unsqueeze(1))
    weights = known[0].to(rows.dtype)
    if class_weights is not None:
        weights = weights * _row_weights(labels, class_weights)
    total = weights.sum(1)
    return (rows * weights).sum(1) / torch.where(total > 0, total, 1), known[0].sum(1)


def density_penalty(model: nn.Module) -> Tensor | None:
    """Return λ times the mean density of the tasks, `()`, summed over heads; None without gates."""
    gates = model.gates().values() if isinstance(model, ExpertNet) else ()
    if not gates:
        return None
    return torch.stack([gate.density_weight * gate.density() for gate in gates]).sum()


def first_sample(outputs: Outputs) -> Outputs:
    """Return what a model says under the first sample of its gates."""
    logits = {
        task: {head: z[0] for head, z in heads.items()} for task, heads in outputs.logits.items()
    }
    return Outputs(logits, outputs.hidden[0], tuple(layer[0] for layer in outputs.layers))


def _row_weights(labels: Tensor, class_weights: Tensor) -> Tensor:
    if labels.dtype == torch.bool:
        return (labels * class_weights).sum(-1) / labels.sum(-1)
    return class_weights[labels.clamp_min(0)]
