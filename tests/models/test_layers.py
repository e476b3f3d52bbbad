import pytest
import torch
from torch import nn

from alsim.models.layers import RowBatchNorm, StreamDropout
from alsim.seeding import stream


def make_norms(width: int) -> tuple[RowBatchNorm, nn.BatchNorm1d]:
    ours, theirs = RowBatchNorm(width).double(), nn.BatchNorm1d(width).double()
    with torch.no_grad():
        for norm in (ours, theirs):
            norm.weight.copy_(torch.linspace(0.5, 2, width))
            norm.bias.copy_(torch.linspace(-1, 1, width))
    return ours, theirs


def test_with_every_row_present_it_equals_torch() -> None:
    ours, theirs = make_norms(5)
    for step in range(3):
        x = torch.randn(16, 5, generator=stream(step, "test"), dtype=torch.float64)
        torch.testing.assert_close(ours(x), theirs(x), rtol=0, atol=1e-12)
    torch.testing.assert_close(ours.running_mean, theirs.running_mean)
    torch.testing.assert_close(ours.running_variance, theirs.running_var)
    ours.eval(), theirs.eval()
    torch.testing.assert_close(ours(x), theirs(x), rtol=0, atol=1e-12)


def test_with_half_the_rows_absent_the_statistics_are_those_of_the_present_rows() -> None:
    ours, theirs = make_norms(5)
    x = 3 + torch.randn(40, 5, generator=stream(0, "test"), dtype=torch.float64)
    weight = (torch.arange(40) % 2 == 0).double().unsqueeze(1)
    out = ours(x * weight, weight)
    expected = theirs(x[::2])
    torch.testing.assert_close(out[::2], expected, rtol=0, atol=1e-12)
    torch.testing.assert_close(ours.running_mean, theirs.running_mean)
    torch.testing.assert_close(ours.running_variance, theirs.running_var)


def test_absent_rows_do_not_affect_the_gradient() -> None:
    ours, theirs = make_norms(3)
    x = torch.randn(8, 3, generator=stream(1, "test"), dtype=torch.float64)
    weight = torch.tensor([1.0, 1, 0, 1, 0, 1, 1, 0], dtype=torch.float64).unsqueeze(1)
    present = weight[:, 0] > 0
    a, b = x.clone().requires_grad_(), x[present].clone().requires_grad_()
    (ours(a, weight) * weight).square().sum().backward()
    theirs(b).square().sum().backward()
    assert a.grad is not None
    assert b.grad is not None
    torch.testing.assert_close(a.grad[present], b.grad, rtol=0, atol=1e-10)
    assert a.grad[~present].abs().max() < 1e-10


@pytest.mark.parametrize("n_present", [0, 1])
def test_fewer_than_two_rows_do_not_change_the_running_statistics(n_present: int) -> None:
    norm, _ = make_norms(4)
    weight = (torch.arange(6) < n_present).double().unsqueeze(1)
    out = norm(torch.ones(6, 4, dtype=torch.float64), weight)
    assert torch.isfinite(out).all()
    assert torch.equal(norm.running_mean, torch.zeros(4, dtype=torch.float64))
    assert torch.equal(norm.running_variance, torch.ones(4, dtype=torch.float64))


def test_a_batch_of_one_row_is_finite() -> None:
    norm, _ = make_norms(4)
    assert torch.isfinite(norm(torch.ones(1, 4, dtype=torch.float64))).all()


def test_evaluation_changes_no_statistics() -> None:
    norm, _ = make_norms(4)
    norm.eval()
    norm(torch.full((9, 4), 7.0, dtype=torch.float64))
    assert torch.equal(norm.running_mean, torch.zeros(4, dtype=torch.float64))


def test_dropout_without_a_mask_returns_its_input() -> None:
    x = torch.randn(4, 3, generator=stream(0, "test"))
    layer = StreamDropout(0.5, 3)
    assert torch.equal(layer(x), x)
    layer.mask = torch.full((4, 3), 2.0)
    assert torch.equal(layer(x), 2 * x)
