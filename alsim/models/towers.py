"""Towers: what a task has for itself above the mixture, hidden layers and a linear head."""

import copy
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from torch import Tensor, nn
from torch.nn import functional as F

from alsim.models.layers import StreamDropout
from alsim.models.stacked import StackedLinear


class Towered(NamedTuple):
    """What the towers make of the mixtures."""

    mixtures: Tensor  # (…, n, t, h) after dropout
    hidden: Tensor  # (…, n, t, h'), the input of the heads
    logits: list[Tensor]  # a task each, (…, n, c)


class Towers(nn.Module):
    """Dropout, then for each task layers Linear → ReLU → Dropout and a linear head.

    Ma et al. (2018), §4.2; without widths the heads read the mixtures, as in Yan et al. (2019).
    """

    def __init__(
        self, n_outputs: Sequence[int], n_in: int, widths: Sequence[int], dropout: float
    ) -> None:
        super().__init__()
        t, widths = len(n_outputs), [n_in, *widths]
        self.layers = nn.ModuleList(StackedLinear(t, n, h) for n, h in pairwise(widths))
        self.dropouts = nn.ModuleList(StreamDropout(dropout, t * h) for h in widths)
        self.heads = nn.ModuleList(nn.Linear(widths[-1], c) for c in n_outputs)

    def forward(self, mixtures: Tensor) -> Towered:
        """Return the logits of every task and what they come from."""
        first, *others = self.dropouts
        mixtures = hidden = _dropped(first, mixtures)
        for layer, dropout in zip(self.layers, others, strict=True):
            hidden = _dropped(dropout, F.relu(layer(hidden)))
        logits = [head(hidden[..., task, :]) for task, head in enumerate(self.heads)]
        return Towered(mixtures, hidden, logits)

    def cut(self, tasks: Sequence[int]) -> "Towers":
        """Return the towers of some tasks, as a module of their own."""
        new = copy.deepcopy(self)
        new.layers = nn.ModuleList(
            layer.cut(tasks) for layer in self.layers if isinstance(layer, StackedLinear)
        )
        new.heads = nn.ModuleList(new.heads[task] for task in tasks)
        for dropout in new.dropouts:
            assert isinstance(dropout, StreamDropout)
            dropout.width = dropout.width // len(self.heads) * len(tasks)
        return new


def _dropped(dropout: nn.Module, x: Tensor) -> Tensor:
    # A dropout layer knows rows of one width: the tasks lie side by side.
    return dropout(x.flatten(-2)).reshape(x.shape)
