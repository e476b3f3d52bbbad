import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from alsim.analysis.curves.comparison import Comparison, StrategyNumbers, compare
from alsim.analysis.curves.lead import average_lead
from alsim.analysis.curves.savings import saved, saved_by_bootstrap
from alsim.analysis.curves.verdicts import Verdict
from alsim.analysis.statistics.holm import Adjusted, holm
from alsim.analysis.statistics.power import seeds_needed
from alsim.analysis.statistics.smoothing import smoothed
from alsim.analysis.statistics.spread import Spread
from alsim.errors import UsageError
from alsim.seeding import stream

Runs = Mapping[str, Mapping[int, Mapping[int, float | None]]]  # strategy, seed, labels, accuracy


def make_steps(runs: Runs) -> pa.Table:
    rows = [
        {
            "strategy": strategy,
            "seed": seed,
            "step": step,
            "n_labelled": n,
            "n_questions": 2 * n,
            "cost": 3.0 * n,
            "accuracy": accuracy,
        }
        for strategy, seeds in runs.items()
        for seed, points in seeds.items()
        for step, (n, accuracy) in enumerate(points.items())
    ]
    return pa.Table.from_pylist(rows).cast(
        pa.schema(
            [
                ("strategy", pa.string()),
                ("seed", pa.int64()),
                ("step", pa.int64()),
                ("n_labelled", pa.int64()),
                ("n_questions", pa.int64()),
                ("cost", pa.float64()),
                ("accuracy", pa.float64()),
            ]
        )
    )


def noisy(
    names: tuple[str, ...] = ("random", "margin", "entropy"),
    n_seeds: int = 5,
    gains: tuple[float, ...] = (0.0, 0.05, 0.01),
) -> Runs:
    rng = np.random.default_rng(0)
    counts = range(200, 1001, 50)
    return {
        name: {
            seed: {n: 0.5 + n / 4000 + gain + float(rng.normal(0, 0.01)) for n in counts}
            for seed in range(n_seeds)
        }
        for name, gain in zip(names, gains, strict=True)
    }


def flat(heights: Mapping[str, list[float]]) -> Runs:
    """Return constant curves, whose area and last accuracy are their height."""
    return {
        name: {seed: {100: height, 300: height} for seed, height in enumerate(of_seeds)}
        for name, of_seeds in heights.items()
    }


def numbers_of(found: Comparison, strategy: str) -> StrategyNumbers:
    return next(each for each in found.strategies if each.strategy == strategy)


def verdict_of(found: Comparison, first: str, second: str) -> Verdict:
    return next(each for each in found.verdicts if (each.first, each.second) == (first, second))


def areas_by_hand(runs: Runs, name: str) -> np.ndarray:
    return np.array(
        [
            integrate.trapezoid(list(points.values()), list(points)) / (max(points) - min(points))
            for points in runs[name].values()
        ]
    )


def _pair(runs: Runs, first: str, second: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the labels and both strategies' values, on the seeds that both have."""
    seeds = sorted(runs[first].keys() & runs[second].keys())
    x = np.array(list(runs[first][seeds[0]]), dtype=np.float64)
    mine, other = (
        np.array([list(runs[name][seed].values()) for seed in seeds], dtype=np.float64)
        for name in (first, second)
    )
    return x, mine, other


def leaves(value: object) -> Iterator[object]:
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for each in value:
            yield from leaves(each)
    else:
        yield value


# Holm


def test_holm_of_four_p_values_equals_the_calculation_by_hand() -> None:
    # In order: 4 · .005, 3 · .01, 2 · .03, and 1 · .04, which is raised to the one before.
    assert holm([0.01, 0.04, 0.03, 0.005]) == (
        Adjusted(pytest.approx(0.03), pytest.approx(0.05 / 3)),
        # The one before it failed at .05 / 2, and so does this one.
        Adjusted(pytest.approx(0.06), pytest.approx(0.05 / 2)),
        Adjusted(pytest.approx(0.06), pytest.approx(0.05 / 2)),
        Adjusted(pytest.approx(0.02), pytest.approx(0.05 / 4)),
    )


def test_holm_of_one_p_value_leaves_it() -> None:
    assert holm([0.03]) == (Adjusted(0.03, 0.05),)
    assert holm([]) == ()


def test_a_test_without_p_value_counts_towards_the_number_of_tests() -> None:
    assert holm([None, 0.02, None]) == (
        Adjusted(None, pytest.approx(0.05 / 3)),
        Adjusted(pytest.approx(0.06), pytest.approx(0.05 / 3)),
        Adjusted(None, pytest.approx(0.05 / 3)),
    )


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_a_test_rejects_where_its_own_p_value_is_below_its_level(p_values: list[float]) -> None:
    for p, adjusted in zip(p_values, holm(p_values), strict=True):
        assert adjusted.p is not None
        if not math.isclose(p, adjusted.level):
            assert (p < adjusted.level) == (adjusted.p < 0.05)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_rejects_what_stepping_down_does(p_values: list[float]) -> None:
    found = holm(p_values)
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    is_rejecting = True
    for rank, i in enumerate(order):
        limit = 0.05 / (len(p_values) - rank)
        if math.isclose(p_values[i], limit):
            return
        is_rejecting = is_rejecting and p_values[i] < limit
        adjusted = found[i].p
        assert adjusted is not None
        assert (adjusted < 0.05) == is_rejecting
        assert p_values[i] <= adjusted <= min(1.0, len(p_values) * p_values[i])


# Seeds needed


def spread(deviation: float, n_seeds: int = 5) -> Spread:
    return Spread(deviation / math.sqrt(n_seeds), n_seeds - 1)


@pytest.mark.parametrize(("mean", "deviation"), [(1e-17, 0.01), (0.01, 1e-17), (1e-200, 0.01)])
def test_a_difference_from_rounding_gives_no_number_of_seeds(mean: float, deviation: float) -> None:
    assert seeds_needed(mean, spread(deviation), 0.05) is None


@pytest.mark.parametrize(("effect", "n"), [(0.2, 199), (0.5, 34), (0.8, 15)])
def test_small_medium_and_large_effects_need_the_pairs_of_the_textbooks(
    effect: float, n: int
) -> None:
    assert seeds_needed(effect, spread(1.0), 0.05) == n
    assert seeds_needed(-3 * effect, spread(3.0, n_seeds=3), 0.05) == n


@pytest.mark.parametrize("level", [0.05, 0.05 / 15])
@pytest.mark.parametrize("effect", [0.06, 0.3, 1.0, 2.5, 40.0])
def test_the_seeds_needed_are_the_fewest_with_the_power_of_scipy_s_noncentral_t(
    effect: float, level: float
) -> None:
    def power(n: int) -> float:
        t = stats.t.isf(level / 2, n - 1)
        return float(stats.nct.sf(t, n - 1, effect * math.sqrt(n)))

    n = seeds_needed(effect, spread(1.0), level)
    assert n is not None
    assert n >= 2
    assert power(n) >= 0.8 - 1e-9
    assert n == 2 or power(n - 1) < 0.8


def test_a_tiny_difference_needs_very_many_seeds_and_no_difference_gives_no_number() -> None:
    many = seeds_needed(1e-6, spread(1.0), 0.05)
    assert many == pytest.approx((stats.norm.isf(0.025) + stats.norm.isf(0.2)) ** 2 * 1e12)
    assert seeds_needed(0.0, spread(1.0), 0.05) is None
    assert seeds_needed(0.1, spread(0.0), 0.05) is None


# Verdicts


def test_a_verdict_is_scipy_s_paired_test_on_the_areas_by_holm() -> None:
    runs = noisy()
    found = compare(make_steps(runs), all_pairs=True)
    names = [("entropy", "margin"), ("entropy", "random"), ("margin", "random")]
    assert [(each.first, each.second) for each in found.verdicts] == names
    areas = {name: areas_by_hand(runs, name) for name in runs}
    p_values = [float(stats.ttest_rel(areas[a], areas[b]).pvalue) for a, b in names]
    for (a, b), each, p, adjusted in zip(
        names, found.verdicts, p_values, holm(p_values), strict=True
    ):
        assert each.area is not None
        assert each.last is not None
        assert each.area.p == pytest.approx(p)
        assert each.p_adjusted == pytest.approx(adjusted.p)
        assert each.level == pytest.approx(adjusted.level)
        assert each.wilcoxon_p == pytest.approx(stats.wilcoxon(areas[a], areas[b]).pvalue)
        assert each.wins == np.mean(areas[a] > areas[b])
        lasts = [[points[1000] for points in runs[name].values()] for name in (a, b)]
        interval = stats.ttest_rel(*lasts).confidence_interval()
        assert each.last.mean == pytest.approx((interval.low + interval.high) / 2)
        assert each.last.half_width == pytest.approx((interval.high - interval.low) / 2)
        assert each.seeds_needed == seeds_needed(
            float((areas[a] - areas[b]).mean()),
            spread(float((areas[a] - areas[b]).std(ddof=1))),
            adjusted.level,
        )
    assert [each.outcome for each in found.verdicts] == ["worse", "better", "better"]
    assert all(each.could_tell for each in found.verdicts)


def test_a_pair_that_is_significant_alone_may_not_be_under_holm() -> None:
    differences = [0.01, 0.03, 0.02, 0.04, 0.0]
    zeros = [0.5] * 5
    far = [0.6, 0.4, 0.6, 0.4, 0.5]
    pair = {"margin": [0.5 + d for d in differences], "random": zeros}
    alone = verdict_of(compare(make_steps(flat(pair))), "margin", "random")
    among = verdict_of(compare(make_steps(flat({**pair, "z": far}))), "margin", "random")
    assert alone.area is not None
    assert alone.area == among.area
    assert alone.area.p is not None
    assert 0.05 / 2 < alone.area.p < 0.05
    assert (alone.outcome, among.outcome) == ("better", "cannot tell")
    assert among.could_tell


def test_wilcoxon_s_p_is_scipy_s_with_ties_and_seeds_that_do_not_differ() -> None:
    steps = make_steps(flat({"a": [0.5, 0.75, 0.75, 0.25, 1.0], "b": [0.5, 0.5, 0.5, 0.5, 0.5]}))
    (verdict,) = compare(steps).verdicts
    # Differences 0, ¼, ¼, −¼, ½: signs of the ranks 2, 2, 2, 4 give a sum as far from 5 as the
    # 2 of the negative ones in 2 · (1 + 3) of 16 cases.
    assert verdict.wilcoxon_p == pytest.approx(8 / 16)
    assert verdict.wilcoxon_p == pytest.approx(
        stats.wilcoxon([0, 0.25, 0.25, -0.25, 0.5], zero_method="wilcox").pvalue
    )
    assert verdict.wins == (3 + 0.5) / 5


def test_wilcoxon_cannot_go_below_two_in_two_to_the_number_of_pairs() -> None:
    (verdict,) = compare(make_steps(flat({"a": [0.9, 0.8, 0.93], "b": [0.1, 0.2, 0.15]}))).verdicts
    assert verdict.wilcoxon_p == pytest.approx(2 / 2**3)
    assert verdict.outcome == "better"


def test_one_seed_gives_no_verdict() -> None:
    (verdict,) = compare(make_steps(flat({"a": [0.9], "b": [0.1]}))).verdicts
    assert verdict.outcome == "cannot tell"
    assert not verdict.could_tell
    assert verdict.area is not None
    assert verdict.area.mean == pytest.approx(0.8)
    assert verdict.p_adjusted is verdict.seeds_needed is None
    assert (verdict.wins, verdict.wilcoxon_p) == (1.0, 1.0)


def test_two_seeds_can_give_a_verdict() -> None:
    (far,) = compare(make_steps(flat({"a": [0.9, 0.901], "b": [0.1, 0.1]}))).verdicts
    (near,) = compare(make_steps(flat({"a": [0.9, 0.2], "b": [0.1, 0.1]}))).verdicts
    assert (far.outcome, near.outcome) == ("better", "cannot tell")
    assert far.could_tell
    assert near.could_tell
    assert near.seeds_needed is not None
    assert near.seeds_needed > 2


def test_equal_differences_give_no_verdict_and_equal_seeds_have_p_one() -> None:
    (alike,) = compare(make_steps(flat({"a": [0.75] * 3, "b": [0.5] * 3}))).verdicts
    assert (alike.outcome, alike.could_tell, alike.p_adjusted) == ("cannot tell", False, None)
    (equal,) = compare(make_steps(flat({"a": [0.5, 0.6], "b": [0.5, 0.6]}))).verdicts
    assert (equal.outcome, equal.p_adjusted, equal.wilcoxon_p) == ("cannot tell", 1.0, 1.0)
    assert (equal.wins, equal.seeds_needed) == (0.5, None)


def test_differences_that_are_equal_except_for_rounding_are_no_evidence() -> None:
    runs = flat({"a": [0.8, 0.7, 0.4], "b": [0.7, 0.6, 0.3], "c": [0.7, 0.1 * 3 + 0.3, 0.3]})
    areas = np.array([next(iter(runs[name].values()))[100] for name in "abc"])
    assert areas[0] - areas[1] != 0.1  # 0.6 is not the sum of its tenths either
    a_b, a_c, b_c = compare(make_steps(runs)).verdicts
    for verdict in (a_b, a_c):
        assert (verdict.outcome, verdict.p_adjusted, verdict.wins) == ("cannot tell", None, 1)
        assert verdict.area is not None
        assert verdict.area.mean == pytest.approx(0.1)
        assert verdict.area.half_width is None
    assert (b_c.p_adjusted, b_c.wins, b_c.wilcoxon_p) == (1.0, 0.5, 1.0)


def test_swapping_a_verdict_equals_swapping_the_strategies() -> None:
    high, low = [0.75, 0.8125, 0.875, 0.4375], [0.5, 0.5, 0.5, 0.25]
    (verdict,) = compare(make_steps(flat({"a": high, "b": low}))).verdicts
    (other,) = compare(make_steps(flat({"a": low, "b": high}))).verdicts
    assert verdict.wins == 1
    assert replace(verdict.swapped(), first="a", second="b") == other
    assert verdict.swapped().swapped() == verdict
    assert verdict.outcome == "better"
    assert verdict.swapped().outcome == "worse"
    (single,) = compare(make_steps(flat({"a": [0.9], "b": [0.1]}))).verdicts
    assert single.swapped().outcome == "cannot tell"
    nothing = Verdict("a", "c", 0.05)
    assert nothing.swapped() == Verdict("c", "a", 0.05)


def test_a_pair_is_judged_on_the_seeds_that_both_have() -> None:
    runs = {
        "a": {0: {100: 0.9}, 1: {100: 0.8}, 2: {100: 0.7}},
        "b": {1: {100: 0.5}, 2: {100: 0.1}, 3: {100: 0.0}},
        "c": {9: {100: 0.5}},
    }
    found = compare(make_steps(runs))
    a_b, a_c, _ = found.verdicts
    assert a_b.seeds == (1, 2)
    assert a_b.area is not None
    assert a_b.area.mean == pytest.approx((0.3 + 0.6) / 2)
    assert a_c == Verdict("a", "c", a_c.level, joint_level=0.05 / 3)
    assert not a_c.could_tell
    assert numbers_of(found, "a").last.mean == pytest.approx(0.8)
    assert all(each.rank is None for each in found.strategies)


# Comparison


def test_a_comparison_of_two_strategies_equals_the_calculation_by_hand() -> None:
    runs = {
        "random": {0: {100: 0.2, 200: 0.4, 400: 0.8}, 1: {100: 0.4, 200: 0.4, 400: 0.6}},
        "margin": {0: {100: 0.2, 200: 0.8, 400: 0.8}, 1: {100: 0.4, 200: 0.6, 400: 0.7}},
    }
    found = compare(make_steps(runs), share=0.9, cost_per_label=0.5)
    assert (found.start, found.end, found.baseline, found.left_out) == (100, 400, "random", ())
    margin, random = found.strategies
    assert (margin.strategy, random.strategy) == ("margin", "random")
    assert random.last.mean == pytest.approx(0.7)
    assert random.aubc.mean == pytest.approx((0.3 * 100 + 0.6 * 200 + 0.4 * 100 + 0.5 * 200) / 600)
    assert random.reach is not None
    assert margin.reach is not None
    assert margin.reach.labels is not None
    assert random.reach.target == pytest.approx(0.63)  # 0.9 of 0.7, the baseline's accuracy
    assert random.reach.n_missed == 1
    assert margin.reach.n_missed == 0
    assert margin.reach.labels.mean == pytest.approx((100 + 43 / 60 * 100 + 200 + 60) / 2)
    assert (margin.rank, random.rank) == (1.0, 2.0)
    assert margin.saving is not None
    assert margin.money is not None
    assert margin.saving == average_lead(*_pair(runs, "margin", "random"))
    assert margin.end_saving == saved(*_pair(runs, "margin", "random"))  # too few to smooth
    assert margin.end_saving.amount == pytest.approx(200)  # margin's mean at 200 labels is 0.7
    assert margin.money == margin.saving.scaled(0.5)
    assert random.saving is random.money is random.end_saving is None


def test_savings_use_the_seeds_shared_with_the_baseline() -> None:
    runs = {**noisy(), "margin": {k: noisy()["margin"][k] for k in (1, 2, 4)}}
    x, *both = _pair(runs, "margin", "random")
    smooth = smoothed(x, both[0]), smoothed(x, both[1])
    steps = make_steps({k: runs[k] for k in ("margin", "random")})
    found = numbers_of(compare(steps), "margin")
    lead = average_lead(x, *both)
    assert found.saving is not None
    assert (found.saving.amount, found.saving.n) == (lead.amount, 3)
    assert (found.saving.low, found.saving.high) == pytest.approx((lead.low, lead.high))
    assert found.end_saving == saved(x, *smooth)
    drawn = numbers_of(compare(steps, bootstrap=stream(0, "a")), "margin")
    assert drawn.saving == found.saving
    assert drawn.end_saving == saved_by_bootstrap(x, *smooth, generator=stream(0, "a"))


def test_ranks_are_means_over_seeds_and_ties_share_a_rank() -> None:
    found = compare(
        make_steps(flat({"a": [0.9, 0.5, 0.5], "b": [0.8, 0.5, 0.6], "c": [0.7, 0.5, 0.5]}))
    )
    assert [each.rank for each in found.strategies] == pytest.approx(
        [(1 + 2 + 2.5) / 3, (2 + 2 + 1) / 3, (3 + 2 + 2.5) / 3]
    )


def test_every_statistic_uses_the_span_that_all_strategies_share() -> None:
    runs = {
        "random": {s: {100: 0.0, 200: 0.2, 300: 0.4, 400: 0.9} for s in (0, 1)},
        "margin": {s: {150: 0.3, 250: 0.5, 350: 0.7} for s in (0, 1)},
        "early": {0: {100: 0.3, 350: 0.7}},
        "late": {0: {150: 0.3, 400: 0.7}},
    }
    found = compare(make_steps(runs))
    assert (found.start, found.end) == (150, 350)
    early, late, margin, random = found.strategies
    assert random.last.mean == pytest.approx(0.65)  # between the steps
    assert early.is_cut
    assert late.is_cut
    assert random.is_cut
    assert not margin.is_cut
    grid = np.linspace(150, 350, 2001)
    heights = np.interp(grid, [100, 200, 300, 400], [0.0, 0.2, 0.4, 0.9])
    assert random.aubc.mean == pytest.approx(integrate.trapezoid(heights, grid) / 200)
    assert margin.aubc.mean == pytest.approx(0.5)


def test_the_reference_accuracy_can_be_given() -> None:
    found = compare(make_steps({"a": {0: {100: 0.1, 200: 0.5}}}), reference=0.6, share=0.5)
    (a,) = found.strategies
    assert found.baseline is None
    assert a.saving is None
    assert a.reach is not None
    assert a.reach.labels is not None
    assert (a.reach.target, a.reach.labels.mean) == pytest.approx((0.3, 150))


def test_the_reference_is_the_baseline_s_last_accuracy_and_the_share_is_recorded() -> None:
    found = compare(make_steps(flat({"random": [0.5, 0.75], "a": [0.875, 0.875]})), share=0.9)
    assert (found.reference, found.share) == (0.625, 0.9)
    assert compare(make_steps(flat({"a": [0.5]}))).reference is None


def test_strategies_are_ranked_by_area_and_equal_ones_by_name() -> None:
    steps = make_steps(flat({"c": [0.5], "b": [0.9], "d": [0.1], "a": [0.5]}))
    assert [each.strategy for each in compare(steps).ranking] == ["b", "a", "c", "d"]


def test_areas_that_are_equal_except_for_rounding_share_a_rank() -> None:
    found = compare(make_steps(flat({"a": [0.1 * 3], "b": [0.3], "c": [0.1]})))
    assert [each.rank for each in found.strategies] == [1.5, 1.5, 3]


@pytest.mark.parametrize("metric", ["nll", "cost", "n_labelled", "acuracy"])
def test_only_metrics_where_higher_is_better_are_compared(metric: str) -> None:
    with pytest.raises(UsageError, match="not a score"):
        compare(make_steps(noisy()), metric=metric)


def test_without_random_there_are_no_savings_and_no_reach() -> None:
    found = compare(make_steps(flat({"a": [0.5, 0.6], "b": [0.7, 0.1]})), cost_per_label=1.0)
    assert found.baseline is None
    assert all(each.saving is each.money is each.reach is None for each in found.strategies)


def test_another_baseline_can_be_asked_for_and_an_unknown_one_is_refused() -> None:
    found = compare(make_steps(noisy()), baseline="entropy")
    assert numbers_of(found, "entropy").saving is None
    random = numbers_of(found, "random").saving
    assert random is not None
    assert random.amount is not None
    assert random.amount < 0
    with pytest.raises(UsageError, match="did you mean margin"):
        compare(make_steps(noisy()), baseline="margins")


def test_savings_are_in_the_unit_of_the_axis() -> None:
    labels, questions, cost = (
        numbers_of(compare(make_steps(noisy()), x=axis), "margin").saving
        for axis in ("labels", "questions", "cost")
    )
    assert labels is not None
    assert labels.amount is not None
    assert labels.low is not None
    for found, factor in ((questions, 2), (cost, 3)):
        assert found is not None
        assert found.amount == pytest.approx(factor * labels.amount)
        assert found.low == pytest.approx(factor * labels.low)


def test_strategies_that_share_no_labels_are_not_compared() -> None:
    apart = {"a": {0: {100: 0.1, 200: 0.5}}, "b": {0: {300: 0.1, 400: 0.5}}}
    message = "share no range: b begins at 300, after the end of a at 200"
    with pytest.raises(UsageError, match=message):
        compare(make_steps(apart))
    with pytest.raises(UsageError, match="no strategy has a step"):
        compare(make_steps(apart).slice(0, 0))


def test_a_strategy_without_a_value_is_left_out_and_reported() -> None:
    runs = {"a": {0: {100: 0.1, 200: 0.5}}, "b": {0: {100: None, 200: math.nan}}}
    found = compare(make_steps(runs))
    assert [each.strategy for each in found.strategies] == ["a"]
    assert found.left_out == ("b",)
    assert found.verdicts == ()


ACCURACIES = st.sampled_from([0.0, 0.5, 0.5, 0.75, 1.0, None, math.nan])


@pytest.mark.long
@given(
    st.dictionaries(
        st.sampled_from(["random", "a", "b", "c"]),
        st.dictionaries(
            st.integers(0, 3),
            st.fixed_dictionaries({100: ACCURACIES, 150: ACCURACIES, 300: ACCURACIES}),
            min_size=1,
        ),
        min_size=1,
    )
)
def test_no_steps_give_a_result_of_nan(runs: Runs) -> None:
    try:
        found = compare(make_steps(runs), cost_per_label=0.1)
    except UsageError:
        return
    for value in leaves(asdict(found)):
        assert not isinstance(value, float) or math.isfinite(value)
    n = len(found.strategies)
    has_baseline = "random" in [each.strategy for each in found.strategies]
    assert len(found.verdicts) == (n - 1 if has_baseline else math.comb(n, 2))
