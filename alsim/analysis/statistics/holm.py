"""Many tests at once: the step-down method of Holm."""

from collections.abc import Sequence
from dataclasses import dataclass

from alsim.analysis.statistics.intervals import ALPHA


@dataclass(frozen=True, slots=True)
class Adjusted:
    """One p-value among several."""

    p: float | None  # adjusted: to compare with ALPHA; None where there was none
    level: float  # what the p-value as it was is compared with: below it, the test rejects


def holm(p_values: Sequence[float | None]) -> tuple[Adjusted, ...]:
    """Return each p-value adjusted for there being several, in their order.

    The i-th smallest of m, from 0, is multiplied by m − i, and is at least the one before it and
    at most 1. Whatever the dependence between the tests, one of the true hypotheses or more is
    rejected with probability ALPHA at most. A test without a p-value rejects nothing, but counts
    among the m, which were fixed before. Holm (1979).
    """
    known = [1.0 if p is None else p for p in p_values]
    found: dict[int, Adjusted] = {}
    greatest, level = 0.0, 0.0
    for rank, i in enumerate(sorted(range(len(known)), key=known.__getitem__)):
        left = len(known) - rank
        if greatest < ALPHA:  # once a test fails to reject, those after it fail at its level
            level = ALPHA / left
        greatest = max(greatest, min(1.0, left * known[i]))
        found[i] = Adjusted(None if p_values[i] is None else greatest, level)
    return tuple(found[i] for i in range(len(known)))
