"""One net with other units dropped in each of K copies: the members of a committee."""

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

    Args:
        model: In evaluation mode.
        tensors: Parameters and buffers in place of the model's own.
        masks: Of each dropout layer, `(k, width)` or `(k, n, width)`; none: a committee of one.
        inputs: Of n rows.
        task: Whose logits.
    """

    def of_one(dropped: dict[str, Tensor]) -> Tensor:
        outputs: Outputs = functional_call(model, {**tensors, **dropped}, (inputs,))
        return outputs.logits[task][MIXED]

    with torch.no_grad():
        if not masks:
            return of_one({}).unsqueeze(0)
        return torch.vmap(of_one)(dict(masks))
