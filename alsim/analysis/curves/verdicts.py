"""One verdict for each pair of strategies, decided by one test; all else only describes.

The test is fixed before any run: the paired t-test over the seeds on the normalised area under the
curve, at 5 % by Holm over all pairs. To judge by two tests at once would double the false verdicts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from alsim.analysis.curve import Curve
from alsim.analysis.curves.summary import aubc
from alsim.analysis.statistics.holm import Adjusted, holm
from alsim.analysis.statistics.intervals import (
    ROUNDING,
    Bounds,
    Estimate,
    bounds_of,
    difference_bounds,
)
from alsim.analysis.statistics.paired import ALPHA, MeanTest, t_test
from alsim.analysis.statistics.power import seeds_needed

VerdictOutcome = Literal["better", "worse", "cannot tell"]
_OPPOSITE: Mapping[VerdictOutcome, VerdictOutcome] = {
    "better": "worse",
    "worse": "better",
    "cannot tell": "cannot tell",
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether one strategy is better than another, on the seeds that both have."""

    first: str
    second: str
    level: float  # what the pair's own p-value is compared with, by Holm
    outcome: VerdictOutcome = "cannot tell"  # of the first; the only thing that is decided
    p_adjusted: float | None = None  # by Holm over the pairs, to compare with ALPHA
    seeds: tuple[int, ...] = ()  # where there is none, all below is None
    area: MeanTest | None = None  # of the AUBC, first − second
    seeds_needed: int | None = None  # for such a difference, at `level` with power 0.8: a guess
    last: Estimate | None = None  # accuracy at the end, first − second
    wins: float | None = None  # share of the seeds with the greater AUBC, a tie counting half
    wilcoxon_p: float | None = None  # of the same differences; for N that are not 0, ≥ 2 / 2ᴺ

    @property
    def could_tell(self) -> bool:
        """Whether a p-value below the level was possible, however small.

        It is with two seeds already, since the t-test knows no least p-value; it is not with one
        seed, nor where all seeds differ alike, which is no evidence (see `paired.t_test`).
        """
        return self.p_adjusted is not None

    def swapped(self) -> "Verdict":
        """Return the same verdict on the second against the first."""
        area, last = self.area, self.last
        return replace(
            self,
            first=self.second,
            second=self.first,
            outcome=_OPPOSITE[self.outcome],
            area=None if area is None else area.negated(),
            last=None if last is None else last.negated(),
            wins=None if self.wins is None else 1 - self.wins,
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Difference:
    """What two strategies differ by, first − second, on the seeds that both have."""

    first: str
    second: str
    seeds: tuple[int, ...]
    areas: NDArray[np.float64]  # (s,), of the AUBC
    lasts: NDArray[np.float64]  # (s,), of the metric at the end
    bounds: Bounds  # of all of these


def judge_pairs(curves: Sequence[Curve]) -> tuple[Verdict, ...]:
    """Return the verdict on each pair of strategies, in their order.

    The curves have the same points.
    """
    differences = [_difference(first, second) for first, second in combinations(curves, 2)]
    tests = [t_test(each.areas, within=each.bounds) if each.seeds else None for each in differences]
    adjusted = holm([None if test is None else test.p for test in tests])
    return tuple(
        Verdict(each.first, each.second, level.level)
        if test is None
        else _verdict(each, test, level)
        for each, test, level in zip(differences, tests, adjusted, strict=True)
    )


def shared_seeds(*curves: Curve) -> tuple[int, ...]:
    """Return the seeds that all curves have, ascending."""
    return tuple(sorted(set[int].intersection(*(set(curve.seeds) for curve in curves))))


def values_at(curve: Curve, seeds: Sequence[int]) -> NDArray[np.float64]:
    """Return the values of some of a curve's seeds, `(s, p)`, in the order asked for."""
    return curve.values[[curve.seeds.index(seed) for seed in seeds]]


def _difference(first: Curve, second: Curve) -> _Difference:
    seeds = shared_seeds(first, second)
    a, b = values_at(first, seeds), values_at(second, seeds)
    return _Difference(
        first.strategy,
        second.strategy,
        seeds,
        areas=aubc(first.x, a) - aubc(second.x, b),
        lasts=a[:, -1] - b[:, -1],
        bounds=difference_bounds(bounds_of(first.metric)),
    )


def _verdict(of: _Difference, test: MeanTest, adjusted: Adjusted) -> Verdict:
    outcome: VerdictOutcome = "cannot tell"
    needed = None
    if test.p is not None and adjusted.p is not None:
        needed = seeds_needed(test.mean, float(of.areas.std(ddof=1)), adjusted.level)
        if adjusted.p < ALPHA:
            outcome = "better" if test.mean > 0 else "worse"
    last = t_test(of.lasts, within=of.bounds)
    areas = np.where(np.abs(of.areas) > ROUNDING, of.areas, 0.0)
    return Verdict(
        of.first,
        of.second,
        adjusted.level,
        outcome,
        adjusted.p,
        of.seeds,
        test,
        needed,
        Estimate(last.mean, last.half_width, last.n, last.low, last.high),
        wins=float((areas > 0).mean() + (areas == 0).mean() / 2),
        wilcoxon_p=_wilcoxon(areas),
    )


def _wilcoxon(differences: NDArray[np.float64]) -> float:
    """Return the two-sided p of Wilcoxon's signed-rank test; seeds that tie are left out."""
    # Two seconds to import, for which a command that compares nothing should not pay.
    from scipy import stats

    apart = differences[differences != 0]
    return float(stats.wilcoxon(apart).pvalue) if apart.size else 1.0
