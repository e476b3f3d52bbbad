import itertools
import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import integrate, stats

from alsim.analysis.statistics.mean_test import MeanTest, t_test
from alsim.analysis.statistics.paired import (
    dips,
    judge_above,
    judge_not_above,
    labels_saved,
    pair,
    part_area,
    small_batch_steps,
)


@pytest.mark.long
@given(st.integers(2, 12).flatmap(lambda s: arrays(np.float64, (2, s), elements=st.floats(-1, 1))))
def test_the_paired_test_and_its_interval_are_scipy_s(values: np.ndarray) -> None:
    first, second = values
    if np.ptp(first - second) < 1e-6:
        return
    found = t_test(first - second)
    theirs = stats.ttest_rel(first, second)
    interval = theirs.confidence_interval(0.95)
    assert found.p == pytest.approx(theirs.pvalue, rel=1e-6, abs=1e-12)
    assert found.half_width is not None
    assert found.mean - found.half_width == pytest.approx(interval.low, abs=1e-9)
    assert found.mean + found.half_width == pytest.approx(interval.high, abs=1e-9)


def test_the_test_of_one_two_and_three_equals_the_calculation_by_hand() -> None:
    # Mean 2, standard error 1/√3, t = 2√3 with two degrees of freedom, p = 1 − t/√(t² + 2).
    t = 2 * math.sqrt(3)
    assert t_test(np.array([1.0, 2.0, 3.0])).p == pytest.approx(1 - t / math.sqrt(t**2 + 2))


def test_one_seed_gives_no_verdict() -> None:
    found = t_test(np.array([0.3]))
    assert found == MeanTest(0.3, None, 1)
    assert judge_above(found) == "cannot tell"
    assert judge_not_above(found) == "cannot tell"


def test_equal_differences_give_no_nan_and_no_verdict_unless_they_are_zero() -> None:
    same, apart = t_test(np.zeros(5)), t_test(np.full(5, 0.25))
    assert (same.mean, same.half_width, same.p) == (0.0, 0.0, 1.0)
    # Discrete accuracies agree by chance too often for this to be evidence.
    assert (apart.mean, apart.half_width, apart.p) == (0.25, None, None)
    assert judge_above(same) == "cannot tell"
    assert judge_not_above(same) == "held"
    assert judge_above(apart) == judge_not_above(apart) == "cannot tell"


def test_differences_that_are_equal_except_for_rounding_are_no_evidence() -> None:
    assert np.full(3, 0.1).std(ddof=1) > 0  # three tenths, except for rounding
    assert t_test(np.full(3, 0.1)).p is None
    assert t_test(np.array([0.3 - 0.2, 0.1, 0.1])).p is None
    assert t_test(np.array([1e-17, 0.0, 0.0])).p == 1.0


@pytest.mark.parametrize(
    ("mean", "half_width", "p", "above", "not_above"),
    [
        (0.02, 0.010, 0.01, "held", "did not hold"),
        (0.02, 0.030, 0.20, "cannot tell", "cannot tell"),
        (-0.02, 0.010, 0.01, "did not hold", "held"),
        (-0.02, 0.030, 0.20, "cannot tell", "cannot tell"),
        (0.001, 0.003, 0.50, "cannot tell", "held"),  # too small to matter, whatever its sign
        (-0.02, 0.022, 0.08, "cannot tell", "held"),  # a gain above the margin is excluded
        (0.003, 0.001, 0.01, "held", "held"),  # above zero, but not a gain
        (0.004, 0.003, 0.03, "held", "cannot tell"),  # above zero, but perhaps less than the margin
    ],
)
def test_verdicts_follow_the_interval(
    mean: float, half_width: float, p: float, above: str, not_above: str
) -> None:
    test = MeanTest(mean, half_width, 5, p=p)
    assert (judge_above(test), judge_not_above(test)) == (above, not_above)


def test_under_equal_strategies_a_claim_is_wrongly_decided_in_five_percent_of_studies() -> None:
    rng = np.random.default_rng(3)
    outcomes = [judge_above(t_test(rng.normal(size=5))) for _ in range(4000)]
    share = 1 - outcomes.count("cannot tell") / len(outcomes)
    assert share == pytest.approx(0.05, abs=4 * math.sqrt(0.05 * 0.95 / 4000))


def make_steps(curves: dict[tuple[str, int], dict[int, float]]) -> pa.Table:
    rows = [
        {"strategy": name, "seed": seed, "step": step, "n_labelled": n, "accuracy": value}
        for (name, seed), curve in curves.items()
        for step, (n, value) in enumerate(curve.items())
    ]
    return pa.Table.from_pylist(rows)


def test_a_pair_is_matched_by_seed_and_by_count() -> None:
    steps = make_steps(
        {
            ("margin", 2): {100: 0.3, 120: 0.4, 140: 0.5},
            ("margin", 1): {100: 0.1, 120: 0.2, 140: 0.6},
            ("random", 1): {100: 0.7, 140: 0.8},
            ("random", 2): {100: 0.9, 140: 1.0},
            ("random", 0): {100: 0.0, 140: 0.0},
        }
    )
    both = pair(steps, "margin", "random")
    assert both.seeds == (1, 2)
    assert both.n_labelled.tolist() == [100, 140]
    assert both.first.tolist() == [[0.1, 0.6], [0.3, 0.5]]
    assert both.second.tolist() == [[0.7, 0.8], [0.9, 1.0]]


def test_a_pair_that_is_not_in_the_steps_is_a_bug() -> None:
    steps = make_steps({("margin", 0): {100: 0.3}, ("random", 1): {100: 0.3}})
    with pytest.raises(ValueError, match="entropy"):
        pair(steps, "entropy", "random")
    with pytest.raises(ValueError, match="share no seed"):
        pair(steps, "margin", "random")


@pytest.mark.parametrize(
    ("part", "height"),
    [("whole", 0.5), ("first-quarter", 0.125), ("last-quarter", 0.875), ("end", 1.0)],
)
def test_the_mean_of_each_part_of_a_straight_line_is_its_middle(part: str, height: float) -> None:
    # Quarters end between two counts here.
    n = np.array([100, 110, 180, 200])
    assert part_area(n, np.array([(n - 100) / 100]), part)[0] == pytest.approx(height)  # pyright: ignore[reportArgumentType]


def test_the_whole_area_is_scipy_s_trapezoid() -> None:
    rng = np.random.default_rng(1)
    n, values = np.cumsum(rng.integers(1, 50, 20)), rng.random((3, 20))
    expected = integrate.trapezoid(values, n) / (n[-1] - n[0])
    assert part_area(n, values, "whole") == pytest.approx(expected)


def test_a_curve_of_one_point_is_its_own_area() -> None:
    for part in ("whole", "first-quarter", "last-quarter", "end"):
        assert part_area(np.array([100]), np.array([[0.4]]), part).tolist() == [0.4]


def test_labels_saved_are_read_from_each_seed_s_own_curve() -> None:
    n = np.array([100, 200, 300, 400])
    margin = np.array([[0.1, 0.5, 0.9, 0.9], [0.1, 0.2, 0.3, 0.4], [0.7, 0.7, 0.7, 0.7]])
    random = np.array([[0.1, 0.2, 0.3, 0.6], [0.1, 0.2, 0.3, 0.5], [0.1, 0.2, 0.3, 0.6]])
    # .6 lies a quarter of the way from 200 to 300; .5 is never reached; .6 was passed at once.
    saved = labels_saved(n, margin, random)
    assert saved.labels == pytest.approx([175.0, 0.0, 300.0])
    assert saved.is_reached.tolist() == [True, False, True]
    assert saved.end == 400


def test_equal_strategies_save_no_labels_on_average() -> None:
    rng = np.random.default_rng(8)
    n = np.arange(100, 1100, 20)
    rise = 1 - np.exp(-n / 400)
    first, second = (rise + 0.02 * rng.normal(size=(4000, len(n))) for _ in range(2))
    forth, back = labels_saved(n, first, second).labels, labels_saved(n, second, first).labels
    error = (forth - back).std() / math.sqrt(len(forth))
    assert abs((forth - back).mean()) < 4 * error
    assert forth.mean() > 50  # a first crossing alone is biased upwards


def test_the_steps_of_the_study_leave_five_small_batches() -> None:
    counts = [2000 + 20 * step for step in range(107)]
    assert small_batch_steps(counts, 512) == [3, 29, 54, 80, 105]
    assert [counts[i] % 512 for i in (3, 29, 54, 80, 105)] == [12, 20, 8, 16, 4]
    assert small_batch_steps([512, 1024, 532, 533], 512) == [2]


def test_dips_built_into_a_curve_are_found() -> None:
    counts = np.array([2000 + 20 * step for step in range(107)])
    line = 0.5 + counts / 20_000
    dipped = line.copy()
    dipped[[3, 29, 54, 80, 105]] -= [0.01, 0.02, 0.03, 0.04, 0.05]
    found = dips(counts, np.stack([line, dipped]), 512)
    assert found == pytest.approx([0.0, -0.03])


def test_steps_with_small_batches_are_no_neighbours_of_each_other() -> None:
    # Batches of 100 leave 10 and 20 at places 2 and 3; place 0 follows the passive phase.
    counts = np.array([180, 190, 210, 220, 230])
    assert dips(counts, np.array([[9.0, 0.6, 0.5, 0.4, 0.8]]), 100) == pytest.approx([-0.25])


@pytest.mark.parametrize("counts", [[410, 450, 490], [490, 520, 560], [490, 500, 530]])
def test_without_a_small_batch_between_two_others_there_is_nothing_to_measure(
    counts: list[int],
) -> None:
    assert dips(np.array(counts), np.ones((2, 3)), 512) is None


def test_a_brute_force_twin_of_the_dips_agrees() -> None:
    rng = np.random.default_rng(2)
    for b, query in itertools.product((64, 100), (3, 20)):
        counts = 150 + query * np.arange(60)
        values = rng.random((4, 60))
        small = {i for i in range(60) if counts[i] % b != 0 and counts[i] % b <= 20}
        twin: list[float] = []
        for row in values:
            drops: list[float] = []
            for i in small:
                low, high = i - 1, i + 1
                while low in small:
                    low -= 1
                while high in small:
                    high += 1
                if low >= 1 and high < 60:
                    drops.append(row[i] - (row[low] + row[high]) / 2)
            twin.append(sum(drops) / len(drops))
        assert dips(counts, values, b) == pytest.approx(twin)
