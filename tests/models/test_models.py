import itertools

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from alsim.errors import UsageError
from alsim.models import MIXED, MODELS, Inputs, Shape, build_model
from alsim.models.fusion import Attention, Bilinear
from alsim.models.layers import RowBatchNorm
from alsim.options.model import ModelOptions
from alsim.seeding import forked, stream

SHAPE = Shape({"picture": 8, "text": 5}, {"label": 4, "colour": 3})
VARIANTS = [
    ModelOptions(name=name, width=6, blocks=blocks, fusion=fusion)
    for name in MODELS
    for blocks, fusion in itertools.product(
        ("dense", "residual", "highway"), ("concat", "attention", "bilinear")
    )
    if name == "three-head" or (blocks, fusion) == ("dense", "concat")
]


def make_inputs(n: int, present: torch.Tensor | None = None) -> Inputs:
    g = stream(0, "inputs")
    present = torch.ones(n, 2, dtype=torch.float64) if present is None else present.double()
    return Inputs(
        {
            "picture": torch.randn(n, 8, generator=g, dtype=torch.float64) * present[:, :1],
            "text": torch.randn(n, 5, generator=g, dtype=torch.float64) * present[:, 1:],
        },
        present,
    )


def build(options: ModelOptions, shape: Shape = SHAPE, seed: int = 0) -> nn.Module:
    with forked(stream(seed, "init")):
        return build_model(shape, options).double()


@pytest.mark.parametrize("options", VARIANTS, ids=str)
def test_every_model_gives_logits_for_every_task_and_its_heads(options: ModelOptions) -> None:
    outputs = build(options)(make_inputs(7))
    heads = {MIXED, "picture", "text"} if options.name == "three-head" else {MIXED}
    assert {task: set(logits) for task, logits in outputs.logits.items()} == {
        "label": heads,
        "colour": heads,
    }
    assert all(z.shape == (7, 4) for z in outputs.logits["label"].values())
    assert all(z.shape == (7, 3) for z in outputs.logits["colour"].values())
    assert outputs.hidden.shape[0] == 7


@pytest.mark.long
@pytest.mark.parametrize("options", [v for v in VARIANTS if v.name == "three-head"], ids=str)
def test_values_of_an_absent_modality_do_not_affect_the_output(options: ModelOptions) -> None:
    present = torch.tensor([[1, 1], [1, 0], [0, 1], [0, 0], [1, 1], [1, 1]])
    inputs = make_inputs(6, present)
    noise = 100 * (1 - present[:, 1:].double())
    garbled = {**inputs.modalities, "text": inputs.modalities["text"] + noise}
    before = build(options)(inputs)
    after = build(options)(Inputs(garbled, inputs.present))
    for head in (MIXED, "picture"):
        torch.testing.assert_close(
            before.logits["label"][head], after.logits["label"][head], rtol=0, atol=1e-12
        )


@pytest.mark.parametrize("options", VARIANTS, ids=str)
def test_the_mask_affects_the_output(options: ModelOptions) -> None:
    model = build(options)
    model.eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim > 1:  # a bias of zero could hide it
                parameter.add_(0.1)
            del name
    zeros = {"picture": torch.zeros(1, 8).double(), "text": torch.zeros(1, 5).double()}
    there = model(Inputs(zeros, torch.ones(1, 2).double()))
    absent = model(Inputs(zeros, torch.zeros(1, 2).double()))
    assert not torch.allclose(there.logits["label"][MIXED], absent.logits["label"][MIXED])


@pytest.mark.parametrize("options", VARIANTS, ids=str)
def test_the_output_of_a_row_in_evaluation_does_not_depend_on_its_neighbours(
    options: ModelOptions,
) -> None:
    model = build(options)
    model.eval()
    inputs = make_inputs(9, torch.rand(9, 2, generator=stream(1, "mask")) < 0.7)
    whole = model(inputs).logits["label"][MIXED]
    for i in range(9):
        one = Inputs(
            {k: x[i : i + 1] for k, x in inputs.modalities.items()}, inputs.present[i : i + 1]
        )
        torch.testing.assert_close(
            model(one).logits["label"][MIXED][0], whole[i], rtol=0, atol=1e-12
        )


def test_initialisation_follows_its_stream() -> None:
    options = ModelOptions(name="three-head", width=6)
    a, b, c = build(options), build(options), build(options, seed=1)
    assert all(torch.equal(p, q) for p, q in zip(a.parameters(), b.parameters(), strict=True))
    assert not all(torch.equal(p, q) for p, q in zip(a.parameters(), c.parameters(), strict=True))


def test_linear_layers_before_a_batch_norm_have_no_bias() -> None:
    model = build(ModelOptions(name="three-head", width=6, blocks="residual"))
    n_norms = sum(isinstance(m, RowBatchNorm) for m in model.modules())
    n_free = sum(isinstance(m, nn.Linear) and m.bias is None for m in model.modules())
    assert n_norms > 0
    assert n_free >= n_norms


def test_a_modality_passes_an_encoder_only_if_requested_whatever_its_name() -> None:
    def n_blocks(options: ModelOptions) -> list[int]:
        return [len(branch.blocks) for branch in build(options).branches]

    assert n_blocks(ModelOptions(name="three-head", width=6)) == [1, 1]
    assert n_blocks(ModelOptions(name="three-head", width=6, encoders=("picture",))) == [2, 1]
    assert n_blocks(ModelOptions(name="three-head", width=6, encoders=("text",))) == [1, 2]


def test_an_unknown_model_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(UsageError, match="did you mean linear"):
        build(ModelOptions(name="linaer"))


def test_the_mlp_is_a_plain_perceptron_on_the_concatenation() -> None:
    model = build(ModelOptions(name="mlp", width=6, depth=2))
    model.eval()
    inputs = make_inputs(5)
    x = torch.cat([*inputs.modalities.values(), inputs.present], 1)
    parts = list(model.first.parts)
    weight = torch.cat([part.weight for part in parts], 1)
    hidden = F.relu(x @ weight.T + parts[0].bias)
    hidden = F.relu(model.rest[0](hidden))
    expected = hidden @ model.heads[0].weight.T + model.heads[0].bias
    torch.testing.assert_close(model(inputs).logits["label"][MIXED], expected)


def test_the_first_layer_of_the_mlp_is_initialised_as_one_layer() -> None:
    shape = Shape({"picture": 300, "text": 100}, {"label": 4})
    model = build(ModelOptions(name="mlp", width=200), shape)
    bound = 1 / (300 + 100 + 2) ** 0.5
    for part in list(model.first.parts)[:2]:
        assert part.weight.abs().max() <= bound
        assert part.weight.abs().max() > 0.99 * bound


def test_attention_weighs_only_present_modalities_and_gives_zero_without_any() -> None:
    with forked(stream(0, "init")):
        fusion = Attention(3, 4).double()
    branches = torch.randn(5, 3, 4, generator=stream(1, "test"), dtype=torch.float64)
    present = torch.tensor([[1, 1, 1], [1, 0, 0], [0, 1, 0], [0, 1, 1], [0, 0, 0]]).double()
    out = fusion(branches, present)
    torch.testing.assert_close(out[1], branches[1, 0])
    torch.testing.assert_close(out[2], branches[2, 1])
    assert torch.equal(out[4], torch.zeros(4, dtype=torch.float64))
    scores = [fusion.score.weight @ torch.tanh(fusion.project(branches[3, m])) for m in (1, 2)]
    a = torch.softmax(torch.cat(scores), 0)
    torch.testing.assert_close(out[3], a[0] * branches[3, 1] + a[1] * branches[3, 2])


def test_bilinear_fusion_joins_the_parts_and_their_pairwise_product() -> None:
    with forked(stream(0, "init")):
        fusion = Bilinear(2, 3).double()
    branches = torch.randn(4, 2, 3, generator=stream(1, "test"), dtype=torch.float64)
    out = fusion(branches, torch.ones(4, 2).double())
    u, v = fusion.left[0].weight, fusion.right[0].weight
    for i in range(4):
        product = (u @ branches[i, 0]) * (v @ branches[i, 1])
        torch.testing.assert_close(out[i], torch.cat([branches[i].flatten(), product]))


def test_columns_may_be_named_like_attributes_of_a_module() -> None:
    shape = Shape({"type": 3, "a.b": 2}, {"keys": 2, "training": 2})
    for name in MODELS:
        model = build(ModelOptions(name=name, width=4), shape)
        inputs = Inputs(
            {"type": torch.ones(2, 3).double(), "a.b": torch.ones(2, 2).double()},
            torch.ones(2, 2).double(),
        )
        assert set(model(inputs).logits) == {"keys", "training"}


@pytest.mark.parametrize("options", VARIANTS, ids=str)
def test_the_last_layer_is_the_hidden_one(options: ModelOptions) -> None:
    outputs = build(options)(make_inputs(7))
    assert all(layer.shape[0] == 7 and layer.ndim == 2 for layer in outputs.layers)
    assert torch.equal(outputs.layers[-1], outputs.hidden)


def test_the_layers_are_the_branches_and_their_fusion_or_every_hidden_layer() -> None:
    def widths(options: ModelOptions) -> list[int]:
        return [layer.shape[1] for layer in build(options)(make_inputs(3)).layers]

    assert widths(ModelOptions(name="three-head", width=6)) == [6, 6, 6]
    assert widths(ModelOptions(name="mlp", width=6, depth=3)) == [6, 6, 6]
    assert widths(ModelOptions(name="linear")) == [8 + 5 + 2]
