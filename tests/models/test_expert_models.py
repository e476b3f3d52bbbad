"""Identities between the multi-task models, and properties of all of them."""

import itertools
from dataclasses import replace

import pytest
import torch
from torch.func import functional_call, stack_module_state

from alsim.errors import UsageError
from alsim.models import MIXED, ExpertNet, Inputs, Outputs, Shape, build_model, export_task
from alsim.options.experts import ExpertOptions
from alsim.options.model import ModelOptions
from alsim.seeding import forked, stream

SHAPE = Shape({"picture": 5, "text": 3}, {"label": 4, "colour": 3, "size": 1})
SMALL = ExpertOptions(number=4, widths=(6,))
NAMES = ["single-task", "shared-bottom", "cross-stitch", "omoe", "mmoe", "cgc", "multi-cluster"]
VARIANTS = {
    **{name: (name, replace(SMALL, tower=(7, 5), widths=(6, 8))) for name in NAMES},
    "mmoe by task": ("mmoe", replace(SMALL, gate="task")),
    "omoe by task": ("omoe", replace(SMALL, gate="task")),
    "cgc by task": ("cgc", replace(SMALL, gate="task", levels=2)),
    "cgc of two levels": ("cgc", replace(SMALL, levels=2)),
    "cgc of three levels, heads": ("cgc", replace(SMALL, levels=3, task_experts=1, heads="all")),
    "mmoe with heads": ("mmoe", replace(SMALL, heads="all", tower=(5,))),
    "multi-cluster with heads": ("multi-cluster", replace(SMALL, heads="all")),
    "mmoe by feature groups": ("mmoe", replace(SMALL, reads=("text", "picture[0:3]"))),
}
IMAGES = Shape({"image": 256}, {"label": 4, "colour": 3})


def build(name: str, options: ExpertOptions, seed: int = 0, shape: Shape = SHAPE) -> ExpertNet:
    with forked(stream(seed, "init")):
        model = build_model(shape, ModelOptions(name=name, dropout=0.0, experts=options)).double()
    assert isinstance(model, ExpertNet)
    return model.eval()


def make_inputs(n: int = 7, shape: Shape = SHAPE) -> Inputs:
    g = stream(0, "inputs")
    present = (torch.rand(n, len(shape.widths), generator=g) < 0.8).double()
    return Inputs(
        {
            name: torch.randn(n, d, generator=g, dtype=torch.float64) * present[:, i : i + 1]
            for i, (name, d) in enumerate(shape.widths.items())
        },
        present,
    )


def assert_same(a: Outputs, b: Outputs) -> None:
    assert set(a.logits) == set(b.logits)
    for task, heads in a.logits.items():
        for head, z in heads.items():
            torch.testing.assert_close(z, b.logits[task][head], rtol=0, atol=1e-6)
    torch.testing.assert_close(a.hidden, b.hidden, rtol=0, atol=1e-6)


def adopt(to: ExpertNet, of: ExpertNet, **renamed: torch.Tensor) -> None:
    """Copy the parameters of one net to another, except those given by name."""
    theirs = {
        **dict(of.named_parameters()),
        **{k.replace("__", "."): v for k, v in renamed.items()},
    }
    with torch.no_grad():
        for name, parameter in to.named_parameters():
            parameter.copy_(theirs[name])


@pytest.mark.long
@pytest.mark.parametrize(("name", "options"), VARIANTS.values(), ids=VARIANTS)
def test_every_task_has_logits_and_hidden_is_the_input_of_the_first_tasks_head(
    name: str, options: ExpertOptions
) -> None:
    net = build(name, options)
    outputs = net(make_inputs())
    heads = {MIXED, "picture", "text"} if options.heads == "all" else {MIXED}
    for task, c in SHAPE.n_classes.items():
        assert {h: z.shape for h, z in outputs.logits[task].items()} == dict.fromkeys(heads, (7, c))
    head = net.towers[0].heads[0]
    torch.testing.assert_close(head(outputs.hidden), outputs.logits["label"][MIXED])
    assert torch.equal(outputs.layers[-1], outputs.hidden)


def test_mmoe_mixes_the_experts_by_a_softmax_for_each_task() -> None:
    net, inputs = build("mmoe", SMALL), make_inputs()
    x = torch.cat([*inputs.modalities.values(), inputs.present], 1)
    level, towers = net.levels[0], net.towers[0]
    experts = level.experts(x)
    for task, gate in enumerate(level.mixers[0].gate.linear.weight):
        weights = torch.softmax(x @ gate.T, 1)
        mixed = sum(weights[:, i : i + 1] * experts[:, i] for i in range(4))
        logits = list(net(inputs).logits.values())[task][MIXED]
        torch.testing.assert_close(logits, towers.heads[task](mixed))


def test_mmoe_with_equal_gates_is_omoe() -> None:
    mmoe, omoe = build("mmoe", SMALL), build("omoe", SMALL, seed=1)
    gate = mmoe.levels[0].mixers[0].gate.linear.weight
    with torch.no_grad():
        gate.copy_(gate[:1].clone().expand_as(gate))
    adopt(omoe, mmoe, levels__0__mixers__0__gate__linear__weight=gate[:1])
    assert_same(mmoe(make_inputs()), omoe(make_inputs()))


def test_mmoe_with_one_expert_is_a_shared_bottom_of_its_width() -> None:
    one = replace(SMALL, number=1, tower=(5,))
    mmoe, bottom = build("mmoe", one), build("shared-bottom", one, seed=1)
    adopt(bottom, mmoe)
    assert_same(mmoe(make_inputs()), bottom(make_inputs()))


def test_cross_stitch_equals_multi_cluster_with_every_gate_open() -> None:
    clusters = build("multi-cluster", replace(SMALL, evaluation="all"))
    stitch = build("cross-stitch", SMALL, seed=1)
    adopt(stitch, clusters)
    assert_same(clusters(make_inputs()), stitch(make_inputs()))


def test_gates_that_are_surely_open_equal_no_gates() -> None:
    chosen = build("multi-cluster", SMALL)
    ungated = build("multi-cluster", replace(SMALL, evaluation="all"))
    assert not torch.allclose(chosen(make_inputs()).hidden, ungated(make_inputs()).hidden)
    with torch.no_grad():
        chosen.levels[0].mixers[0].gate.logits.fill_(50)
    assert_same(chosen(make_inputs()), ungated(make_inputs()))


@pytest.mark.parametrize("gate", ["input", "task"])
def test_cgc_without_task_specific_experts_is_mmoe(gate: str) -> None:
    options = replace(SMALL, task_experts=0, gate=gate)
    cgc, mmoe = build("cgc", options), build("mmoe", options, seed=1)
    parameters = dict(cgc.named_parameters())
    name = "linear.weight" if gate == "input" else "logits"
    weight = parameters[f"levels.0.mixers.0.task_gate.{name}"]
    if gate == "task":
        with torch.no_grad():
            weight.copy_(torch.randn(weight.shape, generator=stream(0, "gate")))
    key = f"levels.0.mixers.0.gate.{name}".replace(".", "__")
    adopt(mmoe, cgc, **{key: weight})
    assert_same(cgc(make_inputs()), mmoe(make_inputs()))


def test_ple_is_computed_as_its_figure_shows() -> None:
    net = build("cgc", replace(SMALL, number=2, task_experts=1, levels=2))
    inputs = make_inputs()
    x = torch.cat([*inputs.modalities.values(), inputs.present], 1)
    reads = [x] * 4  # of tasks 0, 1, 2 and of the common experts
    for level, is_last in zip(net.levels, (False, True), strict=True):
        (layer,) = level.experts.layers
        experts = [
            torch.relu(reads[place] @ layer.weight[i].T + layer.bias[i])
            for i, place in enumerate([0, 1, 2, 3, 3])
        ]
        mixer, above = level.mixers[0], []
        for task in range(3):
            seen = torch.stack([experts[task], experts[3], experts[4]], 1)
            weights = torch.softmax(reads[task] @ mixer.task_gate.linear.weight[task].T, 1)
            above.append((weights.unsqueeze(2) * seen).sum(1))
        if not is_last:
            weights = torch.softmax(reads[3] @ mixer.shared_gate.linear.weight[0].T, 1)
            above.append((weights.unsqueeze(2) * torch.stack(experts, 1)).sum(1))
        reads = above
    for task, logits in enumerate(net(inputs).logits.values()):
        torch.testing.assert_close(logits[MIXED], net.towers[0].heads[task](reads[task]))


@pytest.mark.parametrize(("name", "options"), VARIANTS.values(), ids=VARIANTS)
def test_rows_do_not_affect_each_other(name: str, options: ExpertOptions) -> None:
    net, inputs = build(name, options), make_inputs()
    order = torch.randperm(7, generator=stream(0, "order"))
    permuted = Inputs({k: x[order] for k, x in inputs.modalities.items()}, inputs.present[order])
    whole, again = net(inputs), net(permuted)
    for task, heads in whole.logits.items():
        for head, z in heads.items():
            torch.testing.assert_close(z[order], again.logits[task][head])


def test_the_head_of_a_modality_does_not_see_other_modalities() -> None:
    net, inputs = build("mmoe", replace(SMALL, heads="all")), make_inputs()
    changed = Inputs(
        {**inputs.modalities, "picture": inputs.modalities["picture"] + 1}, inputs.present
    )
    before, after = net(inputs).logits["label"], net(changed).logits["label"]
    assert torch.equal(before["text"], after["text"])
    assert not torch.allclose(before["picture"], after["picture"])


def test_experts_of_a_feature_group_see_only_that_group() -> None:
    options = replace(SMALL, number=2, reads=("picture", "text"), gate="task")
    net, inputs = build("mmoe", options), make_inputs()
    changed = Inputs(
        {**inputs.modalities, "picture": inputs.modalities["picture"] + 1}, inputs.present
    )
    before, after = (net.levels[0].experts(net.columns.join(i)) for i in (inputs, changed))
    assert torch.equal(before[:, 1], after[:, 1])
    assert not torch.allclose(before[:, 0], after[:, 0])


CONVOLVED = {name: (name, ExpertOptions(kind="conv4", number=3, widths=(4,))) for name in NAMES}


@pytest.mark.parametrize(
    ("name", "options", "shape"),
    [(*v, SHAPE) for v in VARIANTS.values()] + [(*v, IMAGES) for v in CONVOLVED.values()],
    ids=[*VARIANTS, *(f"{name} of convolutions" for name in CONVOLVED)],
)
def test_replicas_under_vmap_equal_the_nets_one_by_one(
    name: str, options: ExpertOptions, shape: Shape
) -> None:
    nets = [build(name, options, seed, shape) for seed in range(3)]
    inputs = make_inputs(shape=shape)
    stacked: Outputs = torch.vmap(lambda p, b: functional_call(nets[0], (p, b), (inputs,)))(
        *stack_module_state(nets)
    )
    for i, net in enumerate(nets):
        for task, heads in net(inputs).logits.items():
            for head, z in heads.items():
                torch.testing.assert_close(z, stacked.logits[task][head][i], rtol=0, atol=1e-9)


@pytest.mark.parametrize(("name", "options"), VARIANTS.values(), ids=VARIANTS)
def test_gradients_reach_every_parameter(name: str, options: ExpertOptions) -> None:
    net = build(name, replace(options, evaluation="soft"))
    outputs = net(make_inputs(40))
    losses = [z.square().sum() for heads in outputs.logits.values() for z in heads.values()]
    torch.stack(losses).sum().backward()
    for parameter_name, parameter in net.named_parameters():
        assert parameter.grad is not None, parameter_name
        assert parameter.grad.abs().max() > 0, parameter_name


@pytest.mark.parametrize(
    ("name", "options", "shape"),
    [(*v, SHAPE) for v in VARIANTS.values()] + [(*v, IMAGES) for v in CONVOLVED.values()],
    ids=[*VARIANTS, *(f"{name} of convolutions" for name in CONVOLVED)],
)
def test_an_exported_task_has_the_outputs_of_the_full_model(
    name: str, options: ExpertOptions, shape: Shape
) -> None:
    net, inputs = build(name, options, shape=shape), make_inputs(shape=shape)
    before, whole = torch.get_rng_state(), net(inputs)
    for task in shape.n_classes:
        alone = export_task(net, task)(inputs)
        assert set(alone.logits) == {task}
        for head, z in whole.logits[task].items():
            torch.testing.assert_close(alone.logits[task][head], z, rtol=0, atol=1e-6)
    pair = list(shape.n_classes)[:2]
    both = net.pruned(pair[::-1])(inputs)
    assert list(both.logits) == pair
    for task in pair:
        torch.testing.assert_close(both.logits[task][MIXED], whole.logits[task][MIXED])
    assert_same(net.pruned().pruned()(inputs), whole)
    assert torch.equal(before, torch.get_rng_state())


def test_an_exported_task_has_parameters_of_its_own() -> None:
    net, inputs = build("mmoe", SMALL), make_inputs()
    before = net(inputs)
    alone = export_task(net, "colour")
    with torch.no_grad():
        for parameter in alone.parameters():
            parameter.fill_(3)
    assert_same(net(inputs), before)
    with pytest.raises(ValueError, match="no tasks"):
        export_task(net, "shape")


@pytest.mark.parametrize(
    ("name", "n_experts"),
    [("single-task", 1), ("shared-bottom", 1), ("mmoe", 4), ("cgc", 2 + 4), ("multi-cluster", 2)],
)
def test_an_exported_task_has_only_the_experts_that_it_uses(name: str, n_experts: int) -> None:
    alone = export_task(build(name, SMALL), "colour")
    assert alone.levels[0].experts(torch.zeros(1, 10).double()).shape[1] == n_experts


def test_dropout_acts_on_the_mixture_and_in_the_towers() -> None:
    options = replace(SMALL, tower=(5,))
    with forked(stream(0, "init")):
        net = build_model(SHAPE, ModelOptions(name="mmoe", dropout=0.5, experts=options)).double()
    mixture, tower = net.towers[0].dropouts
    assert (mixture.width, tower.width) == (3 * 6, 3 * 5)
    mixture.mask = torch.zeros(18, dtype=torch.float64)
    mixture.mask[6:] = 1  # everything is dropped for the first task
    dropped, inputs = net(make_inputs()), make_inputs()
    mixture.mask = None
    kept = net(inputs)
    assert dropped.logits["label"][MIXED].std(0).max() == 0
    torch.testing.assert_close(dropped.logits["colour"][MIXED], kept.logits["colour"][MIXED])
    assert kept.logits["label"][MIXED].std(0).min() > 0
    cut = net.pruned(["size", "label"]).towers[0]
    assert [layer.width for layer in cut.dropouts] == [12, 10]


def test_faulty_options_are_refused_when_a_model_is_built() -> None:
    for name, fault in itertools.product(NAMES, ({"number": 0}, {"reads": ("smell",)})):
        with pytest.raises(UsageError):
            build(name, replace(SMALL, **fault))  # pyright: ignore[reportArgumentType]
