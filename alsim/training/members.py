"""One net with other units dropped or gates open in each of K copies: a committee's members."""

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

    Only the masks differ between members, so vmap computes once what lies before the first.
    That the noise of stochastic gates comes with an axis of samples, of one here, is undone.

    Args:
        model: In evaluation mode.
        tensors: Parameters and buffers in place of the model's own.
        masks: Of each dropout layer, `(k, width)` or `(k, n, width)`, or of stochastic gates the
            noise `(k, 1, 1, t, e)`; none: a committee of one.
        inputs: Of n rows.
        task: Whose logits.
    """

    def of_one(dropped: dict[str, Tensor]) -> Tensor:
        outputs: Outputs = functional_call(model, {**tensors, **dropped}, (inputs,))
        logits = outputs.logits[task][MIXED]
        return logits if logits.ndim == 2 else logits.squeeze(0)

    with torch.no_grad():
        if not masks:
            return of_one({}).unsqueeze(0)
        return torch.vmap(of_one)(dict(masks))
