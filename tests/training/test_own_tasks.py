"""Rows with one task each: computing only that task equals computing all tasks."""

from dataclasses import replace

import pytest
import torch
from torch.func import functional_call
from toy import make_pool
from toy_tasks import make_disjoint_pool, make_tasks_pool

from alsim.models import OWN, Inputs, Shape
from alsim.models.own import gathered, picked
from alsim.options.engine import Way
from alsim.options.experts import EstimatorName, ExpertOptions
from alsim.options.model import ModelOptions
from alsim.options.training import LossPrediction, TaskWeighting, TrainingOptions
from alsim.pool.pool import Pool, Task
from alsim.seeding import stream
from alsim.training.dropout import draw_masks
from alsim.training.features import features_of, shape_of
from alsim.training.fit import FitStreams, Labelled, class_weights_of, train_epoch
from alsim.training.gate_estimators import ESTIMATORS
from alsim.training.gate_noise import draw_noise
from alsim.training.objective import Objective, make_objective
from alsim.training.replicas import Batch, Replicas
from alsim.training.ways import make_replicas

F64 = torch.float64
N = 30
OF_CLASSES = Shape({"x": 5, "z": 4}, {"a": 3, "b": 2, "c": 4})
OF_TARGETS = Shape({"x": 5}, {"a": 1, "b": 1})
MODELS = ("single-task", "shared-bottom", "cross-stitch", "omoe", "mmoe", "cgc", "multi-cluster")


def objective(name: str, experts: ExpertOptions, shape: Shape = OF_CLASSES) -> Objective:
    model = ModelOptions(name=name, dropout=0.25, experts=experts)
    training = TrainingOptions(loss="uncertainty")
    return make_objective(shape, model, training, generator=stream(0, "init")).double().train()


def batch_of(shape: Shape, *, present: float = 0.7) -> tuple[Inputs, dict[str, torch.Tensor]]:
    """Return rows with a label of one task each; a few have none."""
    g = stream(0, "batch")
    there = (torch.rand(N, len(shape.widths), generator=g) < present).double()
    if len(shape.widths) == 1:
        there[:] = 1
    x = {
        name: torch.randn(N, d, generator=g, dtype=F64) * there[:, i : i + 1]
        for i, (name, d) in enumerate(shape.widths.items())
    }
    own = torch.randint(0, len(shape.n_classes), (N,), generator=g)
    labels: dict[str, torch.Tensor] = {}
    for place, (name, c) in enumerate(shape.n_classes.items()):
        unknown = (own != place) | (torch.rand(N, generator=g) < 0.2)
        if c == 1:
            labels[name] = torch.randn(N, generator=g, dtype=F64).masked_fill(unknown, torch.nan)
        else:
            labels[name] = torch.randint(0, c, (N,), generator=g).masked_fill(unknown, -1)
    return Inputs(x, there, own), labels


def noises(model: Objective) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """Return dropout masks and gate noise of all tasks, and those of the own task of each row."""
    replicas = make_replicas("direct", [model], TrainingOptions())
    own = batch_of(OF_CLASSES)[0].own
    assert own is not None
    drawn = [stream(1, "noise")]
    masks = {k: m[0] for k, m in draw_masks(replicas.sites, N, F64, drawn).items()}
    noise = {k: m[0] for k, m in draw_noise(replicas.gates, N, F64, drawn).items()}
    widths = {f"{site.name}.mask": site.n_tasks for site in replicas.sites}
    assert set(widths.values()) == {3}
    of_own = {
        name: gathered(mask.unflatten(1, (widths[name], -1)), own) for name, mask in masks.items()
    }
    of_own |= {name: gathered(part, own).unsqueeze(2) for name, part in noise.items()}
    return {**masks, **noise}, of_own


def assert_the_same(
    model: Objective,
    inputs: Inputs,
    labels: dict[str, torch.Tensor],
    masks: tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]],
    weights: dict[str, torch.Tensor],
) -> None:
    parameters = dict(model.named_parameters())
    found = []
    for given, buffers in zip((inputs._replace(own=None), inputs), masks, strict=True):
        losses = functional_call(model, buffers, (given, labels, weights))
        parts = [losses.total, *losses.tasks]
        gradients = [
            torch.autograd.grad(
                part, list(parameters.values()), retain_graph=True, materialize_grads=True
            )
            for part in parts
        ]
        found.append((losses, gradients))
    (whole, expected), (own, gradients) = found
    for name, mine, theirs in zip(own._fields, own, whole, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=0, atol=1e-12, msg=lambda m, n=name: n + m)
    for of_part, of_expected in zip(gradients, expected, strict=True):
        for name, mine, theirs in zip(parameters, of_part, of_expected, strict=True):
            torch.testing.assert_close(
                mine, theirs, rtol=0, atol=1e-12, msg=lambda m, n=name: n + m
            )


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(
    "experts",
    [
        ExpertOptions(number=4, widths=(6,)),
        ExpertOptions(number=3, widths=(6, 5), tower=(4, 3), heads="all", gate="task"),
    ],
)
def test_losses_and_gradients_equal_those_of_all_tasks_with_masks(
    name: str, experts: ExpertOptions
) -> None:
    model = objective(name, experts)
    assert model.takes_own
    inputs, labels = batch_of(OF_CLASSES)
    weights = {"a": torch.tensor([1.0, 0.2, 3.0], dtype=F64), "b": torch.ones(2, dtype=F64)}
    assert_the_same(model, inputs, labels, noises(model), weights)
    assert_the_same(model, inputs, labels, noises(model), {})


@pytest.mark.parametrize("name", ESTIMATORS)
def test_every_estimator_uses_only_the_gates_of_the_rows_own_task(name: EstimatorName) -> None:
    model = objective("multi-cluster", ExpertOptions(number=4, widths=(6,), estimator=name))
    inputs, labels = batch_of(OF_CLASSES)
    assert_the_same(model, inputs, labels, noises(model), {})


def test_experts_in_levels_select_the_own_task_at_the_last_level() -> None:
    model = objective("cgc", ExpertOptions(number=2, widths=(6,), levels=3))
    inputs, labels = batch_of(OF_CLASSES)
    assert_the_same(model, inputs, labels, noises(model), {})


@pytest.mark.parametrize("name", ["mmoe", "single-task"])
def test_losses_and_gradients_of_targets_equal_those_of_all_tasks_with_masks(name: str) -> None:
    experts = ExpertOptions(number=3, widths=(6,))
    model = make_objective(
        OF_TARGETS,
        ModelOptions(name=name, dropout=0.0, experts=experts),
        TrainingOptions(task_weighting="uncertainty"),
        generator=stream(0, "init"),
    ).double()
    inputs, labels = batch_of(OF_TARGETS)
    assert_the_same(model, inputs, labels, ({}, {}), {})


def test_a_task_without_a_row_costs_nothing_and_has_no_gradient() -> None:
    model = objective("mmoe", ExpertOptions(number=3, widths=(6,)))
    inputs, labels = batch_of(OF_CLASSES)
    labels["b"][:] = -1
    assert_the_same(model, inputs, labels, noises(model), {})
    assert model(inputs, labels, {}).counted.tolist() == [True, False, True]


def test_the_net_returns_the_logits_of_the_own_task_and_only_its_classes() -> None:
    net = objective("mmoe", ExpertOptions(number=3, widths=(6,), tower=(4,))).model.eval()
    inputs, _ = batch_of(OF_CLASSES)
    assert inputs.own is not None
    (said,) = net(inputs).logits[OWN].values()
    whole = net(inputs._replace(own=None)).logits
    assert said.shape == (N, 4)
    for row, place in enumerate(inputs.own.tolist()):
        of_task = whole["abc"[place]]["mixed"][row]
        torch.testing.assert_close(said[row, : len(of_task)], of_task, rtol=0, atol=1e-12)
        assert torch.equal(said[row, len(of_task) :], torch.full((4 - len(of_task),), -torch.inf))


def test_picking_the_own_task_equals_the_result_by_hand() -> None:
    of_tasks = torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    own = torch.tensor([2, 0, 0, 1])
    assert torch.equal(picked(of_tasks, own), of_tasks[own])
    by_row = torch.arange(24.0).view(1, 4, 3, 2)
    assert torch.equal(gathered(by_row, own), by_row[:, torch.arange(4), own])


def test_the_own_tasks_of_a_pool_are_known_if_no_row_has_two_tasks() -> None:
    def own_of(pool: Pool) -> torch.Tensor | None:
        return features_of(pool, torch.device("cpu"), F64).own

    pool = make_disjoint_pool()
    own = own_of(pool)
    assert own is not None
    assert torch.equal(own, make_pool().tasks["label"].labels // 2)
    first = pool.tasks["first"]
    overlapping = torch.where(first.labels < 0, 0, first.labels)
    assert (
        own_of(replace(pool, tasks={**pool.tasks, "x": Task("x", ("0", "1"), overlapping)})) is None
    )
    assert own_of(replace(pool, tasks={"first": first})) is None
    assert own_of(make_tasks_pool()) is None
    one_row = torch.full((pool.n,), torch.nan)
    target = Task("target", (), one_row, "target")
    assert own_of(replace(pool, tasks={**pool.tasks, "target": target})) is None


POOL = make_disjoint_pool()
FEATURES = features_of(POOL, torch.device("cpu"), F64)


def make(way: Way, seeds: list[int], name: str, weighting: TaskWeighting) -> Replicas:
    experts = ExpertOptions(number=3, widths=(6,), tower=(4,))
    model = ModelOptions(name=name, dropout=0.25, experts=experts)
    training = TrainingOptions(learning_rate=1e-2, task_weighting=weighting)
    return make_replicas(
        way,
        [
            make_objective(shape_of(POOL), model, training, generator=stream(s, "init")).double()
            for s in seeds
        ],
        training,
    )


def epoch(replicas: Replicas, seeds: list[int]) -> torch.Tensor:
    rows = torch.stack([torch.randperm(400, generator=stream(s, "rows"))[:90] for s in seeds])
    labelled = Labelled(rows, {name: task.labels[rows] for name, task in POOL.tasks.items()})
    options = TrainingOptions(batch_size=32, class_weights="balanced")
    return train_epoch(
        replicas,
        FEATURES,
        labelled,
        options,
        mode="train",
        streams=FitStreams(
            [stream(s, "order") for s in seeds], [stream(s, "dropout") for s in seeds]
        ),
        class_weights=class_weights_of(labelled, shape_of(POOL).n_classes, options, F64),
    ).tasks


@pytest.mark.parametrize("name", ["mmoe", "multi-cluster"])
@pytest.mark.parametrize("weighting", ["equal", "gradnorm", "pcgrad"])
def test_replicas_trained_together_on_own_tasks_equal_those_trained_alone(
    name: str, weighting: TaskWeighting
) -> None:
    seeds = [4, 0]
    together = make("lockstep", seeds, name, weighting)
    losses = epoch(together, seeds)
    for slot, seed in enumerate(seeds):
        alone = make("direct", [seed], name, weighting)
        torch.testing.assert_close(losses[slot], epoch(alone, [seed])[0], rtol=0, atol=1e-9)
        mine, theirs = alone.state().to_tensors(), together.state().pick([slot]).to_tensors()
        for key, value in mine.items():
            torch.testing.assert_close(value, theirs[key], rtol=0, atol=1e-9)


def test_training_uses_the_own_task_of_each_row_unless_a_loss_predictor_needs_all_tasks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    replicas = make("direct", [0], "multi-cluster", "equal")
    seen: list[Batch] = []
    shapes: list[torch.Size] = []
    step = type(replicas).step

    def watched(self: Replicas, batch: Batch, masks: dict[str, torch.Tensor], mode: str) -> object:
        seen.append(batch)
        shapes.extend(mask.shape for mask in masks.values() if mask.ndim == 5)
        return step(self, batch, masks, mode)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(type(replicas), "step", watched)
    epoch(replicas, [0])
    for batch in seen:
        own = batch.inputs.own
        assert own is not None
        for place, task in enumerate(POOL.tasks):
            assert torch.equal(own == place, batch.labels[task] >= 0)
    assert {shape[-2:] for shape in shapes} == {(1, 3)}
    model = ModelOptions(name="multi-cluster", experts=ExpertOptions(number=3, widths=(6,)))
    training = TrainingOptions(loss_prediction=LossPrediction(width=4))
    net = make_objective(shape_of(POOL), model, training, generator=stream(0, "init"))
    assert not net.takes_own
