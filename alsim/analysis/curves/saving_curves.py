"""Labels saved by n: what a strategy would have saved, had labelling ended there, for each n."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from alsim.analysis.curves.savings import Saving
from alsim.analysis.statistics.intervals import Floats

MOST_POINTS = 120  # as many n are looked at; each takes time in proportion to those before it

Save = Callable[[Floats, Floats, Floats], Saving]


@dataclass(frozen=True, slots=True, eq=False)
class SavingCurve:
    """What one strategy saved against a baseline by each of q numbers of labels."""

    n: Floats  # (q,), ascending; not the first of all, by which nothing can be saved
    savings: tuple[Saving, ...]  # q of them
    by_seed: Floats  # (s, q), of each seed alone; NaN where its curves do not meet


def savings_by(
    x: Floats, mine: Floats, other: Floats, save: Save, most: int = MOST_POINTS
) -> SavingCurve:
    """Return what `save` finds on the curves up to each of their points but the first.

    Where there are more points than `most`, that many of them, evenly, with the last. `x` is
    `(p,)`, strictly ascending; `mine` and `other` are `(s, p)`, the same seeds.
    """
    last = len(x) - 1
    ends = np.unique(np.linspace(last, 1, min(most, last)).round().astype(np.int64))

    def alone(row: int, end: int) -> float:
        at = slice(0, end + 1)
        amount = save(x[at], mine[row : row + 1, at], other[row : row + 1, at]).amount
        return np.nan if amount is None else amount

    return SavingCurve(
        n=x[ends],
        savings=tuple(save(x[: end + 1], mine[:, : end + 1], other[:, : end + 1]) for end in ends),
        by_seed=np.array([[alone(row, end) for end in ends] for row in range(len(mine))]),
    )
