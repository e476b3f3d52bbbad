"""The gradients of an mlp without autograd: the same operations, to the same bits.

For a net this small, modules and autograd take as long as the products.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from alsim.models.plain import Mlp
from alsim.training.losses import known_weight
from alsim.training.objective import Losses, Objective
from alsim.training.replicas import Batch

_aten = torch.ops.aten
_UNREDUCED = 0  # a loss a row, by aten's number


def is_plain(objective: Objective) -> bool:
    """Return whether `plain_step` has the gradients of an objective: an mlp's with one task."""
    is_alone = len(objective.terms) == 1 and objective.predictor is None
    return type(objective.model) is Mlp and is_alone and objective.log_variance is None


@torch.no_grad()
def plain_step(objective: Objective, batch: Batch, masks: Mapping[str, Tensor]) -> Losses:
    """Write a batch's gradients over those of the parameters; return the losses, each `(1, …)`.

    Args:
        objective: One that `is_plain`, all of whose parameters have a gradient.
        batch: Of one replica; the labels are `(1, n)` int64, −1 unknown.
        masks: Of the dropout layers, `(1, n, width)` each.
    """
    model = objective.model
    assert isinstance(model, Mlp)
    columns = [batch.inputs.modalities[name][0] for name in model.first.modalities]
    if len(columns) > 1:
        columns.append(batch.inputs.present[0])
    first = list(zip(model.first.parts, columns, strict=True))
    dropped = [masks.get(f"model.dropouts.{i}.mask") for i in range(len(model.dropouts))]

    sums = _linear(*first[0])
    for part, x in first[1:]:
        sums = sums + _linear(part, x)
    active = [sums.relu_()]  # each layer's output before its dropout
    hidden = [_times(active[0], dropped[0])]  # and after
    for layer, mask in zip(model.rest, dropped[1:], strict=True):
        active.append(_linear(layer, hidden[-1]).relu_())
        hidden.append(_times(active[-1], mask))
    ((task, labels),) = batch.labels.items()
    weights = batch.class_weights.get(task)
    logits = _linear(model.heads[0], hidden[-1])
    losses, slopes = _loss(logits, labels, None if weights is None else weights[0])

    above = model.heads[0]
    _note(above, hidden[-1], slopes)
    for i in reversed(range(len(active))):
        slopes = _times(slopes.mm(above.get_parameter("weight")), dropped[i])
        slopes = _aten.threshold_backward(slopes, active[i], 0)
        if i:
            above = model.rest[i - 1]
            _note(above, hidden[i - 1], slopes)
    for part, x in first:
        _note(part, x, slopes)
    return losses


def _linear(layer: nn.Module, x: Tensor) -> Tensor:
    return F.linear(x, layer.weight, layer.bias)  # pyright: ignore[reportArgumentType] -- of nn.Linear


def _times(x: Tensor, mask: Tensor | None) -> Tensor:
    return x if mask is None else x * mask[0]


def _note(layer: nn.Module, x: Tensor, slopes: Tensor) -> None:
    """Write the gradients of a linear layer, from those of its output, `(n, n_out)`."""
    for name, parameter in layer.named_parameters():
        gradient = parameter.grad
        assert gradient is not None
        if name == "weight":
            torch.mm(slopes.t(), x, out=gradient)
        else:
            torch.sum(slopes, 0, out=gradient)


def _loss(logits: Tensor, labels: Tensor, weights: Tensor | None) -> tuple[Losses, Tensor]:
    """Return the losses of `(1, n)` labels, and the loss's gradient by the logits, `(n, c)`."""
    (y,) = labels
    log_p = torch.log_softmax(logits, 1)
    rows = F.nll_loss(log_p, y, weights, ignore_index=-1, reduction="none")
    weight, counts = known_weight(labels, weights)
    loss = rows.unsqueeze(0).sum(1) / weight
    shares = (torch.ones_like(loss) / weight).expand_as(rows)
    total = torch.zeros_like(loss)  # of the weights; not read for a loss a row
    slopes = _aten.nll_loss_backward(shares, log_p, y, weights, _UNREDUCED, -1, total)
    slopes = _aten._log_softmax_backward_data(slopes, log_p, 1, logits.dtype)
    one = loss.unsqueeze(0)
    return Losses(loss, one, one, counts.unsqueeze(0) > 0, torch.zeros_like(loss)), slopes
