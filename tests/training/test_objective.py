import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from alsim.models import MIXED, Inputs, Outputs, Shape
from alsim.options.model import ModelOptions
from alsim.options.training import LossWeighting, TrainingOptions
from alsim.seeding import stream
from alsim.training.losses import masked_losses
from alsim.training.objective import Objective, make_objective

G = torch.float64


class Fixed(nn.Module):
    """Returns the same logits for every batch, chosen by a test: head -> (n, c)."""

    def __init__(self, logits: dict[str, torch.Tensor]) -> None:
        super().__init__()
        self.logits = nn.ParameterDict(logits)

    def forward(self, inputs: Inputs) -> Outputs:
        return Outputs({"label": dict(self.logits.items())}, inputs.present)


def make(weighting: LossWeighting, **weights: float) -> tuple[Objective, Inputs, torch.Tensor]:
    g = stream(0, "test")
    logits = {h: torch.randn(4, 3, generator=g, dtype=G) for h in (MIXED, "picture", "text")}
    objective = Objective(
        Fixed(logits),
        {"label": tuple(logits)},
        ("picture", "text"),
        weighting=weighting,
        fixed_weights=weights,
    ).to(G)
    present = torch.tensor([[1, 1], [1, 0], [1, 0], [0, 0]], dtype=G)
    return objective, Inputs({}, present), torch.tensor([0, 2, 1, 1])


def losses_by_hand(objective: Objective, y: torch.Tensor) -> dict[str, torch.Tensor]:
    logits = objective.model.logits
    return {
        MIXED: F.cross_entropy(logits[MIXED], y),
        "picture": F.cross_entropy(logits["picture"][:3], y[:3]),
        "text": F.cross_entropy(logits["text"][:1], y[:1]),
    }


def test_each_head_counts_only_rows_that_have_its_modality() -> None:
    objective, inputs, y = make("sum")
    by_hand = losses_by_hand(objective, y)
    assert objective(inputs, {"label": y}, {}).total.item() == pytest.approx(
        sum(by_hand.values()).item()
    )


def test_fixed_weights_multiply_the_heads_that_they_name() -> None:
    objective, inputs, y = make("fixed", mixed=2.0, text=0.5)
    by_hand = losses_by_hand(objective, y)
    expected = 2 * by_hand[MIXED] + by_hand["picture"] + 0.5 * by_hand["text"]
    assert objective(inputs, {"label": y}, {}).total.item() == pytest.approx(expected.item())


def test_learned_uncertainty_is_loss_over_variance_plus_log_sigma() -> None:
    objective, inputs, y = make("uncertainty")
    assert objective.log_variance is not None
    sigmas = torch.tensor([0.5, 1.5, 2.0], dtype=G)
    objective.log_variance.data = 2 * sigmas.log()
    by_hand = losses_by_hand(objective, y)
    expected = sum(
        loss / s**2 + math.log(s) for loss, s in zip(by_hand.values(), sigmas.tolist(), strict=True)
    )
    assert objective(inputs, {"label": y}, {}).total.item() == pytest.approx(expected.item())
    deviations = objective.sigmas(objective.log_variance.detach())
    assert deviations[("label", "picture")] == pytest.approx(1.5)


def test_at_the_optimum_of_sigma_its_square_is_twice_the_loss() -> None:
    objective, inputs, y = make("uncertainty")
    by_hand = losses_by_hand(objective, y)
    optimiser = torch.optim.LBFGS([objective.log_variance], max_iter=200, tolerance_grad=1e-12)

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        loss = objective(inputs, {"label": y}, {}).total
        loss.backward()
        return loss

    optimiser.step(closure)
    variances = objective.log_variance.exp()
    torch.testing.assert_close(
        variances, 2 * torch.stack(list(by_hand.values())), rtol=1e-5, atol=0
    )


def test_both_terms_of_a_head_without_rows_in_the_batch_are_skipped() -> None:
    objective, inputs, y = make("uncertainty")
    objective.log_variance.data = torch.tensor([0.3, -0.2, 0.9], dtype=G)
    no_text = Inputs({}, inputs.present * torch.tensor([1.0, 0.0], dtype=G))
    objective(no_text, {"label": y}, {}).total.backward()
    assert objective.log_variance.grad[2] == 0
    assert objective.log_variance.grad[1] != 0
    assert objective.model.logits["text"].grad.abs().max() == 0


def test_a_single_head_is_plain_cross_entropy_for_any_weighting() -> None:
    shape = Shape({"x": 4}, {"label": 3})
    objective = make_objective(
        shape, ModelOptions(name="linear"), TrainingOptions(), generator=stream(0, "init")
    )
    assert objective.log_variance is None
    x, y = torch.randn(5, 4, generator=stream(0, "x")), torch.tensor([0, 1, 2, 0, 1])
    inputs = Inputs({"x": x}, torch.ones(5, 1))
    logits = objective.model(inputs).logits["label"][MIXED]
    torch.testing.assert_close(
        objective(inputs, {"label": y}, {}).total, F.cross_entropy(logits, y)
    )


def test_masked_cross_entropy_is_the_mean_over_known_rows_and_zero_without_known_rows() -> None:
    z = torch.randn(2, 6, 3, generator=stream(0, "z"), dtype=G).requires_grad_()
    y = torch.tensor([[0, -1, 2, -1, 1, 1], [-1] * 6])
    losses, counts = masked_losses(z, y)
    losses.sum().backward()
    known = y[0] >= 0
    assert losses[0].item() == pytest.approx(F.cross_entropy(z[0][known], y[0][known]).item())
    assert losses[1] == 0
    assert counts.tolist() == [4, 0]
    assert z.grad is not None
    assert z.grad[1].abs().max() == 0
    assert z.grad[0][~known].abs().max() == 0
    assert z.grad[0][known].abs().min() > 0


def test_class_weights_average_as_torch_does() -> None:
    z = torch.randn(1, 6, 3, generator=stream(0, "z"), dtype=G)
    y, w = torch.tensor([[0, -1, 2, -1, 1, 1]]), torch.tensor([0.2, 1.0, 3.0], dtype=G)
    expected = F.cross_entropy(z[0], y[0], weight=w, ignore_index=-1)
    assert masked_losses(z, y, w)[0].item() == pytest.approx(expected.item())
