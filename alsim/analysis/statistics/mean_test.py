"""The one test of all verdicts: whether the mean of paired differences is zero."""

from dataclasses import dataclass

import numpy as np

from alsim.analysis.statistics.intervals import (
    ALPHA,
    ANYTHING,
    ROUNDING,
    Bounds,
    Estimate,
    Floats,
    estimate,
)
from alsim.analysis.statistics.spread import Spread, over_seeds, over_seeds_and_rows


@dataclass(frozen=True, slots=True)
class MeanTest(Estimate):
    """A mean over seeds with its 95 % interval, and the p-value of the mean being zero.

    It has neither with one seed, nor where all seeds have the same value.
    """

    p: float | None = None  # two-sided
    spread: Spread | None = None  # what both come from; None where they do not, or all are zero

    def at(self, level: float, *, within: Bounds = ANYTHING) -> Estimate:
        """Return the mean with the interval that covers it in 1 − `level`, as far as can occur."""
        if self.spread is None:
            return Estimate(self.mean, self.half_width, self.n, self.low, self.high)
        return _around(self.mean, self.spread.half_width(level), self.n, within)


def t_test(values: Floats, *, within: Bounds = ANYTHING, by_row: Floats | None = None) -> MeanTest:
    """Return the two-sided t-test that the mean of `(s,)` values, one a seed, is zero.

    Accuracies are discrete, so a few seeds may agree by chance: values other than zero that are
    equal but for rounding are no evidence, and have neither p nor interval. All zero gives p = 1.

    Args:
        values: `(s,)`, one a seed.
        within: What can occur.
        by_row: `(s, r)`, the same by test row, whose means over the rows are the values: then test
            and interval are for new rows as well as for new seeds.
    """
    found = estimate(values, within=within)
    if found.half_width is None:
        return MeanTest(found.mean, None, found.n)
    if np.ptp(values) <= ROUNDING:
        if abs(found.mean) > ROUNDING:
            return MeanTest(found.mean, None, found.n)
        return MeanTest(found.mean, 0.0, found.n, 0.0, 0.0, p=1.0)
    if by_row is not None and by_row.shape[1] > 1:
        spread = over_seeds_and_rows(by_row)
    else:
        spread = over_seeds(values)
    around = _around(found.mean, spread.half_width(ALPHA), found.n, within)
    return MeanTest(
        found.mean, around.half_width, found.n, around.low, around.high,
        p=spread.p(found.mean), spread=spread,
    )  # fmt: skip


def _around(mean: float, half_width: float, n: int, within: Bounds) -> Estimate:
    low, high = max(mean - half_width, within[0]), min(mean + half_width, within[1])
    return Estimate(mean, half_width, n, low, high)
