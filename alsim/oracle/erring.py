"""Oracles that name a class: always the right one, often the right one, or by majority."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn import functional as F

from alsim.oracle.interface import Answers, OracleTraits, named


@dataclass(frozen=True, slots=True, eq=False)
class PerfectOracle:
    """Always right, one question an object."""

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
    """Confuses classes with fixed probabilities, one question an object."""

    truth: Tensor  # (n,) int64
    confusion: Tensor  # (c, c) float64, true class by answered class; rows sum to 1
    price: float = 1.0
    traits: OracleTraits = field(default=OracleTraits(), init=False)

    def __call__(
        self, rows: Tensor, *, beliefs: Tensor | None, generator: torch.Generator
    ) -> Answers:
        """Return a class for each of `rows`, drawn from the row of its true class."""
        del beliefs
        labels = draw(self.confusion[self.truth[rows.cpu()]], generator=generator)
        return named(labels, 1, self.price)


@dataclass(frozen=True, slots=True, eq=False)
class MajorityOracle:
    """Several annotators answer each object, and the class with the most votes wins.

    Each object goes to `n_answers` distinct annotators, drawn at random. One errs with his own
    rate, independently of the others, and names each other class as often. Ties are broken at
    random among the classes with the most votes. So with two answers the majority is right as
    often as the two annotators alone are on average, at twice the cost; and with two classes and
    equally good annotators every even number of answers is as good as one answer fewer.
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
        # Less than one vote: it decides between equals only.
        ties = torch.rand(votes.shape, generator=generator, dtype=torch.float64)
        return named((votes + ties).argmax(1), self.n_answers, self.price)


def uniform_confusion(rate: float, n_classes: int) -> Tensor:
    """Return the confusion matrix of errors at `rate`, each other class as likely.

    `(c, c)` float64, 1 − rate on the diagonal. With a single class there is nothing to confuse.
    """
    if n_classes == 1:
        return torch.ones(1, 1, dtype=torch.float64)
    matrix = torch.full((n_classes, n_classes), rate / (n_classes - 1), dtype=torch.float64)
    return matrix.fill_diagonal_(1 - rate)


def draw(probabilities: Tensor, *, generator: torch.Generator) -> Tensor:
    """Return one class for each distribution, `(…)` int64, by inverting its cumulative sums.

    Args:
        probabilities: `(…, c)` float64, non-negative, each row of positive sum.
        generator: One number is drawn for each distribution.
    """
    sums = probabilities.cumsum(-1)
    # Divided by itself the last sum is exactly 1, above whatever is drawn.
    sums = sums / sums[..., -1:]
    u = torch.rand((*sums.shape[:-1], 1), generator=generator, dtype=torch.float64)
    return torch.searchsorted(sums, u, right=True)[..., 0]
