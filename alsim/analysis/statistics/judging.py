"""What tests of paired differences decide once all tests of their family are counted."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from alsim.analysis.statistics.holm import Adjusted, holm
from alsim.analysis.statistics.intervals import ALPHA, ANYTHING, Bounds, Estimate
from alsim.analysis.statistics.mean_test import MeanTest
from alsim.analysis.statistics.power import seeds_needed

VerdictOutcome = Literal["better", "worse", "cannot tell"]


@dataclass(frozen=True, slots=True)
class Judged:
    """What one test of a family decides."""

    outcome: VerdictOutcome  # of the first
    adjusted: Adjusted
    seeds_needed: int | None
    # The mean difference with the interval that agrees with the outcome: those of the family cover
    # together, and it ends at 0 where there is a verdict and it would go beyond.
    joint: Estimate | None


def judge(
    test: MeanTest | None, adjusted: Adjusted, *, more_is_better: bool = True
) -> tuple[VerdictOutcome, int | None]:
    """Return which of a pair is better, the first or not, and how many seeds would show it.

    The test is of the differences, first less second. Without a p-value nothing is decided and the
    seeds are None; they are a guess, see `seeds_needed`.
    """
    if test is None or adjusted.p is None:
        return "cannot tell", None
    needed = test.spread and seeds_needed(test.mean, test.spread, adjusted.level)
    if adjusted.p >= ALPHA:
        return "cannot tell", needed
    return "better" if (test.mean > 0) == more_is_better else "worse", needed


def judge_family(tests: Sequence[MeanTest | None], within: Bounds = ANYTHING) -> list[Judged]:
    """Return what each test decides, by Holm, with the intervals that agree.

    Bonferroni's intervals over the family cover together; Holm's verdicts reject what they exclude
    and sometimes more, so an interval that goes beyond 0 in spite of a verdict is cut there: joint
    and verdict always agree. `within` has the differences that can occur.
    """
    found: list[Judged] = []
    adjusted = holm([None if test is None else test.p for test in tests])
    for test, one in zip(tests, adjusted, strict=True):
        outcome, needed = judge(test, one)
        joint = None if test is None else test.at(joint_level(len(tests)), within=within)
        if joint is not None and joint.low is not None and joint.high is not None:
            low, high = cut_by(outcome, joint.low, joint.high)
            joint = replace(joint, low=low, high=high)
        found.append(Judged(outcome, one, needed, joint))
    return found


def joint_level(n: int) -> float:
    """Return the level at which the intervals of `n` tests are, before they are cut: Bonferroni."""
    return ALPHA / max(1, n)


def cut_by(outcome: VerdictOutcome, low: float, high: float) -> tuple[float, float]:
    """Return the ends of an interval, none of them on the side of 0 that the verdict excludes."""
    return (
        max(low, 0.0) if outcome == "better" else low,
        min(high, 0.0) if outcome == "worse" else high,
    )
