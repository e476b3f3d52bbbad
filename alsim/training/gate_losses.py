"""Losses under samples of stochastic gates, for training multi-clustering."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from alsim.models import OWN, ExpertNet, Outputs
from alsim.models.own import picked
from alsim.options.experts import EstimatorName
from alsim.training.gate_estimators import ESTIMATORS
from alsim.training.losses import mean_over_rows, row_losses


@dataclass(frozen=True, slots=True, eq=False)
class SampledGates:
    """The gates of some heads for one task, as drawn in a forward pass."""

    estimator: EstimatorName
    gates: Tensor  # (k, h, n, e)
    logits: Tensor  # (h, 1, e); (h, n, e) if rows have only their own task
    baseline: Tensor | None = None  # () or (n,), the expected loss


def sampled_gates(
    model: nn.Module,
    heads: Sequence[str],
    own: Tensor | None = None,
    baselines: Tensor | None = None,
) -> Mapping[str, SampledGates]:
    """Return the gates drawn by a model's noise, by task; none without noise.

    Args:
        model: Any model; only an `ExpertNet` can have stochastic gates.
        heads: The heads, in order.
        own: `(n,)` int64, each row's only task, by its place; the result then has one task, `OWN`.
        baselines: `(t,)`, the expected loss of each task; NaN: not known yet, counts as 0.
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

    As `masked_losses`, averaged over the samples; see `surrogate_losses` for the gradient.
    """
    rows, known = surrogate_losses(outputs, labels, sampled)
    return mean_over_rows(rows, known, labels, class_weights)


def surrogate_losses(
    outputs: Tensor, labels: Tensor, sampled: SampledGates
) -> tuple[Tensor, Tensor]:
    """Return each row's mean loss over the samples of its gates, `(h, n)`, and which rows count.

    Its gradient with respect to the gates' logits is the gates' estimate, one for each row; the
    experts run once, and the samples mix the same outputs. Yan et al. (2019), eq. 3.

    Args:
        outputs: `(h, k, n, c)` float, for h heads under the gates' noise.
        labels: `(h, n)` int64 or float, or `(h, n, c)` bool, as in `losses`.
        sampled: The gates of these heads and samples.
    """
    by_sample = outputs.transpose(0, 1)
    losses, known = row_losses(by_sample, labels.expand(len(by_sample), *labels.shape))
    surrogate = ESTIMATORS[sampled.estimator].surrogate
    baseline = () if sampled.baseline is None else (sampled.baseline,)
    return surrogate(losses, sampled.gates, sampled.logits, *baseline), known[0]


def wants_baselines(model: nn.Module) -> bool:
    """Return whether the estimator of a model's gates has a baseline."""
    gates = model.gates().values() if isinstance(model, ExpertNet) else ()
    return any(ESTIMATORS[gate.estimator].has_baseline for gate in gates)


def density_penalty(model: nn.Module) -> Tensor | None:
    """Return λ times the tasks' mean density, `()`, summed over heads; None without gates."""
    gates = model.gates().values() if isinstance(model, ExpertNet) else ()
    if not gates:
        return None
    return torch.stack([gate.density_weight * gate.density() for gate in gates]).sum()


def first_sample(outputs: Outputs) -> Outputs:
    """Return a model's outputs under the first sample of its gates."""
    logits = {
        task: {head: z[0] for head, z in heads.items()} for task, heads in outputs.logits.items()
    }
    return Outputs(logits, outputs.hidden[0], tuple(layer[0] for layer in outputs.layers))
