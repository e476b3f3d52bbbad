"""The ranking loss and the net that it trains, tested separately."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from alsim.models import MIXED, Outputs
from alsim.options.training import LossPrediction
from alsim.seeding import forked, stream
from alsim.training.loss_prediction import LossPredictor, ranking_loss, readable

F64 = torch.float64
ALL = torch.ones(4, dtype=torch.bool)


def in_a_loop(
    predicted: list[float], losses: list[float], counted: list[bool], margin: float
) -> float:
    terms: list[float] = []
    n = len(predicted)
    for i in range(n // 2):
        j = n - 1 - i
        if counted[i] and counted[j]:
            sign = (losses[i] > losses[j]) - (losses[i] < losses[j])
            terms.append(max(0.0, -sign * (predicted[i] - predicted[j]) + margin))
    return sum(terms) / len(terms) if terms else 0.0


def test_the_loss_of_four_rows_equals_that_by_hand() -> None:
    predicted = torch.tensor([0.5, 2.0, -1.0, 0.2], dtype=F64)
    losses = torch.tensor([3.0, 1.0, 2.0, 0.5], dtype=F64)
    # Rows 0 and 3: the right order by 0.3, so 0.7; rows 1 and 2: wrong by 3, so 4.
    assert ranking_loss(predicted, losses, ALL).item() == pytest.approx((0.7 + 4.0) / 2)
    # With a margin of 0.2 the first pair is far enough apart.
    assert ranking_loss(predicted, losses, ALL, margin=0.2).item() == pytest.approx(3.2 / 2)
    without_row_2 = torch.tensor([True, True, False, True])
    assert ranking_loss(predicted, losses, without_row_2).item() == pytest.approx(0.7)
    weights = torch.tensor([0.5, 1.0, 0.25, 1.0], dtype=F64)
    expected = (0.5 * 0.7 + 0.25 * 4.0) / 0.75
    assert ranking_loss(predicted, losses, weights).item() == pytest.approx(expected)


@given(
    st.lists(
        st.tuples(st.floats(-3, 3), st.sampled_from([0.0, 0.5, 1.0, 2.0, 3.5]), st.booleans()),
        min_size=1,
        max_size=11,
    ),
    st.sampled_from([0.5, 1.0]),
)
def test_the_loss_equals_a_plain_loop(rows: list[tuple[float, float, bool]], margin: float) -> None:
    predicted, losses, counted = (list(column) for column in zip(*rows, strict=True))
    got = ranking_loss(
        torch.tensor(predicted, dtype=F64),
        torch.tensor(losses, dtype=F64),
        torch.tensor(counted),
        margin=margin,
    )
    assert got.item() == pytest.approx(in_a_loop(predicted, losses, counted, margin))


def test_the_gradient_equals_finite_differences_and_none_flows_to_the_true_losses() -> None:
    g = stream(0, "test")
    predicted = torch.randn(9, generator=g, dtype=F64).requires_grad_()
    losses = torch.rand(9, generator=g, dtype=F64).requires_grad_()
    counted = torch.tensor([True] * 7 + [False, True])
    assert torch.autograd.gradcheck(
        lambda p: ranking_loss(p, losses.detach(), counted), (predicted,)
    )
    ranking_loss(predicted, losses, counted).backward()
    assert losses.grad is None
    assert predicted.grad is not None
    assert predicted.grad[4] == 0  # the odd row is in the middle
    assert predicted.grad[[1, 7]].abs().max() == 0  # a pair with one row that does not count
    assert predicted.grad.abs().max() > 0


def test_equal_losses_give_the_margin_and_no_gradient() -> None:
    predicted = torch.tensor([0.5, 2.0], dtype=F64).requires_grad_()
    loss = ranking_loss(predicted, torch.ones(2, dtype=F64), ALL[:2], margin=0.8)
    loss.backward()
    assert loss.item() == 0.8
    assert predicted.grad is not None
    assert predicted.grad.abs().max() == 0


def test_the_net_is_a_projection_of_each_layer_then_one_linear_layer() -> None:
    with forked(stream(0, "init")):
        predictor = LossPredictor([3, 5], LossPrediction(width=4)).double()
    g = stream(0, "test")
    layers = [torch.randn(6, h, generator=g, dtype=F64) for h in (3, 5)]
    for row in range(6):
        parts = [
            (p.weight @ layer[row] + p.bias).clamp_min(0)
            for p, layer in zip(predictor.projections, layers, strict=True)
        ]
        expected = predictor.last.weight[0] @ torch.cat(parts) + predictor.last.bias[0]
        torch.testing.assert_close(predictor(layers)[row], expected)


def test_for_a_model_without_layers_the_net_reads_the_hidden_layer_and_the_mixed_logits() -> None:
    hidden, mixed, own = torch.zeros(2, 3), torch.zeros(2, 4), torch.zeros(2, 4)
    outputs = Outputs({"label": {MIXED: mixed, "picture": own}}, hidden)
    assert [t is u for t, u in zip(readable(outputs), (hidden, mixed), strict=True)] == [True, True]
