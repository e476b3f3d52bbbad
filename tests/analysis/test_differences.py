import numpy as np
import pyarrow as pa
import pytest
from pictures import make_steps, rising
from scipy import stats

from alsim.analysis.curve import Curve
from alsim.analysis.curves.curves import XAxis, learning_curves
from alsim.analysis.curves.differences import difference_curve, paired
from alsim.analysis.statistics.intervals import t_half_width


def curves(steps: pa.Table, x: XAxis = "labels") -> dict[str, Curve]:
    return {curve.strategy: curve for curve in learning_curves(steps, x=x)}


def test_a_difference_is_taken_within_each_seed() -> None:
    a, b = np.array([[0.5, 0.7], [0.6, 0.9]]), np.array([[0.4, 0.5], [0.6, 0.6]])
    found = curves(make_steps({"margin": a, "random": b}))
    difference = difference_curve(found["margin"], found["random"])
    assert difference is not None
    assert difference.strategy == "margin"
    assert difference.x.tolist() == [100, 150]
    assert difference.values == pytest.approx(np.array([[0.1, 0.2], [0.0, 0.3]]))
    assert difference.mean == pytest.approx([0.05, 0.25])
    assert not difference.is_cut
    assert not difference.is_interpolated


def test_the_interval_of_a_difference_is_that_of_the_paired_t_test() -> None:
    a, b = rising(5, ahead=0.01), rising(5)
    found = curves(make_steps({"margin": a, "random": b}))
    difference = difference_curve(found["margin"], found["random"])
    assert difference is not None
    half_width = t_half_width(difference.values)
    assert half_width is not None
    for point in range(a.shape[1]):
        interval = stats.ttest_rel(a[:, point], b[:, point]).confidence_interval()
        assert difference.mean[point] - half_width[point] == pytest.approx(interval.low)


def test_only_seeds_that_both_strategies_have_count() -> None:
    steps = make_steps({"margin": rising(4), "random": rising(2)})
    found = curves(steps)
    difference = difference_curve(found["margin"], found["random"])
    assert difference is not None
    assert difference.seeds == (0, 1)
    assert difference.values.shape == (2, 8)


def test_curves_at_different_counts_are_interpolated_on_their_common_span() -> None:
    coarse = make_steps({"margin": np.array([[0.0, 0.4]])}, start=100, query_size=40)
    fine = make_steps({"random": np.array([[0.0, 0.1, 0.1]])}, start=120, query_size=10)
    found = curves(pa.concat_tables([coarse, fine]))
    difference = difference_curve(found["margin"], found["random"])
    assert difference is not None
    assert difference.x.tolist() == [120, 130, 140]
    assert difference.mean == pytest.approx([0.2, 0.2, 0.3])
    assert difference.is_cut
    assert difference.is_interpolated


def test_without_a_common_seed_or_span_there_is_no_difference() -> None:
    steps = make_steps({"margin": rising(1)})
    other = make_steps({"random": rising(1)})
    seed = other.schema.get_field_index("seed")
    elsewhere = other.set_column(seed, other.schema.field(seed), pa.array([9] * other.num_rows))
    found = curves(pa.concat_tables([steps, elsewhere]))
    assert paired(found["margin"], found["random"]) is None
    later = make_steps({"random": rising(1)}, start=5000)
    found = curves(pa.concat_tables([steps, later]))
    assert difference_curve(found["margin"], found["random"]) is None
