import numpy as np
import pytest

from alsim.analysis.statistics.smoothing import smoothed, smoother

IRREGULAR = np.array([100.0, 120, 150, 200, 230, 300, 370, 420, 430, 500, 620, 700, 810, 900, 1000])


def by_normal_equations(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the smoothed curve by a weighted polynomial fit at each point."""
    u = (x - x[0]) / (x[-1] - x[0])
    found = y.copy()
    for i, place in enumerate(u):
        h = min(0.5, 0.6 * place)
        near = np.abs(u - place) < h - 1e-12
        if near.sum() >= 4:
            weights = (1 - (np.abs(u[near] - place) / h) ** 3) ** 3
            fit = np.polynomial.Polynomial.fit(u[near], y[near], 2, w=np.sqrt(weights))
            found[i] = fit(place)
    return found


@pytest.mark.parametrize("x", [np.linspace(200.0, 1200.0, 51), IRREGULAR], ids=["even", "uneven"])
def test_it_is_the_weighted_fit_of_a_parabola_at_each_point(x: np.ndarray) -> None:
    values = np.random.default_rng(0).normal(size=(3, x.size))
    expected = np.array([by_normal_equations(x, row) for row in values])
    assert smoothed(x, values) == pytest.approx(expected, abs=1e-9)


def test_a_parabola_stays_and_white_noise_shrinks_to_less_than_two_thirds() -> None:
    x = np.linspace(200.0, 1200.0, 51)
    parabola = (0.3 + x / 1000 - (x / 2000) ** 2)[None]
    assert smoothed(x, parabola) == pytest.approx(parabola, abs=1e-12)
    kept = np.sqrt((smoother(x) ** 2).sum(1))  # the deviation of noise of deviation 1
    assert kept[0] == 1
    assert kept[12:].max() < 2 / 3


@pytest.mark.parametrize("n_points", [1, 2, 3, 4, 6])
def test_a_short_curve_stays_as_it_is(n_points: int) -> None:
    values = np.random.default_rng(1).normal(size=(2, n_points))
    found = smoothed(np.arange(n_points, dtype=np.float64), values)
    assert found[:, :4].tolist() == values[:, :4].tolist()
    assert np.isfinite(found).all()
