"""How rows are picked once they are scored."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from alsim.signals import Signal


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """The unlabelled rows as a selector sees them, ordered by id."""

    scores: Tensor  # (n,), higher is queried first
    kept: Mapping[Signal, Tensor] = field(default_factory=dict[Signal, Tensor])  # (n, …) each


def top_k(candidates: Candidates, k: int, *, generator: torch.Generator) -> Tensor:
    """Return the k best scores' positions, `(k,)`, best first; ties in random order."""
    scores = candidates.scores.cpu()
    shuffled = torch.randperm(len(scores), generator=generator)
    order = scores[shuffled].sort(descending=True, stable=True).indices
    return shuffled[order[:k]]
