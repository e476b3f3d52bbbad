"""Oracles that name a class: how often they err, with which classes, and at what cost."""

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from torch import Tensor

from alsim.oracle import Oracle, PerfectOracle, make_oracle
from alsim.oracle.erring import draw
from alsim.oracle.plan import OraclePlan
from alsim.seeding import stream

N = 40_000


def truth_of(n: int, n_classes: int) -> Tensor:
    return torch.arange(n) % n_classes


def ask(oracle: Oracle, n: int, seed: int = 0) -> Tensor:
    return oracle(torch.arange(n), beliefs=None, generator=stream(seed, "test")).labels


def test_the_perfect_oracle_is_right_and_draws_nothing() -> None:
    generator = stream(0, "test")
    before = generator.get_state()
    rows = torch.tensor([5, 0, 3])
    answers = PerfectOracle(truth_of(6, 4), 2.5)(rows, beliefs=None, generator=generator)
    assert answers.labels.tolist() == [1, 0, 3]
    assert answers.questions.tolist() == [1, 1, 1]
    assert answers.costs.tolist() == [2.5, 2.5, 2.5]
    assert answers.possible is None
    assert torch.equal(generator.get_state(), before)


def test_uniform_noise_flips_its_share_of_the_labels_to_each_other_class_as_often() -> None:
    truth = truth_of(N, 5)
    labels = ask(make_oracle(OraclePlan("noisy", (0.3,)), truth, 5), N)
    n_wrong = int((labels != truth).sum())
    assert stats.binomtest(n_wrong, N, 0.3).pvalue > 1e-3
    distance = ((labels - truth) % 5)[labels != truth]
    assert stats.chisquare(torch.bincount(distance, minlength=5)[1:]).pvalue > 1e-3


@pytest.mark.parametrize(("rate", "n_right"), [(0.0, 600), (1.0, 0)])
def test_noise_of_zero_never_errs_and_noise_of_one_always_errs(rate: float, n_right: int) -> None:
    truth = truth_of(600, 3)
    labels = ask(make_oracle(OraclePlan("noisy", (rate,)), truth, 3), 600)
    assert int((labels == truth).sum()) == n_right


def test_one_class_cannot_be_confused() -> None:
    oracle = make_oracle(OraclePlan("noisy", (0.5,)), truth_of(9, 1), 1)
    assert ask(oracle, 9).tolist() == [0] * 9


def test_answers_follow_the_confusion_matrix_and_never_have_probability_zero() -> None:
    matrix = (
        (0.6, 0.3, 0.1, 0.0),
        (0.0, 1.0, 0.0, 0.0),
        (0.25, 0.25, 0.25, 0.25),
        (0.5, 0, 0, 0.5),
    )
    truth = truth_of(N, 4)
    labels = ask(make_oracle(OraclePlan("noisy", confusion=matrix), truth, 4), N)
    for true, row in enumerate(matrix):
        counts = torch.bincount(labels[truth == true], minlength=4).double()
        allowed = torch.tensor(row) > 0
        assert counts[~allowed].sum() == 0
        expected = torch.tensor(row, dtype=torch.float64)[allowed] * counts.sum()
        if allowed.sum() > 1:
            assert stats.chisquare(counts[allowed], expected).pvalue > 1e-3


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=6).filter(lambda p: sum(p) > 1e-6))
def test_a_drawn_class_has_positive_probability(weights: list[float]) -> None:
    p = torch.tensor([weights], dtype=torch.float64).expand(200, -1)
    drawn = draw(p, generator=stream(1, "test"))
    assert (p.gather(1, drawn[:, None]) > 0).all()


def right_by_majority(rates: tuple[float, ...], n_answers: int, c: int) -> float:
    """Return how often the majority is right, by enumerating every outcome; class 0 is true."""
    total = 0.0
    for asked in itertools.combinations(rates, n_answers):
        for said in itertools.product(range(c), repeat=n_answers):
            p = math.prod(
                1 - rate if y == 0 else rate / (c - 1) for rate, y in zip(asked, said, strict=True)
            )
            votes = [said.count(y) for y in range(c)]
            total += p * (votes[0] == max(votes)) / votes.count(max(votes))
    return total / math.comb(len(rates), n_answers)


@pytest.mark.parametrize("c", [2, 4])
@pytest.mark.parametrize("n_answers", [1, 2, 3])
def test_the_majority_is_right_as_often_as_by_enumeration(n_answers: int, c: int) -> None:
    rates = (0.05, 0.2, 0.45)
    truth = truth_of(N, c)
    labels = ask(make_oracle(OraclePlan("annotators", rates, answers=n_answers), truth, c), N)
    n_right = int((labels == truth).sum())
    assert stats.binomtest(n_right, N, right_by_majority(rates, n_answers, c)).pvalue > 1e-3
    if c > 2:
        distance = ((labels - truth) % c)[labels != truth]
        assert stats.chisquare(torch.bincount(distance, minlength=c)[1:]).pvalue > 1e-3


def test_an_even_number_of_answers_is_as_good_as_one_fewer() -> None:
    assert right_by_majority((0.1, 0.4), 2, 5) == pytest.approx((0.9 + 0.6) / 2)
    for fewer in (1, 3, 5):
        pair = [right_by_majority((0.3,) * 6, n, 2) for n in (fewer, fewer + 1)]
        assert pair[0] == pytest.approx(pair[1])


def test_by_default_all_annotators_answer_and_each_is_paid() -> None:
    oracle = make_oracle(OraclePlan("annotators", (0.0, 0.0, 0.0), price=0.5), truth_of(9, 3), 3)
    answers = oracle(torch.arange(9), beliefs=None, generator=stream(0, "test"))
    assert answers.questions.tolist() == [3] * 9
    assert answers.costs.tolist() == [1.5] * 9
    assert answers.labels.tolist() == truth_of(9, 3).tolist()


def test_no_annotator_answers_an_object_twice() -> None:
    # All three are asked, so the one that always errs is outvoted each time.
    truth = truth_of(2000, 2)
    labels = ask(make_oracle(OraclePlan("annotators", (0.0, 1.0, 0.0), answers=3), truth, 2), 2000)
    assert torch.equal(labels, truth)


@pytest.mark.parametrize(
    "plan",
    [OraclePlan("noisy", (0.5,)), OraclePlan("annotators", (0.4, 0.4, 0.1), answers=2)],
    ids=lambda plan: plan.kind,
)
def test_answers_depend_only_on_the_given_generator(plan: OraclePlan) -> None:
    oracle = make_oracle(plan, truth_of(500, 4), 4)
    before = torch.get_rng_state()
    first, again, other = (ask(oracle, 500, seed) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), before)
