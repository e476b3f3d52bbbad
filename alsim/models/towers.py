"""Towers: each task's own hidden layers and linear head, above the mixture."""

import copy
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from alsim.models.layers import StreamDropout
from alsim.models.stacked import StackedLinear


class Towered(NamedTuple):
    """The outputs of the towers."""

    mixtures: Tensor  # (…, n, t, h) after dropout
    hidden: Tensor  # (…, n, t, h'), the input of the heads
    logits: list[Tensor]  # (…, n, c) for each task; or for the rows' own tasks only


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
        self.dropouts = nn.ModuleList(StreamDropout(dropout, t * h, n_tasks=t) for h in widths)
        self.heads = nn.ModuleList(nn.Linear(widths[-1], c) for c in n_outputs)

    def forward(self, mixtures: Tensor, own: Tensor | None = None) -> Towered:
        """Return the logits of every task, and the layers below, of mixtures `(…, n, t, h)`.

        With `own`, `(n,)` int64, each row's only task by its place, they are `(…, n, 1, h)`.
        """
        first, *others = self.dropouts
        mixtures = hidden = _dropped(first, mixtures)
        for layer, dropout in zip(self.layers, others, strict=True):
            assert isinstance(layer, StackedLinear)
            hidden = layer(hidden) if own is None else layer.of_own(hidden, own)
            hidden = _dropped(dropout, F.relu(hidden))
        if own is not None:
            return Towered(mixtures, hidden, [self._own_logits(hidden, own)])
        # Unbound in one operation: the gradient of an indexed task would be padded with zeros.
        of_tasks = zip(self.heads, hidden.unbind(-2), strict=True)
        return Towered(mixtures, hidden, [head(of_task) for head, of_task in of_tasks])

    def _own_logits(self, hidden: Tensor, own: Tensor) -> Tensor:
        """Return each row's own logits, `(…, n, c)`, −∞ beyond its task's classes.

        All heads in one product, then each row's own: gathering weights is much slower.
        """
        heads = [cast("nn.Linear", head) for head in self.heads]
        classes = torch.tensor([head.out_features for head in heads], device=own.device)
        weight, bias = torch.cat([h.weight for h in heads]), torch.cat([h.bias for h in heads])
        said = F.linear(hidden.squeeze(-2), weight, bias)  # (…, n, all classes)
        place = torch.arange(max(head.out_features for head in heads), device=own.device)
        is_own = place < classes.unsqueeze(1)
        columns = (classes.cumsum(0) - classes).unsqueeze(1) + torch.where(is_own, place, 0)
        logits = said.gather(-1, columns[own].expand(*said.shape[:-1], -1))
        return logits.masked_fill(~is_own[own], -torch.inf)

    def cut(self, tasks: Sequence[int]) -> "Towers":
        """Return the towers of some tasks, as a new module."""
        new = copy.deepcopy(self)
        new.layers = nn.ModuleList(
            layer.cut(tasks) for layer in self.layers if isinstance(layer, StackedLinear)
        )
        new.heads = nn.ModuleList(new.heads[task] for task in tasks)
        for dropout in new.dropouts:
            assert isinstance(dropout, StreamDropout)
            dropout.width = dropout.width // len(self.heads) * len(tasks)
            dropout.n_tasks = len(tasks)
        return new


def _dropped(dropout: nn.Module, x: Tensor) -> Tensor:
    # A dropout layer takes rows of one width, with the tasks side by side.
    return dropout(x.flatten(-2)).reshape(x.shape)
