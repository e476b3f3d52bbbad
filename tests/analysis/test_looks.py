"""Looks planned beforehand: their levels, and what they decide."""

from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from scipy import stats

from alsim.analysis.statistics.looks import LookPlan, judge_by_plan, plan_looks, usual_looks
from alsim.analysis.statistics.mean_test import MeanTest, t_test

# Simulated before there was this code: levels of the looks at 5, 10 and 20 seeds of m strategies.
KNOWN: Mapping[int, tuple[float, float, float]] = {
    1: (0.0125, 0.0146, 0.0303),
    2: (0.0063, 0.0070, 0.0144),
    3: (0.0042, 0.0046, 0.0094),
    5: (0.0025, 0.0027, 0.0056),
    9: (0.0014, 0.0014, 0.0031),
}


@pytest.fixture(scope="module")
def usual() -> LookPlan:
    return plan_looks((5, 10, 20), 9)


def p_by_look(looks: Sequence[int], studies: int) -> np.ndarray:
    """Return p of studies without a difference at each look, from numbers drawn seed by seed."""
    d = np.random.default_rng(1).normal(0, 1, (studies, looks[-1]))
    return np.array([stats.ttest_1samp(d[:, :n], 0, axis=1).pvalue for n in looks]).T


def test_looks_at_the_maximum_and_at_the_usual_numbers_below_it() -> None:
    assert usual_looks(20) == (5, 10, 20)
    assert usual_looks(12) == (5, 10, 12)
    assert usual_looks(5) == (5,)
    assert usual_looks(3) == (3,)
    assert usual_looks(40) == (5, 10, 20, 40)


@pytest.mark.parametrize("m", KNOWN)
def test_the_levels_are_those_that_were_simulated_before(m: int, usual: LookPlan) -> None:
    # Their last digit was rounded. A level at which 1 study in 700 is rejected is known to ± 4 %
    # from 400,000.
    rel = 0.08 if m == 9 else 0.03
    assert usual.levels[m - 1] == pytest.approx(KNOWN[m], rel=rel, abs=5.1e-5)
    assert [usual.level(look, m) for look in range(3)] == list(usual.levels[m - 1])


def test_the_levels_grow_the_fewer_strategies_are_open(usual: LookPlan) -> None:
    # Otherwise an interval at the level of all could exclude 0 without a verdict.
    for look in range(3):
        levels = [usual.level(look, m) for m in range(1, 10)]
        assert levels == sorted(levels, reverse=True)


@pytest.mark.long
@pytest.mark.parametrize("looks", [(5, 10, 20), (2, 3, 4), (3, 12)])
@pytest.mark.parametrize("m", [1, 3])
def test_each_look_rejects_first_in_its_share_of_studies_without_a_difference(
    looks: tuple[int, ...], m: int
) -> None:
    p, plan = p_by_look(looks, 200_000), plan_looks(looks, 3)
    is_rejected = p < plan.levels[m - 1]
    first = is_rejected & (is_rejected.cumsum(axis=1) == 1)
    shares = 0.05 / m * np.diff([0, *looks]) / looks[-1]
    # The levels were simulated, too, from twice as many.
    error = np.sqrt(shares / len(p) * 1.5)
    assert np.abs(first.mean(axis=0) - shares).max() <= 3.5 * error.max()
    assert (np.abs(first.mean(axis=0) - shares) <= 4 * error).all()


def test_a_single_look_is_the_t_test_at_five_percent() -> None:
    assert plan_looks((7,), 2).levels == (pytest.approx((0.05,)), pytest.approx((0.025,)))


@pytest.mark.parametrize("looks", [(), (1, 5), (5, 5), (10, 5)])
def test_looks_that_do_not_ascend_from_two_are_refused(looks: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="looks must ascend"):
        plan_looks(looks, 1)


# What they decide

_PLAN = LookPlan((5, 10), ((0.02, 0.04), (0.01, 0.02), (0.006, 0.012)))


class Study:
    """A study whose tests have given p-values at each look; negative for a mean below 0."""

    def __init__(self, **p: Sequence[float | None]) -> None:
        self.p = p
        self.n = dict.fromkeys(p, 10)
        self.asked: list[tuple[str, int]] = []

    def test_at(self, name: str, n: int) -> MeanTest | None:
        self.asked.append((name, n))
        p = self.p[name][_PLAN.looks.index(n)]
        return None if p is None else MeanTest(np.sign(p), 1.0, n, -1.0, 1.0, p=abs(p))

    def outcomes(self) -> dict[str, tuple[str, int, float]]:
        found = judge_by_plan(_PLAN, list(self.p), self.test_at, self.n.__getitem__)
        return {name: (each.outcome, each.look, each.level) for name, each in found.items()}


def test_within_a_look_it_is_holm_by_hand() -> None:
    study = Study(a=[0.015, 0.5], b=[-0.005, None], c=[0.0099, None])
    # b: .005 < .006; c: .0099 < .01; a, alone then: .015 < .02.
    assert study.outcomes() == {
        "a": ("better", 0, 0.02), "b": ("worse", 0, 0.006), "c": ("better", 0, 0.01),
    }  # fmt: skip
    # The smallest is not below .006, so none is decided; of the second look .012, .02 and .04.
    study = Study(a=[0.007, 0.05], b=[0.0075, 0.011], c=[0.3, 0.019])
    assert study.outcomes() == {
        "a": ("cannot tell", 1, 0.04), "b": ("better", 1, 0.012), "c": ("better", 1, 0.02),
    }  # fmt: skip
    # Of two that are open at the second look the levels are those of two.
    study = Study(a=[0.001, 0.9], b=[0.2, 0.019], c=[0.3, 0.021])
    assert study.outcomes() == {
        "a": ("better", 0, 0.006), "b": ("better", 1, 0.02), "c": ("better", 1, 0.04),
    }  # fmt: skip
    assert ("a", 10) not in study.asked


def test_a_decided_strategy_stays_decided_and_needs_no_further_seeds() -> None:
    study = Study(a=[-0.001, 0.001], b=[0.2, 0.2])
    study.n["a"] = 5
    assert study.outcomes() == {"a": ("worse", 0, 0.01), "b": ("cannot tell", 1, 0.04)}


def test_a_look_waits_for_all_that_are_open() -> None:
    study = Study(a=[0.001, 0.001], b=[0.2, 0.001])
    study.n |= {"a": 5, "b": 4}
    assert study.outcomes() == {"a": ("cannot tell", -1, 0.0), "b": ("cannot tell", -1, 0.0)}
    assert not study.asked
    study.n["b"] = 9
    assert study.outcomes() == {"a": ("better", 0, 0.01), "b": ("cannot tell", 0, 0.02)}
    study.n["b"] = 10
    assert study.outcomes()["b"] == ("better", 1, 0.04)


def test_without_a_test_nothing_is_decided_and_the_others_are() -> None:
    found = judge_by_plan(
        _PLAN, ["a", "b"], lambda name, n: None if name == "a" else t_test(np.arange(1.0, n)),
        lambda name: 10,
    )  # fmt: skip
    assert {name: each.outcome for name, each in found.items()} == {
        "a": "cannot tell", "b": "better",
    }  # fmt: skip
    assert found["a"].look == 1


@pytest.mark.long
def test_in_studies_without_a_difference_some_verdict_is_false_in_five_percent(
    usual: LookPlan,
) -> None:
    studies, k = 3000, 3
    rng, n_false = np.random.default_rng(2), 0
    for _ in range(studies):
        base, own = rng.normal(0, 1, 20), rng.normal(0, 1, (k, 20))
        d = dict(zip("abc", own - base, strict=True))
        found = judge_by_plan(
            usual, list(d), lambda name, n, d=d: t_test(d[name][:n]), lambda name: 20
        )
        n_false += any(each.outcome != "cannot tell" for each in found.values())
    assert 0.03 < n_false / studies <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / studies)
