"""Training nets of several tasks: losses of every kind of label, and weights of tasks."""

import math
from typing import get_args

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from toy_tasks import make_tasks_pool

from alsim.errors import UsageError
from alsim.models import MIXED, Inputs, Outputs
from alsim.options.engine import Way
from alsim.options.experts import ExpertOptions
from alsim.options.model import ModelOptions
from alsim.options.training import TaskWeighting, TrainingOptions
from alsim.seeding import stream
from alsim.training.dropout import draw_masks
from alsim.training.features import features_of, shape_of
from alsim.training.fit import FitStreams, Labelled, fit_epochs, train_epoch
from alsim.training.gate_noise import draw_noise
from alsim.training.losses import known_where, masked_losses, row_losses
from alsim.training.objective import TASK_WEIGHTS, Objective, make_objective
from alsim.training.replicas import Batch, Replicas
from alsim.training.task_weighting import draw_orders, dwa_weights
from alsim.training.ways import make_replicas

F64 = torch.float64
POOL = make_tasks_pool()
FEATURES = features_of(POOL, torch.device("cpu"), F64)
SHAPE = shape_of(POOL)
WEIGHTINGS: tuple[TaskWeighting, ...] = get_args(TaskWeighting)
MMOE = ModelOptions(name="mmoe", dropout=0.25, experts=ExpertOptions(number=3, widths=(6,)))


def labels_of(rows: Tensor) -> dict[str, Tensor]:
    """Return classes known in part, classes, and a target near 0."""
    label = POOL.tasks["label"].labels[rows]
    possible = F.one_hot(label.clamp_min(0), 6).bool()
    possible = torch.where((label < 0)[..., None], True, possible | (label == 2)[..., None])
    height = (POOL.tasks["height"].labels[rows].double() - 110) / 10
    return {"label": possible, "late": POOL.tasks["late"].labels[rows], "height": height}


class Fixed(nn.Module):
    """Returns the same outputs for every batch, task -> `(n, c)`."""

    def __init__(self, outputs: dict[str, Tensor]) -> None:
        super().__init__()
        self.outputs = nn.ParameterDict(outputs)

    def forward(self, inputs: Inputs) -> Outputs:
        return Outputs({task: {MIXED: z} for task, z in self.outputs.items()}, inputs.present)


def make_fixed(weighting: TaskWeighting) -> tuple[Objective, Inputs, dict[str, Tensor]]:
    g = stream(0, "test")
    outputs = {"kind": torch.randn(4, 3, generator=g, dtype=F64)}
    outputs["height"] = torch.tensor([[1.0], [2.0], [-1.0], [0.5]], dtype=F64)
    objective = Objective(
        Fixed(outputs), dict.fromkeys(outputs, (MIXED,)), ("x",),
        weighting="uncertainty", fixed_weights={}, task_weighting=weighting,
    ).to(F64)  # fmt: skip
    labels = {
        "kind": torch.tensor([0, -1, 2, 1]),
        "height": torch.tensor([3.0, math.nan, -2.0, math.nan], dtype=F64),
    }
    return objective, Inputs({}, torch.ones(4, 1, dtype=F64)), labels


SQUARED = ((1 - 3) ** 2 + (-1 + 2) ** 2) / 2


def test_the_total_is_the_mean_over_tasks_of_the_mean_over_known_cells() -> None:
    objective, inputs, labels = make_fixed("equal")
    losses = objective(inputs, labels, {})
    z = objective.model.outputs["kind"]
    entropy = F.cross_entropy(z, labels["kind"], ignore_index=-1).item()
    assert losses.plain.tolist() == pytest.approx([entropy, SQUARED])
    assert losses.total.item() == pytest.approx((entropy + SQUARED) / 2)
    assert objective.log_variance is None
    losses.total.backward()
    gradient = objective.model.outputs["height"].grad.squeeze(1)
    # Half of the mean over two cells of (z − y)².
    assert gradient.tolist() == [-1.0, 0.0, 0.5, 0.0]


def test_a_task_without_rows_adds_nothing_and_is_marked() -> None:
    objective, inputs, labels = make_fixed("equal")
    labels["height"] = torch.full((4,), math.nan, dtype=F64)
    losses = objective(inputs, labels, {})
    losses.total.backward()
    assert losses.counted.tolist() == [True, False]
    assert losses.plain[1] == 0
    assert losses.total.item() == pytest.approx(losses.plain[0].item() / 2)
    assert objective.model.outputs["height"].grad.abs().max() == 0


def test_uncertainty_uses_half_the_loss_of_a_target_over_its_variance() -> None:
    objective, inputs, labels = make_fixed("uncertainty")
    sigma = torch.tensor([0.5, 3.0], dtype=F64)
    objective.log_variance.data = 2 * sigma.log()
    entropy, squared = objective(inputs, labels, {}).plain.tolist()
    expected = (entropy / 0.25 + math.log(0.5) + squared / 18 + math.log(3)) / 2
    assert objective(inputs, labels, {}).total.item() == pytest.approx(expected)


def test_given_weights_multiply_the_tasks() -> None:
    objective, inputs, labels = make_fixed("dwa")
    plain = objective(inputs, labels, {}).plain.tolist()
    weights = {"kind": torch.tensor(0.4), "height": torch.tensor(1.6)}
    found = objective(inputs, labels, {}, weights).total.item()
    assert found == pytest.approx((0.4 * plain[0] + 1.6 * plain[1]) / 2)


def test_labels_of_every_form_have_a_loss_for_each_row_and_can_be_hidden() -> None:
    outputs = torch.tensor([[2.0], [5.0]], dtype=F64)
    targets = torch.tensor([math.nan, 3.0], dtype=F64)
    losses, known = row_losses(outputs, targets)
    assert losses.tolist() == [0, 4]
    assert known.tolist() == [False, True]
    hidden = known_where(targets, torch.tensor([True, False]))
    assert hidden.isnan().all()
    assert [x.tolist() for x in masked_losses(outputs[None], hidden[None])] == [[0], [0]]


def make(
    way: Way, seeds: list[int], weighting: TaskWeighting, model: ModelOptions = MMOE,
    **options: object,
) -> Replicas:  # fmt: skip
    training = TrainingOptions(  # pyright: ignore[reportCallIssue]
        **{"learning_rate": 1e-2, "task_weighting": weighting, **options}  # pyright: ignore[reportArgumentType]
    )
    nets = [
        make_objective(SHAPE, model, training, generator=stream(s, "i")).double() for s in seeds
    ]
    return make_replicas(way, nets, training)


def batch_at(seeds: list[int], step: int) -> Batch:
    rows = [torch.randint(0, 400, (24,), generator=stream(s, "rows", step)) for s in seeds]
    chosen = torch.stack(rows)
    labels = labels_of(chosen)
    if step == 0:
        labels["late"] = torch.full_like(labels["late"], -1)
    weights = {task: torch.full((len(seeds),), 0.5 + i) for i, task in enumerate(POOL.tasks)}
    orders = draw_orders(3, [stream(s, "tasks", step) for s in seeds])
    return Batch(FEATURES.take(chosen), labels, {}, None, weights, orders)


def train(replicas: Replicas, seeds: list[int], steps: int) -> Tensor:
    streams = [stream(s, "dropout") for s in seeds]
    losses: list[Tensor] = []
    for step in range(steps):
        masks = {
            **draw_masks(replicas.sites, 24, F64, streams),
            **draw_noise(replicas.gates, 24, F64, streams),
        }
        losses.append(replicas.step(batch_at(seeds, step), masks, "train").total)
    return torch.stack(losses)


@pytest.mark.parametrize("weighting", WEIGHTINGS)
@pytest.mark.parametrize(
    "model",
    [MMOE, ModelOptions(name="multi-cluster", experts=ExpertOptions(number=3, widths=(6,)))],
    ids=["mmoe", "multi-cluster"],
)
def test_lockstep_and_direct_training_agree_on_several_tasks(
    weighting: TaskWeighting, model: ModelOptions
) -> None:
    together = make("lockstep", [4, 0], weighting, model)
    losses = train(together, [4, 0], 5)
    for slot, seed in enumerate([4, 0]):
        alone = make("direct", [seed], weighting, model)
        torch.testing.assert_close(losses[:, slot], train(alone, [seed], 5)[:, 0])
        theirs = together.state().pick([slot]).to_tensors()
        for name, value in alone.state().to_tensors().items():
            torch.testing.assert_close(value, theirs[name], rtol=0, atol=1e-9, msg=name)


@pytest.mark.parametrize("weighting", [w for w in WEIGHTINGS if w != "equal"])
def test_each_weighting_gives_a_different_net(weighting: TaskWeighting) -> None:
    other, equal = (make("direct", [0], w) for w in (weighting, "equal"))
    for replicas in (other, equal):
        steps = [batch_at([0], step) for step in range(3)]
        for batch in steps:
            given = batch.task_weights if weighting == "dwa" and replicas is other else None
            masks = draw_masks(replicas.sites, 24, F64, [stream(0, "dropout")])
            replicas.step(batch._replace(task_weights=given), masks, "train")
    name = "model.levels.0.experts.layers.0.weight"
    mine, theirs = (replicas.state().parameters[name] for replicas in (other, equal))
    assert (mine - theirs).abs().max() > 1e-4


def test_the_step_of_pcgrad_is_the_mean_of_projected_gradients_of_shared_parameters() -> None:
    model = ModelOptions(name="mmoe", dropout=0.0, experts=ExpertOptions(number=3, widths=(6,)))
    replicas = make("direct", [0], "pcgrad", model, optimiser="sgd", learning_rate=0.1)
    objective, batch = replicas.objective, batch_at([0], 1)
    before = {n: p.detach().clone() for n, p in objective.named_parameters()}
    inputs = Inputs({k: v[0] for k, v in batch.inputs.modalities.items()}, batch.inputs.present[0])
    of_tasks = []
    for i in range(3):
        objective.zero_grad(set_to_none=False)
        losses = objective(inputs, {k: v[0] for k, v in batch.labels.items()}, {})
        losses.tasks[i].backward()
        of_tasks.append(torch.cat([p.grad.flatten() for p in objective.parameters()]))
    objective.zero_grad(set_to_none=False)
    gradients = torch.stack(of_tasks)
    shared = (gradients != 0).sum(0) > 1
    assert 0 < shared.sum() < len(shared)
    mended, n_conflicts = gradients.clone(), 0
    for i in range(3):
        for j in batch.task_order[0, i].tolist():
            other = gradients[j] * shared
            product = (mended[i] * other).sum()
            if i != j and product < 0:
                n_conflicts += 1
                mended[i] -= product / other.square().sum() * other
    assert n_conflicts > 0
    replicas.step(batch, {}, "train")
    moved = torch.cat([(before[n] - p).flatten() for n, p in objective.named_parameters()])
    torch.testing.assert_close(moved / 0.1, mended.mean(0))


def test_pcgrad_also_trains_parameters_of_no_task() -> None:
    model = ModelOptions(
        name="multi-cluster", dropout=0.0,
        experts=ExpertOptions(number=3, widths=(6,), density_weight=1000.0),
    )  # fmt: skip
    replicas = make("direct", [0], "pcgrad", model, optimiser="sgd", learning_rate=1e-3)
    train(replicas, [0], 2)
    logits = replicas.parameter("model.levels.0.mixers.0.gate.logits")
    assert logits is not None
    assert logits.max() < -0.05  # the first step alone moves them by 1000 · ¼ / 3 · 1e-3


@pytest.mark.long
@pytest.mark.parametrize("way", ["direct", "lockstep"])
def test_gradnorm_lowers_the_weight_of_a_task_with_large_gradients(way: Way) -> None:
    replicas = make(way, [0], "gradnorm")
    for step in range(30):
        batch = batch_at([0], step + 1)
        batch.labels["height"].mul_(30)
        masks = draw_masks(replicas.sites, 24, F64, [stream(0, "dropout", step)])
        losses = replicas.step(batch, masks, "train")
        if step == 0:
            first = losses.plain
    weights = replicas.parameter(TASK_WEIGHTS)
    assert weights is not None
    assert weights.mean().item() == pytest.approx(1)
    assert weights[0, 2] < 0.9 < weights[0, :2].min()
    torch.testing.assert_close(replicas.state().buffers["first_losses"], first)


@pytest.mark.parametrize("way", ["direct", "lockstep"])
def test_gradnorm_records_the_first_loss_of_a_task_at_its_first_batch(way: Way) -> None:
    replicas = make(way, [0], "gradnorm")
    noted: list[Tensor] = []
    for step in range(3):
        masks = draw_masks(replicas.sites, 24, F64, [stream(0, "dropout", step)])
        losses = replicas.step(batch_at([0], step), masks, "train")
        noted.append(replicas.state().buffers["first_losses"][0])
        if step == 1:
            second = losses.plain[0]
    assert noted[0].isnan().tolist() == [False, True, False]
    assert noted[1][1] == second[1]
    assert torch.equal(noted[2], noted[1])


def test_the_weights_of_gradnorm_have_the_learning_rate_of_sigma() -> None:
    replicas = make("direct", [0], "gradnorm", learning_rate=1e-5, sigma_learning_rate=0.2)
    train(replicas, [0], 2)  # in the first batch every progress is equal
    weights = replicas.parameter(TASK_WEIGHTS)
    assert weights is not None
    assert weights.max() / weights.min() > 1.2


def test_gradnorm_refuses_a_model_without_a_shared_layer() -> None:
    with pytest.raises(UsageError, match="last shared layer"):
        make("direct", [0], "gradnorm", ModelOptions(name="linear"))


@pytest.mark.parametrize("name", ["mlp", "shared-bottom", "cgc", "single-task"])
def test_gradnorm_compares_gradients_by_the_last_layer_below_all_tasks(name: str) -> None:
    experts = ExpertOptions(number=2, widths=(6, 5), levels=2)
    model = ModelOptions(name=name, width=7, depth=2, experts=experts)
    training = TrainingOptions(task_weighting="gradnorm")
    objective = make_objective(SHAPE, model, training, generator=stream(0, "i"))
    (layer,) = objective.shared_layer
    level = 1 if name == "cgc" else 0
    assert layer == (
        "rest.0.weight" if name == "mlp" else f"levels.{level}.experts.layers.1.weight"
    )


def test_pcgrad_without_an_order_is_refused() -> None:
    replicas = make("direct", [0], "pcgrad")
    with pytest.raises(ValueError, match="without an order"):
        replicas.step(batch_at([0], 1)._replace(task_order=None), {}, "train")


def test_dynamic_weights_come_from_the_last_two_epochs_and_start_equal() -> None:
    rows = torch.arange(80).expand(1, -1)
    labelled, n_classes = Labelled(rows, labels_of(rows)), {"label": 6, "late": 2, "height": 0}
    training = TrainingOptions(batch_size=32, epochs=4, task_weighting="dwa")

    def streams() -> FitStreams:
        return FitStreams([stream(0, "o")], [stream(0, "d")])

    whole, by_hand = make("direct", [0], "dwa"), make("direct", [0], "dwa")
    fit_epochs(whole, FEATURES, labelled, training, n_classes=n_classes, streams=streams())
    drawn, history = streams(), []
    for epoch in range(4):
        weights = None if epoch < 2 else dwa_weights(history[-1], history[-2])
        losses = train_epoch(
            by_hand, FEATURES, labelled, training, mode="train", streams=drawn, class_weights={},
            task_weights=None if weights is None else dict(
                zip(POOL.tasks, weights.unbind(1), strict=True)
            ),
        )  # fmt: skip
        history.append(losses.tasks)
    mine, theirs = whole.state().to_tensors(), by_hand.state().to_tensors()
    assert all(torch.equal(value, theirs[name]) for name, value in mine.items())


def test_the_loss_of_an_epoch_is_over_the_batches_that_have_the_task() -> None:
    rows = torch.arange(80).expand(1, -1)
    labels = labels_of(rows)
    row = int((labels["late"][0] >= 0).nonzero()[0])
    labels["late"][0, row + 1 :] = -1
    labels["height"][:] = math.nan
    training = TrainingOptions(batch_size=20)
    model = ModelOptions(name="mmoe", dropout=0.0, experts=ExpertOptions(number=3, widths=(6,)))
    replicas = make("direct", [0], "equal", model, learning_rate=0.0)
    losses = train_epoch(
        replicas, FEATURES, Labelled(rows, labels), training, mode="train",
        streams=FitStreams([stream(0, "o")], [stream(0, "d")]), class_weights={},
    )  # fmt: skip
    said = replicas.outputs(FEATURES.span(row, row + 1)).logits["late"][MIXED][0]
    expected = F.cross_entropy(said, labels["late"][0, row : row + 1]).item()
    assert losses.tasks[0, 1].item() == pytest.approx(expected)
    assert losses.tasks[0, 2].isnan()


@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_a_single_task_is_trained_equally_with_any_weighting(weighting: TaskWeighting) -> None:
    shape, rows = shape_of(POOL), torch.arange(60).expand(1, -1)
    one = type(shape)(shape.widths, {"label": 6})
    found = []
    for chosen in (weighting, "equal"):
        training = TrainingOptions(batch_size=16, epochs=2, task_weighting=chosen)
        objective = make_objective(one, MMOE, training, generator=stream(0, "i")).double()
        replicas = make_replicas("direct", [objective], training)
        fit_epochs(
            replicas, FEATURES, Labelled(rows, {"label": POOL.tasks["label"].labels[rows]}),
            training, n_classes={"label": 6},
            streams=FitStreams([stream(0, "o")], [stream(0, "d")]),
        )  # fmt: skip
        found.append(replicas.state().to_tensors())
    assert found[0].keys() == found[1].keys()
    assert all(torch.equal(value, found[1][name]) for name, value in found[0].items())
