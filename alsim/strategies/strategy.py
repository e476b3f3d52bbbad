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
from alsim.strategies.table import HIDDEN_LABELS, NO_QUERY


class Select(Protocol):
    """A way to pick k of n candidates."""

    def __call__(self, candidates: Candidates, k: int, *, generator: torch.Generator) -> Tensor:
        """Return `(k,)` distinct positions in 0 … n − 1, best first; 1 ≤ k ≤ n.

        Tensors are on the CPU. `generator` decides everything random, such as ties.
        """
        ...


def constant(signals: Signals) -> Tensor:
    """Return the same score for every row, `(n,)`: the selector then decides."""
    return torch.zeros(signals.n)


@dataclass(frozen=True, slots=True, eq=False)
class Strategy:
    """A way to choose rows."""

    needs: frozenset[Signal] = frozenset()  # what `score` reads, computed in one pass over the pool
    score: Callable[[Signals], Tensor] = constant  # n rows -> (n,), higher is queried first
    select: Select = top_k
    keeps: frozenset[Signal] = frozenset()  # signals of all unlabelled rows, for the selector
    labelled: frozenset[Signal] = frozenset()  # signals of the labelled rows, for the selector
    committee: Committee = field(default_factory=Committee)  # for mc_probabilities
    input_dropout: InputDropout = field(default_factory=InputDropout)  # for noised_probabilities
    loss_prediction: LossPrediction | None = None  # for predicted_loss; None: the defaults
    candidates: int | None = None  # maximum number of rows considered, drawn again each step
    combine: Combination = "mean"  # how the scores of several tasks are combined
    asks: bool = True  # False: no query is made, and training goes on with the first labels

    @property
    def signals(self) -> frozenset[Signal]:
        """Return all signals of unlabelled rows that the strategy uses."""
        return self.needs | self.keeps

    @property
    def is_pointwise(self) -> bool:
        """Return whether the query is simply the rows with the best scores."""
        return self.select is top_k

    @property
    def outside(self) -> str:
        """Return why it is compared with no other as an equal, "" for one that is."""
        if not self.asks:
            return NO_QUERY
        return HIDDEN_LABELS if "true_loss" in self.signals else ""


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
            "mend the strategy's score: it must return one number a row",
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
            "lower --learning-rate if the training has diverged; check your own score for a "
            "division by zero or the log of 0",
        )
