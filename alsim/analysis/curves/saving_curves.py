"""Labels saved by n: what a strategy would have saved, had labelling ended there, for each n."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from alsim.analysis.curves.savings import Saving
from alsim.analysis.statistics.intervals import Floats
from alsim.analysis.statistics.smoothing import smoothed

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
    """Return what `save` finds on the curves up to each of their points but the first, smoothed.

    Where there are more points than `most`, that many of them, evenly, with the last. `x` is
    `(p,)`, strictly ascending; `mine` and `other` are `(s, p)`, the same seeds.
    """
    last = len(x) - 1
    ends = np.unique(np.linspace(last, 1, min(most, last)).round().astype(np.int64))

    savings: list[Saving] = []
    by_seed = np.full((len(mine), len(ends)), np.nan)
    for place, end in enumerate(ends):
        n = x[: end + 1]
        both = smoothed(n, mine[:, : end + 1]), smoothed(n, other[:, : end + 1])
        savings.append(save(n, *both))
        for row, pair in enumerate(zip(*both, strict=True)):
            amount = save(n, *(each[None] for each in pair)).amount
            by_seed[row, place] = np.nan if amount is None else amount
    return SavingCurve(n=x[ends], savings=tuple(savings), by_seed=by_seed)
