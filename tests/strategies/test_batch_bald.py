"""BatchBALD against full enumeration."""

import itertools
import math
import resource

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from alsim.seeding import stream
from alsim.signals import Signals
from alsim.strategies import Candidates, query
from alsim.strategies.batch_bald import Beliefs, batch_bald
from alsim.strategies.committee import bald


def members(n: int, k: int = 4, c: int = 3, seed: int = 0, spread: float = 1.5) -> Tensor:
    logits = torch.randn(n, k, c, generator=stream(seed, "members"), dtype=torch.float64)
    return torch.softmax(logits * spread, -1)


def joint_information(p: Tensor, rows: list[int]) -> float:
    """Return I(labels of rows; member) by enumerating every configuration of labels."""
    k, c = p.shape[1:]
    joint, given_member = 0.0, 0.0
    for labels in itertools.product(range(c), repeat=len(rows)):
        by_member = [
            math.prod(float(p[row, m, y]) for row, y in zip(rows, labels, strict=True))
            for m in range(k)
        ]
        mean = sum(by_member) / k
        joint -= mean * math.log(mean) if mean else 0
        given_member -= sum(q * math.log(q) for q in by_member if q) / k
    return joint - given_member


def greedy(p: Tensor, size: int) -> list[int]:
    chosen: list[int] = []
    for _ in range(size):
        left = [row for row in range(len(p)) if row not in chosen]
        chosen.append(max(left, key=lambda row: joint_information(p, [*chosen, row])))
    return chosen


def after(p: Tensor, rows: list[int], limit: int, seed: int = 0) -> Beliefs:
    beliefs = Beliefs.none_chosen(p.shape[1])
    generator = stream(seed, "extend")
    for row in rows:
        beliefs = beliefs.extended(p[row], limit, generator=generator)
    return beliefs


def chosen(p: Tensor, size: int, seed: int = 0, k: int = 4, samples: int = 1000) -> list[int]:
    strategy = batch_bald(k, samples)
    scores = strategy.score(Signals(len(p), {"mc_probabilities": p}))
    candidates = Candidates(scores, {"mc_probabilities": p}, n_classes=p.shape[2])
    return query(strategy, candidates, size, generator=stream(seed, "query")).tolist()


@given(st.integers(0, 999))
@settings(max_examples=20)
def test_gains_add_up_to_the_joint_information_of_three_rows(seed: int) -> None:
    p = members(3, seed=seed)
    total = sum(float(after(p, list(range(j)), 100).gains(p[j : j + 1])) for j in range(3))
    assert total == pytest.approx(joint_information(p, [0, 1, 2]), abs=1e-12)


def test_enumerated_cases_have_the_probability_of_every_configuration() -> None:
    p = members(2)
    p = p[:, :, p[0].mean(0).argsort(descending=True)]
    beliefs = after(p, [0], 100)
    torch.testing.assert_close(beliefs.chance, p[0].mean(0))
    torch.testing.assert_close(beliefs.members, (p[0] / p[0].sum(0)).T)


def test_the_first_gain_is_bald_in_both_precisions() -> None:
    p = members(50, k=9, c=6)
    for q in (p, p.float()):
        scores = bald().score(Signals(50, {"mc_probabilities": q}))
        torch.testing.assert_close(Beliefs.none_chosen(9).gains(q), scores, rtol=0, atol=2e-6)


@pytest.mark.long
@given(st.integers(0, 999))
@settings(max_examples=20)
def test_a_query_equals_the_greedy_choice_by_full_enumeration(seed: int) -> None:
    p = members(8, seed=seed, spread=0.7)
    assert chosen(p, 3) == greedy(p, 3)


def test_a_row_is_not_missed_because_many_others_had_higher_earlier_gains() -> None:
    # With 50 × 50 numbers for each row, a block has 1,677 rows: the copies fill the first block.
    def halves(share: float) -> list[float]:
        return [share / 25] * 25 + [(1 - share) / 25] * 25

    copied = [halves(share) for share in (0.98, 0.98, 0.02, 0.02)]
    other = [halves(share) for share in (0.95, 0.05, 0.95, 0.05)]
    p = torch.tensor([copied] * 3000 + [other], dtype=torch.float64)
    assert chosen(p, 2)[1] == 3000


@pytest.mark.long
def test_the_estimate_from_drawn_cases_is_unbiased_and_within_its_standard_error() -> None:
    p = members(5, spread=1.0)
    rows, candidate = [0, 1, 2, 3], p[4:5]
    exact = joint_information(p, [*rows, 4]) - joint_information(p, rows)
    # At most 20 cases: drawn from the third row on, first from enumerated, then from drawn cases.
    estimates = torch.cat([after(p, rows, 20, seed).gains(candidate) for seed in range(600)])
    standard_error = float(estimates.std()) / math.sqrt(600)
    assert standard_error < 0.02 * exact
    assert abs(float(estimates.mean()) - exact) < 4 * standard_error
    for seed in range(5):
        beliefs = after(p, rows, 50, seed)  # of 81 configurations
        each = torch.stack(
            [
                Beliefs(torch.ones(1, dtype=torch.float64), m[None]).gains(candidate)[0]
                for m in beliefs.members
            ]
        )
        bound = 4 * float(each.std()) / math.sqrt(len(each))
        assert abs(float(beliefs.gains(candidate)) - exact) < bound


@pytest.mark.long
def test_labels_are_drawn_with_their_joint_probability() -> None:
    p = members(2)
    counts: dict[tuple[float, ...], float] = {}
    enumerated = after(p, [0, 1], 9)
    for seed in range(1000):
        for posterior in after(p, [0, 1], 4, seed).members:
            key = tuple(round(v, 9) for v in posterior.tolist())
            counts[key] = counts.get(key, 0) + 1 / 4000
    for chance, posterior in zip(enumerated.chance, enumerated.members, strict=True):
        share = counts[tuple(round(v, 9) for v in posterior.tolist())]
        # This is the deviation of independent draws; stratified draws vary less.
        assert abs(share - float(chance)) < 4 * math.sqrt(float(chance) / 4000)


def test_a_duplicate_of_a_chosen_row_gains_less_and_is_not_picked_unlike_with_bald() -> None:
    # Members 0, 1 against 2, 3 in row 0 and its copy; 0, 2 against 1, 3, a little weaker, in row 2.
    sure, other = [0.98, 0.02], [0.02, 0.98]
    split = [[0.96, 0.04], [0.04, 0.96], [0.96, 0.04], [0.04, 0.96]]
    agreed = [[0.6, 0.4]] * 4
    first = [sure, sure, other, other]
    p = torch.tensor([first, first, split, agreed], dtype=torch.float64)
    gains = after(p, [0], 100).gains(p)
    assert gains[1] < 0.5 * gains[2]
    scores = bald().score(Signals(4, {"mc_probabilities": p}))
    assert set(query(bald(), Candidates(scores), 2, generator=stream(0, "q")).tolist()) == {0, 1}
    firsts: set[int] = set()
    for seed in range(20):
        rows = chosen(p, 2, seed)
        assert rows[1] == 2
        firsts.add(rows[0])
    assert firsts == {0, 1}


@pytest.mark.parametrize("samples", [5, 1000])
def test_the_order_of_classes_does_not_change_a_query(samples: int) -> None:
    p = members(40, k=6, c=5, spread=0.8)
    turned = p[:, :, torch.randperm(5, generator=stream(0, "classes"))]
    for seed in range(5):
        assert chosen(p, 8, seed, 6, samples) == chosen(turned, 8, seed, 6, samples)


def test_the_query_starts_over_once_the_committee_is_decided() -> None:
    # Rows 0 and 1 identify the four members; 2 and 3 repeat them, slightly weaker.
    high, low = [1.0, 0.0], [0.0, 1.0]
    rows = [[high, high, low, low], [high, low, high, low]]
    weaker = [[[abs(v - 0.001) for v in member] for member in row] for row in rows]
    noise = [[[0.5, 0.5]] * 4] * 6
    p = torch.tensor([*rows, *weaker, *noise], dtype=torch.float64)
    for seed in range(10):
        order = chosen(p, 4, seed)
        assert set(order[:2]) == {0, 1}
        assert set(order[2:]) == {2, 3}


@pytest.mark.parametrize("samples", [1, 7, 1000])
def test_degenerate_pools_still_give_k_rows(samples: int) -> None:
    one_class = torch.ones(6, 4, 1)
    same = members(1).float().expand(6, 4, 3)
    sure = torch.nn.functional.one_hot(torch.arange(6) % 3, 3).float()[:, None].expand(6, 4, 3)
    opposed = torch.eye(4).expand(6, 4, 4)
    for p in (one_class, same, sure, opposed, members(6)):
        for size in (1, 4, 6):
            assert len(set(chosen(p, size, samples=samples))) == size


def test_rows_without_information_are_picked_at_random() -> None:
    firsts = {chosen(torch.full((5, 4, 3), 1 / 3), 1, seed)[0] for seed in range(60)}
    assert firsts == {0, 1, 2, 3, 4}


@pytest.mark.long
def test_twenty_thousand_rows_of_fifty_classes_are_weighed_in_bounded_memory() -> None:
    p = members(200, k=5, c=50).float()
    few = chosen(p.repeat(3, 1, 1), 2, k=5, samples=200)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    rows = chosen(p.repeat(100, 1, 1), 3, k=5, samples=200)
    # The cases of all rows at once would be 20,000 × 50 × 200 numbers, or 800 MB.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 400_000
    assert [row % 200 for row in rows[:2]] == [row % 200 for row in few]


def test_too_few_samples_or_members_are_refused() -> None:
    with pytest.raises(ValueError, match="samples"):
        batch_bald(samples=0)
    with pytest.raises(ValueError, match="at least 2"):
        batch_bald(k=1)


def test_the_committee_has_consistent_masks() -> None:
    assert batch_bald(k=30).committee.k == 30
    assert batch_bald().committee.masks == "consistent"
