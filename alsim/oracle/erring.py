"""Oracles that name one class: always correct, noisy, or by majority vote."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn import functional as F

from alsim.oracle.interface import Answers, OracleTraits, named


@dataclass(frozen=True, slots=True, eq=False)
class PerfectOracle:
    """An oracle that is always right, with one question per object."""

    truth: Tensor  # (n,) int64
    price: float = 1.0
    traits: OracleTraits = field(default=OracleTraits(), init=False)

    def __call__(
        self, rows: Tensor, *, beliefs: Tensor | None, generator: torch.Generator
    ) -> Answers:
        """Return the true labels of `rows`."""
        del beliefs, generator  # nothing depends on the model, nothing is random
        return named(self.truth[rows.cpu()], 1, self.price)


@dataclass(frozen=True, slots=True, eq=False)
class NoisyOracle:
    """An oracle that confuses classes with fixed probabilities, one question per object."""

    truth: Tensor  # (n,) int64
    confusion: Tensor  # (c, c) float64, true class by answered class; rows sum to 1
    price: float = 1.0
    traits: OracleTraits = field(default=OracleTraits(), init=False)

    def __call__(
        self, rows: Tensor, *, beliefs: Tensor | None, generator: torch.Generator
    ) -> Answers:
        """Return a class for each of `rows`, drawn from its true class's row of the matrix."""
        del beliefs
        labels = draw(self.confusion[self.truth[rows.cpu()]], generator=generator)
        return named(labels, 1, self.price)


@dataclass(frozen=True, slots=True, eq=False)
class MajorityOracle:
    """Several annotators answer for each object, and the class with the most votes wins.

    Each object goes to `n_answers` distinct annotators, drawn at random. Each errs at its own rate,
    independently of the others, and names all wrong classes equally often. Ties are broken at
    random among the classes with the most votes. So two answers are as accurate as one annotator on
    average, at twice the cost; and with two classes and equally good annotators, an even number of
    answers is no better than one answer less.
    """

    truth: Tensor  # (n,) int64
    rates: Sequence[float]  # each annotator's error rate
    n_answers: int
    n_classes: int
    price: float = 1.0
    traits: OracleTraits = field(default=OracleTraits(), init=False)

    def __call__(
        self, rows: Tensor, *, beliefs: Tensor | None, generator: torch.Generator
    ) -> Answers:
        """Return the majority's class for each of `rows`."""
        del beliefs
        truth, c = self.truth[rows.cpu()], self.n_classes
        confusions = torch.stack([uniform_confusion(rate, c) for rate in self.rates])
        order = torch.rand(len(truth), len(self.rates), generator=generator).argsort(1)
        asked = order[:, : self.n_answers]
        answers = draw(confusions[asked, truth[:, None]], generator=generator)
        votes = F.one_hot(answers, c).sum(1)
        # Less than one vote, so that it decides only between equals.
        ties = torch.rand(votes.shape, generator=generator, dtype=torch.float64)
        return named((votes + ties).argmax(1), self.n_answers, self.price)


def uniform_confusion(rate: float, n_classes: int) -> Tensor:
    """Return the confusion matrix of errors at `rate`, with all wrong classes equally likely.

    `(c, c)` float64, 1 − rate on the diagonal; a single class is never confused.
    """
    if n_classes == 1:
        return torch.ones(1, 1, dtype=torch.float64)
    matrix = torch.full((n_classes, n_classes), rate / (n_classes - 1), dtype=torch.float64)
    return matrix.fill_diagonal_(1 - rate)


def draw(probabilities: Tensor, *, generator: torch.Generator) -> Tensor:
    """Return one class for each distribution, `(…)` int64, by inverting its cumulative sums.

    The distributions are `(…, c)` float64, non-negative, each with a positive sum; one number is
    drawn for each.
    """
    sums = probabilities.cumsum(-1)
    # Divided by itself the last sum is exactly 1, above every drawn number.
    sums = sums / sums[..., -1:]
    u = torch.rand((*sums.shape[:-1], 1), generator=generator, dtype=torch.float64)
    return torch.searchsorted(sums, u, right=True)[..., 0]
