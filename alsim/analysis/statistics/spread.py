"""How far a mean of paired differences may lie off: for new seeds, and for new test rows.

A difference d[s, i] of seed s on test row i has a part of the seed, a part of the row, and a part
of both. An error over seeds alone speaks of these test rows; that over both speaks of new ones too.
"""

import math
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from scipy import special

from alsim.analysis.statistics.intervals import ALPHA, Floats

_FEW = 5  # seeds, below which the degrees of freedom stay those of the seeds


@dataclass(frozen=True)
class Parts:
    """The parts of the variance of a mean over seeds and test rows."""

    seeds: float  # variance over the seeds of their means over the rows, divided by the seeds
    rows: float  # variance over the rows of their means over the seeds, divided by the rows
    both: float  # mean square of the interaction, divided by seeds × rows
    n_seeds: int
    n_rows: int

    @property
    def variance(self) -> float:
        """Return the variance of the mean: seeds + rows − both, at least either of the first two.

        Each of these two contains `both` once. Owen (2007), "The pigeonhole bootstrap", has the
        sum of the two as its upper bound.
        """
        return max(self.seeds + self.rows - self.both, self.seeds, self.rows)

    @property
    def df(self) -> float:
        """Return the degrees of freedom, by Satterthwaite (1946), from S − 1 to R − 1.

        With few seeds they are S − 1: an approximation from three numbers is none.
        """
        s, r = self.n_seeds - 1, self.n_rows - 1
        shares = self.seeds**2 / s + self.rows**2 / r + self.both**2 / (s * r)
        if self.n_seeds < _FEW or not shares:
            return float(s)
        return min(max(self.variance**2 / shares, s), max(r, s))

    @property
    def floor(self) -> float:
        """Return the standard error that more seeds cannot go below."""
        return math.sqrt(max(self.rows - self.both, 0.0))

    def with_seeds(self, n: int) -> Self:
        """Return the parts that `n` seeds would have."""
        both, seeds = (part * self.n_seeds / n for part in (self.both, self.seeds))
        rows = max(self.rows - self.both, 0.0) + both
        return replace(self, seeds=seeds, rows=rows, both=both, n_seeds=n)

    def with_rows(self, n: int) -> Self:
        """Return the parts that `n` test rows would have."""
        both, rows = (part * self.n_rows / n for part in (self.both, self.rows))
        seeds = max(self.seeds - self.both, 0.0) + both
        return replace(self, seeds=seeds, rows=rows, both=both, n_rows=n)


@dataclass(frozen=True)
class Spread:
    """The standard error of a mean of paired differences, and its degrees of freedom."""

    error: float
    df: float
    parts: Parts | None = None  # None: over the seeds alone

    def half_width(self, level: float = ALPHA) -> float:
        """Return the half width of the t-interval that covers the mean in 1 − `level`."""
        # The same as scipy.stats.t.ppf, whose module takes two seconds to import.
        return float(special.stdtrit(self.df, 1 - level / 2)) * self.error

    def p(self, mean: float) -> float:
        """Return the two-sided p-value of the true mean being zero."""
        return 2 * float(special.stdtr(self.df, -abs(mean / self.error)))

    def with_seeds(self, n: int) -> "Spread":
        """Return the spread that `n` seeds would have."""
        if self.parts is None:
            return Spread(self.error * math.sqrt((self.df + 1) / n), n - 1)
        return spread_of(self.parts.with_seeds(n))

    def power(self, mean: float, level: float) -> float:
        """Return how probably a mean that is truly this large is found, with its sign."""
        # The same as scipy.stats.nct.sf, likewise.
        quantile = float(special.stdtrit(self.df, 1 - level / 2))
        return 1 - float(special.nctdtr(self.df, abs(mean) / self.error, quantile))


def over_seeds(differences: Floats) -> Spread:
    """Return the spread of the mean of one difference a seed, `(s,)`, s ≥ 2."""
    n = len(differences)
    return Spread(float(differences.std(ddof=1)) / math.sqrt(n), n - 1)


def over_seeds_and_rows(differences: Floats) -> Spread:
    """Return the spread of the mean of differences by seed and test row, `(s, r)`, both ≥ 2."""
    return spread_of(parts_of(differences))


def spread_of(parts: Parts) -> Spread:
    """Return the spread of the mean that has these parts."""
    return Spread(math.sqrt(parts.variance), parts.df, parts)


def parts_of(differences: Floats) -> Parts:
    """Return the parts of the variance of the mean of `(s, r)` differences, both ≥ 2."""
    s, r = differences.shape
    by_seed, by_row = differences.mean(axis=1), differences.mean(axis=0)
    # The interaction's sum of squares is what the other two leave of the total.
    total = float(np.square(differences - by_seed.mean()).sum())
    seeds, rows = float(by_seed.var(ddof=1)), float(by_row.var(ddof=1))
    left = total - r * (s - 1) * seeds - s * (r - 1) * rows
    return Parts(
        seeds=seeds / s,
        rows=rows / r,
        both=max(left, 0.0) / ((s - 1) * (r - 1)) / (s * r),
        n_seeds=s,
        n_rows=r,
    )
