import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from alsim.analysis.intervals import binomial_error, estimate, t_half_width

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


def test_an_accuracy_of_nine_tenths_on_900_rows_is_uncertain_by_a_hundredth() -> None:
    assert binomial_error(0.9, 900) == pytest.approx(0.01)
    assert binomial_error(1.0, 10) == 0


@settings(deadline=None)
@given(st.floats(0, 1), st.integers(1, 10_000))
def test_the_sampling_error_is_that_of_the_binomial_distribution(p: float, n: int) -> None:
    # As variances: near 1 the root would blow rounding up.
    assert binomial_error(p, n) ** 2 == pytest.approx(stats.binom.var(n, p) / n**2, abs=1e-15)


@pytest.mark.parametrize(("p", "n"), [(1.1, 5), (-0.1, 5), (0.5, 0), (math.nan, 5)])
def test_what_is_no_share_has_no_sampling_error(p: float, n: int) -> None:
    with pytest.raises(ValueError, match="no share"):
        binomial_error(p, n)
