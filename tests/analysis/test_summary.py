import itertools
import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from alsim.analysis.curves.summary import aubc, summarise


def make_steps(curves: dict[tuple[str, int], dict[int, float]]) -> pa.Table:
    rows = [
        {
            "strategy": name,
            "seed": seed,
            "step": step,
            "n_labelled": n,
            "n_questions": 2 * n + seed,
            "cost": 0.5 * (2 * n + seed),
            "accuracy": value,
        }
        for (name, seed), curve in curves.items()
        for step, (n, value) in enumerate(curve.items())
    ]
    return pa.Table.from_pylist(rows)


TWO_SEEDS = {
    ("margin", 0): {100: 0.4, 200: 0.6, 400: 0.8},
    ("margin", 1): {100: 0.6, 200: 0.8, 400: 1.0},
    ("random", 0): {100: 0.5, 200: 0.5, 400: 0.5},
}


def test_the_summary_of_two_seeds_equals_the_calculation_by_hand() -> None:
    margin, random = summarise(make_steps(TWO_SEEDS), n_evaluated=900)
    assert (margin.strategy, margin.n_seeds) == ("margin", 2)
    assert (margin.n_labelled_first, margin.n_labelled) == (100, 400)
    half_width = 12.7062047362 * 0.1  # t₁(0.975) times the standard error of two values 0.2 apart
    for estimate, mean in (
        (margin.first_accuracy, 0.5),
        (margin.last_accuracy, 0.9),
        (margin.aubc, (100 * 0.6 + 200 * 0.8) / 300),
    ):
        assert estimate.mean == pytest.approx(mean)
        assert estimate.half_width == pytest.approx(half_width)
    ends = stats.binomtest(810, 900).proportion_ci(method="wilson")
    assert margin.sampling_interval == pytest.approx((ends.low, ends.high))
    assert (margin.last_accuracy.low, margin.last_accuracy.high) == (0, 1)
    assert (random.strategy, random.n_seeds) == ("random", 1)
    assert random.aubc.mean == 0.5
    assert random.aubc.half_width is None
    ends = stats.binomtest(450, 900).proportion_ci(method="wilson")
    assert random.sampling_interval == pytest.approx((ends.low, ends.high))


def test_the_end_is_the_last_point_that_all_seeds_reached() -> None:
    curves = TWO_SEEDS | {("margin", 1): {100: 0.6, 200: 0.8}}
    margin, random = summarise(make_steps(curves), 900)
    assert margin.n_labelled == 200
    assert margin.last_accuracy.mean == pytest.approx(0.7)
    assert margin.is_cut
    assert not random.is_cut


def test_a_strategy_whose_seeds_share_no_point_is_left_out() -> None:
    curves = TWO_SEEDS | {("margin", 1): {150: 0.6}}
    assert [summary.strategy for summary in summarise(make_steps(curves), 900)] == ["random"]


def test_an_evaluation_on_no_rows_is_a_bug() -> None:
    with pytest.raises(ValueError, match="no share"):
        summarise(make_steps(TWO_SEEDS), 0)


def test_the_area_under_a_constant_curve_is_its_height() -> None:
    n = np.array([200, 220, 300, 1000])
    assert aubc(n, np.full((2, 4), 0.7)) == pytest.approx([0.7, 0.7])


def test_the_area_under_a_straight_line_is_its_middle_for_any_steps() -> None:
    n = np.array([0, 10, 20, 90, 100])
    assert aubc(n, np.array([n / 100])) == pytest.approx([0.5])


def test_the_area_under_one_point_is_its_height() -> None:
    assert aubc(np.array([200]), np.array([[0.7], [0.8]])).tolist() == [0.7, 0.8]


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 30), st.integers(1, 6))
def test_the_area_is_that_of_scipy_and_lies_within_the_curve(seed: int, p: int, s: int) -> None:
    rng = np.random.default_rng(seed)
    n = np.cumsum(rng.integers(1, 50, size=p))
    values = rng.random((s, p))
    area = aubc(n, values)
    assert area == pytest.approx(integrate.trapezoid(values, n) / (n[-1] - n[0]))
    assert (area >= values.min(axis=1) - 1e-12).all()
    assert (area <= values.max(axis=1) + 1e-12).all()


def test_the_interval_of_the_area_is_over_seeds() -> None:
    rng = np.random.default_rng(5)
    n = [200, 220, 240, 300]
    curves = {("margin", s): dict(zip(n, rng.random(4), strict=True)) for s in range(5)}
    (summary,) = summarise(make_steps(curves), 100)
    areas = [
        sum((c[a] + c[b]) / 2 * (b - a) for a, b in itertools.pairwise(n)) / 100
        for c in curves.values()
    ]
    assert summary.aubc.mean == pytest.approx(np.mean(areas))
    assert summary.aubc.half_width == pytest.approx(
        stats.t.ppf(0.975, 4) * np.std(areas, ddof=1) / math.sqrt(5)
    )


def test_areas_end_where_the_first_strategy_does() -> None:
    # Above random at every count, and stopped early because it was good.
    curves = {
        ("margin", 0): {100: 0.5, 200: 0.9},
        ("random", 0): {100: 0.5, 200: 0.6, 300: 0.9, 400: 0.9},
    }
    margin, random = summarise(make_steps(curves), 100)
    assert margin.aubc.mean == pytest.approx(0.7)
    assert random.aubc.mean == pytest.approx(0.55)
    assert random.last_accuracy.mean == pytest.approx(0.9)


def test_the_labels_used_are_counted_where_each_seed_ended() -> None:
    curves = {
        ("margin", 0): {100: 0.5, 200: 0.9},
        ("margin", 1): {100: 0.5, 200: 0.6, 300: 0.9},
    }
    (margin,) = summarise(make_steps(curves), 100)
    assert margin.labels_used.mean == 250
    assert margin.n_labelled == 200
    assert margin.is_cut


def test_questions_and_cost_are_counted_where_each_seed_ended() -> None:
    margin, random = summarise(make_steps(TWO_SEEDS), 900)
    assert margin.questions.mean == 800.5  # 2 · 400 and 2 · 400 + 1
    assert margin.cost.mean == 400.25
    assert margin.questions.half_width == pytest.approx(12.7062047362 * 0.5)
    assert (random.questions.mean, random.questions.half_width) == (800, None)
