"""The average lead, against numbers by hand and a lead looked for point by point."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from alsim.analysis.curve import Curve
from alsim.analysis.curves.lead import average_lead, lead_by_verdict
from alsim.analysis.curves.summary import aubc
from alsim.analysis.curves.verdicts import judge_pairs
from tests.analysis.test_savings import SLOPE, X, random_curves, shifted


def mean_gap(delta: float, x: np.ndarray, mine: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the mean over n of mine(n − δ) − other(n), or of mine(n) − other(n − |δ|), by seed."""
    if delta < 0:
        return -mean_gap(-delta, x, other, mine)
    n = np.linspace(x[0] + delta, x[-1], 4001)
    gaps = [
        np.interp(n - delta, x, a) - np.interp(n, x, b) for a, b in zip(mine, other, strict=True)
    ]
    if n[0] == n[-1]:
        return np.array([gap[0] for gap in gaps])
    return np.array([integrate.trapezoid(gap, n) / (n[-1] - n[0]) for gap in gaps])


def curve(name: str, values: np.ndarray, x: np.ndarray = X) -> Curve:
    return Curve(name, "accuracy", tuple(range(len(values))), x, values, False, False)


@pytest.mark.parametrize("shifts", [[200.0, 300.0, 400.0], [-40.0, 10.0, -20.0, 30.0, -5.0]])
@pytest.mark.parametrize("level", [0.2, 0.05])
def test_parallel_lines_have_the_t_interval_of_their_shifts(
    shifts: list[float], level: float
) -> None:
    interval = stats.ttest_1samp(shifts, 0).confidence_interval(1 - level)
    found = average_lead(X, *shifted(shifts), level)
    assert found.amount == pytest.approx(np.mean(shifts))
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))
    assert not found.is_censored_low
    assert not found.is_censored_high
    assert found.n == len(shifts)


@given(st.integers(0, 500))
def test_the_interval_is_the_hull_of_the_leads_that_are_not_rejected(seed: int) -> None:
    mine, other = random_curves(seed)
    found = average_lead(X, mine, other)
    assert found.low is not None
    assert found.high is not None
    span = X[-1] - X[0]
    deltas = np.linspace(-span, span, 81)
    kept = [
        delta
        for delta in deltas
        if stats.ttest_1samp(mean_gap(float(delta), X, mine, other), 0).pvalue > 0.05
    ]
    step = deltas[1] - deltas[0]
    for delta in kept:
        assert found.low - 1e-6 <= delta <= found.high + 1e-6
    if kept:  # nothing of a grid's width is left between the ends and what is kept
        assert found.low > kept[0] - step - 1e-6
        assert found.high < kept[-1] + step + 1e-6


@given(st.integers(0, 500))
def test_swapping_the_strategies_negates_the_lead(seed: int) -> None:
    mine, other = random_curves(seed)
    found, back = average_lead(X, mine, other), average_lead(X, other, mine).negated()
    assert (found.amount is None) == (back.amount is None)
    if found.amount is not None:
        assert found.amount == pytest.approx(back.amount)
    assert (found.low, found.high) == pytest.approx((back.low, back.high))
    is_open = found.is_censored_low, found.is_censored_high
    assert is_open == (back.is_censored_low, back.is_censored_high)


def test_no_shift_is_the_difference_of_the_areas() -> None:
    mine, other = random_curves(3)
    gaps = mean_gap(0.0, X, mine, other)
    assert gaps == pytest.approx(aubc(X, mine) - aubc(X, other))


@given(st.integers(0, 300), st.integers(1, 4), st.sampled_from([0.0, 0.02, 0.1]))
def test_the_lead_s_interval_excludes_zero_if_and_only_if_there_is_a_verdict(
    seed: int, n_strategies: int, apart: float
) -> None:
    rng = np.random.default_rng(seed)
    rise = np.linspace(0.5, 0.8, X.size)
    values = rise + rng.normal(0, 0.02, (n_strategies + 1, 5, 1)) + rng.normal(0, 0.01, (5, X.size))
    values[1:] += apart * rng.random((n_strategies, 1, 1))
    base, *others = [curve(f"{i}", each) for i, each in enumerate(values)]
    verdicts = judge_pairs([(each, base) for each in others])
    for each, verdict in zip(others, verdicts, strict=True):
        lead = lead_by_verdict(X, each.values, base.values, verdict)
        assert lead.low is not None
        assert lead.high is not None
        assert verdict.joint is not None
        assert verdict.joint.low is not None
        assert verdict.joint.high is not None
        for low, high in ((lead.low, lead.high), (verdict.joint.low, verdict.joint.high)):
            if verdict.outcome == "cannot tell":
                assert low <= 1e-9
                assert high >= -1e-9
            elif verdict.outcome == "better":
                assert low >= 0
            else:
                assert high <= 0


def test_a_verdict_of_holm_alone_cuts_the_interval_at_zero() -> None:
    # Of two comparisons the second is below .05 but above .025: Holm rejects it after the first.
    base = np.tile(SLOPE * X, (5, 1))
    clear = base + SLOPE * np.array([300.0, 310.0, 290.0, 305.0, 295.0])[:, None]
    close = base + SLOPE * np.array([10.0, 30.0, 20.0, 40.0, 0.0])[:, None]
    pair = [
        (curve("clear", clear), curve("base", base)),
        (curve("close", close), curve("base", base)),
    ]
    verdict = judge_pairs(pair)[1]
    assert verdict.area is not None
    assert verdict.area.p is not None
    assert 0.025 < verdict.area.p < 0.05
    assert verdict.outcome == "better"
    assert verdict.joint is not None
    assert verdict.joint.low == 0.0
    lead = lead_by_verdict(X, close, base, verdict)
    assert lead.low == 0.0
    assert lead.high is not None
    interval = stats.ttest_1samp([10.0, 30.0, 20.0, 40.0, 0.0], 0).confidence_interval(0.975)
    assert lead.high == pytest.approx(interval.high)


def test_test_rows_widen_the_lead_as_they_widen_the_verdict() -> None:
    mine, other = shifted([200.0, 300.0, 400.0, 250.0, 350.0])

    def by_row(curve: Curve, seeds: Sequence[int]) -> np.ndarray:
        # 40 rows around the seeds' areas, alike in each seed, of the first strategy alone.
        areas = aubc(curve.x, curve.values)[:, None]
        rows = np.linspace(-1, 1, 40) * (0.1 if curve.strategy == "mine" else 0.0)
        return areas + rows

    pair = [(curve("mine", mine), curve("other", other))]
    (alone,), (both,) = judge_pairs(pair), judge_pairs(pair, by_row)
    assert not alone.counts_rows
    assert both.counts_rows
    narrow, wide = (lead_by_verdict(X, mine, other, each) for each in (alone, both))
    assert alone.joint is not None
    assert both.joint is not None
    assert alone.joint.half_width is not None
    assert both.joint.half_width is not None
    factor = both.joint.half_width / alone.joint.half_width
    assert factor > 1.2
    assert narrow.amount == wide.amount
    assert narrow.low is not None
    assert wide.low is not None
    assert 300 - wide.low == pytest.approx(factor * (300 - narrow.low))


def test_one_seed_and_one_point_have_no_interval_and_no_error() -> None:
    mine, other = shifted([100.0])
    alone = average_lead(X, mine, other)
    assert alone.amount == pytest.approx(100)
    assert alone.low is alone.high is None
    point = average_lead(np.array([100.0]), np.array([[0.5], [0.6]]), np.array([[0.4], [0.4]]))
    assert point.amount is None


def test_equal_curves_have_no_lead_and_no_interval() -> None:
    mine, _ = random_curves(1)
    found = average_lead(X, mine[:1].repeat(3, 0), mine[:1].repeat(3, 0))
    assert found.amount == pytest.approx(0, abs=1e-9)
    assert found.low is found.high is None
