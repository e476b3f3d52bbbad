"""Head disagreement and co-testing, by hand and against SciPy."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial.distance import jensenshannon

from alsim.errors import UsageError
from alsim.seeding import stream
from alsim.signals import Signals
from alsim.strategies import Candidates, Strategy, query
from alsim.strategies.multimodal import (
    co_testing,
    contention,
    disagreement,
    head_disagreement,
    largest_remainder,
)

BOTH = pytest.mark.parametrize("strategy", [head_disagreement(), co_testing()], ids=["js", "co"])


def signals_of(heads: list[list[list[float]]], present: list[list[int]]) -> Signals:
    p, there = torch.tensor(heads).double(), torch.tensor(present).float()
    return Signals(len(heads), {"head_probabilities": p, "present": there})


def make(n: int, m: int, c: int, seed: int = 0) -> Signals:
    g = stream(seed, "rows")
    p = torch.softmax(2 * torch.randn(n, 1 + m, c, generator=g, dtype=torch.float64), 2)
    present = torch.randint(0, 2, (n, m), generator=g).double()
    return Signals(n, {"head_probabilities": p, "present": present})


def candidates_of(strategy: Strategy, signals: Signals) -> Candidates:
    return Candidates(strategy.score(signals), {s: signals.values[s] for s in strategy.keeps})


def test_opposite_heads_disagree_fully_and_equal_heads_not_at_all() -> None:
    mixed = [0.5, 0.5]
    signals = signals_of(
        [
            [mixed, [1, 0], [0, 1]],
            [mixed, [0.3, 0.7], [0.3, 0.7]],
            [mixed, [1, 0], [0, 1]],  # only one of them is there
            [mixed, [1, 0], [0, 1]],  # none is
            [mixed, [1, 0], [0.5, 0.5]],  # H(¾, ¼) − ½ log 2, in units of log 2
        ],
        [[1, 1], [1, 1], [1, 0], [0, 0], [1, 1]],
    )
    by_hand = (-0.75 * math.log(0.75) - 0.25 * math.log(0.25)) / math.log(2) - 0.5
    assert disagreement(signals).tolist() == pytest.approx([1, 0, 0, 0, by_hand])


def test_three_heads_that_predict_three_classes_disagree_fully() -> None:
    heads = [[1 / 3] * 3, [1.0, 0, 0], [0, 1.0, 0], [0, 0, 1.0]]
    signals = signals_of([heads, heads], [[1, 1, 1], [0, 1, 1]])
    assert disagreement(signals).tolist() == pytest.approx([1, 1])


@pytest.mark.long
@given(st.integers(0, 999), st.integers(2, 5))
def test_the_disagreement_of_two_present_heads_is_that_of_scipy(seed: int, c: int) -> None:
    signals = make(6, 3, c, seed)
    scores = disagreement(signals)
    for i in range(6):
        there = signals.present[i].nonzero()[:, 0]
        if len(there) == 2:
            a, b = signals.head_probabilities[i, 1 + there].numpy()
            assert scores[i].item() == pytest.approx(jensenshannon(a, b, 2) ** 2, abs=1e-12)
        assert 0 <= scores[i] <= 1
        assert len(there) > 1 or scores[i] == 0


def test_contradicting_heads_come_first_ordered_by_their_least_confident_head() -> None:
    signals = signals_of(
        [
            [[0.6, 0.4], [0.9, 0.1], [0.2, 0.8]],  # contradict, least 0.8
            [[0.6, 0.4], [1.0, 0.0], [0.4, 0.6]],  # contradict, least 0.6
            [[0.9, 0.1], [0.9, 0.1], [0.8, 0.2]],  # agree, mixed 0.9
            [[0.7, 0.3], [0.9, 0.1], [0.1, 0.9]],  # one is there, mixed 0.7
            [[0.6, 0.4], [0.5, 0.5], [0.3, 0.7]],  # share class 1: no contradiction, mixed 0.6
        ],
        [[1, 1], [1, 1], [1, 1], [0, 1], [1, 1]],
    )
    assert contention(signals).tolist() == pytest.approx([0.8, 0.6, -0.9, -0.7, -0.6])
    rows = query(co_testing(), candidates_of(co_testing(), signals), 5, generator=stream(0, "q"))
    assert rows.tolist() == [0, 1, 4, 3, 2]


def test_with_three_modalities_one_dissenting_head_is_enough() -> None:
    heads = [[0.5, 0.5], [0.9, 0.1], [0.7, 0.3], [0.4, 0.6]]
    signals = signals_of([heads] * 3, [[1, 1, 1], [1, 1, 0], [1, 0, 1]])
    assert contention(signals).tolist() == pytest.approx([0.6, -0.5, 0.6])


def test_each_pattern_gets_its_share_of_the_query() -> None:
    # Eight rows with both modalities, four with the first only: of k = 6 four and two, though
    # the single ones all score 0.
    g = stream(0, "heads")
    p = torch.softmax(torch.randn(12, 3, 2, generator=g, dtype=torch.float64), 2)
    present = torch.tensor([[1.0, 1.0]] * 8 + [[1.0, 0.0]] * 4)
    signals = Signals(12, {"head_probabilities": p, "present": present})
    best = disagreement(signals)[:8].argsort(descending=True)[:4]
    seen: set[int] = set()
    for seed in range(60):
        rows = query(
            head_disagreement(),
            candidates_of(head_disagreement(), signals),
            6,
            generator=stream(seed, "q"),
        )
        assert rows[:4].tolist() == best.tolist()
        assert (rows[4:] >= 8).all()
        seen |= set(rows[4:].tolist())
    assert seen == {8, 9, 10, 11}


def test_quotas_follow_the_largest_remainders_and_equal_ones_are_random() -> None:
    # 7 of 5 + 3 + 2: 3.5, 2.1, 1.4.
    quotas = largest_remainder(torch.tensor([5, 3, 2]), 7, generator=stream(0, "q"))
    assert quotas.tolist() == [4, 2, 1]
    first = sum(
        int(largest_remainder(torch.tensor([3, 3]), 3, generator=stream(s, "q"))[0]) == 2
        for s in range(400)
    )
    assert stats.binomtest(first, 400).pvalue > 0.001


@given(st.lists(st.integers(1, 30), min_size=1, max_size=8), st.integers(0, 99))
def test_quotas_add_up_stay_within_one_of_their_share_and_never_exceed_a_pattern(
    sizes: list[int], seed: int
) -> None:
    g = stream(seed, "q")
    k = int(torch.randint(1, sum(sizes) + 1, (), generator=g))
    quotas = largest_remainder(torch.tensor(sizes), k, generator=g)
    assert quotas.sum() == k
    for quota, size in zip(quotas.tolist(), sizes, strict=True):
        assert abs(quota - k * size / sum(sizes)) < 1
        assert 0 <= quota <= size


@BOTH
def test_one_modality_or_a_model_without_their_heads_is_refused(strategy: Strategy) -> None:
    one = Signals(2, {"head_probabilities": torch.ones(2, 2, 1), "present": torch.ones(2, 1)})
    with pytest.raises(UsageError, match="one modality"):
        strategy.score(one)
    mixed = Signals(2, {"head_probabilities": torch.ones(2, 1, 1), "present": torch.ones(2, 2)})
    with pytest.raises(UsageError, match=r"heads=all"):
        strategy.score(mixed)


@BOTH
def test_the_order_of_classes_and_of_modalities_does_not_matter(strategy: Strategy) -> None:
    signals = make(60, 2, 5)
    p, present = signals.head_probabilities, signals.present
    turned = Signals(
        60, {"head_probabilities": p[:, [0, 2, 1]].flip(2), "present": present.flip(1)}
    )
    torch.testing.assert_close(strategy.score(turned), strategy.score(signals), rtol=0, atol=1e-12)


@BOTH
@pytest.mark.parametrize(("n", "k", "c"), [(1, 1, 3), (8, 8, 3), (9, 4, 1)])
def test_absent_modalities_one_class_and_the_whole_pool_give_k_rows(
    strategy: Strategy, n: int, k: int, c: int
) -> None:
    signals = make(n, 2, c)
    absent = Signals(n, {**signals.values, "present": torch.zeros(n, 2)})
    for each in (signals, absent):
        rows = query(strategy, candidates_of(strategy, each), k, generator=stream(0, "q"))
        assert len(rows.unique()) == k
