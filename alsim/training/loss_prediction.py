"""Learning loss: an auxiliary net that predicts how large a row's loss is.

Yoo & Kweon (2019), "Learning Loss for Active Learning". What is learned is the order of the
losses, from pairs of rows of a batch, since their scale falls as training goes on.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from alsim.models import MIXED, Outputs
from alsim.options.training import LossPrediction


def readable(outputs: Outputs) -> tuple[Tensor, ...]:
    """Return what a loss predictor reads of a model: its layers, then each task's mixed logits.

    Of a model that lists no layers it is `hidden`.
    """
    layers = outputs.layers or (outputs.hidden,)
    return (*layers, *(heads[MIXED] for heads in outputs.logits.values()))


class LossPredictor(nn.Module):
    """Each layer projected by Linear → ReLU, side by side, then a linear layer to one number.

    Yoo & Kweon (2019), §3.2. Departures: the layers are vectors, so nothing is pooled
    before the projection; and the logits are read too, as the model's last layer.
    """

    def __init__(self, widths: Sequence[int], options: LossPrediction) -> None:
        super().__init__()
        self.options = options
        self.projections = nn.ModuleList(nn.Linear(width, options.width) for width in widths)
        self.last = nn.Linear(len(widths) * options.width, 1)

    def forward(self, layers: Sequence[Tensor]) -> Tensor:
        """Return the predicted losses, `(n,)`; only their order has a meaning.

        Args:
            layers: `(n, h_i)` each, as `readable` gives them.
        """
        projected = [
            F.relu(project(layer)) for project, layer in zip(self.projections, layers, strict=True)
        ]
        return self.last(torch.cat(projected, 1)).squeeze(1)


def ranking_loss(
    predicted: Tensor, losses: Tensor, counted: Tensor, *, margin: float = 1.0
) -> Tensor:
    """Return how badly predictions rank the losses of a batch in random order, `()`.

    Rows i and n − 1 − i are a pair, for i < ⌊n/2⌋; the odd row in the middle has no partner. A
    pair's loss is max(0, −sign(lᵢ − lⱼ)(pᵢ − pⱼ) + ξ), and the mean is over the pairs of which
    both rows count; Yoo & Kweon (2019), eq. 2. With no such pair it is 0.

    Departure: two equal losses have no order, so such a pair gives the constant ξ, without
    gradient; the paper takes the second row's for the larger.

    Args:
        predicted: `(n,)` float.
        losses: `(n,)` float, the true losses; no gradient flows to them.
        counted: `(n,)` bool or float weights ≥ 0; a pair weighs the product.
        margin: ξ > 0.
    """
    half = len(predicted) // 2
    order = (losses - losses.flip(0))[:half].detach().sign()
    terms = F.relu(margin - order * (predicted - predicted.flip(0))[:half])
    weights = (counted * counted.flip(0))[:half].to(predicted.dtype)
    total = weights.sum()
    return (terms * weights).sum() / torch.where(total > 0, total, 1)
