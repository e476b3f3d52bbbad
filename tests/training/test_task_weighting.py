"""The formulas of task weights, against cases by hand and plain loops."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from alsim.seeding import stream
from alsim.training.task_weighting import (
    draw_orders,
    dwa_weights,
    gradnorm_slopes,
    normalised,
    without_conflicts,
)

F64 = torch.float64


def tensor(*rows: list[float]) -> Tensor:
    return torch.tensor(rows, dtype=F64)


def test_dynamic_weights_by_hand() -> None:
    found = dwa_weights(tensor([1, 2], [3, 3]), tensor([2, 2], [3, 3]))
    first, second = math.exp(0.5 / 2), math.exp(1 / 2)
    expected = [2 * first / (first + second), 2 * second / (first + second)]
    assert found[0].tolist() == pytest.approx(expected)
    assert found[1].tolist() == pytest.approx([1, 1])


def test_a_task_without_a_loss_in_an_epoch_counts_as_unchanged_for_dynamic_weights() -> None:
    nan = math.nan
    found = dwa_weights(tensor([nan, 2, 5], [4, 2, 0]), tensor([1, 2, 0], [nan, 2, 0]))
    assert found.flatten().tolist() == pytest.approx([1] * 6)


def test_each_of_two_opposed_gradients_loses_its_component_against_the_other() -> None:
    gradients = torch.tensor([[[1.0, 0.0], [-1.0, 1.0]]])
    order = torch.tensor([[[0, 1], [1, 0]]])
    # (1, 0) + ½ (−1, 1), and (−1, 1) + 1 (1, 0).
    assert without_conflicts(gradients, order).tolist() == [[[0.5, 0.5], [0.0, 1.0]]]


def test_gradients_that_agree_are_unchanged() -> None:
    gradients = torch.tensor([[[1.0, 0.0], [0.0, 1.0], [0.5, 2.0]]])
    order = draw_orders(3, [stream(0, "order")])
    assert torch.equal(without_conflicts(gradients, order), gradients)


@pytest.mark.long
@given(st.integers(0, 10_000), st.integers(1, 5), st.integers(1, 4))
def test_surgery_equals_the_loop_of_the_paper_for_every_replica(seed: int, t: int, p: int) -> None:
    g = stream(seed, "gradients")
    gradients = torch.randn(3, t, p, generator=g, dtype=F64)
    order = draw_orders(t, [g] * 3)
    expected = gradients.clone()
    for r in range(3):
        for i in range(t):
            for j in order[r, i].tolist():
                other = gradients[r, j]
                product = expected[r, i].dot(other)
                if j != i and product < 0:
                    expected[r, i] -= product / other.dot(other) * other
    torch.testing.assert_close(without_conflicts(gradients, order), expected)


def test_every_order_of_the_tasks_is_equally_likely() -> None:
    orders = draw_orders(3, [stream(0, "order")] * 2000).flatten(0, 1)
    assert (orders.sort(1).values == torch.arange(3)).all()
    _, counts = orders.unique(dim=0, return_counts=True)
    assert len(counts) == 6
    # 1,000 of 6,000 draws each, with a deviation of 28.9.
    assert (counts - 1000).abs().max() < 4 * 29


def test_gradnorm_is_at_rest_where_each_norm_is_the_mean_times_the_relative_progress() -> None:
    # Progress ½ and 3/2, so r is the same; G = (1, 3) has the mean 2.
    weights, norms = tensor([0.5, 1.5]), tensor([2, 2])
    losses, first, counted = tensor([1, 6]), tensor([2, 4]), torch.ones(1, 2, dtype=torch.bool)
    slopes = gradnorm_slopes(weights, norms, losses, first, counted, alpha=1)
    assert slopes.tolist() == [[0, 0]]
    # If the first task grows, its weight falls and that of the other rises.
    more = gradnorm_slopes(tensor([0.8, 1.2]), norms, losses, first, counted, alpha=1)
    assert more.tolist() == [[2, -2]]


@pytest.mark.long
@given(st.integers(0, 10_000), st.integers(1, 4))
def test_the_slopes_of_gradnorm_are_the_gradient_of_its_loss_through_the_net(
    seed: int, t: int
) -> None:
    g = stream(seed, "net")
    shared = torch.randn(4, 3, generator=g, dtype=F64).requires_grad_()
    heads, x = torch.randn(t, 4, generator=g, dtype=F64), torch.randn(3, generator=g, dtype=F64)
    weights = (torch.rand(t, generator=g, dtype=F64) + 0.2).requires_grad_()
    first = torch.rand(t, generator=g, dtype=F64) + 0.1
    losses = (heads @ torch.tanh(shared @ x)).square()
    scaled, norms = [], []
    for w, loss in zip(weights, losses, strict=True):
        (gradient,) = torch.autograd.grad(w * loss, shared, create_graph=True)
        scaled.append(gradient.norm())
        (gradient,) = torch.autograd.grad(loss, shared, retain_graph=True)
        norms.append(gradient.norm())
    relative = (losses / first / (losses / first).mean()).detach()
    targets = (torch.stack(scaled).mean() * relative**1.5).detach()
    (torch.stack(scaled) - targets).abs().sum().backward()
    found = gradnorm_slopes(
        weights.detach()[None], torch.stack(norms)[None], losses.detach()[None], first[None],
        torch.ones(1, t, dtype=torch.bool),
    )  # fmt: skip
    # A single task is at rest, where only rounding has a sign.
    if t > 1:
        torch.testing.assert_close(found[0], weights.grad)


def test_gradnorm_leaves_out_a_task_without_rows() -> None:
    weights, norms, losses = tensor([0.5, 1.5, 1]), tensor([2, 2, 0]), tensor([1, 6, 0])
    first, counted = tensor([2, 4, math.nan]), torch.tensor([[True, True, False]])
    found = gradnorm_slopes(weights, norms, losses, first, counted, alpha=1)
    assert found.tolist() == [[0, 0, 0]]


def test_weights_keep_a_mean_of_one_and_none_becomes_negative() -> None:
    assert normalised(tensor([1, 3])).tolist() == [[0.5, 1.5]]
    found = normalised(tensor([-1, 0.99]))
    assert found.tolist() == [pytest.approx([0.02, 1.98])]
