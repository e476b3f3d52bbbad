import itertools

import numpy as np
import pytest
from scipy import stats

from alsim.analysis.statistics.bands import (
    N_RESAMPLES,
    Edges,
    bootstrap_band,
    deviation_band,
    t_band,
)
from alsim.seeding import stream


def values(n_seeds: int = 5, n_points: int = 7) -> np.ndarray:
    return np.random.default_rng(0).normal(0.7, 0.02, (n_seeds, n_points))


def bootstrap(of: np.ndarray) -> Edges:
    found = bootstrap_band(of, generator=stream(0, "band"))
    assert found is not None
    return found


def test_the_t_band_is_scipys_interval_of_the_mean_at_each_point() -> None:
    found = t_band(values())
    assert found is not None
    low, high = found
    for point, column in enumerate(values().T):
        interval = stats.ttest_1samp(column, 0).confidence_interval(0.95)
        assert (low[point], high[point]) == pytest.approx((interval.low, interval.high))


def test_the_band_of_the_deviation_is_one_of_the_sample_on_either_side() -> None:
    found = deviation_band(np.array([[1.0, 5.0], [2.0, 5.0], [3.0, 5.0]]))
    assert found is not None
    assert found[0] == pytest.approx([1, 5])
    assert found[1] == pytest.approx([3, 5])


def test_the_bootstrap_of_two_seeds_has_the_quantiles_of_its_three_means() -> None:
    # (a, a), (a, b) or (b, a), (b, b): means 0, ½, 1 with ¼, ½, ¼.
    assert bootstrap(np.array([[0.0], [1.0]])) == (pytest.approx([0]), pytest.approx([1]))


def test_the_bootstrap_agrees_with_all_resamples_of_four_seeds() -> None:
    column = np.array([0.1, 0.4, 0.5, 0.9])
    means = np.array([np.mean(drawn) for drawn in itertools.product(column, repeat=4)])
    low, high = bootstrap(column[:, None])
    # 4 standard errors of a share q among 2,000 draws.
    error = 4 * np.sqrt(0.025 * 0.975 / N_RESAMPLES)
    for edge, share in ((low[0], 0.025), (high[0], 0.975)):
        assert (means < edge - 1e-9).mean() - error <= share
        assert share <= (means <= edge + 1e-9).mean() + error


def test_the_bootstrap_is_scipys_on_many_seeds() -> None:
    many = values(40, 3)
    low, high = bootstrap(many)
    rng = np.random.default_rng(1)
    expected = stats.bootstrap(
        (many,), np.mean, axis=0, method="percentile", n_resamples=4000, random_state=rng
    ).confidence_interval
    assert low == pytest.approx(expected.low, abs=1e-3)
    assert high == pytest.approx(expected.high, abs=1e-3)


def test_the_bootstrap_of_few_seeds_is_narrower_than_the_t_interval() -> None:
    low, high = bootstrap(values())
    t = t_band(values())
    assert t is not None
    assert (high - low < t[1] - t[0]).all()


def test_equal_streams_give_equal_bands() -> None:
    one, two = bootstrap(values()), bootstrap(values())
    assert np.array_equal(one[0], two[0])
    assert np.array_equal(one[1], two[1])


def test_one_seed_has_no_band() -> None:
    assert t_band(values(1)) is None
    assert deviation_band(values(1)) is None
    assert bootstrap_band(values(1), generator=stream(0, "band")) is None


def test_a_band_stays_within_the_range_of_its_values() -> None:
    near = np.array([[0.02, 0.99], [0.3, 0.9], [0.01, 1.0]])
    for band in (t_band, deviation_band):
        whole, cut = band(near), band(near, within=(0.0, 1.0))
        assert whole is not None
        assert cut is not None
        assert whole[0].min() < 0 < 1 < whole[1].max()
        assert cut[0] == pytest.approx(np.maximum(whole[0], 0))
        assert cut[1] == pytest.approx(np.minimum(whole[1], 1))
