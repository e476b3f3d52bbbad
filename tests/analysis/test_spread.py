"""Errors over seeds, and over seeds and test rows."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from alsim.analysis.statistics.mean_test import t_test
from alsim.analysis.statistics.power import seeds_needed
from alsim.analysis.statistics.spread import Parts, over_seeds_and_rows, parts_of, spread_of


def drawn(
    rng: np.random.Generator, s: int, r: int, seeds: float, rows: float, both: float
) -> np.ndarray:
    """Return differences by seed and row whose parts have these standard deviations."""
    return rng.normal(0, seeds, (s, 1)) + rng.normal(0, rows, (1, r)) + rng.normal(0, both, (s, r))


@given(st.integers(2, 6), st.integers(2, 9), st.integers(0, 1000))
def test_the_parts_are_those_of_a_two_way_table_computed_cell_by_cell(
    s: int, r: int, seed: int
) -> None:
    d = np.random.default_rng(seed).normal(0.2, 1, (s, r))
    grand = d.mean()
    of_seed = [sum(d[i, j] for j in range(r)) / r for i in range(s)]
    of_row = [sum(d[i, j] for i in range(s)) / s for j in range(r)]
    left = sum((d[i, j] - of_seed[i] - of_row[j] + grand) ** 2 for i in range(s) for j in range(r))
    found = parts_of(d)
    assert found.seeds == pytest.approx(sum((v - grand) ** 2 for v in of_seed) / (s - 1) / s)
    assert found.rows == pytest.approx(sum((v - grand) ** 2 for v in of_row) / (r - 1) / r)
    assert found.both == pytest.approx(left / ((s - 1) * (r - 1)) / (s * r))


def test_the_variance_is_at_least_that_of_either_part() -> None:
    assert Parts(4.0, 3.0, 2.0, 5, 100).variance == 5.0
    assert Parts(4.0, 1.0, 2.0, 5, 100).variance == 4.0
    assert Parts(1.0, 3.0, 2.0, 5, 100).variance == 3.0


def test_the_degrees_of_freedom_are_satterthwaite_s_from_s_minus_one_to_r_minus_one() -> None:
    parts = Parts(4.0, 3.0, 1.0, 5, 101)
    assert parts.df == pytest.approx(6**2 / (4**2 / 4 + 3**2 / 100 + 1 / 400))
    assert Parts(4.0, 3.0, 1.0, 4, 101).df == 3  # four seeds: too few to estimate from
    assert Parts(0.0, 3.0, 0.0, 5, 101).df == 100
    assert Parts(0.0, 0.0, 0.0, 5, 101).df == 4


def test_rows_that_all_agree_leave_the_error_of_the_seeds() -> None:
    d = np.tile(np.random.default_rng(0).normal(0, 1, (6, 1)), (1, 50))
    found, alone = t_test(d.mean(axis=1), by_row=d), stats.ttest_1samp(d[:, 0], 0)
    assert found.p == pytest.approx(alone.pvalue)


def test_more_seeds_leave_the_part_of_the_rows_and_more_rows_that_of_the_seeds() -> None:
    parts = Parts(seeds=5.0, rows=4.0, both=1.0, n_seeds=5, n_rows=100)
    assert parts.floor == pytest.approx(math.sqrt(3.0))
    assert spread_of(parts.with_seeds(10**9)).error == pytest.approx(parts.floor, rel=1e-4)
    assert spread_of(parts.with_rows(10**9)).error == pytest.approx(math.sqrt(4.0), rel=1e-4)
    same = parts.with_seeds(5).with_rows(100)
    assert (same.seeds, same.rows, same.both) == pytest.approx((5.0, 4.0, 1.0))


def test_for_want_of_rows_no_number_of_seeds_is_enough() -> None:
    spread = spread_of(Parts(seeds=5e-6, rows=4e-6, both=1e-6, n_seeds=5, n_rows=100))
    assert seeds_needed(0.003, spread, 0.05) is None
    needed = seeds_needed(0.02, spread, 0.05)
    assert needed is not None
    assert spread.with_seeds(needed).power(0.02, 0.05) >= 0.8
    assert spread.with_seeds(needed - 1).power(0.02, 0.05) < 0.8


@pytest.mark.long
@pytest.mark.parametrize("s", [3, 5, 20])
def test_new_seeds_and_rows_are_counted_where_seeds_alone_would_be_sure_too_often(s: int) -> None:
    # The components of a real pool of 693 test rows: standard errors .0058, .0050, .0026.
    rng, n, r = np.random.default_rng(0), 1500, 200
    wrong, alone = 0, 0
    for _ in range(n):
        d = drawn(rng, s, r, seeds=0.009, rows=0.10, both=0.25)
        spread = over_seeds_and_rows(d)
        wrong += spread.p(float(d.mean())) < 0.05
        alone += stats.ttest_1samp(d.mean(axis=1), 0).pvalue < 0.05
    assert wrong / n < 0.05 + 3 * math.sqrt(0.05 * 0.95 / n)
    assert alone > wrong
