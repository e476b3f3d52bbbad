"""Learning loss: an auxiliary net that predicts a row's loss.

Yoo & Kweon (2019), "Learning Loss for Active Learning". The net learns the order of the losses from
pairs of rows of a batch, since the scale of the losses falls during training.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from alsim.models import MIXED, Outputs
from alsim.options.training import LossPrediction


def readable(outputs: Outputs) -> tuple[Tensor, ...]:
    """Return a loss predictor's inputs: a model's layers, then each task's mixed logits.

    If a model lists no layers, `hidden` takes their place.
    """
    layers = outputs.layers or (outputs.hidden,)
    return (*layers, *(heads[MIXED] for heads in outputs.logits.values()))


class LossPredictor(nn.Module):
    """Each layer projected by Linear → ReLU, side by side, then a linear layer to one number.

    Yoo & Kweon (2019), §3.2. Departures: the layers are vectors, so there is no pooling before the
    projection; and the logits are an input too, as the model's last layer.
    """

    def __init__(self, widths: Sequence[int], options: LossPrediction) -> None:
        super().__init__()
        self.options = options
        self.projections = nn.ModuleList(nn.Linear(width, options.width) for width in widths)
        self.last = nn.Linear(len(widths) * options.width, 1)

    def forward(self, layers: Sequence[Tensor]) -> Tensor:
        """Return the losses predicted from `readable` layers, `(n,)`; only their order matters."""
        projected = [
            F.relu(project(layer)) for project, layer in zip(self.projections, layers, strict=True)
        ]
        return self.last(torch.cat(projected, 1)).squeeze(1)


def ranking_loss(
    predicted: Tensor, losses: Tensor, counted: Tensor, *, margin: float = 1.0
) -> Tensor:
    """Return how badly predictions rank the losses of a batch in random order, `()`.

    Rows i and n − 1 − i are a pair, for i < ⌊n/2⌋; a row in the middle has no partner. A pair's
    loss is max(0, −sign(lᵢ − lⱼ)(pᵢ − pⱼ) + ξ), and the mean is over the pairs in which both rows
    count; Yoo & Kweon (2019), eq. 2. Without such a pair it is 0. No gradient flows to the losses.

    Departure: two equal losses have no order, so their pair gives the constant ξ, without gradient;
    the paper treats the second row's loss as the larger.

    All tensors are `(n,)`; `counted` is bool or weights ≥ 0, a pair's weight being their product.
    """
    half = len(predicted) // 2
    order = (losses - losses.flip(0))[:half].detach().sign()
    terms = F.relu(margin - order * (predicted - predicted.flip(0))[:half])
    weights = (counted * counted.flip(0))[:half].to(predicted.dtype)
    total = weights.sum()
    return (terms * weights).sum() / torch.where(total > 0, total, 1)
