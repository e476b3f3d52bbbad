"""The members of a committee: one net with K sets of dropout masks or open gates."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.func import functional_call

from alsim.models import MIXED, Inputs, Outputs
from alsim.models.plain import Mlp

ROWS = 256  # at a time; a net processes K times as many, which should fit the cache


def member_logits(
    model: nn.Module,
    tensors: Mapping[str, Tensor],
    masks: Mapping[str, Tensor],
    inputs: Inputs,
    task: str,
) -> Tensor:
    """Return the mixed head's logits of every member, `(k, c, n)`, without gradients.

    Only the masks differ between members, so the layers before the first mask are computed once.

    Args:
        model: In evaluation mode.
        tensors: Parameters and buffers in place of the model's own.
        masks: The masks of each dropout layer, `(k, width)` or `(k, n, width)`, or the noise of
            stochastic gates, `(k, 1, 1, t, e)`; empty: a committee of one.
        inputs: Inputs of n rows.
        task: The task whose logits are returned.
    """

    def of_one(dropped: dict[str, Tensor], inputs: Inputs) -> Tensor:
        asked = inputs._replace(heads="mixed")
        outputs: Outputs = functional_call(model, {**tensors, **dropped}, (asked,))
        logits = outputs.logits[task][MIXED]
        return logits if logits.ndim == 2 else logits.squeeze(0)  # gates add an axis of one sample

    with torch.no_grad():
        if not masks:
            return of_one({}, inputs).T.unsqueeze(0)
        is_by_row = any(mask.ndim == 3 for mask in masks.values())
        if isinstance(model, Mlp) and len(masks) == len(model.dropouts) == 1 and not is_by_row:
            (mask,) = masks.values()
            return _masked_heads(model, tensors, mask, inputs, task)
        of_all = torch.vmap(of_one, in_dims=(0, None))
        blocks = [inputs] if is_by_row else _split(inputs)
        return torch.cat([of_all(dict(masks), block).transpose(1, 2) for block in blocks], 2)


def _split(inputs: Inputs) -> list[Inputs]:
    """Return the inputs in blocks of rows."""
    parts = {name: x.split(ROWS) for name, x in inputs.modalities.items()}
    return [
        inputs._replace(modalities={name: part[i] for name, part in parts.items()}, present=present)
        for i, present in enumerate(inputs.present.split(ROWS))
    ]


def _masked_heads(
    model: Mlp, tensors: Mapping[str, Tensor], mask: Tensor, inputs: Inputs, task: str
) -> Tensor:
    """Return `member_logits` of a net whose only mask, `(k, width)`, is on its head's input.

    A member is then a head with masked weights, and all members are one product: a quarter of the
    time that masking the rows takes.
    """
    own = dict(model.named_parameters()) | dict(tensors)
    head = f"heads.{model.tasks.index(task)}"
    # The call with other tensors takes as long as some hundred rows.
    outputs: Outputs = (
        functional_call(model, dict(tensors), (inputs,)) if tensors else model(inputs)
    )
    weights = own[f"{head}.weight"] * mask.unsqueeze(1)  # (k, c, width)
    bias = own[f"{head}.bias"].repeat(len(mask)).unsqueeze(1)
    logits = torch.addmm(bias, weights.flatten(0, 1), outputs.hidden.T)
    return logits.unflatten(0, weights.shape[:2])
