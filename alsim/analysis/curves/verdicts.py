"""One verdict for each pair of strategies, decided by one test; all else only describes.

The test is fixed before any run: the paired t-test over the seeds on the normalised area under the
curve, at 5 % by Holm over all pairs. To judge by two tests at once would double the false verdicts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from alsim.analysis.curve import Curve, shared_seeds, values_at
from alsim.analysis.curves.summary import aubc
from alsim.analysis.statistics.holm import Adjusted, holm
from alsim.analysis.statistics.intervals import (
    ROUNDING,
    Estimate,
    Floats,
    bounds_of,
    difference_bounds,
)
from alsim.analysis.statistics.judging import VerdictOutcome, judge
from alsim.analysis.statistics.paired import ALPHA, MeanTest, t_test

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


def judge_pairs(curves: Sequence[Curve]) -> tuple[Verdict, ...]:
    """Return the verdict on each pair of strategies, in their order.

    The curves have the same points.
    """
    described = [_described(first, second) for first, second in combinations(curves, 2)]
    adjusted = holm([None if each.area is None else each.area.p for each, _ in described])
    return tuple(
        _decided(each, areas, level)
        for (each, areas), level in zip(described, adjusted, strict=True)
    )


def _described(first: Curve, second: Curve) -> tuple[Verdict, Floats]:
    """Return an open verdict on a pair, and its differences of the AUBC, `(s,)`."""
    seeds, within = shared_seeds(first, second), difference_bounds(bounds_of(first.metric))
    a, b = values_at(first, seeds), values_at(second, seeds)
    differences = aubc(first.x, a) - aubc(second.x, b)
    found = Verdict(first.strategy, second.strategy, ALPHA)
    if not seeds:
        return found, differences
    last = t_test(a[:, -1] - b[:, -1], within=within)
    areas = np.where(np.abs(differences) > ROUNDING, differences, 0.0)
    found = replace(
        found,
        seeds=seeds,
        area=t_test(differences, within=within),
        last=Estimate(last.mean, last.half_width, last.n, last.low, last.high),
        wins=float((areas > 0).mean() + (areas == 0).mean() / 2),
        wilcoxon_p=_wilcoxon(areas),
    )
    return found, differences


def _decided(found: Verdict, differences: Floats, adjusted: Adjusted) -> Verdict:
    """Return a verdict at the level that the tests of all pairs leave it."""
    found = replace(found, level=adjusted.level, p_adjusted=adjusted.p)
    if found.area is None:
        return found
    outcome, needed = judge(differences, adjusted)
    return replace(found, outcome=outcome, seeds_needed=needed)


def _wilcoxon(differences: Floats) -> float:
    """Return the two-sided p of Wilcoxon's signed-rank test; seeds that tie are left out."""
    # Two seconds to import, for which a command that compares nothing should not pay.
    from scipy import stats

    apart = differences[differences != 0]
    return float(stats.wilcoxon(apart).pvalue) if apart.size else 1.0
