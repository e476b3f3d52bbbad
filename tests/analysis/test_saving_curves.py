import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alsim.analysis.curves.saving_curves import MOST_POINTS, savings_by
from alsim.analysis.curves.savings import Saving, saved

X = np.array([100.0, 120.0, 160.0, 200.0, 260.0])


@pytest.mark.long
@given(st.integers(0, 10_000), st.integers(1, 4))
def test_each_point_is_the_saving_of_the_curves_cut_at_that_point(seed: int, s: int) -> None:
    rng = np.random.default_rng(seed)
    mine, other = 0.5 + rng.normal(0.02, 0.02, (2, s, X.size)).cumsum(axis=-1)
    found = savings_by(X, mine, other, saved)
    assert found.n.tolist() == X[1:].tolist()
    for k, saving in enumerate(found.savings, start=1):
        assert saving == saved(X[: k + 1], mine[:, : k + 1], other[:, : k + 1])
        for row in range(s):
            alone = saved(X[: k + 1], mine[row : row + 1, : k + 1], other[row : row + 1, : k + 1])
            amount = found.by_seed[row, k - 1]
            assert alone.amount == (None if np.isnan(amount) else amount)


def test_a_line_always_30_labels_ahead_saves_30_from_30_labels_on() -> None:
    x = np.arange(0.0, 101, 10)
    line = 0.001 * x
    found = savings_by(x, line[None] + 0.03, line[None], saved)
    for n, saving in zip(found.n, found.savings, strict=True):
        # Before that, its start is better than the other curve, so the curves do not meet.
        assert saving.amount == (None if n <= 30 else pytest.approx(30))


def test_an_evenly_spaced_subset_of_many_points_is_taken_with_the_last() -> None:
    x = np.arange(101.0)
    lines = np.stack([x, x])
    found = savings_by(x, lines, lines, saved, most=5)
    assert found.n.tolist() == [1, 26, 50, 75, 100]
    assert found.by_seed.shape == (2, 5)
    assert savings_by(x, lines, lines, saved, most=1).n.tolist() == [100]


def test_one_point_saves_nothing() -> None:
    found = savings_by(np.array([100.0]), np.ones((2, 1)), np.ones((2, 1)), saved)
    assert found.n.size == 0
    assert found.savings == ()


def test_at_most_the_given_number_of_a_thousand_points_is_computed() -> None:
    looked_at: list[int] = []

    def save(x: np.ndarray, mine: np.ndarray, other: np.ndarray) -> Saving:
        if len(mine) > 1:
            looked_at.append(len(x))
        return saved(x, mine, other)

    x = np.arange(1000.0)
    lines = np.stack([x, x])
    found = savings_by(x, lines, lines, save)
    assert found.n.size == len(looked_at) == MOST_POINTS
    assert max(looked_at) == 1000
