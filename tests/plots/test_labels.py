import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize

from alsim.plots.drawing.labels import spread

heights = st.lists(st.floats(0, 1), min_size=1, max_size=15)
gaps = st.floats(0.001, 0.2)


def test_labels_with_room_stay_where_they_are() -> None:
    assert spread([0.9, 0.1, 0.5], 0.1) == pytest.approx([0.9, 0.1, 0.5])


def test_two_labels_at_one_height_move_apart_evenly() -> None:
    assert spread([0.5, 0.5], 0.1) == pytest.approx([0.45, 0.55])


def test_labels_at_the_top_are_moved_down() -> None:
    assert spread([1.0, 1.0, 0.2], 0.1) == pytest.approx([0.9, 1.0, 0.2])


def test_labels_that_cannot_all_fit_are_spaced_evenly() -> None:
    assert spread([0.5] * 5, 0.4) == pytest.approx([0, 0.25, 0.5, 0.75, 1])


def test_one_label_stays() -> None:
    assert spread([0.3], 5.0) == [0.3]


@pytest.mark.long
@settings(deadline=None)
@given(heights, gaps)
def test_labels_keep_their_order_and_distance_within_the_axis(
    wishes: list[float], gap: float
) -> None:
    placed = spread(wishes, gap)
    assert min(placed) >= -1e-9
    assert max(placed) <= 1 + 1e-9
    fits = min(gap, 1 / max(len(wishes) - 1, 1))
    for low, high in itertools.pairwise(sorted(placed)):
        assert high - low >= fits - 1e-9
    for one, two in itertools.combinations(range(len(wishes)), 2):
        if wishes[one] < wishes[two]:
            assert placed[one] < placed[two]


@pytest.mark.long
@settings(deadline=None)
@given(heights, gaps)
def test_labels_lie_where_isotonic_regression_puts_them(wishes: list[float], gap: float) -> None:
    n = len(wishes)
    gap = min(gap, 1 / max(n - 1, 1))
    steps = gap * np.arange(n)
    flat = optimize.isotonic_regression(np.sort(wishes) - steps).x
    assert sorted(spread(wishes, gap)) == pytest.approx(
        np.clip(flat, 0, 1 - steps[-1]) + steps, abs=1e-9
    )
