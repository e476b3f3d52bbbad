"""What a strategy is: a score for each row, and a way to pick rows by it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor

from alsim.errors import RunError
from alsim.options.curves import Combination
from alsim.options.training import LossPrediction
from alsim.signals import Committee, InputDropout, Signal, Signals
from alsim.strategies.selectors import Candidates, top_k


class Select(Protocol):
    """A way to pick k of n candidates."""

    def __call__(self, candidates: Candidates, k: int, *, generator: torch.Generator) -> Tensor:
        """Return `(k,)` distinct positions in 0 … n − 1, best first; 1 ≤ k ≤ n.

        Tensors are on the CPU. Whatever is undecided, ties above all, falls by `generator`.
        """
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Strategy:
    """A way to choose rows."""

    needs: frozenset[Signal]  # what `score` reads, computed in one pass over the pool
    score: Callable[[Signals], Tensor]  # a chunk of n rows -> (n,), higher is queried first
    select: Select = top_k
    keeps: frozenset[Signal] = frozenset()  # signals the selector wants of all rows at once
    labelled: frozenset[Signal] = frozenset()  # those it wants of the labelled rows too
    committee: Committee = field(default_factory=Committee)  # for mc_probabilities
    input_dropout: InputDropout = field(default_factory=InputDropout)  # for noised_probabilities
    loss_prediction: LossPrediction | None = None  # for predicted_loss; None: as it comes
    candidates: int | None = None  # consider at most so many rows, drawn anew each step
    combine: Combination = "mean"  # how the scores of several tasks become one order

    @property
    def signals(self) -> frozenset[Signal]:
        """Return every signal that it wants of unlabelled rows."""
        return self.needs | self.keeps

    @property
    def is_pointwise(self) -> bool:
        """Return whether it queries the best of its own scores, and nothing else decides."""
        return self.select is top_k


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """A row of the table of strategies."""

    build: Callable[..., Strategy]  # its keyword arguments, with defaults, are the parameters
    summary: str
    source: str
    cost: str  # of one query; n unlabelled rows, m labelled, k query size, d width, c classes


def query(
    strategy: Strategy, candidates: Candidates, k: int, *, generator: torch.Generator
) -> Tensor:
    """Return the positions of the next query, `(min(k, n),)`, best first.

    Raises:
        RunError: If a score is not a number.
        ValueError: If the selector breaks its contract.
    """
    n = len(candidates.scores)
    if candidates.scores.ndim != 1:
        raise RunError(
            f"the scores have the shape {tuple(candidates.scores.shape)}, not (n,)",
            "scoring the unlabelled rows",
            "mend the strategy's score: one number a row",
        )
    refuse_nan(candidates.scores)
    k = min(k, n)
    chosen = strategy.select(candidates, k, generator=generator)
    if len(chosen) != k or len(chosen.unique()) != k:
        raise ValueError(f"the selector picked {len(chosen)} rows, not {k} distinct ones")
    return chosen


def refuse_nan(scores: Tensor) -> None:
    """Raise a RunError if a score, `(n,)`, is not a number."""
    n_bad = int(torch.isnan(scores).sum())
    if n_bad:
        raise RunError(
            f"{n_bad} of {len(scores)} acquisition scores are not numbers",
            "scoring the unlabelled rows",
            "lower --learning-rate if the training has diverged; a score of your own may divide "
            "by zero or take the log of 0",
        )
