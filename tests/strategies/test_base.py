"""BASE: boundary distances by projection, and equal quotas."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from alsim.errors import RunError
from alsim.seeding import stream
from alsim.signals import Signal
from alsim.strategies import Candidates, query
from alsim.strategies.base import base, boundary_distances, nearest_by_class
from alsim.strategies.linear_head import LinearHead


def make(n: int, c: int, h: int = 5, seed: int = 0) -> tuple[Candidates, LinearHead]:
    g = stream(seed, "rows")
    head = LinearHead(
        torch.randn(c, h, generator=g, dtype=torch.float64),
        torch.randn(c, generator=g, dtype=torch.float64),
    )
    hidden = torch.randn(n, h, generator=g, dtype=torch.float64)
    kept: dict[Signal, torch.Tensor] = {
        "hidden": hidden,
        "probabilities": torch.softmax(head.logits(hidden), 1),
    }
    return Candidates(torch.zeros(n), kept, n_classes=c), head


def equally(distances: torch.Tensor, k: int) -> list[int]:
    """The slow twin, for distances without ties: search all pairs for each pick."""
    n, c = distances.shape
    chosen: list[int] = []
    sizes = [0] * c
    for quota in (k // c, k // c + 1):
        while len(chosen) < k:
            pairs = [
                (float(distances[i, j]), i, j)
                for i in range(n)
                for j in range(c)
                if i not in chosen and sizes[j] < quota
            ]
            if not pairs:
                break
            _, i, j = min(pairs)
            chosen.append(i)
            sizes[j] += 1
    return chosen


def test_the_distances_to_three_boundaries_by_hand() -> None:
    # Logits (z₁, −z₁, z₂) at (3, 1): to class 1 the difference is 6 with weights 2 apart, to
    # class 2 it is 2 with weights √2 apart; to its own class it is the smallest of these.
    head = LinearHead(torch.tensor([[1.0, 0], [-1, 0], [0, 1]]).double(), torch.zeros(3).double())
    found = boundary_distances(head.logits(torch.tensor([[3.0, 1.0]])), head)
    assert found[0].tolist() == pytest.approx([2**0.5, 3, 2**0.5])


@pytest.mark.long
@given(st.integers(0, 999))
def test_moving_a_row_by_its_distance_reaches_the_boundary(seed: int) -> None:
    candidates, head = make(4, 4, seed=seed)
    hidden = candidates.kept["hidden"]
    logits = head.logits(hidden)
    distances = boundary_distances(logits, head)
    for i, top in enumerate(logits.argmax(1).tolist()):
        others = [j for j in range(4) if j != top]
        assert distances[i, top] == distances[i, others].min()
        for j in others:
            direction = torch.nn.functional.normalize(head.weight[j] - head.weight[top], dim=0)
            there = head.logits((hidden[i] + distances[i, j] * direction)[None])[0]
            assert there[j].item() == pytest.approx(there[top].item(), abs=1e-9)


def test_classes_of_equal_weights_have_no_boundary() -> None:
    head = LinearHead(torch.zeros(2, 3).double(), torch.zeros(2).double())
    assert boundary_distances(head.logits(torch.ones(1, 3)), head).isinf().all()


def test_each_class_takes_its_nearest_rows_by_hand() -> None:
    # Class 0 wants rows 0, 1, 2 in this order; class 1 wants 0, 3, 1 and loses row 0.
    distances = torch.tensor([[1.0, 1.5], [2.0, 6.0], [3.0, 7.0], [8.0, 5.0], [9.0, 9.0]])
    p = torch.full((5, 2), 0.5)
    for k, expected in [(1, [0]), (2, [0, 3]), (3, [0, 3, 1]), (4, [0, 1, 3, 2])]:
        rows = nearest_by_class(distances, p, k, generator=stream(0, "q"))
        # The third of k = 4 belongs to class 1: it has only row 3, and rows 1 and 0 are taken.
        assert set(rows.tolist()) == set(expected), k


@given(st.integers(0, 999), st.integers(1, 12), st.integers(1, 5))
def test_the_quotas_equal_those_of_the_slow_twin(seed: int, k: int, c: int) -> None:
    g = stream(seed, "distances")
    distances = torch.rand(12, c, generator=g)
    rows = nearest_by_class(distances, torch.rand(12, c, generator=g), k, generator=g)
    assert rows.tolist() == equally(distances, k)


def test_a_row_equally_near_to_two_classes_goes_to_the_more_probable() -> None:
    # Row 0 is equally near to both; if class 1 takes it, class 0 takes row 1 and not row 2.
    distances = torch.tensor([[1.0, 1.0], [2.0, 9.0], [9.0, 2.5]])
    for p, expected in [([0.4, 0.6], {0, 1}), ([0.6, 0.4], {0, 2})]:
        rows = nearest_by_class(distances, torch.tensor([p] * 3), 2, generator=stream(0, "q"))
        assert set(rows.tolist()) == expected


def test_equal_rows_are_taken_equally_often() -> None:
    counts = torch.zeros(8)
    for seed in range(800):
        rows = nearest_by_class(
            torch.ones(8, 3), torch.ones(8, 3) / 3, 3, generator=stream(seed, "q")
        )
        counts[rows] += 1
    assert stats.chisquare(counts.numpy()).pvalue > 0.001


def test_the_strategy_picks_by_distances_and_quotas() -> None:
    candidates, head = make(40, 3)
    logits = head.logits(candidates.kept["hidden"])
    distances = boundary_distances(logits, head)
    # A row ties between its class and the nearest other, so the twin needs its own class nearer.
    distances[torch.arange(40), logits.argmax(1)] *= 1 - 1e-9
    rows = query(base(), candidates, 10, generator=stream(0, "q"))
    assert rows.tolist() == equally(distances, 10)


def test_the_query_does_not_depend_on_the_order_of_classes() -> None:
    candidates, _ = make(200, 5)
    turned: dict[Signal, torch.Tensor] = {
        **candidates.kept,
        "probabilities": candidates.kept["probabilities"].flip(1),
    }
    chosen = [
        query(base(), Candidates(candidates.scores, kept), 18, generator=stream(1, "q")).tolist()
        for kept in (candidates.kept, turned)
    ]
    assert chosen[0] == chosen[1]


@pytest.mark.parametrize(("n", "k", "c"), [(1, 1, 3), (7, 7, 3), (9, 4, 1), (20, 6, 12)])
def test_identical_rows_one_class_and_the_whole_pool_give_k_rows_at_the_boundary(
    n: int, k: int, c: int
) -> None:
    candidates, _ = make(n, c)
    same: dict[Signal, torch.Tensor] = {
        name: value[:1].expand(n, -1) for name, value in candidates.kept.items()
    }
    for kept in (candidates.kept, same):
        rows = query(base(), Candidates(candidates.scores, kept), k, generator=stream(0, "q"))
        assert len(rows.unique()) == k


def test_a_head_without_weights_to_recover_is_refused() -> None:
    candidates, head = make(300, 4)
    p = torch.softmax(head.logits(candidates.kept["hidden"].square()), 1)
    bent = Candidates(candidates.scores, {**candidates.kept, "probabilities": p})
    with pytest.raises(RunError, match="not linear"):
        query(base(), bent, 3, generator=stream(0, "q"))


def test_a_head_with_too_few_uncertain_rows_to_recover_it_is_refused() -> None:
    candidates, head = make(600, 4, h=20)
    sharp = LinearHead(head.weight * 300, head.bias)
    hidden = candidates.kept["hidden"]
    p = torch.softmax(sharp.logits(hidden), 1)
    usable = (p >= torch.finfo(p.dtype).tiny).all(1)
    few = torch.cat([usable.nonzero()[:6, 0], (~usable).nonzero()[:200, 0]])
    certain = Candidates(
        candidates.scores[few], {"hidden": hidden[few], "probabilities": p[few]}, n_classes=4
    )
    with pytest.raises(RunError, match="only 6 of 206 predictions"):
        query(base(), certain, 3, generator=stream(0, "q"))
