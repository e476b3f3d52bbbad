"""How rows are picked by their scores."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from alsim.signals import Signal
from alsim.strategies.rows import Kept, Rows


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """What a selector sees: n unlabelled rows and, if its strategy asks, the m labelled ones.

    Both are in the order of their ids, so that a query does not depend on the order of a file.
    """

    scores: Tensor  # (n,), higher is queried first
    kept: Mapping[Signal, Tensor] = field(default_factory=dict[Signal, Tensor])  # (n, …) each
    labelled: Mapping[Signal, Tensor] = field(default_factory=dict[Signal, Tensor])  # (m, …) each
    labels: Tensor = field(default_factory=lambda: torch.empty(0, dtype=torch.int64))
    # (m,): the oracle's answers, −1 where an answer leaves several classes possible
    n_classes: int = 0
    step: int = 1  # of the active phase, from 1

    def rows(self, signal: Signal) -> Rows:
        """Return what was kept as `(n, d)`; embeddings are read from the pool block by block.

        `kept[signal]` has all of it as one tensor, which for embeddings is a copy of the pool.
        """
        return self.kept.rows(signal) if isinstance(self.kept, Kept) else self.kept[signal]

    def only(self, chosen: Tensor) -> "Candidates":
        """Return some of the candidates, `chosen` being `(n,)` bool."""
        kept = self.kept if isinstance(self.kept, Kept) else Kept(self.kept)
        return replace(self, scores=self.scores[chosen], kept=kept.only(chosen))


def top_k(candidates: Candidates, k: int, *, generator: torch.Generator) -> Tensor:
    """Return the positions of the k best scores, `(k,)`, best first; ties in random order."""
    scores = candidates.scores
    shuffled = torch.randperm(len(scores), generator=generator)
    order = scores[shuffled].sort(descending=True, stable=True).indices
    return shuffled[order[:k]]
