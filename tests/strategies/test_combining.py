"""Combinations of the scores of several tasks, against loops over objects and tasks."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from alsim.options.curves import Combination
from alsim.seeding import stream
from alsim.strategies.combining import ascending_ranks, cell_values, object_values, order_of, shares

BY_VALUE: tuple[Combination, ...] = ("mean", "max", "rank-sum", "rrf")


def made_up(seed: int, n: int = 12, t: int = 3) -> tuple[Tensor, Tensor]:
    """Return scores with ties, and the open cells, at least one for each object."""
    g = stream(seed, "combining")
    scores = torch.randint(0, 6, (n, t), generator=g).float() / 3
    is_open = torch.rand(n, t, generator=g) < 0.6
    is_open[torch.arange(n), torch.randint(0, t, (n,), generator=g)] = True
    return scores, is_open


def by_loops(rule: Combination, scores: Tensor, is_open: Tensor) -> tuple[Tensor, list[float]]:
    """Return the values of cells and of objects, by the definitions."""
    n, t = scores.shape
    values = torch.full((n, t), math.nan, dtype=torch.float64)
    for j in range(t):
        mine = [float(scores[i, j]) for i in range(n) if is_open[i, j]]
        for i in range(n):
            if not is_open[i, j]:
                continue
            score = float(scores[i, j])
            n_less, n_equal = sum(s < score for s in mine), sum(s == score for s in mine)
            from_below = n_less + (n_equal + 1) / 2
            from_above = (len(mine) - n_less - n_equal) + (n_equal + 1) / 2
            values[i, j] = {
                "mean": score,
                "max": score,
                "rank-sum": (from_below - 0.5) / len(mine),
                "rrf": 1 / (60 + from_above),
            }[rule]
    objects: list[float] = []
    for i in range(n):
        of_cells = [float(values[i, j]) for j in range(t) if is_open[i, j]]
        total = sum(of_cells)
        objects.append({"max": max(of_cells), "rrf": total}.get(rule, total / len(of_cells)))
    return values, objects


@pytest.mark.long
@pytest.mark.parametrize("rule", BY_VALUE)
@given(seed=st.integers(0, 200))
def test_values_equal_those_of_loops_over_objects_and_tasks(rule: Combination, seed: int) -> None:
    scores, is_open = made_up(seed)
    values, objects = by_loops(rule, scores, is_open)
    found = cell_values(rule, scores, is_open)
    torch.testing.assert_close(found[is_open], values[is_open], rtol=0, atol=1e-12)
    expected = torch.tensor(objects, dtype=torch.float64)
    torch.testing.assert_close(object_values(rule, found, is_open), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("rule", BY_VALUE)
def test_the_order_of_the_tasks_does_not_matter(rule: Combination) -> None:
    scores, is_open = made_up(3)
    turned = [2, 0, 1]
    values, other = (
        object_values(rule, cell_values(rule, s, o), o)
        for s, o in ((scores, is_open), (scores[:, turned], is_open[:, turned]))
    )
    assert torch.equal(values, other) if rule != "mean" else torch.allclose(values, other)


@pytest.mark.parametrize("rule", BY_VALUE)
def test_scores_of_cells_that_are_not_open_do_not_matter(rule: Combination) -> None:
    scores, is_open = made_up(5)
    wild = torch.where(is_open, scores, torch.nan)
    values, other = (
        object_values(rule, cell_values(rule, s, is_open), is_open) for s in (scores, wild)
    )
    assert torch.equal(values, other)


@pytest.mark.parametrize("rule", ["rank-sum", "rrf"])
def test_ranks_do_not_change_when_a_task_scores_on_another_scale(rule: Combination) -> None:
    scores, is_open = made_up(7)
    scaled = torch.stack([scores[:, 0], scores[:, 1].exp() * 100, scores[:, 2] - 9], 1)
    assert torch.equal(cell_values(rule, scores, is_open)[is_open],
                       cell_values(rule, scaled, is_open)[is_open])  # fmt: skip


def test_with_all_cells_open_the_order_is_that_of_reicharts_sum_of_ranks() -> None:
    scores = torch.randn(40, 3, generator=stream(0, "ranks"))
    is_open = torch.ones(40, 3, dtype=torch.bool)
    sums = sum(ascending_ranks(scores[:, j]) for j in range(3))
    values = object_values("rank-sum", cell_values("rank-sum", scores, is_open), is_open)
    # The number of ties is the same, too, although the sums of fractions are rounded.
    assert torch.equal(ascending_ranks(values), ascending_ranks(torch.as_tensor(sums)))
    assert values.mean().item() == pytest.approx(0.5)


def test_an_object_with_only_one_of_two_tasks_is_compared_by_that_task() -> None:
    scores = torch.tensor([[3.0, 1.0], [2.0, 0.0], [1.0, 2.0]])
    is_open = torch.tensor([[True, True], [True, False], [True, True]])
    values = {
        rule: object_values(rule, cell_values(rule, scores, is_open), is_open).tolist()
        for rule in BY_VALUE
    }
    assert values["mean"] == [2.0, 2.0, 1.5]
    assert values["max"] == [3.0, 2.0, 2.0]
    # Ranks from below (1, 2, 3 of three; 1, 2 of two), minus a half, divided by their number.
    assert values["rank-sum"] == pytest.approx(
        [(2.5 / 3 + 0.5 / 2) / 2, 1.5 / 3, (0.5 / 3 + 1.5 / 2) / 2]
    )
    assert values["rrf"] == pytest.approx([1 / 61 + 1 / 62, 1 / 62, 1 / 63 + 1 / 61])


@given(k=st.integers(1, 50), t=st.integers(1, 9))
def test_quotas_add_up_and_differ_by_at_most_one(k: int, t: int) -> None:
    parts = shares("quotas", k, t)
    assert sum(parts) == k
    assert len(parts) == t
    assert max(parts) - min(parts) <= 1


def test_the_task_whose_turn_it_is_changes_with_each_step() -> None:
    assert [order_of(step, 3)[0] for step in range(7)] == [0, 1, 2, 0, 1, 2, 0]
    assert order_of(2, 3) == [2, 0, 1]
    assert shares("alternating", 5, 3) == [5, 5, 5]
