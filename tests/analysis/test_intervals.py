import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from alsim.analysis.statistics.intervals import (
    UNIT,
    difference_bounds,
    estimate,
    interval_text,
    sampling_interval,
    t_half_width,
    widest_sampling_interval,
)

shares = st.lists(st.floats(0, 1), min_size=2, max_size=12).map(np.array)


def test_the_interval_of_one_two_three_is_two_plus_minus_t_over_root_three() -> None:
    # The deviation of 1, 2, 3 is 1; t with 2 degrees of freedom at 0.975 is 4.30265.
    result = estimate(np.array([1.0, 2.0, 3.0]))
    assert result.mean == 2
    assert result.n == 3
    assert result.half_width == pytest.approx(4.302652730 / math.sqrt(3), rel=1e-8)


def test_one_seed_has_a_mean_and_no_interval() -> None:
    result = estimate(np.array([0.7]))
    assert (result.mean, result.half_width, result.n) == (0.7, None, 1)


@pytest.mark.long
@settings(deadline=None)
@given(shares, st.floats(0.5, 0.99))
def test_the_interval_is_that_of_scipy(values: np.ndarray, confidence: float) -> None:
    if np.ptp(values) < 1e-6:
        return
    result = estimate(values, confidence)
    low, high = stats.t.interval(
        confidence, len(values) - 1, loc=values.mean(), scale=stats.sem(values)
    )
    assert result.half_width is not None
    assert result.mean - result.half_width == pytest.approx(low, abs=1e-9)
    assert result.mean + result.half_width == pytest.approx(high, abs=1e-9)


@settings(deadline=None)
@given(shares)
def test_equal_seeds_have_an_interval_of_no_width(values: np.ndarray) -> None:
    half_width = t_half_width(np.full((4, len(values)), 0.25))
    assert half_width is not None
    assert half_width == pytest.approx(np.zeros(len(values)))


def test_each_point_has_its_own_interval() -> None:
    values = np.random.default_rng(0).random((5, 7))
    together = t_half_width(values)
    assert together is not None
    assert together == pytest.approx([estimate(column).half_width for column in values.T])


def test_the_interval_covers_the_truth_at_95_percent_of_the_points() -> None:
    n = 20_000
    values = np.random.default_rng(1).normal(0.9, 0.01, size=(5, n))
    half_width = t_half_width(values)
    assert half_width is not None
    share = float((np.abs(values.mean(axis=0) - 0.9) <= half_width).mean())
    # Four standard errors of a share of 0.95 among n.
    assert share == pytest.approx(0.95, abs=4 * math.sqrt(0.95 * 0.05 / n))


# Impossible values


@given(shares)
def test_an_interval_of_shares_is_cut_at_0_and_1_and_nothing_else_changes(
    values: np.ndarray,
) -> None:
    plain, cut = estimate(values), estimate(values, within=UNIT)
    assert (cut.mean, cut.half_width) == (plain.mean, plain.half_width)
    assert plain.low is not None
    assert plain.high is not None
    assert (cut.low, cut.high) == (max(plain.low, 0), min(plain.high, 1))
    assert cut.is_cut == (plain.low < 0 or plain.high > 1)
    assert not plain.is_cut


@given(shares, shares)
def test_the_reversed_difference_has_the_negated_interval(
    one: np.ndarray, other: np.ndarray
) -> None:
    n = min(len(one), len(other))
    values, bounds = one[:n] - other[:n], difference_bounds(UNIT)
    turned = estimate(values, within=bounds).negated()
    assert turned == estimate(-values, within=bounds)
    assert turned.is_cut == estimate(values, within=bounds).is_cut


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.5, 0.5], "0.5000 ± 0.0000"),
        ([0.4, 0.42], "0.4100 ± 0.1271"),
        ([0.38, 0.59], "0.4850 [0, 1]"),
        ([0.98, 0.99, 1.0], "0.9900 [0.9652, 1]"),
        ([0.8, 0.9, 1.0], "0.9000 [0.65, 1]"),
        ([0.96, 1.0], "0.9800 [0.73, 1]"),
        ([0.0, 0.01, 0.02], "0.0100 [0, 0.0348]"),
        ([1.0, 1.0, 1.0], "1.0000 ± 0.0000"),
        ([0.7], "0.7000"),
    ],
)
def test_an_interval_that_would_exceed_0_or_1_is_shown_by_its_ends(
    values: list[float], expected: str
) -> None:
    assert interval_text(estimate(np.array(values), within=UNIT), ".4f") == expected


# The sampling error


def test_no_hit_in_nine_rows_leaves_shares_of_up_to_three_tenths() -> None:
    assert sampling_interval(0.0, 9) == pytest.approx((0, 0.2991), abs=5e-5)
    assert sampling_interval(1.0, 9) == pytest.approx((0.7009, 1), abs=5e-5)
    assert sampling_interval(1.0, 300) == pytest.approx((0.9874, 1), abs=5e-5)


@pytest.mark.long
@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_sampling_interval_is_wilsons_as_scipy_has_it(hits: tuple[int, int]) -> None:
    k, n = hits
    twin = stats.binomtest(k, n).proportion_ci(method="wilson")
    assert sampling_interval(k / n, n) == pytest.approx((twin.low, twin.high), abs=1e-12)


@given(st.floats(0, 1), st.integers(1, 10_000))
def test_a_share_lies_in_its_sampling_interval_and_that_in_0_to_1(p: float, n: int) -> None:
    low, high = sampling_interval(p, n)
    assert 0 <= low <= p <= high <= 1
    assert high - low > 0


@given(st.lists(st.floats(0, 1), min_size=1), st.integers(1, 10_000))
def test_the_widest_sampling_interval_is_the_widest_of_all_values(
    found: list[float], n: int
) -> None:
    p, (low, high) = widest_sampling_interval(found, n)
    assert p in found
    widths = [b - a for a, b in (sampling_interval(each, n) for each in found)]
    assert high - low == pytest.approx(max(widths), abs=1e-12)


def test_rounding_that_leaves_a_mean_above_one_does_not_matter() -> None:
    assert widest_sampling_interval([1 + 1e-15], 9) == (1.0, sampling_interval(1.0, 9))


@pytest.mark.parametrize(("p", "n"), [(1.1, 5), (-0.1, 5), (0.5, 0), (math.nan, 5)])
def test_a_value_that_is_not_a_share_has_no_sampling_interval(p: float, n: int) -> None:
    with pytest.raises(ValueError, match="no share"):
        sampling_interval(p, n)
