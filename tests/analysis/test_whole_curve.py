"""Bands over whole curves, against a twin by loops, hand-computed cases and simulation."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import linalg, stats

from alsim.analysis.statistics import whole_curve
from alsim.analysis.statistics.bands import Edges, t_band
from alsim.analysis.statistics.smoothing import smoothed
from alsim.analysis.statistics.whole_curve import whole_curve_bands
from alsim.seeding import stream

Floats = NDArray[np.float64]
X = np.linspace(200.0, 1200.0, 31)


def noise(n: int, s: int = 5, p: int = 31, kept: float = 0.8) -> Floats:
    """Return curves of AR(1) noise about 0, `(s, p)`."""
    fresh = np.random.default_rng(n).normal(size=(s, p))
    for i in range(1, p):
        fresh[:, i] = kept * fresh[:, i - 1] + np.sqrt(1 - kept**2) * fresh[:, i]
    return fresh


def bands(*curves: Floats, x: Floats = X) -> list[Edges]:
    return whole_curve_bands(x, curves, generator=stream(0, "test"))


def widths(edges: Edges) -> Floats:
    return edges[1] - edges[0]


def test_the_correlation_by_lag_is_that_of_pairs_of_points_over_all_curves() -> None:
    curves = [noise(0), noise(1, s=7) * np.linspace(1, 9, 31)]
    found = whole_curve._correlation_by_lag(curves)  # pyright: ignore[reportPrivateUsage]
    for lag in (0, 1, 5, 30):
        each = [
            [stats.pearsonr(v[:, i], v[:, i + lag]).statistic for i in range(31 - lag)]
            for v in curves
        ]
        weights = np.repeat([4, 6], 31 - lag)
        assert found[lag] == pytest.approx(np.average(np.concatenate(each), weights=weights))


def test_the_root_of_a_correlation_gives_it_again_and_of_none_the_nearest() -> None:
    root = whole_curve._root  # pyright: ignore[reportPrivateUsage]
    by_lag = 0.9 ** np.arange(12)
    assert root(by_lag) @ root(by_lag).T == pytest.approx(linalg.toeplitz(by_lag))
    no_correlation = np.array([1.0, 0.9, -0.5])
    made = root(no_correlation) @ root(no_correlation).T
    assert np.diag(made) == pytest.approx(np.ones(3))
    assert np.linalg.eigvalsh(made).min() > -1e-12


def test_a_level_alone_has_the_pointwise_band_and_independent_points_that_of_sidak() -> None:
    level = np.random.default_rng(0).normal(size=(5, 1)) + np.zeros(31)
    pointwise = t_band(level)
    assert pointwise is not None
    # 5 standard errors of a quantile of 2,000 at 95 %, whose t has the density .035 or so.
    assert widths(bands(level)[0]) == pytest.approx(widths(pointwise), rel=0.12)
    # Three points are too few to smooth; many curves give a correlation near 0.
    curves = [noise(n, p=3, kept=0.0) for n in range(200)]
    found = bands(*curves, x=np.arange(3.0))
    error = curves[0].std(axis=0, ddof=1) / np.sqrt(5)
    sidak = stats.t.ppf((1 + 0.95 ** (1 / 3)) / 2, 4)
    assert widths(found[0]) / 2 / error == pytest.approx(np.full(3, sidak), rel=0.1)


def test_the_band_is_about_the_smoothed_mean_and_holds_the_plain_one() -> None:
    values = noise(4)
    (low, high), _ = bands(values, noise(7))
    mean = values.mean(axis=0)
    assert (low + high) / 2 == pytest.approx(smoothed(X, values).mean(axis=0))
    assert ((low <= mean) & (mean <= high)).all()


def test_a_curve_that_bends_too_sharply_is_not_smoothed() -> None:
    kink = np.minimum(X - 200, 300) / 20
    values = kink + noise(3)
    low, high = bands(values)[0]
    assert (low + high) / 2 == pytest.approx(values.mean(axis=0))
    assert np.abs(smoothed(X, kink[None])[0] - kink).max() > 0.5


def test_where_all_seeds_agree_the_band_has_no_width() -> None:
    paired = noise(5) * np.minimum(1, (X - 200) / 300)
    low, high = bands(paired)[0]
    assert low[0] == high[0] == 0
    assert (high > low)[1:].all()
    stairs = np.repeat([[1.0, 2, 5]], 5, axis=0)[:, np.arange(31) // 11]
    assert np.array_equal(bands(stairs)[0], (stairs[0], stairs[0]))


def test_a_band_stays_within_the_range_of_its_values_and_is_the_same_each_time() -> None:
    values = 0.97 + noise(6) / 20
    (found,) = whole_curve_bands(X, [values], generator=stream(0, "test"), within=(0, 1))
    (again,) = bands(values)
    assert found[1].max() == 1 < again[1].max()
    assert np.array_equal(found[0], again[0])
    assert np.array_equal(again, bands(values)[0])


def test_four_seeds_are_refused() -> None:
    with pytest.raises(ValueError, match="5 seeds"):
        bands(noise(0), noise(0, s=4))


@pytest.mark.long
def test_it_holds_the_whole_truth_in_95_of_100_studies() -> None:
    n, held = 60, 0
    for i in range(n):
        curves = [noise(10 * i + k) for k in range(3)]
        edges = bands(*curves)
        held += sum(bool(((low <= 0) & (high >= 0)).all()) for low, high in edges)
    assert held / (3 * n) == pytest.approx(0.95, abs=3 * np.sqrt(0.95 * 0.05 / (3 * n)) + 0.01)
