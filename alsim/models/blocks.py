"""The blocks of the multimodal net: dense, residual, highway.

The study's Figure 4, which shows them, is lost; Linear → BatchNorm → ReLU → Dropout is a
reconstruction. Linear layers before a BatchNorm have no bias: its true gradient is zero, and Adam
would turn the rounding noise into full steps.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from alsim.models.layers import RowBatchNorm, StreamDropout
from alsim.options.model import BlockKind


class Dense(nn.Module):
    """Linear → BatchNorm → ReLU → Dropout."""

    def __init__(self, n_in: int, n_out: int, dropout: float) -> None:
        super().__init__()
        self.linear = nn.Linear(n_in, n_out, bias=False)
        self.norm = RowBatchNorm(n_out)
        self.dropout = StreamDropout(dropout, n_out)

    def forward(self, x: Tensor, row_weight: Tensor | None = None) -> Tensor:
        """Return `(n, n_out)`; rows of weight 0 stay out of the statistics."""
        return self.dropout(F.relu(self.norm(self.linear(x), row_weight), inplace=True))


class Residual(nn.Module):
    """ReLU(x W + BatchNorm(second layer of a dense block)); He et al. (2016), with projection."""

    def __init__(self, n_in: int, n_out: int, dropout: float) -> None:
        super().__init__()
        self.first = Dense(n_in, n_out, dropout)
        self.second = nn.Linear(n_out, n_out, bias=False)
        self.norm = RowBatchNorm(n_out)
        self.shortcut = nn.Linear(n_in, n_out, bias=False)
        self.dropout = StreamDropout(dropout, n_out)

    def forward(self, x: Tensor, row_weight: Tensor | None = None) -> Tensor:
        """Return `(n, n_out)`; rows of weight 0 stay out of the statistics."""
        change = self.norm(self.second(self.first(x, row_weight)), row_weight)
        return self.dropout(F.relu(self.shortcut(x) + change, inplace=True))


class Highway(nn.Module):
    """T ⊙ dense(x) + (1 − T) ⊙ x W, T = sigmoid(x V + b); Srivastava et al. (2015), eq. 3.

    The carried path is projected to the block's width; b starts at −1, so that the block at first
    mostly passes its input on.
    """

    def __init__(self, n_in: int, n_out: int, dropout: float) -> None:
        super().__init__()
        self.transform = Dense(n_in, n_out, dropout)
        self.gate = nn.Linear(n_in, n_out)
        self.carry = nn.Linear(n_in, n_out, bias=False)
        nn.init.constant_(self.gate.bias, -1.0)

    def forward(self, x: Tensor, row_weight: Tensor | None = None) -> Tensor:
        """Return `(n, n_out)`; rows of weight 0 stay out of the statistics."""
        gate = torch.sigmoid(self.gate(x))
        return gate * self.transform(x, row_weight) + (1 - gate) * self.carry(x)


BLOCKS: Mapping[BlockKind, type[Dense | Residual | Highway]] = {
    "dense": Dense,
    "residual": Residual,
    "highway": Highway,
}
