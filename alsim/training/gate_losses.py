"""Losses under samples of stochastic gates, as multi-clustering is trained."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from alsim.models import OWN, ExpertNet, Outputs
from alsim.models.own import picked
from alsim.options.experts import EstimatorName
from alsim.training.gate_estimators import ESTIMATORS
from alsim.training.losses import row_losses


@dataclass(frozen=True, slots=True, eq=False)
class SampledGates:
    """The gates of some heads for one task, as drawn in a forward pass."""

    estimator: EstimatorName
    gates: Tensor  # (k, h, n, e)
    logits: Tensor  # (h, 1, e), or of rows with tasks of their own (h, n, e)
    baseline: Tensor | None = None  # () or (n,), what to expect of a loss


def sampled_gates(
    model: nn.Module,
    heads: Sequence[str],
    own: Tensor | None = None,
    baselines: Tensor | None = None,
) -> Mapping[str, SampledGates]:
    """Return the gates that a model's noise stands for, by task; none without noise.

    Args:
        model: Any; only an `ExpertNet` with stochastic gates has some.
        heads: Whose gates, in order.
        own: `(n,)` int64, the place of the only task that a row has; all tasks are then `OWN`.
        baselines: `(t,)`, what to expect of each task's loss; NaN: nothing yet, so 0.
    """
    of_heads = model.gates() if isinstance(model, ExpertNet) else {}
    if not of_heads or of_heads[heads[0]].noise is None:
        return {}
    assert isinstance(model, ExpertNet)
    estimator = of_heads[heads[0]].estimator
    gates = torch.stack([of_heads[head](own) for head in heads], 1)  # (k, h, n, t, e)
    expected = None if baselines is None else baselines.nan_to_num()
    if own is not None:
        logits = torch.stack([picked(of_heads[head].logits, own) for head in heads])
        of_rows = None if expected is None else picked(expected.unsqueeze(1), own).squeeze(1)
        return {OWN: SampledGates(estimator, gates.squeeze(3), logits, of_rows)}
    logits = torch.stack([of_heads[head].logits for head in heads])
    return {
        task: SampledGates(
            estimator,
            gates[:, :, :, i],
            logits[:, i].unsqueeze(1),
            None if expected is None else expected[i],
        )
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
    rows, known = surrogate_losses(outputs, labels, sampled)
    weights = known.to(rows.dtype)
    if class_weights is not None:
        weights = weights * _row_weights(labels, class_weights)
    total = weights.sum(1)
    return (rows * weights).sum(1) / torch.where(total > 0, total, 1), known.sum(1)


def surrogate_losses(
    outputs: Tensor, labels: Tensor, sampled: SampledGates
) -> tuple[Tensor, Tensor]:
    """Return each row's mean loss over the samples of its gates, `(h, n)`, and which count.

    Its gradient is the estimate; arguments as in `sampled_losses`.
    """
    by_sample = outputs.transpose(0, 1)
    losses, known = row_losses(by_sample, labels.expand(len(by_sample), *labels.shape))
    surrogate = ESTIMATORS[sampled.estimator].surrogate
    baseline = () if sampled.baseline is None else (sampled.baseline,)
    return surrogate(losses, sampled.gates, sampled.logits, *baseline), known[0]


def wants_baselines(model: nn.Module) -> bool:
    """Return whether a model's gates learn by an estimator with a baseline."""
    gates = model.gates().values() if isinstance(model, ExpertNet) else ()
    return any(ESTIMATORS[gate.estimator].has_baseline for gate in gates)


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
