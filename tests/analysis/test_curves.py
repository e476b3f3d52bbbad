import itertools
import math

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from alsim.analysis.curves.curves import learning_curves, metric_columns
from alsim.analysis.statistics.intervals import t_half_width
from alsim.errors import UsageError

Row = tuple[str, int, int, int, float | None]


def make_steps(rows: list[Row]) -> pa.Table:
    names = ("strategy", "seed", "step", "n_labelled", "accuracy")
    table = pa.table(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)))
    return table.append_column("ece", pa.array([0.1] * len(rows)))


def random_rows(seed: int = 0) -> list[Row]:
    rng = np.random.default_rng(seed)
    return [
        (strategy, run, step, 200 + 20 * step, float(rng.random()))
        for strategy, run, step in itertools.product(("random", "margin"), (4, 1, 9), range(6))
    ]


def test_the_curve_of_two_seeds_is_their_mean_with_a_t_interval() -> None:
    (curve,) = learning_curves(
        make_steps(
            [
                ("margin", 0, 0, 200, 0.5),
                ("margin", 0, 1, 220, 0.8),
                ("margin", 1, 0, 200, 0.7),
                ("margin", 1, 1, 220, 0.8),
            ]
        )
    )
    assert curve.strategy == "margin"
    assert curve.metric == "accuracy"
    assert curve.seeds == (0, 1)
    assert curve.x.tolist() == [200, 220]
    assert curve.mean == pytest.approx([0.6, 0.8])
    # Two values 0.2 apart: deviation 0.2/√2, over √2 seeds, times t₁(0.975) = 12.7062.
    assert t_half_width(curve.values) == pytest.approx([1.270620474, 0], abs=1e-9)
    assert curve.values.tolist() == [[0.5, 0.8], [0.7, 0.8]]
    assert not curve.is_cut


def test_every_point_equals_scipys_result_for_its_seeds() -> None:
    rows = random_rows()
    curves = learning_curves(make_steps(rows))
    assert [curve.strategy for curve in curves] == ["margin", "random"]
    for curve in curves:
        half_width = t_half_width(curve.values)
        assert half_width is not None
        for n, mean, half in zip(curve.x, curve.mean, half_width, strict=True):
            values = [row[4] for row in rows if row[0] == curve.strategy and row[3] == n]
            low, high = stats.t.interval(0.95, 2, loc=np.mean(values), scale=stats.sem(values))
            assert (mean - half, mean + half) == pytest.approx((low, high))


def test_the_order_of_the_rows_does_not_matter() -> None:
    rows = random_rows()
    rng = np.random.default_rng(1)
    shuffled = [rows[n] for n in rng.permutation(len(rows))]
    for one, two in zip(
        learning_curves(make_steps(rows)), learning_curves(make_steps(shuffled)), strict=True
    ):
        assert one.seeds == two.seeds == (1, 4, 9)
        assert np.array_equal(one.values, two.values)
        assert np.array_equal(one.mean, two.mean)


def test_one_seed_has_no_band() -> None:
    (curve,) = learning_curves(make_steps([("margin", 3, 0, 200, 0.5), ("margin", 3, 1, 220, 0.6)]))
    assert t_half_width(curve.values) is None
    assert curve.mean.tolist() == [0.5, 0.6]


def test_a_seed_that_stopped_early_cuts_its_own_strategy_and_is_reported() -> None:
    rows = [row for row in random_rows() if not (row[:2] == ("margin", 9) and row[2] >= 3)]
    margin, random = learning_curves(make_steps(rows))
    assert margin.x.tolist() == [200, 220, 240]
    assert margin.values.shape == (3, 3)
    assert margin.is_cut
    assert len(random.x) == 6
    assert not random.is_cut


@pytest.mark.parametrize("missing", [None, float("nan"), float("inf")])
def test_a_point_without_a_value_in_one_seed_is_left_out(missing: float | None) -> None:
    rows = [(*row[:4], missing if row[1] == 4 and row[2] == 2 else row[4]) for row in random_rows()]
    for curve in learning_curves(make_steps(rows)):
        assert curve.x.tolist() == [200, 220, 260, 280, 300]
        assert not np.isnan(curve.values).any()
        assert curve.is_cut


def test_seeds_without_a_common_point_have_an_empty_curve() -> None:
    (curve,) = learning_curves(make_steps([("margin", 0, 0, 200, 0.5), ("margin", 1, 1, 220, 0.6)]))
    assert curve.x.size == curve.mean.size == 0
    assert curve.values.shape == (2, 0)


def test_the_later_of_two_steps_with_the_same_number_of_labels_counts() -> None:
    (curve,) = learning_curves(make_steps([("margin", 0, 1, 200, 0.6), ("margin", 0, 0, 200, 0.5)]))
    assert curve.x.tolist() == [200]
    assert curve.mean.tolist() == [0.6]
    assert not curve.is_cut


def test_a_run_without_steps_has_no_curves() -> None:
    assert learning_curves(make_steps(random_rows()).slice(0, 0)) == ()


def test_metrics_are_the_numeric_columns_that_are_not_keys() -> None:
    assert metric_columns(make_steps(random_rows())) == ["accuracy", "ece"]
    (curve,) = learning_curves(make_steps([("margin", 0, 0, 200, 0.5)]), "ece")
    assert curve.mean.tolist() == [0.1]


@pytest.mark.parametrize("metric", ["acuracy", "strategy", "n_labelled"])
def test_an_unknown_metric_is_refused_with_the_list_of_metrics(metric: str) -> None:
    with pytest.raises(UsageError, match="accuracy, ece") as caught:
        learning_curves(make_steps(random_rows()), metric)
    assert metric in caught.value.args[0]


def test_a_misspelt_metric_gets_the_nearest_name() -> None:
    with pytest.raises(UsageError, match=r"did you mean accuracy\?"):
        learning_curves(make_steps(random_rows()), "acuracy")


def make_costs(curves: dict[int, dict[float, float]]) -> pa.Table:
    """Return steps whose seeds have the given accuracies at the given costs."""
    return pa.Table.from_pylist(
        [
            {"strategy": "margin", "seed": seed, "step": step, "n_labelled": 200 + 20 * step,
             "n_questions": int(2 * cost), "cost": cost, "accuracy": value}
            for seed, curve in curves.items()
            for step, (cost, value) in enumerate(curve.items())
        ]
    )  # fmt: skip


UNEQUAL = {0: {10: 0.2, 20: 0.4, 40: 0.8}, 1: {12: 0.3, 32: 0.7, 36: 0.9}}


def test_against_cost_each_seed_is_interpolated_over_the_shared_range() -> None:
    (curve,) = learning_curves(make_costs(UNEQUAL), x="cost")
    # The costs 10, 20, 40 of the first seed, cut to the shared range 12 … 36.
    assert curve.x.tolist() == [12, 20, 36]
    assert curve.values == pytest.approx(np.array([[0.24, 0.4, 0.72], [0.3, 0.46, 0.9]]))
    assert curve.mean == pytest.approx([0.27, 0.43, 0.81])
    assert curve.is_interpolated
    assert not curve.is_cut


def test_against_questions_the_curve_equals_that_against_cost_in_another_unit() -> None:
    (cost,) = learning_curves(make_costs(UNEQUAL), x="cost")
    (questions,) = learning_curves(make_costs(UNEQUAL), x="questions")
    assert questions.x == pytest.approx(2 * cost.x)
    assert questions.values == pytest.approx(cost.values)


def test_seeds_with_the_same_costs_are_compared_at_their_steps_as_against_labels() -> None:
    same = {seed: dict(zip((10, 20, 40), UNEQUAL[seed].values(), strict=True)) for seed in UNEQUAL}
    (labels,) = learning_curves(make_costs(same))
    (cost,) = learning_curves(make_costs(same), x="cost")
    assert cost.x.tolist() == [10, 20, 40]
    assert np.array_equal(cost.values, labels.values)
    assert not cost.is_interpolated


def test_every_seed_lies_on_its_own_line_whatever_the_costs() -> None:
    rng = np.random.default_rng(3)
    lines = {seed: (rng.random(), rng.random()) for seed in range(4)}
    costs = {seed: np.sort(rng.random(9) * 100) for seed in lines}
    (curve,) = learning_curves(
        make_costs({s: {float(c): lines[s][0] + lines[s][1] * c for c in costs[s]} for s in lines}),
        x="cost",
    )
    for (start, slope), values in zip(lines.values(), curve.values, strict=True):
        assert values == pytest.approx(start + slope * curve.x)
    assert curve.x[0] == max(c[0] for c in costs.values())
    assert curve.x[-1] == min(c[-1] for c in costs.values())


def test_a_seed_with_fewer_steps_cuts_the_curve_against_cost_too() -> None:
    (curve,) = learning_curves(make_costs({**UNEQUAL, 1: {12: 0.3, 32: 0.7}}), x="cost")
    assert curve.x.tolist() == [12, 20, 32]
    assert curve.is_cut


@pytest.mark.parametrize("second", [{50: 0.2, 60: 0.3}, {10: math.nan, 20: math.nan}])
def test_seeds_without_a_common_range_have_an_empty_curve(second: dict[float, float]) -> None:
    (curve,) = learning_curves(make_costs({**UNEQUAL, 1: second}), x="cost")
    assert curve.x.size == curve.mean.size == 0
    assert curve.values.shape == (2, 0)
