"""Stochastic gates in training: their noise, their loss, and replicas."""

import itertools
from dataclasses import replace

import pytest
import torch
from torch.func import functional_call, grad, vmap
from toy import make_pool

from alsim.models import ExpertNet, Inputs, Shape
from alsim.options.engine import Way
from alsim.options.experts import EstimatorName, ExpertOptions
from alsim.options.model import ModelOptions
from alsim.options.training import LossPrediction, TrainingOptions
from alsim.seeding import stream
from alsim.training.dropout import draw_masks
from alsim.training.features import features_of, shape_of
from alsim.training.gate_estimators import ESTIMATORS
from alsim.training.gate_noise import NoiseSite, draw_noise, noise_sites
from alsim.training.objective import Objective, make_objective
from alsim.training.replicas import Batch, Replicas
from alsim.training.ways import make_replicas

POOL = make_pool()
FEATURES = features_of(POOL, torch.device("cpu"), torch.float64)
LABELS = POOL.tasks["label"].labels
OPTIONS = ExpertOptions(number=4, widths=(6,), density_weight=0.0)
SHAPE = Shape({"x": 5}, {"a": 3, "b": 2})
GATE = "model.levels.0.mixers.0.gate"


def objective(experts: ExpertOptions, seed: int = 0, **training: object) -> Objective:
    model = ModelOptions(name="multi-cluster", dropout=0.0, experts=experts)
    options = TrainingOptions(loss="sum", **training)  # pyright: ignore[reportArgumentType]
    return make_objective(SHAPE, model, options, generator=stream(seed, "init")).double()


def batch_of(n: int) -> tuple[Inputs, dict[str, torch.Tensor]]:
    g = stream(0, "batch")
    x = torch.randn(n, 5, generator=g, dtype=torch.float64)
    a = torch.randint(0, 3, (n,), generator=g)
    a[0] = -1  # unknown
    b = torch.rand(n, 2, generator=g) < 0.5
    b[:, 0] |= ~b.any(1)  # known in part
    return Inputs({"x": x}, torch.ones(n, 1).double()), {"a": a, "b": b}


def loss_under(model: Objective, noise: torch.Tensor, **weights: torch.Tensor) -> torch.Tensor:
    inputs, labels = batch_of(noise.shape[1])
    return functional_call(model, {f"{GATE}.noise": noise}, (inputs, labels, weights)).total


@pytest.mark.long
@pytest.mark.parametrize("name", ESTIMATORS)
def test_the_gates_are_trained_by_the_gradient_of_the_expected_loss(name: EstimatorName) -> None:
    model = objective(replace(OPTIONS, number=3, estimator=name))
    (site,) = noise_sites(model)
    weights = {"a": torch.tensor([1.0, 3.0, 0.5], dtype=torch.float64)}
    if model.baselines is not None:
        model.baselines.copy_(torch.tensor([0.8, 0.4]))
    logits = dict(model.named_parameters())[f"{GATE}.logits"]
    with torch.no_grad():
        logits.copy_(torch.randn(2, 3, generator=stream(0, "logits")))

    inputs, labels = batch_of(4)

    def gradient(noise: torch.Tensor) -> torch.Tensor:
        def loss(value: torch.Tensor) -> torch.Tensor:
            tensors = {f"{GATE}.logits": value, f"{GATE}.noise": noise}
            return functional_call(model, tensors, (inputs, labels, weights)).total

        return grad(loss)(logits.detach())

    n_draws = 3000
    drawn = draw_noise([site], 4 * n_draws, torch.float64, [stream(0, "noise")])[site.buffer][0]
    found = vmap(gradient)(drawn.unflatten(1, (n_draws, 4)).transpose(0, 1))

    # All rows have the same gates: the loss of a row depends only on its own gates.
    exact = logits.detach().clone().requires_grad_()
    expected = torch.zeros((), dtype=torch.float64)
    for gates in itertools.product((0.0, 1.0), repeat=3):
        b = torch.tensor(gates, dtype=torch.float64)
        values = [1 - b] * site.samples
        noise = torch.stack(values).view(-1, 1, 1, 3).expand(-1, 4, 2, 3)
        p = torch.where(b > 0, torch.sigmoid(exact), torch.sigmoid(-exact)).prod(1)
        for task, other in ((0, 1), (1, 0)):
            # With the labels of the other task unknown, the loss is that of this task.
            unknown = torch.full((4,), -1) if other == 0 else torch.ones(4, 2, dtype=torch.bool)
            of_task = {**labels, "ab"[other]: unknown}
            with torch.no_grad():
                value = functional_call(
                    objective_of_hard_gates(model),
                    {f"{GATE}.noise": noise},
                    (inputs, of_task, weights),
                ).total
            expected = expected + p[task] * value
    expected.backward()
    assert exact.grad is not None
    error = (found.mean(0) - exact.grad) / (found.std(0) / n_draws**0.5)
    if ESTIMATORS[name].is_unbiased:
        assert error.abs().max() < 4  # of six estimators and as many gates
    else:
        assert error.abs().max() > 5


def objective_of_hard_gates(model: Objective) -> Objective:
    """Return an objective with the same parameters whose gates are 0 or 1."""
    same = objective(replace(OPTIONS, number=3, estimator="reinforce"))
    same.model.load_state_dict(model.model.state_dict())
    return same


@pytest.mark.parametrize("way", ["direct", "lockstep"])
def test_a_baseline_is_the_moving_mean_of_earlier_losses_and_part_of_the_state(way: Way) -> None:
    options = replace(OPTIONS, estimator="reinforce-mean")
    training = TrainingOptions(loss="sum", learning_rate=1e-2)
    nets = [objective(options, seed) for seed in ((0,) if way == "direct" else (0, 1))]
    replicas = make_replicas(way, nets, training)
    n, inputs_of, labels_of = len(nets), *batch_of(6)
    x = inputs_of.modalities["x"].expand(n, 6, 5)
    expected = torch.full((n, 2), torch.nan, dtype=torch.float64)
    for step in range(4):
        labels = {name: torch.stack([y] * n) for name, y in labels_of.items()}
        if step == 2:
            labels["b"] = torch.ones_like(labels["b"])  # no known label: no loss to include
        batch = Batch(Inputs({"x": x}, torch.ones(n, 6, 1).double()), labels, {})
        noise = draw_noise(replicas.gates, 6, torch.float64, [stream(step, "n")] * n)
        losses = replicas.step(batch, noise, "train")
        moved = torch.where(expected.isnan(), losses.plain, 0.9 * expected + 0.1 * losses.plain)
        expected = torch.where(losses.counted, moved, expected)
        state = replicas.state()
        torch.testing.assert_close(state.buffers["baselines"], expected)
    again = make_replicas(way, [objective(options, 5) for _ in nets], training)
    again.load(state)
    torch.testing.assert_close(again.state().buffers["baselines"], expected)


def test_without_a_baseline_there_is_none_in_the_state() -> None:
    for name in ESTIMATORS:
        buffers = dict(objective(replace(OPTIONS, estimator=name)).named_buffers())
        assert ("baselines" in buffers) == (name == "reinforce-mean")


@pytest.mark.long
def test_a_baseline_from_earlier_steps_lowers_the_variance_of_the_gates_gradients() -> None:
    def variance(name: EstimatorName) -> float:
        model = objective(replace(OPTIONS, estimator=name))
        replicas = make_replicas("direct", [model], TrainingOptions(learning_rate=0.0))
        inputs, labels = batch_of(8)
        one = Batch(
            Inputs({"x": inputs.modalities["x"][None]}, inputs.present[None]),
            {name: y[None] for name, y in labels.items()},
            {},
        )
        noise_of = stream(0, "noise")
        for _ in range(30):
            noise = draw_noise(replicas.gates, 8, torch.float64, [noise_of])
            replicas.step(one, noise, "train")
        parameter = dict(model.named_parameters())[f"{GATE}.logits"]
        drawn = []
        for _ in range(300):
            noise = draw_noise(replicas.gates, 8, torch.float64, [noise_of])
            total = functional_call(
                model, {f"{GATE}.noise": noise[f"{GATE}.noise"][0]}, (inputs, labels, {})
            ).total
            drawn.append(torch.autograd.grad(total, parameter)[0])
        return torch.stack(drawn).var(0).sum().item()

    assert variance("reinforce-mean") < 0.5 * variance("reinforce")


def test_the_loss_is_the_mean_over_the_samples_and_the_density_is_added() -> None:
    noise = torch.rand(4, 6, 2, 4, generator=stream(0, "noise"), dtype=torch.float64)
    whole = loss_under(objective(OPTIONS), noise)
    one_sample = objective(replace(OPTIONS, estimator="reinforce"))
    each = [loss_under(one_sample, noise[i : i + 1]) for i in range(4)]
    torch.testing.assert_close(whole, torch.stack(each).mean())
    penalised = objective(replace(OPTIONS, density_weight=0.3))
    torch.testing.assert_close(loss_under(penalised, noise), whole + 0.3 * 4 / 2)


def test_gates_forced_open_give_the_loss_of_the_ungated_net() -> None:
    weights = {"b": torch.tensor([1.0, 3.0], dtype=torch.float64)}
    model, ungated = objective(OPTIONS), objective(replace(OPTIONS, evaluation="all"))
    inputs, labels = batch_of(6)
    open_gates = torch.zeros(4, 6, 2, 4, dtype=torch.float64)
    torch.testing.assert_close(
        loss_under(model, open_gates, **weights), ungated(inputs, labels, weights).total
    )


def test_every_parameter_learns() -> None:
    model = objective(replace(OPTIONS, tower=(5,)))
    noise = torch.rand(4, 40, 2, 4, generator=stream(0, "noise"), dtype=torch.float64)
    loss_under(model, noise).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name


def test_the_noise_of_a_replica_does_not_depend_on_its_neighbours() -> None:
    sites = [NoiseSite("a.noise", 2, 3, 4), NoiseSite("b.noise", 4, 1, 2, True)]

    def draw(seeds: list[int]) -> dict[str, torch.Tensor]:
        return dict(draw_noise(sites, 5, torch.float64, [stream(s, "noise") for s in seeds]))

    alone, among = draw([3]), draw([1, 3])
    assert alone["a.noise"].shape == (1, 2, 5, 3, 4)
    for name in alone:
        assert torch.equal(alone[name][0], among[name][1])
        assert not torch.equal(alone[name][0], among[name][0])
    first, second = alone["b.noise"][0].chunk(2)
    torch.testing.assert_close(second, 1 - first)


def make(way: Way, seeds: list[int], experts: ExpertOptions) -> Replicas:
    model = ModelOptions(name="multi-cluster", dropout=0.25, experts=experts)
    training = TrainingOptions(learning_rate=1e-2, loss_prediction=LossPrediction())
    return make_replicas(
        way,
        [
            make_objective(shape_of(POOL), model, training, generator=stream(s, "init")).double()
            for s in seeds
        ],
        training,
    )


def train(replicas: Replicas, seeds: list[int], steps: int) -> torch.Tensor:
    rows = [torch.randint(0, 400, (steps, 24), generator=stream(s, "rows")) for s in seeds]
    streams = [stream(s, "dropout") for s in seeds]
    losses = []
    for step in range(steps):
        chosen = torch.stack([r[step] for r in rows])
        masks = {
            **draw_masks(replicas.sites, 24, torch.float64, streams),
            **draw_noise(replicas.gates, 24, torch.float64, streams),
        }
        labels = {"label": LABELS[chosen]}
        batch = Batch(FEATURES.take(chosen), labels, {}, torch.ones(len(seeds)).double())
        losses.append(replicas.step(batch, masks, "train").total)
    return torch.stack(losses)


@pytest.mark.long
@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("heads", ["mixed", "all"])
def test_replicas_trained_together_equal_replicas_trained_alone(
    name: EstimatorName, heads: str
) -> None:
    seeds, options = [4, 0], replace(OPTIONS, estimator=name, heads=heads)
    together = make("lockstep", seeds, options)
    losses = train(together, seeds, 8)
    for slot, seed in enumerate(seeds):
        alone = make("direct", [seed], options)
        torch.testing.assert_close(
            losses[:, slot], train(alone, [seed], 8)[:, 0], rtol=0, atol=1e-9
        )
        mine, theirs = alone.state().to_tensors(), together.state().pick([slot]).to_tensors()
        for key, value in mine.items():
            torch.testing.assert_close(value, theirs[key], rtol=0, atol=1e-9)
        inputs = FEATURES.span(0, 50)
        torch.testing.assert_close(
            alone.outputs(inputs).logits["label"]["mixed"][0],
            together.outputs(inputs).logits["label"]["mixed"][slot],
        )


def test_after_a_step_the_gates_are_in_evaluation_mode_again() -> None:
    replicas = make("direct", [0], OPTIONS)
    train(replicas, [0], 1)
    model = replicas.objective.model
    assert isinstance(model, ExpertNet)
    assert all(gate.noise is None for gate in model.gates().values())


@pytest.mark.long
def test_a_large_density_weight_closes_the_gates() -> None:
    def density(weight: float) -> float:
        replicas = make("direct", [0], replace(OPTIONS, density_weight=weight))
        train(replicas, [0], 100)
        logits = replicas.parameter(f"{GATE}.logits")
        assert logits is not None
        return torch.sigmoid(logits).sum().item()

    assert density(3.0) < 1.6 < density(0.0)
