"""Who answers a query. Only the oracle sees the labels of unlabelled rows."""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """The answers to one query."""

    labels: Tensor  # (k,) int64
    costs: Tensor  # (k,) float64, in labels


class Oracle(Protocol):
    """Something that labels rows."""

    def __call__(self, rows: Tensor, *, generator: torch.Generator) -> Answers:
        """Return the answers for `rows`, `(k,)`; what is random draws from `generator`."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class PerfectOracle:
    """Always right, one label each."""

    truth: Tensor  # (n,) int64

    def __call__(self, rows: Tensor, *, generator: torch.Generator) -> Answers:
        """Return the true labels of `rows`."""
        del generator  # nothing random
        rows = rows.cpu()
        return Answers(self.truth[rows], torch.ones(len(rows), dtype=torch.float64))
