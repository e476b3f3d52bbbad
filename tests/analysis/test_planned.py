"""Verdicts by a plan of looks and at any time: on which seeds, with which intervals."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from tiny_runs import Curves, write_tiny_run

import alsim
from alsim.analysis.curve import Curve
from alsim.analysis.curves.comparison import Comparison
from alsim.analysis.curves.lead import lead_by_verdict
from alsim.analysis.curves.planned import (
    NOT_YET,
    PlannedSeeds,
    judge_anytime,
    judge_planned,
)
from alsim.analysis.curves.verdicts import Judge, Verdict, describe_pair, judge_pairs
from alsim.analysis.statistics.anytime import anytime_half_width, anytime_p
from alsim.analysis.statistics.looks import Looked, judge_by_plan, plan_looks
from alsim.analysis.statistics.mean_test import MeanTest

PLAN = plan_looks((3, 6), 2)
X = np.array([100.0, 200.0, 300.0])


def curve(name: str, heights: Sequence[float], seeds: Sequence[int] | None = None) -> Curve:
    """Return flat curves, whose area is their height."""
    values = np.repeat(np.array(heights, float)[:, None], len(X), axis=1)
    return Curve(name, "accuracy", tuple(seeds or range(len(heights))), X, values, False, False)


BASE = curve("random", [0.5] * 6)
AHEAD = curve("z", [0.6, 0.61, 0.605, 0.2, 0.2, 0.2])  # after the look at three all else is worse
OPEN = curve("y", [0.52, 0.47, 0.51, 0.50, 0.53, 0.49])
LOOKED = {
    "z": Looked("better", 0, PLAN.level(0, 2), None),
    "y": Looked("cannot tell", 1, PLAN.level(1, 1), None),
}


def planned(order: Sequence[int] = range(6), **looked: Looked) -> Judge:
    return partial(judge_planned, seeds=PlannedSeeds(PLAN, tuple(order), {**LOOKED, **looked}))


def test_a_verdict_is_on_the_seeds_up_to_the_look_that_decided() -> None:
    z, y = planned()([(AHEAD, BASE), (OPEN, BASE)])
    assert (z.outcome, z.basis, z.look, z.seeds) == ("better", "planned", 3, (0, 1, 2))
    assert (y.outcome, y.basis, y.look, y.seeds) == ("cannot tell", "planned", 6, tuple(range(6)))
    own = stats.ttest_1samp([0.1, 0.11, 0.105], 0)
    assert z.area is not None
    assert z.area.p == pytest.approx(own.pvalue)
    assert z.p_adjusted == pytest.approx(own.pvalue * 0.05 / PLAN.level(0, 2))


def test_the_intervals_are_repeated_ones_at_the_level_of_all_strategies() -> None:
    z, y = planned()([(AHEAD, BASE), (OPEN, BASE)])
    for verdict, d, look in ((z, [0.1, 0.11, 0.105], 0), (y, OPEN.values[:, 0] - 0.5, 1)):
        level = PLAN.level(look, 2)
        half_width = stats.t.ppf(1 - level / 2, len(d) - 1) * stats.sem(d)
        assert verdict.joint_level == level
        assert verdict.joint is not None
        assert verdict.joint.high == pytest.approx(np.mean(d) + half_width)
    # One strategy of the plan compared alone has no narrower interval.
    (alone,) = planned()([(OPEN, BASE)])
    assert alone.joint == y.joint


def test_an_interval_that_goes_beyond_zero_is_cut_by_the_verdict() -> None:
    # By Holm it was the second, so that its own level was that of one strategy.
    last = Looked("better", 1, PLAN.level(1, 1), None)
    heights = [0.52, 0.51, 0.53, 0.50, 0.525, 0.505]
    (verdict,) = planned(z=last)([(curve("z", heights), BASE)])
    assert verdict.area is not None
    assert PLAN.level(1, 2) < (verdict.area.p or 0) < PLAN.level(1, 1)
    assert verdict.joint is not None
    assert verdict.joint.low == 0.0
    assert verdict.p_adjusted is not None
    assert verdict.p_adjusted < 0.05


def test_seeds_are_taken_in_the_order_of_the_plan() -> None:
    order = (5, 4, 3, 2, 1, 0)
    (verdict,) = planned(order, z=Looked("worse", 0, PLAN.level(0, 2), None))([(AHEAD, BASE)])
    assert verdict.seeds == (3, 4, 5)
    assert verdict.area is not None
    assert verdict.area.mean == pytest.approx(-0.3)


def test_before_the_first_look_there_is_neither_verdict_nor_interval() -> None:
    (verdict,) = planned(z=NOT_YET)([(AHEAD, BASE)])
    assert (verdict.outcome, verdict.look, verdict.joint) == ("cannot tell", None, None)
    lead = lead_by_verdict(X, AHEAD.values, BASE.values, verdict)
    assert (lead.low, lead.high) == (None, None)


# At any time


def test_at_any_time_p_is_of_the_seeds_in_their_order_by_holm() -> None:
    order = (4, 0, 5, 1, 2, 3)
    strong = curve("w", [0.6, 0.62, 0.59, 0.61, 0.605, 0.6])
    w, y = judge_anytime([(strong, BASE), (OPEN, BASE)], order=order)
    d = {each: each.values[list(order), 0] - 0.5 for each in (strong, OPEN)}
    assert w.p_adjusted == pytest.approx(2 * (anytime_p(d[strong]) or 0))
    assert y.p_adjusted == pytest.approx(anytime_p(d[OPEN]))
    assert (w.outcome, w.basis, y.outcome) == ("better", "anytime", "cannot tell")
    assert w.seeds == (0, 1, 2, 3, 4, 5)
    assert w.joint is not None
    assert w.joint.half_width == pytest.approx(anytime_half_width(d[strong], 0.025))
    (fixed, _) = judge_pairs([(strong, BASE), (OPEN, BASE)])
    assert w.p_if_fixed == pytest.approx(fixed.p_adjusted)
    assert not w.counts_rows
    assert w.joint_level == 0.025


def test_too_few_seeds_have_an_interval_without_ends() -> None:
    few = curve("w", [0.6, 0.62])
    (verdict,) = judge_anytime([(few, BASE)], order=(0, 1))
    assert verdict.joint is not None
    assert (verdict.joint.half_width, verdict.joint.low, verdict.joint.high) == (None, -1, 1)
    lead = lead_by_verdict(X, few.values, BASE.values[:2], verdict)
    assert (lead.is_censored_low, lead.is_censored_high) == (True, True)


def test_what_spoke_for_the_opposite_once_decides_nothing() -> None:
    turned = curve("w", [0.6, 0.601, 0.599, 0.6, 0.6, 0.601, *[0.1] * 6])
    assert (anytime_p(turned.values[:6, 0] - 0.5) or 1) < 0.05
    (verdict,) = judge_anytime([(turned, curve("random", [0.5] * 12))], order=range(12))
    assert verdict.area is not None
    assert verdict.area.mean < 0
    assert verdict.outcome == "cannot tell"


# Whatever the certainty rests on


def _agree(verdict: Verdict, mine: Curve, other: Curve) -> None:
    joint = verdict.joint
    lead = lead_by_verdict(mine.x, mine.values, other.values, verdict)
    for ends in (joint, lead):
        if ends is None or ends.low is None or ends.high is None:
            assert verdict.outcome == "cannot tell"
            continue
        assert ends.low <= ends.high
        if verdict.outcome == "cannot tell":
            assert ends.low <= 1e-9
            assert ends.high >= -1e-9
        elif verdict.outcome == "better":
            assert ends.low >= 0
        else:
            assert ends.high <= 0
    if joint is not None and joint.low is not None and joint.high is not None:
        assert joint.low <= joint.mean + 1e-12
        assert joint.mean <= joint.high + 1e-12


@given(
    st.integers(0, 100_000),
    st.sampled_from(["fixed", "planned", "anytime"]),
    st.floats(-3, 3),
    st.booleans(),
    st.integers(2, 4),
)
def test_verdict_interval_and_lead_agree(
    seed: int, basis: str, effect: float, is_rounded: bool, n_rows: int
) -> None:
    rng = np.random.default_rng(seed)
    n = 6
    levels = 0.5 + np.linspace(0, 0.2, 3) + rng.normal(0, 0.01, (n, 3))
    base = Curve("random", "accuracy", tuple(range(n)), X, levels, False, False)
    mine: list[Curve] = []
    for i, name in enumerate("zy"):
        gap = 0.01 * effect * (1 - i / 2) + rng.normal(0, 0.01, (n, 1)) * (1, 1.2, 0.8)
        values = (levels + gap).round(2) if is_rounded else levels + gap
        mine.append(Curve(name, "accuracy", base.seeds, X, values, False, False))
    pairs = [(each, base) for each in mine]

    def by_row(of: Curve, seeds: Sequence[int]) -> np.ndarray:
        spread = np.random.default_rng(len(of.strategy)).normal(0, 0.02, (1, n_rows))
        area = np.trapezoid(of.values[[of.seeds.index(s) for s in seeds]], X, axis=1) / 200
        own = spread * (1 + (of.strategy == "z"))
        return area[:, None] + own - own.mean()

    areas = by_row if n_rows > 2 else None
    judge: Judge = judge_pairs
    if basis == "planned":
        of = {one.strategy: (one, other) for one, other in pairs}

        def test_at(name: str, first: int) -> MeanTest | None:
            both = [replace(c, seeds=c.seeds[:first], values=c.values[:first]) for c in of[name]]
            return describe_pair(*both, areas).area

        looked = judge_by_plan(PLAN, list(of), test_at, lambda name: n)
        judge = partial(judge_planned, seeds=PlannedSeeds(PLAN, base.seeds, looked))
    elif basis == "anytime":
        judge = partial(judge_anytime, order=base.seeds)
    for verdict, (one, other) in zip(judge(pairs, areas), pairs, strict=True):
        seeds = list(verdict.seeds)
        parts = [
            Curve(c.strategy, c.metric, verdict.seeds, c.x, c.values[seeds], False, False)
            for c in (one, other)
        ]
        _agree(verdict, *parts)


# Which runs are judged how

CURVES: Curves = {
    "random": {s: [0.30 + s / 100, 0.50 + s / 100] for s in range(4)},
    "margin": {s: [0.36 + s / 90, 0.58 + s * s / 300] for s in range(4)},
}
CONFIGURATION: dict[str, Any] = {
    "strategies": ["random", "margin"], "baseline": "random",
    "parameters": {"random": {}, "margin": {}}, "schedule": {"initial_size": 100},
}  # fmt: skip
_ONE = plan_looks((3, 4), 1)


def planned_run(folder: Path, **more: Any) -> Path:
    looks = {"seeds": list(_ONE.looks), "levels": [list(each) for each in _ONE.levels]}
    facts = {
        "looked": {"margin": {"outcome": "better", "look": 1, "level": _ONE.level(1, 1)}},
        "configuration": {**CONFIGURATION, "seeds": [0, 1, 2, 3], "looks": looks},
        **more,
    }
    return write_tiny_run(folder, CURVES, **facts)


def basis_of(found: Comparison) -> str:
    (basis,) = {each.basis for each in found.verdicts}
    return basis


def test_a_planned_run_s_own_question_is_judged_by_the_plan(tmp_path: Path) -> None:
    found = alsim.compare(planned_run(tmp_path / "run"))
    (verdict,) = found.verdicts
    assert (verdict.basis, verdict.outcome, verdict.look) == ("planned", "better", 4)
    renamed = alsim.compare(tmp_path / "run", rename={"margin": "ours"}).verdicts[0]
    assert (renamed.first, renamed.outcome) == ("ours", "better")


@pytest.mark.parametrize(
    "changed",
    [
        {"metric": "macro_f1"}, {"x": "cost"}, {"x": "questions"}, {"baseline": "margin"},
        {"all_pairs": True},
    ],
)  # fmt: skip
def test_any_other_question_is_judged_at_any_time(changed: dict[str, Any], tmp_path: Path) -> None:
    assert basis_of(alsim.compare(planned_run(tmp_path / "run"), **changed)) == "anytime"


def test_an_unfinished_plan_gives_no_verdict(tmp_path: Path) -> None:
    run = planned_run(tmp_path / "run", looked={}, status="interrupted")
    (verdict,) = alsim.compare(run).verdicts
    assert (verdict.outcome, verdict.basis, verdict.look) == ("cannot tell", "planned", None)


def test_a_single_task_of_several_is_another_question(tmp_path: Path) -> None:
    from alsim.analysis.curves.judges import judging_of
    from alsim.analysis.curves.runs import merge_runs
    from alsim.store.curves import read_run

    tasks = {"task": "a", "tasks": {"a": {}, "b": {}}}  # as `of_task` has it
    for more, wanted in (({}, judge_planned), (tasks, judge_anytime)):
        run = read_run(planned_run(tmp_path / str(len(more)), **more))
        judging = judging_of(
            [run], merge_runs([run]), metric="accuracy", x="labels", is_own_question=True
        )
        assert isinstance(judging.judge, partial)
        assert judging.judge.func is wanted


def part(folder: Path, seeds: Sequence[int], began: str, of: Curves = CURVES, **more: Any) -> Path:
    curves = {name: {s: each[s] for s in seeds} for name, each in of.items()}
    configuration = {**CONFIGURATION, "seeds": list(seeds), **more}
    return write_tiny_run(folder, curves, began=began, configuration=configuration)


def test_runs_whose_seeds_count_together_are_judged_in_the_order_in_which_they_began(
    tmp_path: Path,
) -> None:
    gaps = {0: -0.05, 1: 0.08, 2: 0.1001, 3: 0.1}  # the seeds 3 and 2 alone would say more
    curves: Curves = {
        "random": {s: [0.3, 0.5] for s in gaps},
        "margin": {s: [0.3 + gap, 0.5 + gap] for s, gap in gaps.items()},
    }
    late = part(tmp_path / "late", [0, 1], "2026-02-01T10:00:00+00:00", curves)
    early = part(tmp_path / "early", [3, 2], "2026-01-01T10:00:00+00:00", curves)
    found = alsim.compare([late, early])
    assert basis_of(found) == "anytime"
    p = anytime_p(np.array([gaps[seed] for seed in (3, 2, 0, 1)]))
    assert found.verdicts[0].p_adjusted == pytest.approx(p)
    assert p != pytest.approx(anytime_p(np.array([gaps[seed] for seed in (0, 1, 2, 3)])))
    assert basis_of(alsim.compare(late)) == "fixed"


def test_seeds_added_to_a_planned_run_count_together_with_it_without_a_plan(tmp_path: Path) -> None:
    looks = {"seeds": [2], "levels": [[0.05]]}
    planned_one = part(tmp_path / "one", [0, 1], "2026-01-01T10:00:00+00:00", looks=looks)
    more = part(tmp_path / "more", [2, 3], "2026-02-01T10:00:00+00:00")
    found = alsim.compare([planned_one, more])
    assert [each.strategy for each in found.strategies] == ["margin", "random"]
    assert basis_of(found) == "anytime"
    assert found.verdicts[0].seeds == (0, 1, 2, 3)
