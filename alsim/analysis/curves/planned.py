"""Verdicts on a study that was looked at by a plan, or whose seeds were added without one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from alsim.analysis.curve import Curve, values_at
from alsim.analysis.curves.summary import aubc
from alsim.analysis.curves.verdicts import AreasByRow, Pairs, Verdict, describe_pair
from alsim.analysis.statistics.anytime import anytime_half_width, anytime_p
from alsim.analysis.statistics.holm import holm
from alsim.analysis.statistics.intervals import (
    ALPHA,
    Estimate,
    bounds_of,
    difference_bounds,
)
from alsim.analysis.statistics.judging import cut_by, joint_level
from alsim.analysis.statistics.looks import Looked, LookPlan
from alsim.analysis.statistics.mean_test import MeanTest


@dataclass(frozen=True)
class PlannedSeeds:
    """The plan of a run, the seeds in the order in which they are taken, what looks decided."""

    plan: LookPlan
    order: tuple[int, ...]
    looked: Mapping[str, Looked]  # by strategy, as the run recorded it; empty before its end


NOT_YET = Looked("cannot tell", -1, 0.0, None)


def judge_planned(
    pairs: Pairs, areas_by_row: AreasByRow | None = None, *, seeds: PlannedSeeds
) -> tuple[Verdict, ...]:
    """Return the verdict of a plan's looks on each pair, each on the seeds up to its last look.

    The intervals are repeated ones: at the level of the look at which the strategy stopped, of as
    many strategies as the plan is for, so that all of them cover together whenever the study stops;
    cut at 0 where there is a verdict. Before the first look there is none.
    """
    return tuple(
        _planned(_until(pair, seeds, looked.look), areas_by_row, looked, seeds.plan)
        for pair in pairs
        for looked in [seeds.looked.get(pair[0].strategy, NOT_YET)]
    )


def judge_anytime(
    pairs: Pairs, areas_by_row: AreasByRow | None = None, *, order: Sequence[int]
) -> tuple[Verdict, ...]:
    """Return the verdict on each pair by a p-value that holds whenever one looked.

    The seeds were added without a plan, in this order; Holm over the family. It speaks of these
    test rows, whose error the evidence does not count. Beside it stays the p of the t-test, by
    Holm, which would hold had the number of seeds been fixed.
    """
    found = [describe_pair(*_first(pair, order), None) for pair in pairs]
    differences = [_differences(*_first(pair, order)) for pair in pairs]
    p_values = [anytime_p(each) if len(each) else None for each in differences]
    level = joint_level(len(pairs))
    fixed = holm([None if each.area is None else each.area.p for each in found])
    verdicts: list[Verdict] = []
    for (first, _), each, d, one, other in zip(
        pairs, found, differences, holm(p_values), fixed, strict=True
    ):
        verdict = replace(
            each,
            basis="anytime",
            level=one.level,
            p_adjusted=one.p,
            p_if_fixed=other.p,
            joint_level=level,
        )
        if one.p is not None and one.p < ALPHA and each.area is not None:
            verdict = replace(verdict, outcome="better" if each.area.mean > 0 else "worse")
        if each.area is not None and one.p is not None:
            half_width = anytime_half_width(d, level)
            verdict = replace(verdict, joint=_joint(verdict, each.area, half_width, first))
        verdicts.append(verdict)
    return tuple(verdicts)


def _planned(
    pair: tuple[Curve, Curve],
    areas_by_row: AreasByRow | None,
    looked: Looked,
    plan: LookPlan,
) -> Verdict:
    found = describe_pair(*pair, areas_by_row)
    level = plan.level(max(looked.look, 0), len(plan.levels))
    verdict = replace(
        found,
        basis="planned",
        outcome=looked.outcome,
        level=looked.level,
        joint_level=level,
        look=None if looked.look < 0 else plan.looks[looked.look],
    )
    if found.area is None or looked.look < 0:
        return verdict
    if found.area.p is not None and looked.level:
        # Scaled, so that it is below ALPHA where the look decides.
        verdict = replace(verdict, p_adjusted=min(1.0, found.area.p * ALPHA / looked.level))
    half_width = found.area.at(level).half_width
    if half_width is None:
        return replace(verdict, joint=found.area.at(level))
    return replace(verdict, joint=_joint(verdict, found.area, half_width, pair[0]))


def _joint(verdict: Verdict, area: MeanTest, half_width: float, curve: Curve) -> Estimate:
    least, most = difference_bounds(bounds_of(curve.metric))
    low, high = max(area.mean - half_width, least), min(area.mean + half_width, most)
    low, high = cut_by(verdict.outcome, low, high)
    if low > high:  # a curve that diverged since the look has changed the sign
        return Estimate(area.mean, None, area.n)
    width = half_width if np.isfinite(half_width) else None
    return Estimate(area.mean, width, area.n, low, high)


def _until(pair: tuple[Curve, Curve], seeds: PlannedSeeds, look: int) -> tuple[Curve, Curve]:
    """Return a pair of curves on the seeds of a look; of those so far before the first."""
    return _first(pair, seeds.order if look < 0 else seeds.order[: seeds.plan.looks[look]])


def _first(pair: tuple[Curve, Curve], order: Sequence[int]) -> tuple[Curve, Curve]:
    """Return both curves on those of some seeds that they share, in this order."""
    shared = tuple(seed for seed in order if all(seed in curve.seeds for curve in pair))
    mine, other = (replace(curve, seeds=shared, values=values_at(curve, shared)) for curve in pair)
    return mine, other


def _differences(mine: Curve, other: Curve) -> np.ndarray:
    if not mine.seeds:
        return np.empty(0)
    return aubc(mine.x, mine.values) - aubc(other.x, other.values)
