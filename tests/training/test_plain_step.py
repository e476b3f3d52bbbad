"""The gradients of an mlp without autograd are bit-identical to those of autograd."""

from collections.abc import Mapping

import pytest
import torch
from torch import Tensor

from alsim.models import Inputs, Shape
from alsim.models.layers import StreamDropout
from alsim.options.model import ModelOptions
from alsim.options.training import LossPrediction, TrainingOptions
from alsim.seeding import stream
from alsim.training.direct import DirectReplica
from alsim.training.dropout import draw_masks
from alsim.training.objective import Losses, Objective, make_objective
from alsim.training.plain_step import is_plain, plain_step
from alsim.training.replicas import Batch

N = 37
WIDTHS = {"picture": 20, "text": 9}


def objective_of(
    model: ModelOptions, *, modalities: int = 1, tasks: int = 1, training: TrainingOptions
) -> Objective:
    shape = Shape(dict(list(WIDTHS.items())[:modalities]), {f"task{i}": 7 for i in range(tasks)})
    return make_objective(shape, model, training, generator=stream(3, "init"))


def batch_of(objective: Objective, *, weighted: bool = False) -> Batch:
    generator = stream(0, "batch")
    inputs = {
        name: torch.randn(1, N, WIDTHS[name], generator=generator) for name in objective.modalities
    }
    present = (torch.rand(1, N, len(inputs), generator=generator) < 0.8).float()
    for i, name in enumerate(inputs):
        inputs[name] *= present[..., i : i + 1]
    labels = torch.randint(-1, 7, (1, N), generator=generator)  # some are unknown
    weights = torch.rand(1, 7, generator=generator)
    return Batch(Inputs(inputs, present), {"task0": labels}, {"task0": weights} if weighted else {})


def substitute(layer: torch.nn.Module, mask: Tensor | None) -> None:
    assert isinstance(layer, StreamDropout)
    layer.mask = mask


def by_autograd(objective: Objective, batch: Batch, masks: Mapping[str, Tensor]) -> Losses:
    layers = dict(objective.named_modules())
    for name, mask in masks.items():
        substitute(layers[name.removesuffix(".mask")], mask[0])
    inputs = Inputs({k: x[0] for k, x in batch.inputs.modalities.items()}, batch.inputs.present[0])
    labels = {task: y[0] for task, y in batch.labels.items()}
    losses: Losses = objective(inputs, labels, {t: w[0] for t, w in batch.class_weights.items()})
    losses.total.backward()
    for name in masks:
        substitute(layers[name.removesuffix(".mask")], None)
    return losses


@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("modalities", [1, 2])
@pytest.mark.parametrize("dropout", [0.0, 0.5])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_gradients_and_losses_are_bit_identical_to_those_of_autograd(
    depth: int, modalities: int, dropout: float, weighted: bool, dtype: torch.dtype
) -> None:
    model = ModelOptions(name="mlp", width=33, depth=depth, dropout=dropout)
    objective = objective_of(model, modalities=modalities, training=TrainingOptions()).to(dtype)
    assert is_plain(objective)
    replica = DirectReplica(objective, TrainingOptions())
    batch = batch_of(objective, weighted=weighted)
    inputs = Inputs(
        {k: x.to(dtype) for k, x in batch.inputs.modalities.items()},
        batch.inputs.present.to(dtype),
    )
    weights = {task: w.to(dtype) for task, w in batch.class_weights.items()}
    batch = batch._replace(inputs=inputs, class_weights=weights)
    masks = draw_masks(replica.sites, N, dtype, [stream(1, "dropout")])
    expected = by_autograd(objective, batch, masks)
    named = dict(objective.named_parameters())
    gradients = {name: p.grad.clone() for name, p in named.items() if p.grad is not None}
    found = plain_step(objective, batch, masks)
    assert gradients.keys() == named.keys()
    for name, parameter in named.items():
        assert parameter.grad is not None
        assert gradients[name].abs().sum() > 0
        assert torch.equal(parameter.grad, gradients[name]), name
    for name, theirs, ours in zip(Losses._fields, expected, found, strict=True):
        assert ours.shape == (1, *theirs.shape), name
        assert torch.equal(ours[0], theirs.detach()), name


def test_a_batch_without_a_known_label_has_no_loss_and_no_gradient() -> None:
    objective = objective_of(ModelOptions(name="mlp", width=4), training=TrainingOptions())
    DirectReplica(objective, TrainingOptions())
    batch = batch_of(objective)._replace(labels={"task0": torch.full((1, N), -1)})
    losses = plain_step(objective, batch, {})
    assert losses.total.tolist() == [0]
    assert losses.counted.tolist() == [[False]]
    assert all(not p.grad.any() for p in objective.parameters() if p.grad is not None)


def test_nets_with_further_loss_terms_use_autograd() -> None:
    mlp = ModelOptions(name="mlp", width=4)
    predicting = TrainingOptions(loss_prediction=LossPrediction(width=4))
    assert not is_plain(objective_of(mlp, training=predicting))
    assert not is_plain(objective_of(mlp, tasks=2, training=TrainingOptions()))
    assert not is_plain(objective_of(ModelOptions(name="linear"), training=TrainingOptions()))
    three = ModelOptions(name="three-head", width=4)
    assert not is_plain(objective_of(three, modalities=2, training=TrainingOptions()))
