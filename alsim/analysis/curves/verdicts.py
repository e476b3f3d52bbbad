"""One verdict for each pair of a family, decided by one test; all else only describes.

The test is fixed before any run: the paired t-test on the normalised area under the curve, over the
seeds, and over the test rows where it is known which of them were answered correctly; at 5 % by
Holm over the family. To judge by two tests at once would double the false verdicts.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

import numpy as np

from alsim.analysis.curve import Curve, shared_seeds, values_at
from alsim.analysis.curves.summary import aubc
from alsim.analysis.statistics.intervals import (
    ALPHA,
    ANYTHING,
    ROUNDING,
    Estimate,
    Floats,
    bounds_of,
    difference_bounds,
)
from alsim.analysis.statistics.judging import VerdictOutcome, joint_level, judge_family
from alsim.analysis.statistics.mean_test import MeanTest, t_test

_OPPOSITE: Mapping[VerdictOutcome, VerdictOutcome] = {
    "better": "worse",
    "worse": "better",
    "cannot tell": "cannot tell",
}

# A curve and some of its seeds -> the AUBC by seed and test row, `(s, r)`, whose means over the
# rows are the AUBCs; None where that was not recorded.
AreasByRow = Callable[[Curve, Sequence[int]], Floats | None]
Pairs = Sequence[tuple[Curve, Curve]]
# What the certainty rests on: seeds whose number was fixed, looks that were planned, or a p-value
# that holds whenever one looks.
Basis = Literal["fixed", "planned", "anytime"]


class Judge(Protocol):
    """A way to reach verdicts on the pairs of a family, in their order."""

    def __call__(
        self, pairs: Pairs, areas_by_row: AreasByRow | None = None
    ) -> "tuple[Verdict, ...]":
        """Return the verdicts; the curves of a pair have the same points."""
        ...


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether one strategy is better than another, on the seeds that both have."""

    first: str
    second: str
    level: float  # what the pair's own p-value is compared with, by Holm
    outcome: VerdictOutcome = "cannot tell"  # of the first; the only thing that is decided
    p_adjusted: float | None = None  # to compare with ALPHA: by Holm, or by the plan of looks
    basis: Basis = "fixed"
    look: int | None = None  # of a plan: the seeds at which it was decided, else last looked
    p_if_fixed: float | None = None  # of seeds added without a plan: had their number been fixed
    seeds: tuple[int, ...] = ()  # where there is none, all below is None
    area: MeanTest | None = None  # of the AUBC, first − second, with the pair's own 95 % interval
    joint: Estimate | None = None  # the same with the interval that agrees, see `judge_family`
    joint_level: float = ALPHA  # of it, before it is cut: ALPHA / the family's pairs
    seeds_needed: int | None = None  # for such a difference, at `level` with power 0.8: a guess
    last: Estimate | None = None  # accuracy at the end, first − second
    wins: float | None = None  # share of the seeds with the greater AUBC, a tie counting half
    wilcoxon_p: float | None = None  # of the same differences; for N that are not 0, ≥ 2 / 2ᴺ

    @property
    def could_tell(self) -> bool:
        """Whether a p-value below the level was possible, however small.

        It is with two seeds already, since the t-test knows no least p-value; it is not with one
        seed, nor where all seeds differ alike, which is no evidence (see `mean_test.t_test`).
        """
        return self.p_adjusted is not None

    @property
    def counts_rows(self) -> bool:
        """Whether it speaks of new test rows too, not of new seeds alone."""
        return self.area is not None and (
            self.area.spread is not None and self.area.spread.parts is not None
        )

    def swapped(self) -> "Verdict":
        """Return the same verdict on the second against the first."""
        area, joint, last = self.area, self.joint, self.last
        return replace(
            self,
            first=self.second,
            second=self.first,
            outcome=_OPPOSITE[self.outcome],
            area=None if area is None else area.negated(),
            joint=None if joint is None else joint.negated(),
            last=None if last is None else last.negated(),
            wins=None if self.wins is None else 1 - self.wins,
        )


def judge_pairs(pairs: Pairs, areas_by_row: AreasByRow | None = None) -> tuple[Verdict, ...]:
    """Return the verdict on each pair of a family whose seeds were fixed, in their order.

    All have the same metric, and those of a pair the same points.
    """
    found = [describe_pair(*pair, areas_by_row) for pair in pairs]
    within = difference_bounds(bounds_of(pairs[0][0].metric)) if pairs else ANYTHING
    judged = judge_family([each.area for each in found], within)
    return tuple(
        replace(
            verdict,
            outcome=one.outcome,
            level=one.adjusted.level,
            p_adjusted=one.adjusted.p,
            joint=one.joint,
            joint_level=joint_level(len(pairs)),
            seeds_needed=one.seeds_needed,
        )
        for verdict, one in zip(found, judged, strict=True)
    )


def describe_pair(first: Curve, second: Curve, areas_by_row: AreasByRow | None) -> Verdict:
    """Return an open verdict on a pair, with its test and what only describes."""
    seeds, within = shared_seeds(first, second), difference_bounds(bounds_of(first.metric))
    found = Verdict(first.strategy, second.strategy, ALPHA)
    if not seeds:
        return found
    a, b = values_at(first, seeds), values_at(second, seeds)
    differences = aubc(first.x, a) - aubc(second.x, b)
    last = t_test(a[:, -1] - b[:, -1], within=within)
    areas = np.where(np.abs(differences) > ROUNDING, differences, 0.0)
    by_row = None
    if areas_by_row is not None:
        mine, theirs = areas_by_row(first, seeds), areas_by_row(second, seeds)
        by_row = None if mine is None or theirs is None else mine - theirs
    return replace(
        found,
        seeds=seeds,
        area=t_test(differences, within=within, by_row=by_row),
        last=Estimate(last.mean, last.half_width, last.n, last.low, last.high),
        wins=float((areas > 0).mean() + (areas == 0).mean() / 2),
        wilcoxon_p=_wilcoxon(areas),
    )


def _wilcoxon(differences: Floats) -> float:
    """Return the two-sided p of Wilcoxon's signed-rank test; seeds that tie are left out."""
    # Two seconds to import, for which a command that compares nothing should not pay.
    from scipy import stats

    apart = differences[differences != 0]
    return float(stats.wilcoxon(apart).pvalue) if apart.size else 1.0
