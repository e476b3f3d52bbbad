"""An oracle that answers yes or no, first about groups of classes, then about single classes."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from alsim.oracle.interface import Answers, OracleTraits


@dataclass(frozen=True, slots=True, eq=False)
class HierarchicalOracle:
    """Answers "is it in this group?" and then "is it this class?", each question at a price.

    After Hu et al. (2019), "Active learning with partial feedback". The questions follow the
    model's predictions: groups from the most to the least probable until one is confirmed, then
    its classes likewise. Questions whose answer is already known are skipped: the last remaining
    group, the last remaining class, the class of a group that has only one. If `max_questions` are
    used up, the classes not yet ruled out are the answer.

    Departures: Hu et al. let the query strategy choose the next question over all objects, by its
    expected information; here the strategy chooses the objects, and all questions about an object
    are asked before the next object. Their hierarchy may have many levels, this one has two.
    Answers are always correct.
    """

    truth: Tensor  # (n,) int64
    groups: Mapping[str, tuple[int, ...]]  # name -> classes; each class is in exactly one
    max_questions: int | None = None  # None: until the class is known
    price: float = 1.0

    @property
    def traits(self) -> OracleTraits:
        """Return that questions depend on the beliefs, and whether they may run out."""
        names = {frozenset(classes): name for name, classes in self.groups.items()}
        return OracleTraits(True, self.max_questions is not None, names)

    def __call__(
        self, rows: Tensor, *, beliefs: Tensor | None, generator: torch.Generator
    ) -> Answers:
        """Return what the answers leave possible for each of `rows`.

        Without beliefs all classes are equally probable. Equally probable groups and classes are
        asked about in random order.
        """
        truth = self.truth[rows.cpu()]
        group_of = self._group_of()
        k, c, n_groups = len(truth), len(group_of), len(self.groups)
        p = torch.full((k, c), 1 / c) if beliefs is None else beliefs.cpu()
        by_group = torch.zeros(k, n_groups, dtype=torch.float64)
        by_group.index_add_(1, group_of, p.double())

        # The n-th group asked about has rank n; a "yes" ends the questions about groups or classes,
        # and so does having only one left.
        group_rank = ranks(by_group, generator=generator)
        own = group_of[truth]
        group_questions = _at(group_rank, own).add(1).clamp_max(n_groups - 1)
        is_own = group_of == own[:, None]
        # Below every probability, so that classes of other groups come last.
        class_rank = ranks(torch.where(is_own, p.double(), -1.0), generator=generator)
        class_questions = torch.minimum(_at(class_rank, truth) + 1, is_own.sum(1) - 1)

        needed = group_questions + class_questions
        if self.max_questions is None:
            return Answers(truth, needed.double() * self.price, needed)
        asked = needed.clamp_max(self.max_questions)
        about_classes = (asked - group_questions)[:, None]
        possible = torch.where(
            about_classes >= 0,
            is_own & (class_rank >= about_classes),
            group_rank[:, group_of] >= asked[:, None],
        )
        is_known = asked == needed
        possible[is_known] = torch.arange(c) == truth[is_known, None]
        labels = torch.where(is_known, truth, -1)
        return Answers(labels, asked.double() * self.price, asked, possible)

    def _group_of(self) -> Tensor:
        """Return the number of each class's group, `(c,)` int64."""
        group_of = torch.empty(sum(map(len, self.groups.values())), dtype=torch.int64)
        for number, classes in enumerate(self.groups.values()):
            group_of[list(classes)] = number
        return group_of


def ranks(values: Tensor, *, generator: torch.Generator) -> Tensor:
    """Return each value's rank in its row of `(k, n)`, 0 for the greatest; ties in random order."""
    shuffled = torch.rand(values.shape, generator=generator).argsort(1)
    order = values.gather(1, shuffled).sort(dim=1, descending=True, stable=True).indices
    return shuffled.gather(1, order).argsort(1)


def _at(values: Tensor, columns: Tensor) -> Tensor:
    """Return the value of one column for each row, `(k,)`."""
    return values.gather(1, columns[:, None])[:, 0]
