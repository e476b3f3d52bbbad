"""Replicas trained together equal replicas trained alone."""

import pytest
import torch
from toy import make_pool

from alsim.options.engine import Way
from alsim.options.experts import ExpertOptions
from alsim.options.model import ModelOptions
from alsim.options.training import OptimiserName, TrainingOptions
from alsim.seeding import stream
from alsim.training.dropout import draw_masks
from alsim.training.features import Features, features_of, shape_of
from alsim.training.gate_noise import draw_noise
from alsim.training.objective import LOG_VARIANCE, LOG_VARIANCE_BOUND, make_objective
from alsim.training.optimisers import STACKED
from alsim.training.replicas import Batch, Mode, Replicas
from alsim.training.state import ReplicaState
from alsim.training.ways import make_replicas

POOL = make_pool()
FEATURES = features_of(POOL, torch.device("cpu"), torch.float64)
LABELS = POOL.tasks["label"].labels
VARIANTS = [
    ModelOptions(name="three-head", width=8, blocks=b, fusion=f, dropout=0.0)
    for b, f in (("dense", "concat"), ("residual", "attention"), ("highway", "bilinear"))
] + [ModelOptions(name="mlp", width=8, depth=2, dropout=0.0), ModelOptions(name="linear")]


def make(way: Way, seeds: list[int], model: ModelOptions, **options: object) -> Replicas:
    training = TrainingOptions(**{"learning_rate": 1e-2, **options})  # pyright: ignore[reportArgumentType]
    objectives = [
        make_objective(shape_of(POOL), model, training, generator=stream(s, "init")).double()
        for s in seeds
    ]
    return make_replicas(way, objectives, training)


def train(
    replicas: Replicas, seeds: list[int], steps: int, mode: Mode = "train",
    features: Features = FEATURES,
) -> torch.Tensor:  # fmt: skip
    rows = [torch.randint(0, 400, (steps, 24), generator=stream(s, "rows")) for s in seeds]
    dropout = [stream(s, "dropout") for s in seeds]
    losses = []
    for step in range(steps):
        chosen = torch.stack([r[step] for r in rows])
        batch = Batch(features.take(chosen), {"label": LABELS[chosen]}, {})
        masks = draw_masks(replicas.sites, 24, torch.float64, dropout)
        losses.append(replicas.step(batch, masks, mode).total)
    return torch.stack(losses)


def assert_same(a: ReplicaState, b: ReplicaState, atol: float) -> None:
    theirs = b.to_tensors()
    for name, tensor in a.to_tensors().items():
        torch.testing.assert_close(
            tensor, theirs[name].to(tensor.dtype), rtol=0, atol=atol, msg=name
        )


@pytest.mark.long
@pytest.mark.parametrize("model", VARIANTS, ids=str)
@pytest.mark.parametrize("mode", ["train", "frozen"])
def test_replicas_trained_together_equal_replicas_trained_alone(
    model: ModelOptions, mode: Mode
) -> None:
    seeds = [4, 0, 7]
    together = make("lockstep", seeds, model)
    losses = train(together, seeds, 60, mode)
    for slot, seed in enumerate(seeds):
        alone = make("direct", [seed], model)
        alone_losses = train(alone, [seed], 60, mode)
        torch.testing.assert_close(losses[:, slot], alone_losses[:, 0], rtol=0, atol=1e-9)
        assert_same(together.state().pick([slot]), alone.state(), 1e-9)


@pytest.mark.long
def test_replicas_with_dropout_agree_as_each_has_its_own_stream() -> None:
    model = ModelOptions(name="three-head", width=8, dropout=0.5)
    together = make("lockstep", [1, 2], model)
    train(together, [1, 2], 30)
    alone = make("direct", [2], model)
    train(alone, [2], 30)
    assert_same(together.state().pick([1]), alone.state(), 1e-9)


@pytest.mark.long
def test_the_bits_of_a_replica_depend_neither_on_its_slot_nor_on_its_neighbours() -> None:
    model = ModelOptions(name="three-head", width=8, dropout=0.5)
    pair, triple = make("lockstep", [1, 2], model), make("lockstep", [5, 6, 2], model)
    train(pair, [1, 2], 20)
    train(triple, [5, 6, 2], 20)
    assert_same(pair.state().pick([1]), triple.state().pick([2]), 0)


@pytest.mark.parametrize("way", ["direct", "lockstep"])
def test_frozen_batch_norm_keeps_its_statistics_and_trains_its_affine_part(way: Way) -> None:
    replicas = make(way, [0], VARIANTS[0])
    train(replicas, [0], 5)
    before = replicas.state()
    train(replicas, [0], 5, "frozen")
    after = replicas.state()
    assert all(torch.equal(v, after.buffers[k]) for k, v in before.buffers.items())
    norm = next(k for k in before.parameters if k.endswith("norm.weight"))
    assert not torch.equal(before.parameters[norm], after.parameters[norm])


@pytest.mark.long
@pytest.mark.parametrize("way", ["direct", "lockstep"])
def test_a_fork_continues_exactly_as_its_parent(way: Way) -> None:
    model = ModelOptions(name="three-head", width=8, dropout=0.5)
    parent = make(way, [3], model)
    train(parent, [3], 15)
    state = parent.state()
    fork = make(way, [9], model)
    fork.load(state)
    train(parent, [3], 15)
    train(fork, [3], 15)
    assert_same(parent.state(), fork.state(), 0)
    assert state.steps.item() == 15  # a copy: training on did not change it


@pytest.mark.long
def test_replicas_at_different_steps_share_an_optimiser() -> None:
    model = VARIANTS[0]
    early, late = make("direct", [1], model), make("direct", [2], model)
    train(early, [1], 3)
    train(late, [2], 40)
    tensors = [s.to_tensors() for s in (early.state(), late.state())]
    both = ReplicaState.from_tensors({k: torch.cat([t[k] for t in tensors]) for k in tensors[0]})
    together = make("lockstep", [1, 2], model)
    together.load(both)
    train(together, [1, 2], 20)
    train(early, [1], 20)
    train(late, [2], 20)
    assert_same(together.state().pick([0]), early.state(), 1e-9)
    assert_same(together.state().pick([1]), late.state(), 1e-9)


def test_a_state_of_another_size_is_refused() -> None:
    two = make("lockstep", [1, 2], VARIANTS[0])
    for way, seeds in (("direct", [1]), ("lockstep", [1, 2, 3])):
        with pytest.raises(ValueError, match="a state of 2 replicas"):
            make(way, seeds, VARIANTS[0]).load(two.state())


@pytest.mark.parametrize("way", ["direct", "lockstep"])
def test_scoring_changes_no_bit_of_the_state(way: Way) -> None:
    replicas = make(way, [0], ModelOptions(name="three-head", width=8, dropout=0.5))
    train(replicas, [0], 5)
    before, generator = replicas.state(), torch.get_rng_state()
    outputs = replicas.outputs(FEATURES.span(0, 100))
    assert outputs.logits["label"]["mixed"].shape == (1, 100, 6)
    assert_same(before, replicas.state(), 0)
    assert torch.equal(generator, torch.get_rng_state())


@pytest.mark.parametrize("way", ["direct", "lockstep"])
def test_the_log_variances_stay_within_their_bound(way: Way) -> None:
    replicas = make(way, [0], VARIANTS[0], sigma_learning_rate=9.0)
    train(replicas, [0], 1)  # Adam's first step is as long as its rate
    s = replicas.parameter(LOG_VARIANCE)
    assert s is not None
    assert s.abs().max() == LOG_VARIANCE_BOUND


@pytest.mark.parametrize("way", ["direct", "lockstep"])
@pytest.mark.parametrize("name", ["mmoe", "cgc", "multi-cluster"])
def test_gates_that_depend_only_on_the_task_have_their_own_learning_rate(
    way: Way, name: str
) -> None:
    # The relaxed estimator needs no more than the noise that is set here.
    experts = ExpertOptions(gate="task", estimator="hard-concrete")
    model = ModelOptions(name=name, dropout=0.0, experts=experts)
    replicas = make(way, [0], model, learning_rate=1e-9, gate_learning_rate=0.5)
    before = replicas.state().parameters
    noise = draw_noise(replicas.gates, 24, torch.float64, [stream(0, "noise")])
    batch = Batch(FEATURES.take(torch.arange(24)[None]), {"label": LABELS[:24][None]}, {})
    replicas.step(batch, noise, "train")
    moved = {k: (v - before[k]).abs().max().item() for k, v in replicas.state().parameters.items()}
    gates = {k: moved.pop(k) for k in list(moved) if k.endswith("gate.logits")}
    assert gates
    assert all(0.4 < how_far <= 0.5 for how_far in gates.values())
    assert max(moved.values()) < 1e-8


@pytest.mark.parametrize(("name", "torchs"), [("adam", torch.optim.Adam), ("sgd", torch.optim.SGD)])
def test_a_stacked_optimiser_equals_torchs(
    name: OptimiserName, torchs: type[torch.optim.Optimizer]
) -> None:
    g = stream(0, "optimiser")
    stacked = torch.randn(3, 4, 5, generator=g, dtype=torch.float64).requires_grad_()
    alone = [stacked.detach()[r].clone().requires_grad_() for r in range(3)]
    ours = STACKED[name]({"w": stacked}, {"w": 3e-2})
    theirs = [torchs([p], lr=3e-2) for p in alone]  # pyright: ignore[reportCallIssue]
    for _ in range(50):
        target = torch.randn(3, 4, 5, generator=g, dtype=torch.float64)
        stacked.grad = None
        (stacked - target).square().sum().backward()
        ours.step()
        for r, (p, optimiser) in enumerate(zip(alone, theirs, strict=True)):
            optimiser.zero_grad()
            (p - target[r]).square().sum().backward()
            optimiser.step()
    torch.testing.assert_close(stacked, torch.stack(alone), rtol=0, atol=1e-12)


def test_lockstep_and_direct_training_agree_under_sgd() -> None:
    ways: list[Way] = ["direct", "lockstep"]
    states = [make(way, [0], VARIANTS[0], optimiser="sgd", learning_rate=0.1) for way in ways]
    for replicas in states:
        train(replicas, [0], 3)
    direct, lockstep = (replicas.state().parameters for replicas in states)
    moved = make("direct", [0], VARIANTS[0]).state().parameters
    for name, value in direct.items():
        torch.testing.assert_close(value, lockstep[name], rtol=0, atol=1e-9)
    assert any(not torch.equal(value, moved[name]) for name, value in direct.items())


OWN_HEADS = [
    VARIANTS[0],
    ModelOptions(name="mmoe", experts=ExpertOptions(number=3, widths=(8,), heads="all")),
]


@pytest.mark.parametrize("model", OWN_HEADS, ids=lambda m: m.name)
@pytest.mark.parametrize("way", ["direct", "lockstep"])
def test_the_mixed_head_alone_has_the_same_bits_as_among_the_others(
    model: ModelOptions, way: Way
) -> None:
    replicas = make(way, [3] if way == "direct" else [3, 7], model)
    inputs = FEATURES.span(400, 500)
    whole, alone = (replicas.outputs(inputs._replace(heads=h)) for h in ("all", "mixed"))
    assert set(whole.logits["label"]) == {"mixed", "image", "text"}
    assert set(alone.logits["label"]) == {"mixed"}
    assert torch.equal(alone.logits["label"]["mixed"], whole.logits["label"]["mixed"])
    assert torch.equal(alone.hidden, whole.hidden)
