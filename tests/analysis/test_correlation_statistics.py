"""Spearman's ρ, its intervals and its null, against SciPy, enumeration and simulation."""

import itertools
import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy import stats

from alsim.analysis.correlation import (
    Correlation,
    Interval,
    bootstrap_means,
    correlations,
    fisher_test,
    permutation_p,
    permuted_rhos,
    spearman,
)
from alsim.seeding import stream

Floats = NDArray[np.float64]
Pair = tuple[Floats, Floats]


def table(**metrics: list[Pair]) -> pa.Table:
    """Return a table of groups: one pair of scores and accuracies for each metric and seed."""
    rows = [
        {"metric": metric, "seed": seed, "group": g, "mean_score": float(a), "accuracy": float(b)}
        for metric, pairs in metrics.items()
        for seed, (x, y) in enumerate(pairs)
        for g, (a, b) in enumerate(zip(x, y, strict=True))
    ]
    return pa.Table.from_pylist(rows)


def analysed(
    groups: pa.Table, n_resamples: int = 400, n_permutations: int = 999
) -> dict[str, Correlation]:
    found = correlations(
        groups,
        generator=stream(0, "test"),
        n_resamples=n_resamples,
        n_permutations=n_permutations,
    )
    return {correlation.metric: correlation for correlation in found}


def noise(n: int, *shape: int) -> Floats:
    return np.random.default_rng(n).normal(size=shape)


def pair(n: int, g: int = 40, slope: float = 0.0) -> Pair:
    x, y = noise(n, 2, g)
    return x, slope * x + y


def scipy_rho(x: Floats, y: Floats) -> float:
    return float(stats.spearmanr(x, y).statistic)


levels = st.integers(2, 9).flatmap(
    lambda g: arrays(np.float64, (2, g), elements=st.integers(-2, 2).map(float))
)


@pytest.mark.long
@given(levels)
def test_rho_is_scipy_s_on_ties_and_undefined_where_scipy_says_nan(values: Floats) -> None:
    x, y = values
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        assert spearman(x, y) is None
    else:
        ranks = stats.rankdata(x), stats.rankdata(y)
        assert spearman(x, y) == pytest.approx(stats.pearsonr(*ranks).statistic, abs=1e-12)


def test_rho_by_hand() -> None:
    # d = 0, 1, 1, 0: ρ = 1 − 6·2 / (4·15).
    assert spearman(np.array([1.0, 2, 3, 4]), np.array([1.0, 3, 2, 4])) == pytest.approx(0.8)
    assert spearman(np.array([1.0]), np.array([1.0])) is None


def test_permuted_rhos_with_ties_are_scipy_s_each_as_often_as_its_orders() -> None:
    x, y = np.array([1.0, 2, 2, 4, 5]), np.array([0.2, 0.2, 0.1, 0.4, 0.4])
    orders = list(itertools.permutations(y))
    theirs = [round(scipy_rho(x, np.array(order)), 9) for order in orders]
    n = 12_000
    found = permuted_rhos([(x, y)], n, generator=stream(1, "test"))[0].round(9)
    assert set(found) == set(theirs)
    for rho in set(theirs):
        share = theirs.count(rho) / len(theirs)
        error = math.sqrt(share * (1 - share) / n)
        assert (found == rho).mean() == pytest.approx(share, abs=4 * error)


def test_p_is_that_of_all_permutations_of_two_seeds() -> None:
    pairs = [
        (np.array([1.0, 2, 3, 4, 5]), np.array([0.1, 0.3, 0.2, 0.4, 0.4])),
        (np.array([1.0, 2, 2, 4]), np.array([0.5, 0.2, 0.6, 0.7])),
    ]
    every = [
        [spearman(x, np.array(order)) for order in itertools.permutations(y)] for x, y in pairs
    ]
    means = np.add.outer(*np.array(every, dtype=object)).ravel().astype(np.float64) / 2
    observed = analysed(table(loss=pairs), n_permutations=20_000)["loss"]
    assert observed.mean is not None
    assert observed.p_within is not None
    exact = float((np.abs(means) >= abs(observed.mean) - 1e-12).mean())
    assert 0.01 < exact < 0.2
    assert observed.p_within == pytest.approx(
        exact, abs=4 * math.sqrt(exact * (1 - exact) / 20_000)
    )
    assert observed.null_mean == pytest.approx(np.quantile(means, [0.025, 0.975]), abs=0.06)


@pytest.mark.long
def test_p_of_one_seed_is_scipy_s_permutation_test() -> None:
    x, y = pair(8, g=30, slope=0.35)

    def rho_of(shuffled: Floats) -> float:
        return scipy_rho(x, shuffled)

    theirs = stats.permutation_test(
        (y,), rho_of,
        permutation_type="pairings", n_resamples=1_000, rng=np.random.default_rng(0),
    )  # fmt: skip
    mine = analysed(table(loss=[(x, y)]), n_permutations=9_999)["loss"].p_within
    assert mine is not None
    p = float(theirs.pvalue)
    assert 0.01 < p < 0.5
    # SciPy doubles the smaller tail, which is the same for a symmetric null.
    assert mine == pytest.approx(p, abs=5 * math.sqrt(p * (1 - p) / 1_000))


def test_p_counts_the_observed_statistic_and_its_ties() -> None:
    assert permutation_p(0.5, np.array([0.1, -0.5, 0.5 - 1e-15, 0.4])) == 3 / 5
    assert permutation_p(1.0, np.zeros(99)) == 1 / 100
    assert permutation_p(0.0, np.zeros(99)) == 1.0


@pytest.mark.long
def test_p_is_uniform_where_accuracy_is_independent_of_the_metric() -> None:
    n = 250
    found = analysed(
        table(**{f"m{i}": [pair(1000 * i + s, g=20) for s in range(2)] for i in range(n)}),
        n_resamples=2,
        n_permutations=199,
    )
    ps = np.array([c.p_within for c in found.values()], dtype=np.float64)
    # p is a multiple of 1/200; the largest distance of 250 uniform draws is below 1.63/√400.
    assert stats.kstest(ps, "uniform").statistic < 1.63 / math.sqrt(n) + 1 / 200
    below = float((ps <= 0.05).mean())
    assert below == pytest.approx(0.05, abs=3 * math.sqrt(0.05 * 0.95 / n))
    outside = np.mean([c.is_within_null is False for c in found.values()])
    assert outside == pytest.approx(0.05, abs=3 * math.sqrt(0.05 * 0.95 / n) + 0.01)


def test_null_bands_agree_with_theory() -> None:
    found = analysed(table(random=[pair(s, g=101) for s in range(4)]), n_permutations=9_999)
    control = found["random"]
    assert control.null_seed is not None
    assert control.null_mean is not None
    # The ρ of a seed has the deviation 1/√(g − 1) = 0.1, the mean of four has half of it.
    assert control.null_seed == pytest.approx((-0.196, 0.196), abs=0.01)
    assert control.null_mean == pytest.approx((-0.098, 0.098), abs=0.01)


def fisher_interval(rhos: Floats, n_groups: list[int], confidence: float = 0.95) -> Interval | None:
    found = fisher_test(rhos, n_groups, confidence)
    return None if found is None else found[0]


def test_fisher_s_interval_by_hand_and_both_as_scipy_has_them() -> None:
    rhos = np.array([0.2, 0.5, 0.6])
    theirs = stats.ttest_1samp(np.arctanh(rhos), 0)
    ends = theirs.confidence_interval(0.9)
    found = fisher_test(rhos, [100] * 3, 0.9)
    assert found is not None
    assert found[0] == pytest.approx((math.tanh(ends.low), math.tanh(ends.high)), abs=1e-12)
    assert found[1] == pytest.approx(theirs.pvalue, abs=1e-12)
    # z = ±artanh ½ = ±½ ln 3; t₁ at 75 % is 1, so the half width of two seeds at 50 % is ½ ln 3.
    assert fisher_interval(np.array([-0.5, 0.5]), [9, 9], 0.5) == pytest.approx((-0.5, 0.5))


@pytest.mark.parametrize("n_seeds", [2, 3, 5, 10])
def test_the_interval_over_seeds_excludes_0_if_and_only_if_p_is_below_a_twentieth(
    n_seeds: int,
) -> None:
    # A mean of two errors or so: about half of the intervals exclude 0.
    studies = np.tanh(0.1 + 0.1 * noise(n_seeds, 300, n_seeds) * math.sqrt(n_seeds) / 2)
    tests = [fisher_test(rhos, [100] * n_seeds) for rhos in studies]
    verdicts = {(test[0][0] <= 0 <= test[0][1], test[1] < 0.05) for test in tests if test}
    assert verdicts == {(True, False), (False, True)}


def test_where_starts_differ_only_the_p_over_seeds_leaves_a_mean_of_0_open() -> None:
    pairs = [pair(s, g=100, slope=slope) for s, slope in enumerate((0.9, 0.6, 0.5, -0.4, -0.3))]
    found = analysed(table(loss=pairs))["loss"]
    assert found.p is not None
    assert found.p_within is not None
    assert found.p_within < 0.01 < 0.05 < found.p
    assert found.sign == 0


def test_a_rho_of_one_is_replaced_by_the_midpoint_to_the_next_lower_rho() -> None:
    # With g = 4 the next ρ below 1 is 0.8, and the midpoint is 0.9.
    near = fisher_interval(np.array([0.9, 0.3]), [4, 4])
    assert fisher_interval(np.array([1.0, 0.3]), [4, 4]) == near
    assert near is not None
    below = fisher_interval(np.array([-1.0, -0.3]), [4, 4])
    assert below == pytest.approx((-near[1], -near[0]))


def test_neither_seeds_that_all_agree_nor_a_single_seed_have_an_interval() -> None:
    assert fisher_interval(np.array([0.4]), [100]) is None
    assert fisher_interval(np.array([1.0, 1.0, 1.0]), [5, 5, 5]) is None


@pytest.mark.parametrize("rho", [0.1, 0.4, 1.0])
def test_seeds_that_agree_except_for_rounding_have_no_interval(rho: float) -> None:
    assert fisher_interval(np.full(5, rho), [5] * 5) is None
    almost = np.full(7, rho) - np.array([0, 0, 0, 1e-16, 0, 0, 0])
    assert fisher_interval(almost, [5] * 7) is None


def test_a_rho_at_the_end_of_its_null_band_lies_within_it() -> None:
    x = np.array([0.1, 0.2, 0.3])  # with three groups, one order of six gives a rho of 1
    found = analysed(table(entropy=[(x, x)]))["entropy"]
    assert found.mean == 1.0
    assert found.is_within_null


def test_seeds_without_a_rho_are_not_counted() -> None:
    x = np.arange(5.0)
    found = analysed(table(entropy=[(x, x[::-1].copy()), (x, np.ones(5))]))["entropy"]
    assert found.seeds_in_words == "1 of 2 seeds"


@pytest.mark.long
def test_fisher_s_interval_covers_the_truth() -> None:
    rho, n, g = 0.6, 300, 50
    draws = noise(5, n, 5, 2, g)
    draws[:, :, 1] = rho * draws[:, :, 0] + math.sqrt(1 - rho**2) * draws[:, :, 1]
    truth = 6 / math.pi * math.asin(rho / 2)  # Spearman's ρ of a binormal pair
    covered = 0
    for study in draws:
        rhos = np.array([spearman(x, y) for x, y in study], dtype=np.float64)
        interval = fisher_interval(rhos, [g] * 5)
        assert interval is not None
        covered += interval[0] <= truth <= interval[1]
    assert covered / n == pytest.approx(0.95, abs=3 * math.sqrt(0.95 * 0.05 / n) + 0.01)


@pytest.mark.long
def test_the_bootstrap_is_scipy_s_in_distribution() -> None:
    x, y = pair(3, g=25, slope=0.8)
    theirs = stats.bootstrap(
        (x, y), scipy_rho,
        paired=True, vectorized=False, n_resamples=1_000, method="percentile",
        rng=np.random.default_rng(1),
    )  # fmt: skip
    mine = bootstrap_means([(x, y)], 1_000, generator=stream(2, "test"))
    # The largest distance between two samples of 1,000 exceeds 0.073 once in a hundred.
    assert stats.ks_2samp(mine, theirs.bootstrap_distribution).statistic < 0.08


def test_the_bootstrap_of_three_groups_leaves_out_undefined_resamples() -> None:
    x, y = np.array([1.0, 2, 3]), np.array([1.0, 2, 3])
    n = 3_000
    means = bootstrap_means([(x, y), (x, y)], n, generator=stream(2, "test"))
    assert means == pytest.approx(np.ones(len(means)))
    # Each seed draws one group three times in 1 of 9 resamples.
    kept = (8 / 9) ** 2
    assert len(means) / n == pytest.approx(kept, abs=4 * math.sqrt(kept * (1 - kept) / n))


def test_each_seed_is_resampled_and_shuffled_independently() -> None:
    strong, weak = pair(1, g=60, slope=3), pair(2, g=60)
    one, both = (
        bootstrap_means(pairs, 2_000, generator=stream(0, "test"))
        for pairs in ([strong], [strong, weak])
    )
    expected = (one.mean() + bootstrap_means([weak], 2_000, generator=stream(1, "t")).mean()) / 2
    assert both.mean() == pytest.approx(expected, abs=0.02)
    shuffled = permuted_rhos([strong, weak], 4_000, generator=stream(0, "test"))
    assert abs(stats.pearsonr(*shuffled).statistic) < 4 / math.sqrt(4_000)


def test_a_strong_correlation_is_found_and_each_rho_belongs_to_its_seed() -> None:
    pairs = [pair(s, slope=1.0) for s in range(3)]
    found = analysed(table(loss=pairs))["loss"]
    assert found.rhos == {s: spearman(*p) for s, p in enumerate(pairs)}
    assert found.mean == pytest.approx(np.mean([rho for rho in found.rhos.values() if rho]))
    assert found.p_within == 1 / 1000
    assert found.is_within_null is False
    for interval in (found.fisher, found.bootstrap):
        assert interval is not None
        assert found.mean is not None
        assert interval[0] < found.mean < interval[1]


def test_only_margins_are_reported_with_both_signs() -> None:
    pairs = [pair(s, slope=1.0) for s in range(3)]
    names = ("margin", "margin(batch-norm=frozen)", "qbc-margin", "entropy")
    found = analysed(table(**dict.fromkeys(names, pairs)))
    assert list(found) == [
        "margin", "margin (raw)", "margin(batch-norm=frozen)", "margin(batch-norm=frozen) (raw)",
        "qbc-margin", "qbc-margin (raw)", "entropy",
    ]  # fmt: skip
    score, raw = found["margin"], found["margin (raw)"]
    negated = analysed(table(margin=[(-x, y) for x, y in pairs]))["margin"]
    assert raw.rhos == pytest.approx(negated.rhos)
    assert raw.mean == pytest.approx(negated.mean)
    assert (raw.p, raw.p_within) == (score.p, score.p_within)
    assert raw.fisher == pytest.approx(negated.fisher)
    assert raw.bootstrap == pytest.approx(negated.bootstrap, abs=0.05)
    assert raw.null_mean == pytest.approx(negated.null_mean, abs=0.05)
    assert raw.null_seed == pytest.approx(negated.null_seed, abs=0.05)


def test_constants_have_no_rho_and_count_nowhere() -> None:
    x, y = pair(4)
    found = analysed(table(loss=[(x, y), (x, np.zeros(40)), (np.ones(40), y)]))["loss"]
    assert found.rhos[1] is found.rhos[2] is None
    alone = analysed(table(loss=[(x, y)]))["loss"]
    assert (found.mean, found.p_within) == (alone.mean, alone.p_within)
    assert found.bootstrap == alone.bootstrap
    assert found.p is None
    nothing = analysed(table(margin=[(x, np.zeros(40))]))
    for name in ("margin", "margin (raw)"):
        assert nothing[name] == Correlation(name, {0: None})
        assert nothing[name].is_within_null is None


@pytest.mark.long
@given(
    st.lists(
        st.integers(1, 4).flatmap(
            lambda g: arrays(np.float64, (2, g), elements=st.integers(0, 2).map(float))
        ),
        min_size=1,
        max_size=3,
    )
)
def test_tiny_samples_give_numbers_or_none_and_never_nan(values: list[Floats]) -> None:
    found = analysed(table(loss=[(x, y) for x, y in values]), n_resamples=5, n_permutations=5)
    loss = found["loss"]
    numbers = [*loss.rhos.values(), loss.mean, loss.p, loss.p_within]
    for interval in (loss.fisher, loss.bootstrap, loss.null_mean, loss.null_seed):
        numbers += [None] if interval is None else interval
        assert interval is None or -1 - 1e-9 <= interval[0] <= interval[1] <= 1 + 1e-9
    assert all(number is None or math.isfinite(number) for number in numbers)


def test_numbers_that_are_missing_are_left_out() -> None:
    x, y = pair(5)
    holed = [(np.append(x, [np.nan, 0.3]), np.append(y, [0.1, np.inf]))]
    assert analysed(table(loss=holed)) == analysed(table(loss=[(x, y)]))


def test_the_result_of_a_metric_depends_neither_on_the_others_nor_on_the_order_of_rows() -> None:
    first, second = [pair(1)], [pair(2)]
    both = analysed(table(loss=first, entropy=second))
    assert both["entropy"] == analysed(table(entropy=second))["entropy"]
    groups = table(loss=first)
    turned = analysed(groups.take(pa.array(range(39, -1, -1))))["loss"]
    assert turned.rhos == pytest.approx(both["loss"].rhos)
    assert turned.p_within == pytest.approx(both["loss"].p_within, abs=0.06)
