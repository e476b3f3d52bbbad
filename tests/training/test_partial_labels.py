"""Labels known only as a set of possible classes."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F
from toy import make_pool

from alsim.options.engine import Way
from alsim.options.model import ModelOptions
from alsim.options.training import LossPrediction, TrainingOptions
from alsim.seeding import stream
from alsim.training.features import features_of, shape_of
from alsim.training.fit import (
    FitStreams,
    Labelled,
    balanced_weights,
    class_weights_of,
    fit_epochs,
)
from alsim.training.losses import known_where, masked_losses, row_losses
from alsim.training.objective import make_objective
from alsim.training.replicas import Replicas
from alsim.training.ways import make_replicas

F64 = torch.float64
POOL = make_pool()
FEATURES = features_of(POOL, torch.device("cpu"), F64)
LABELS = POOL.tasks["label"].labels
WEIGHTS = torch.tensor([0.2, 1.0, 3.0, 0.7], dtype=F64)


def logits_of(*shape: int) -> Tensor:
    return torch.randn(shape, generator=stream(0, "logits"), dtype=F64)


def as_sets(labels: Tensor, n_classes: int) -> Tensor:
    """Return int64 labels as sets; −1 becomes all classes."""
    return F.one_hot(labels.clamp_min(0), n_classes).bool() | (labels < 0).unsqueeze(-1)


def test_the_loss_of_a_row_equals_that_by_hand() -> None:
    p = torch.tensor([[[0.5, 0.3, 0.2], [0.1, 0.6, 0.3], [0.2, 0.2, 0.6]]], dtype=F64)
    possible = torch.tensor([[[True, True, False], [False, False, True], [True, True, True]]])
    losses, counts = masked_losses(p.log(), possible)
    assert counts.tolist() == [2]
    assert losses.item() == pytest.approx(-(math.log(0.8) + math.log(0.3)) / 2)
    weights = torch.tensor([1.0, 2.0, 5.0], dtype=F64)
    weighted, _ = masked_losses(p.log(), possible, weights)
    expected = -(1.5 * math.log(0.8) + 5 * math.log(0.3)) / (1.5 + 5)
    assert weighted.item() == pytest.approx(expected)


@pytest.mark.long
@given(st.lists(st.sets(st.integers(0, 3), min_size=1), min_size=1, max_size=8), st.booleans())
def test_the_loss_equals_brute_force(sets: list[set[int]], weighted: bool) -> None:
    z = logits_of(1, len(sets), 4)
    possible = torch.tensor([[[j in s for j in range(4)] for s in sets]])
    total = weight = 0.0
    for i, s in enumerate(sets):
        p = [math.exp(v) for v in z[0, i].tolist()]
        w = sum(WEIGHTS[j].item() for j in s) / len(s) if weighted else 1.0
        if len(s) < 4:
            total -= w * math.log(sum(p[j] for j in s) / sum(p))
            weight += w
    got, counts = masked_losses(z, possible, WEIGHTS if weighted else None)
    assert got.item() == pytest.approx(total / weight if weight else 0.0)
    assert counts.item() == sum(len(s) < 4 for s in sets)


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["plain", "weighted"])
def test_the_gradient_equals_finite_differences(weights: Tensor | None) -> None:
    z = logits_of(2, 5, 4).requires_grad_()
    possible = torch.rand(2, 5, 4, generator=stream(0, "sets")) < 0.5
    possible[..., 1] |= ~possible.any(-1)
    assert torch.autograd.gradcheck(lambda z: masked_losses(z, possible, weights)[0], (z,))


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["plain", "weighted"])
def test_with_one_possible_class_the_loss_is_the_cross_entropy(weights: Tensor | None) -> None:
    y = torch.tensor([[0, 3, -1, 2, 1, 1], [-1] * 6, [2, 2, 0, -1, -1, 3]])
    results = []
    for labels in (y, as_sets(y, 4)):
        z = logits_of(3, 6, 4).requires_grad_()
        losses, counts = masked_losses(z, labels, weights)
        losses.sum().backward()
        results.append((losses.detach(), counts, z.grad, *row_losses(z.detach(), labels)))
    for exact, partial in zip(*results, strict=True):
        torch.testing.assert_close(partial, exact, rtol=0, atol=1e-12)


def test_a_row_with_all_classes_possible_contributes_nothing() -> None:
    z = logits_of(1, 3, 4).requires_grad_()
    possible = torch.tensor([[[True] * 4, [True, False, True, False], [True] * 4]])
    loss, counts = masked_losses(z, possible)
    loss.sum().backward()
    assert z.grad is not None
    assert z.grad[0, [0, 2]].abs().max() == 0
    assert z.grad[0, 1].abs().min() > 0
    alone, _ = masked_losses(z.detach()[:, 1:2], possible[:, 1:2])
    assert loss.item() == alone.item()
    assert counts.tolist() == [1]
    nothing, none = masked_losses(z.detach(), torch.ones(1, 3, 4, dtype=torch.bool))
    assert (nothing.item(), none.item()) == (0, 0)


def test_the_loss_is_finite_if_the_possible_classes_have_almost_no_probability() -> None:
    z = torch.tensor([[[0.0, 900.0, -900.0, 100.0]]]).requires_grad_()
    loss, _ = masked_losses(z, torch.tensor([[[True, False, True, False]]]))
    loss.sum().backward()
    assert loss.item() == 900
    assert z.grad is not None
    assert z.grad.tolist() == [[[-1, 1, 0, 0]]]


def test_rows_with_zero_weight_give_zero_and_not_nan() -> None:
    z = logits_of(1, 1, 3).requires_grad_()
    weights = torch.tensor([0.0, 0.0, 1.0], dtype=F64)
    loss, _ = masked_losses(z, torch.tensor([[[True, True, False]]]), weights)
    loss.sum().backward()
    assert loss.item() == 0
    assert z.grad is not None
    assert z.grad.abs().max() == 0


def test_labels_of_either_form_are_hidden_where_a_modality_is_absent() -> None:
    y, rows = torch.tensor([2, 0, -1]), torch.tensor([True, False, True])
    assert known_where(y, rows).tolist() == [2, -1, -1]
    assert torch.equal(known_where(as_sets(y, 3), rows), as_sets(known_where(y, rows), 3))


def test_balanced_weights_count_the_rows_whose_class_is_known() -> None:
    y = torch.tensor([[0, 0, 0, 1, -1, -1]])
    exact = balanced_weights(y, 4)
    # Four known rows of two classes: 4 / (2 · 3) and 4 / (2 · 1).
    torch.testing.assert_close(exact, torch.tensor([[2 / 3, 2.0, 0.0, 0.0]]))
    sets = as_sets(y, 4)
    sets[0, 4:] = torch.tensor([[True, False, True, False]] * 2)
    torch.testing.assert_close(balanced_weights(sets, 4), torch.tensor([[2 / 3, 2.0, 1.0, 0.0]]))
    only_sets = balanced_weights(sets[:, 4:], 4)
    torch.testing.assert_close(only_sets, torch.tensor([[1.0, 0.0, 1.0, 0.0]]))
    labelled = Labelled(torch.zeros(1, 6, dtype=torch.int64), {"label": sets})
    options = TrainingOptions(class_weights="balanced")
    weights = class_weights_of(labelled, {"label": 4}, options, F64)["label"]
    assert weights.dtype == F64
    torch.testing.assert_close(weights.float(), balanced_weights(sets, 4))


def test_labelled_rows_are_extended_by_sets() -> None:
    first = Labelled(torch.tensor([[3]]), {"label": as_sets(torch.tensor([[1]]), 3)})
    more = as_sets(torch.tensor([[2, -1]]), 3)
    both = first.extended(torch.tensor([[7, 8]]), {"label": more})
    assert both.n == 3
    assert torch.equal(both.labels["label"], as_sets(torch.tensor([[1, 2, -1]]), 3))


def fitted(way: Way, seeds: list[int], labels: Tensor, model: str = "three-head") -> Replicas:
    """Return replicas fine-tuned on rows 0 … 59, with labels `(r, 60)` or `(r, 60, 6)`."""
    options = TrainingOptions(
        batch_size=16, epochs=4, learning_rate=1e-2, class_weights="balanced",
        loss_prediction=LossPrediction(width=8),
    )  # fmt: skip
    architecture = ModelOptions(name=model, width=8, dropout=0.25)
    objectives = [
        make_objective(shape_of(POOL), architecture, options, generator=stream(s, "i")).double()
        for s in seeds
    ]
    replicas = make_replicas(way, objectives, options)
    rows = torch.arange(60).expand(len(seeds), -1)
    fit_epochs(
        replicas, FEATURES, Labelled(rows, {"label": labels}), options, n_classes={"label": 6},
        streams=FitStreams([stream(s, "o") for s in seeds], [stream(s, "d") for s in seeds]),
    )  # fmt: skip
    return replicas


def assert_same(a: Replicas, slot: int, b: Replicas) -> None:
    mine, theirs = a.state().pick([slot]).to_tensors(), b.state().to_tensors()
    for name, tensor in mine.items():
        torch.testing.assert_close(tensor, theirs[name], rtol=0, atol=1e-9, msg=name)


@pytest.mark.long
@pytest.mark.parametrize("model", ["three-head", "mlp", "linear"])
def test_lockstep_and_direct_training_agree_on_partial_labels(model: str) -> None:
    g = stream(0, "sets")
    sets = as_sets(LABELS[:60].expand(2, -1), 6) | (torch.rand(2, 60, 6, generator=g) < 0.3)
    together = fitted("lockstep", [1, 2], sets, model)
    for slot, seed in enumerate([1, 2]):
        assert_same(together, slot, fitted("direct", [seed], sets[slot : slot + 1], model))


@pytest.mark.long
@pytest.mark.parametrize("way", ["direct", "lockstep"])
def test_training_on_sets_of_one_class_equals_training_on_classes(way: Way) -> None:
    y = LABELS[:60].clone().unsqueeze(0)
    y[0, ::7] = -1
    assert_same(fitted(way, [1], as_sets(y, 6)), 0, fitted(way, [1], y))
