"""The interface of oracles, and their answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """The answers to one query."""

    labels: Tensor  # (k,) int64, -1 where the answer leaves several classes possible
    costs: Tensor  # (k,) float64: number of questions times the price of one
    questions: Tensor  # (k,) int64, number of questions
    possible: Tensor | None = None  # (k, c) bool; None from an oracle that always names a class


@dataclass(frozen=True, slots=True)
class OracleTraits:
    """What an oracle needs to know, and what it may answer."""

    wants_beliefs: bool = False  # whether its questions depend on what the model believes
    is_partial: bool = False  # whether an answer may leave several classes possible
    set_names: Mapping[frozenset[int], str] = field(default_factory=dict[frozenset[int], str])


class Oracle(Protocol):
    """Something that labels rows. Only the oracle sees the labels of unlabelled rows.

    An oracle can err, and the model is trained on its answers. All reported metrics use the true
    labels; so do the validation loss that ends the passive phase and the validation accuracy that
    can end a run.
    """

    @property
    def traits(self) -> OracleTraits:
        """Return what it needs to know and what it may answer."""
        ...

    def __call__(
        self, rows: Tensor, *, beliefs: Tensor | None, generator: torch.Generator
    ) -> Answers:
        """Return the answers for `rows`, `(k,)`.

        An object is asked about once per run, so errors are drawn at each call and not stored.

        Args:
            rows: Rows of the pool.
            beliefs: `(k, c)`, the model's class probabilities; None before there is a model, and
                for an oracle that does not use them.
            generator: The source of all randomness.
        """
        ...


def named(labels: Tensor, n_questions: int, price: float) -> Answers:
    """Return answers that each name one class, `labels`, after `n_questions` each."""
    questions = torch.full((len(labels),), n_questions)
    return Answers(labels, questions.double() * price, questions)
