import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from alsim.analysis.curves.savings import Reach, Saving, reach, saved, saved_by_bootstrap
from alsim.analysis.statistics.paired import labels_saved
from alsim.seeding import stream

X = np.linspace(200.0, 2200.0, 21)
SLOPE = 1e-4


def shifted(shifts: list[float], x: np.ndarray = X) -> tuple[np.ndarray, np.ndarray]:
    """Return parallel straight lines: the first is ahead of the second by a number of labels."""
    other = np.tile(SLOPE * x, (len(shifts), 1))
    return other + SLOPE * np.array(shifts)[:, None], other


def random_curves(seed: int, rise: float = 0.2) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    steps = rng.normal(0, 0.02, (2, 4, X.size)) + rise / X.size
    mine, other = 0.5 + steps.cumsum(axis=-1)
    return mine, other


def one_curve(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    s, p = draw(st.integers(1, 4)), draw(st.integers(1, 5))
    # Few values, so that ties, constants and equal seeds are common.
    values = arrays(np.float64, (s, p), elements=st.sampled_from([0.0, 0.25, 0.5, 0.55, 1.0]))
    x = np.cumsum(draw(arrays(np.float64, p, elements=st.sampled_from([1.0, 7.0, 100.0]))))
    return x, draw(values), draw(values)


coarse_curves = st.composite(one_curve)


def p_values(deltas: np.ndarray, x: np.ndarray, mine: np.ndarray, other: np.ndarray) -> np.ndarray:
    first = np.array([np.interp(x[-1] - np.maximum(deltas, 0), x, row) for row in mine])
    second = np.array([np.interp(x[-1] + np.minimum(deltas, 0), x, row) for row in other])
    return np.asarray(stats.ttest_rel(first, second).pvalue)


@pytest.mark.parametrize("ahead", [300, 270, 1, -130])
def test_a_line_that_runs_300_labels_ahead_saves_300(ahead: int) -> None:
    # Each seed learns at its own speed, so all seeds are equal only at this δ.
    levels, slopes = np.array([[0.1], [0.2], [0.3]]), np.array([[1.0], [1.1], [0.9]]) * SLOPE
    mine, other = levels + slopes * (X + ahead), levels + slopes * X
    for first, second, sign in ((mine, other, 1), (other, mine, -1)):
        found = saved(X, first, second)
        assert found.amount == pytest.approx(sign * ahead)
        # A double root, so rounding errors enter as their square root.
        assert found.low == pytest.approx(sign * ahead, abs=1e-4)
        assert found.high == pytest.approx(sign * ahead, abs=1e-4)
        assert not found.is_censored_low
        assert not found.is_censored_high


@pytest.mark.parametrize(
    "shifts", [[200.0, 300.0, 400.0], [-150.0, 250.0], [-40.0, 10.0, -20.0, 30.0, -5.0]]
)
@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_parallel_lines_have_the_t_interval_of_their_shifts(
    shifts: list[float], confidence: float
) -> None:
    if len(shifts) == 2 and confidence > 0.9:
        confidence = 0.7  # at 95 % the interval of two seeds would exceed the measured range
    interval = stats.ttest_1samp(shifts, 0).confidence_interval(confidence)
    found = saved(X, *shifted(shifts), confidence)
    assert found.amount == pytest.approx(np.mean(shifts))
    assert found.low == pytest.approx(interval.low)
    assert found.high == pytest.approx(interval.high)
    assert not found.is_censored_low
    assert not found.is_censored_high
    assert found.n == len(shifts)


def test_points_on_the_line_between_two_others_change_nothing() -> None:
    dense, sparse = np.linspace(200.0, 2200.0, 137), np.array([200.0, 2200.0])
    first = saved(dense, *shifted([100.0, 300.0, 350.0], dense))
    second = saved(sparse, *shifted([100.0, 300.0, 350.0], sparse))
    assert first.amount == pytest.approx(second.amount)
    assert first.low == pytest.approx(second.low)
    assert first.high == pytest.approx(second.high)


def test_an_end_beyond_the_labels_measured_is_censored() -> None:
    x = np.array([200.0, 450.0, 700.0])
    found = saved(x, *shifted([450.0, 480.0, 510.0], x))
    low = stats.ttest_1samp([450.0, 480.0, 510.0], 0).confidence_interval().low
    assert found.amount == pytest.approx(480)
    assert found.low == pytest.approx(low)
    assert found.high == 500
    assert found.is_censored_high
    assert not found.is_censored_low


def test_a_saving_beyond_all_labels_measured_is_at_least_their_span() -> None:
    x = np.array([200.0, 450.0, 700.0])
    mine, other = shifted([890.0, 900.0, 910.0], x)
    assert saved(x, mine, other) == Saving(None, 500, 500, False, True, 3)
    assert saved(x, other, mine) == Saving(None, -500, -500, True, False, 3)


def test_seeds_that_differ_too_much_leave_both_ends_open() -> None:
    found = saved(X, *shifted([-1500.0, 1600.0]))
    assert (found.low, found.high) == (-2000, 2000)
    assert found.is_censored_low
    assert found.is_censored_high
    assert found.amount == pytest.approx(50)


def test_where_means_meet_several_times_the_amount_balances_the_crossings() -> None:
    # Mine reaches 0.5 with 150 labels fewer, falls below it, and was above it before, for 66⅔.
    x = np.array([0.0, 100.0, 200.0, 300.0, 400.0])
    mine, other = np.array([[0.0, 0.6, 0.4, 0.6, 0.7]]), np.array([[0.0, 0.1, 0.2, 0.3, 0.5]])
    assert saved(x, mine, other).amount == pytest.approx(150 + 66 + 2 / 3)
    assert saved(x, other, mine).amount == pytest.approx(-(150 + 66 + 2 / 3))


@pytest.mark.parametrize("seed", range(8))
def test_the_interval_holds_every_saving_that_scipy_s_paired_test_does_not_reject(
    seed: int,
) -> None:
    curves = random_curves(seed)
    found = saved(X, *curves)
    assert found.low is not None
    assert found.high is not None
    deltas = np.linspace(-2000, 2000, 401)
    kept = deltas[p_values(deltas, X, *curves) >= 0.05]
    assert found.low <= kept.min()
    assert found.high >= kept.max()
    # An end of the interval is where the test begins to reject.
    for end, is_censored in (
        (found.low, found.is_censored_low),
        (found.high, found.is_censored_high),
    ):
        assert is_censored or p_values(np.array([end]), X, *curves) == pytest.approx(0.05)


def test_an_interval_that_scipy_would_split_is_joined() -> None:
    for seed in range(100):
        curves = random_curves(seed)
        found = saved(X, *curves)
        assert found.low is not None
        assert found.high is not None
        inside = np.linspace(found.low, found.high, 60)[1:-1]
        if (p_values(inside, X, *curves) < 0.04).any():
            return
    pytest.fail("no interval had a rejected saving within")


@pytest.mark.long
@given(coarse_curves())
def test_swapping_the_strategies_negates_the_saving(
    curves: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    x, mine, other = curves
    found, swapped = saved(x, mine, other), saved(x, other, mine)
    for value, negated in (
        (found.amount, swapped.amount),
        (found.low, swapped.high),
        (found.high, swapped.low),
    ):
        if value is None:
            assert negated is None
        else:
            assert negated == pytest.approx(-value, abs=1e-6)
    assert found.is_censored_low == swapped.is_censored_high
    assert found.is_censored_high == swapped.is_censored_low


@pytest.mark.long
@given(coarse_curves())
def test_for_any_curves_no_number_is_nan_and_the_interval_holds_the_amount(
    curves: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    x, mine, other = curves
    span = x[-1] - x[0]
    found = saved(x, mine, other)
    for value in (found.amount, found.low, found.high):
        assert value is None or -span <= value <= span
    if found.low is not None:
        assert found.high is not None
        assert found.low <= found.high
        if found.amount is not None:
            assert found.low - 1e-9 <= found.amount <= found.high + 1e-9


def test_a_strategy_against_itself_saves_nothing() -> None:
    mine, _ = random_curves(1)
    found = saved(X, mine, mine)
    assert found.low is not None
    assert found.high is not None
    assert found.amount == pytest.approx(0)
    assert found.low < 0 < found.high
    assert found.low == pytest.approx(-found.high)


def test_one_seed_has_an_amount_without_an_interval() -> None:
    mine, other = shifted([300.0])
    expected = Saving(pytest.approx(300), None, None, False, False, 1)
    assert saved(X, mine, other) == expected
    assert saved_by_bootstrap(X, mine, other, generator=stream(0, "savings")) == expected


def test_seeds_with_equal_differences_give_no_interval() -> None:
    mine, other = shifted([300.0] * 4)
    expected = Saving(pytest.approx(300), None, None, False, False, 4)
    assert saved(X, mine, other) == expected
    assert saved_by_bootstrap(X, mine, other, generator=stream(0, "savings")) == expected


def test_constant_curves_have_no_saving() -> None:
    ones = np.ones((3, X.size))
    assert saved(X, ones, ones) == Saving(None, None, None, False, False, 3)


def test_the_bootstrap_s_interval_is_that_of_all_resamples() -> None:
    shifts = [100.0, 180.0, 300.0, 330.0, 600.0]
    found = saved_by_bootstrap(X, *shifted(shifts), generator=stream(0, "savings"))
    means = [np.mean(each) for each in itertools.product(shifts, repeat=5)]
    assert found.amount == pytest.approx(np.mean(shifts))
    assert found.low == pytest.approx(np.quantile(means, 0.025), abs=15)
    assert found.high == pytest.approx(np.quantile(means, 0.975), abs=15)
    assert not found.is_censored_low
    assert not found.is_censored_high


def test_the_bootstrap_censors_too() -> None:
    x = np.array([200.0, 450.0, 700.0])
    mine, other = shifted([890.0, 900.0, 910.0], x)
    found = saved_by_bootstrap(x, mine, other, generator=stream(0, "savings"))
    assert found.amount is None
    assert found.low == pytest.approx(500)
    assert found.is_censored_high
    assert not found.is_censored_low
    swapped = saved_by_bootstrap(x, other, mine, generator=stream(0, "savings"))
    assert swapped.high == pytest.approx(-500)
    assert swapped.is_censored_low
    assert not swapped.is_censored_high


def test_the_bootstrap_of_one_stream_is_always_the_same() -> None:
    curves = shifted([100.0, 180.0, 300.0, 330.0, 600.0, 411.0, 77.0, 512.0])
    first, again, else_ = (
        saved_by_bootstrap(X, *curves, generator=stream(seed, "savings")) for seed in (0, 0, 1)
    )
    assert first == again
    assert first != else_


def test_seeds_with_differences_equal_except_for_rounding_give_no_interval() -> None:
    other = np.array([[0.1, 0.2, 0.3], [0.2, 0.3, 0.4], [0.6, 0.7, 0.8]])
    mine = other + 0.05
    assert np.ptp(mine - other, axis=0).any()  # by some units in the last place
    x = np.array([100.0, 200.0, 300.0])
    for found in (
        saved(x, mine, other),
        saved_by_bootstrap(x, mine, other, generator=stream(0, "savings")),
    ):
        assert found.amount == pytest.approx(50)
        assert (found.low, found.high) == (None, None)


def test_money_is_labels_times_their_price() -> None:
    found = Saving(300.0, -100.0, None, True, False, 5)
    assert found.scaled(0.5) == replace(found, amount=150.0, low=-50.0)


def test_a_target_is_reached_where_the_line_first_meets_it() -> None:
    x = np.array([0.0, 100.0, 200.0])
    values = np.array(
        [
            [0.1, 0.5, 0.9],  # half-way from 100 to 200
            [0.1, 0.8, 0.6],  # six sevenths of the way to 100; that it falls again is ignored
            [0.8, 0.9, 0.9],  # at once
            [0.1, 0.6, 0.69],  # never
        ]
    )
    needed = [150.0, 600 / 7, 0.0]
    found = reach(x, values, 0.7)
    assert found.labels is not None
    assert found.labels.mean == pytest.approx(np.mean(needed))
    interval = stats.ttest_1samp(needed, 0).confidence_interval()
    assert found.labels.half_width == pytest.approx((interval.high - interval.low) / 2)
    assert (found.labels.n, found.n_missed) == (3, 1)
    assert found.at_least == pytest.approx(np.mean([*needed, 200]))


def test_a_target_that_no_seed_reaches_has_no_labels() -> None:
    assert reach(X, np.full((3, X.size), 0.5), 0.6) == Reach(0.6, None, 3, 0, X[-1])
    assert reach(X, np.stack([np.full(X.size, 0.5), np.full(X.size, 0.7)]), 0.6).n_at_start == 1


@pytest.mark.long
@given(st.integers(0, 1000), st.floats(0.3, 0.9))
def test_the_labels_needed_are_those_of_a_seed_by_seed_search(seed: int, target: float) -> None:
    mine, _ = random_curves(seed)
    twin = labels_saved(X.astype(np.int64), mine, np.full_like(mine, target))
    found = reach(X, mine, target)
    assert found.n_missed == (~twin.is_reached).sum()
    if found.labels is not None:
        expected = X[-1] - twin.labels[twin.is_reached].mean()
        assert found.labels.mean == pytest.approx(expected)
