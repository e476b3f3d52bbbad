"""The evidence that holds whenever one looks, against its definition as a mixture."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from alsim.analysis.statistics.anytime import (
    SPREAD,
    anytime_half_width,
    anytime_p,
    evidence,
)


def by_integration(d: np.ndarray) -> float:
    """Return the density of t, averaged over the prior of the standardised mean, over the null's.

    With the right-Haar prior on the scale the Bayes factor is that of the statistic t.
    """
    n = len(d)
    t = float(stats.ttest_1samp(d, 0).statistic)

    def height(effect: float) -> float:
        prior = stats.norm.pdf(effect, scale=math.sqrt(SPREAD))
        return float(stats.nct.pdf(t, n - 1, effect * math.sqrt(n)) * prior)

    at = t / math.sqrt(n)  # where the likelihood is highest
    ends = [-9.0, *sorted((at - 0.7, at + 0.7)), 9.0]
    area = sum(integrate.quad(height, a, b, limit=200)[0] for a, b in pairwise(ends))
    return area / float(stats.t.pdf(t, n - 1))


@pytest.mark.parametrize(("n", "mean"), [(2, 0.4), (3, 0.0), (5, 1.0), (10, -0.8), (20, 0.3)])
def test_the_evidence_is_the_mixture_of_t_densities_over_the_prior(n: int, mean: float) -> None:
    d = np.random.default_rng(n).normal(mean, 1, n)
    assert evidence(d)[-1] == pytest.approx(by_integration(d), rel=1e-5)


def test_the_evidence_after_each_seed_is_that_of_the_seeds_so_far() -> None:
    d = np.random.default_rng(0).normal(0.5, 1, 12)
    alone = [float(evidence(d[:n])[-1]) for n in range(2, 13)]
    assert evidence(d) == pytest.approx(alone, rel=1e-12)
    for n, found in enumerate(evidence(d), 2):  # and the formula in plain numbers
        nu, scale = n - 1, 1 + n * SPREAD
        t2 = float(stats.ttest_1samp(d[:n], 0).statistic) ** 2
        ratio = (1 + t2 / nu) / (1 + t2 / (nu * scale))
        assert found == pytest.approx(scale**-0.5 * ratio ** ((nu + 1) / 2))


@given(st.floats(1e-3, 1e3), st.booleans(), st.integers(0, 1000))
def test_neither_unit_nor_sign_matters(unit: float, is_negative: bool, seed: int) -> None:
    d = np.random.default_rng(seed).normal(0.5, 1, 9)
    scaled = d * (-unit if is_negative else unit)
    assert evidence(scaled) == pytest.approx(evidence(d), rel=1e-9)
    assert anytime_p(scaled) == pytest.approx(anytime_p(d))
    half_width = anytime_half_width(d, 0.05)
    assert anytime_half_width(scaled, 0.05) == pytest.approx(unit * half_width)


def test_p_never_grows_while_seeds_are_added() -> None:
    d = np.random.default_rng(3).normal(0.6, 1, 30)
    p = [anytime_p(d[:n]) for n in range(2, 31)]
    assert None not in p
    assert p == sorted(p, reverse=True)  # type: ignore[type-var]


def test_up_to_fifty_seeds_a_part_counts_and_beyond_them_the_whole() -> None:
    d = np.random.default_rng(4).normal(0.5, 1, 51)
    most = float(evidence(d[:50]).max())
    assert anytime_p(d[:50]) == pytest.approx(min(1.0, 0.6 / most))
    assert anytime_p(d) == pytest.approx(min(1.0, 1 / float(evidence(d).max())))
    low, high = anytime_half_width(d[:50], 0.05), anytime_half_width(d, 0.05)
    assert low < high


def test_differences_that_are_all_alike_are_no_evidence() -> None:
    assert evidence(np.full(5, 0.25)).tolist() == [1.0] * 4
    assert anytime_p(np.full(5, 0.25)) is None
    assert anytime_p(np.zeros(5)) is not None  # none of a difference: far from any level
    assert (anytime_p(np.zeros(5)) or 0.0) > 0.1
    assert anytime_p(np.array([0.25])) is None
    later = evidence(np.array([0.25, 0.25, 0.25, 0.2]))
    assert later[:2].tolist() == [1.0, 1.0]
    assert later[2] > 1


@given(st.integers(4, 60), st.floats(0.001, 0.1), st.integers(0, 1000))
def test_the_interval_ends_where_the_evidence_after_the_last_seed_rejects(
    n: int, level: float, seed: int
) -> None:
    d = np.random.default_rng(seed).normal(0.3, 1, n)
    half_width = anytime_half_width(d, level)
    wanted = (0.6 if n <= 50 else 1.0) / level
    if math.isinf(half_width):
        # However far the mean: the evidence of so few seeds is bounded.
        assert evidence(d + 1e9)[-1] <= wanted * 1.001
    else:
        for end in (d.mean() - half_width, d.mean() + half_width):
            assert evidence(d - end)[-1] == pytest.approx(wanted, rel=1e-4)


@pytest.mark.long
def test_looking_after_every_seed_finds_no_difference_in_more_than_five_percent() -> None:
    studies = 4000
    d = np.random.default_rng(5).normal(0, 1, (studies, 50))
    share = np.mean([(anytime_p(each) or 1.0) <= 0.05 for each in d])
    assert 0.02 < share <= 0.05
    ordinary = [stats.ttest_1samp(d[:, :n], 0, axis=1).pvalue for n in range(3, 51)]
    assert (np.min(ordinary, axis=0) < 0.05).mean() > 0.25  # the same looks with the t-test
