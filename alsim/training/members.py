"""The members of a committee: one net with K sets of dropout masks or open gates."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.func import functional_call

from alsim.models import MIXED, Inputs, Outputs


def member_logits(
    model: nn.Module,
    tensors: Mapping[str, Tensor],
    masks: Mapping[str, Tensor],
    inputs: Inputs,
    task: str,
) -> Tensor:
    """Return the mixed head's logits of every member, `(k, n, c)`, without gradients.

    Only the masks differ between members, so vmap computes the layers before the first mask once.

    Args:
        model: In evaluation mode.
        tensors: Parameters and buffers in place of the model's own.
        masks: The masks of each dropout layer, `(k, width)` or `(k, n, width)`, or the noise of
            stochastic gates, `(k, 1, 1, t, e)`; empty: a committee of one.
        inputs: Inputs of n rows.
        task: The task whose logits are returned.
    """

    def of_one(dropped: dict[str, Tensor]) -> Tensor:
        outputs: Outputs = functional_call(model, {**tensors, **dropped}, (inputs,))
        logits = outputs.logits[task][MIXED]
        return logits if logits.ndim == 2 else logits.squeeze(0)  # gates add an axis of one sample

    with torch.no_grad():
        if not masks:
            return of_one({}).unsqueeze(0)
        return torch.vmap(of_one)(dict(masks))
