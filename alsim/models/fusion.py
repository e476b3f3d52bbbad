"""Fusion of the modalities' representations: concatenation, attention, bilinear."""

from collections.abc import Mapping
from itertools import combinations

import torch
from torch import Tensor, nn

from alsim.options.model import FusionKind


class Concat(nn.Module):
    """The representations side by side."""

    def __init__(self, n_modalities: int, width: int) -> None:
        super().__init__()
        self.n_out = n_modalities * width

    def forward(self, branches: Tensor, present: Tensor) -> Tensor:
        """Return `(n, m·h)`.

        Args:
            branches: `(n, m, h)`, zero where absent.
            present: `(n, m)` float, 1 where present.
        """
        return branches.flatten(1)


class Attention(nn.Module):
    """A softmax-weighted sum over the modalities present.

    z = Σ_m a_m h_m, a = softmax over present m of vᵀ tanh(W h_m): additive attention,
    Bahdanau et al. (2015), applied to modalities. A row without modalities gets zeros.
    """

    def __init__(self, n_modalities: int, width: int) -> None:
        super().__init__()
        self.project = nn.Linear(width, width)
        self.score = nn.Linear(width, 1, bias=False)
        self.n_out = width

    def forward(self, branches: Tensor, present: Tensor) -> Tensor:
        """Return `(n, h)`; arguments as in `Concat`."""
        scores = self.score(torch.tanh(self.project(branches))).squeeze(-1)
        # Finite: with −∞ a row without modalities would become nan.
        weights = torch.softmax(torch.where(present > 0, scores, -1e9), 1) * present
        return (weights.unsqueeze(-1) * branches).sum(1)


class Bilinear(nn.Module):
    """The representations and their pairwise low-rank bilinear products.

    For each pair (U h_i) ⊙ (V h_j), Kim et al. (2017), eq. 4. The representations themselves are
    kept beside the products, as in tensor fusion (Zadeh et al. 2017): a product with an absent
    modality is zero, and the other modality would be lost.
    """

    def __init__(self, n_modalities: int, width: int) -> None:
        super().__init__()
        self.pairs = list(combinations(range(n_modalities), 2))
        self.left = nn.ModuleList(nn.Linear(width, width, bias=False) for _ in self.pairs)
        self.right = nn.ModuleList(nn.Linear(width, width, bias=False) for _ in self.pairs)
        self.n_out = (n_modalities + len(self.pairs)) * width

    def forward(self, branches: Tensor, present: Tensor) -> Tensor:
        """Return `(n, (m + m(m−1)/2)·h)`; arguments as in `Concat`."""
        products = [
            left(branches[:, i]) * right(branches[:, j])
            for (i, j), left, right in zip(self.pairs, self.left, self.right, strict=True)
        ]
        return torch.cat([branches.flatten(1), *products], 1)


FUSIONS: Mapping[FusionKind, type[Concat | Attention | Bilinear]] = {
    "concat": Concat,
    "attention": Attention,
    "bilinear": Bilinear,
}
