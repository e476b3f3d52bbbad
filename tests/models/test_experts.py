from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F

from alsim.errors import UsageError
from alsim.models import Inputs
from alsim.models.columns import Columns, image_of, pixels, reading_mask
from alsim.models.experts import ConvExperts, MlpExperts
from alsim.models.mixers import mix_experts
from alsim.models.stacked import StackedLinear
from alsim.options.experts import ExpertOptions, expert_faults
from alsim.seeding import forked, stream

COLUMNS = Columns({"picture": 5, "text": 3})


def randn(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=stream(0, "x"), dtype=torch.float64)


def mlp_experts(n_experts: int, widths: list[int], **kind: object) -> MlpExperts:
    with forked(stream(0, "init")):
        return MlpExperts(n_experts, 10, widths, **kind).double()  # pyright: ignore[reportArgumentType]


def test_stacked_layers_equal_separate_linear_layers() -> None:
    with forked(stream(0, "init")):
        layer = StackedLinear(3, 5, 4).double()
    shared, own = randn(7, 5), randn(2, 7, 3, 5)
    for i in range(3):
        weight, bias = layer.weight[i], layer.bias[i]
        torch.testing.assert_close(layer(shared)[:, i], F.linear(shared, weight, bias))
        torch.testing.assert_close(layer(own)[:, :, i], F.linear(own[:, :, i], weight, bias))


def test_experts_equal_separate_perceptrons() -> None:
    experts, x = mlp_experts(3, [6, 4]), randn(7, 10)
    first, second = experts.layers
    for i in range(3):
        hidden = F.relu(F.linear(x, first.weight[i], first.bias[i]))
        expected = F.relu(F.linear(hidden, second.weight[i], second.bias[i]))
        torch.testing.assert_close(experts(x)[:, i], expected)


def test_each_expert_starts_as_a_linear_layer_would_and_no_two_are_alike() -> None:
    with forked(stream(0, "init")):
        layer = StackedLinear(4, 400, 50)
    for tensor in (layer.weight, layer.bias):
        largest = tensor.abs().flatten(1).max(1).values
        assert (largest <= 1 / 400**0.5).all()
        assert (largest > 0.9 / 400**0.5).all()
        # A uniform distribution on ±a has the standard deviation a/√3.
        assert (tensor.flatten(1).std(1) * 400**0.5 * 3**0.5 - 1).abs().max() < 0.4
    assert (torch.pdist(layer.weight.flatten(1)) > 1).all()


def test_an_expert_does_not_see_what_it_does_not_read() -> None:
    reads = torch.zeros(2, 10, dtype=torch.float64)
    reads[0, :4] = 1
    reads[1, 3:] = 1
    experts, x = mlp_experts(2, [6], reads=reads), randn(7, 10)
    changed = x.clone()
    changed[:, :3] += 1
    before, after = experts(x), experts(changed)
    assert torch.equal(before[:, 1], after[:, 1])
    assert not torch.equal(before[:, 0], after[:, 0])
    bound = experts.layers[0].weight.abs().flatten(1).max(1).values
    assert 0.9 / 4**0.5 < bound[0] <= 1 / 4**0.5
    assert 0.9 / 7**0.5 < bound[1] <= 1 / 7**0.5


def test_experts_with_sources_read_their_own_input() -> None:
    experts, x = mlp_experts(3, [4], sources=[1, 0, 1]), randn(7, 2, 10)
    for i, place in enumerate([1, 0, 1]):
        expected = mlp_experts(3, [4])(x[:, place])[:, i]
        torch.testing.assert_close(experts(x)[:, i], expected)


@pytest.mark.parametrize("layout", ["hwc", "chw"])
def test_each_convolution_expert_is_four_convolutions(layout: str) -> None:
    with forked(stream(0, "init")):
        experts = ConvExperts(3, (32, 16, 2), 5, layout).double()  # pyright: ignore[reportArgumentType]
    x = randn(4, 32 * 16 * 2)
    out = experts(x)
    assert out.shape == (4, 3, 5 * 2 * 1)
    for i in range(3):
        z = x.view(4, 32, 16, 2).permute(0, 3, 1, 2) if layout == "hwc" else x.view(4, 2, 32, 16)
        for convolution in experts.experts[i]:
            z = F.conv2d(z, convolution.weight, convolution.bias, padding=1)
            z = F.max_pool2d(F.relu(z), 2)
        torch.testing.assert_close(out[:, i], z.flatten(1))
    assert not torch.allclose(out[:, 0], out[:, 1])


def test_extracted_experts_keep_their_outputs() -> None:
    with forked(stream(0, "init")):
        images = ConvExperts(4, (16, 16, 1), 3, "hwc").double()
    sourced = mlp_experts(4, [6, 5], sources=[0, 1, 0, 1])
    for experts, x in (
        (mlp_experts(4, [6, 5]), randn(3, 10)),
        (sourced, randn(3, 2, 10)),
        (images, randn(3, 256)),
    ):
        for kept in ([2], [0, 3], [3, 1, 0, 2]):
            torch.testing.assert_close(experts.cut(kept)(x), experts(x)[:, kept])


def test_mixtures_are_weighted_sums() -> None:
    experts, weights = randn(4, 3, 2), randn(6, 4, 5, 3)
    mixed = mix_experts(experts, weights)
    expected = torch.zeros(6, 4, 5, 2, dtype=torch.float64)
    for i in range(3):
        expected += weights[..., i, None] * experts[:, None, i]
    torch.testing.assert_close(mixed, expected)
    by_task = mix_experts(experts, weights[0, 0])
    torch.testing.assert_close(by_task, mix_experts(experts, weights[0, 0].expand(4, 5, 3)))


def test_a_group_of_columns_is_given_by_names_and_ranges() -> None:
    assert COLUMNS.n == 10
    assert COLUMNS.of("text") == [5, 6, 7, 9]  # with its own mask
    assert COLUMNS.of("picture[1:3]") == [1, 2, 8]
    assert COLUMNS.of("text[0:1]+picture[4:5]") == [5, 9, 4, 8]
    assert Columns({"x[0]": 2}).of("x[0]") == [0, 1]
    mask = reading_mask(COLUMNS, ["text", "picture"], 3)
    assert mask.sum(1).tolist() == [4, 6, 4]


@pytest.mark.parametrize(
    "group", ["txt", "text[0:4]", "text[2:2]", "text[a:b]", "text[1]", "text[0:1", ""]
)
def test_a_group_that_matches_no_columns_is_refused(group: str) -> None:
    with pytest.raises(UsageError):
        COLUMNS.of(group)


def test_more_groups_than_experts_are_refused() -> None:
    with pytest.raises(UsageError, match="3 groups of columns for 2 experts"):
        reading_mask(COLUMNS, ["text"] * 3, 2)


def test_hiding_all_but_one_modality_leaves_its_columns_and_its_mask() -> None:
    present = torch.tensor([[1.0, 1.0], [1.0, 0.0]])
    inputs = Inputs({"picture": torch.ones(2, 5), "text": torch.ones(2, 3)}, present)
    joined = COLUMNS.join_only(inputs, "text")
    assert joined[:, 5:8].eq(1).all()
    assert joined[:, :5].eq(0).all()
    assert joined[:, 8:].tolist() == [[0, 1], [0, 0]]


def test_the_shape_of_a_picture_is_guessed_from_its_width() -> None:
    assert image_of(Columns({"image": 784}), None) == (28, 28, 1)
    assert image_of(Columns({"image": 3072}), None) == (32, 32, 3)
    assert image_of(Columns({"image": 3072}), (48, 64, 1)) == (48, 64, 1)
    for columns, image in (
        (Columns({"image": 100}), None),  # too small to be halved four times
        (Columns({"image": 3000}), None),
        (Columns({"image": 3072}), (32, 32, 1)),
        (Columns({"image": 784, "text": 5}), None),
    ):
        with pytest.raises(UsageError):
            image_of(columns, image)


def test_row_major_pixels_have_interleaved_channels() -> None:
    row = torch.arange(2 * 3 * 2).view(1, -1)
    assert pixels(row, (2, 3, 2), "hwc")[0, 1].tolist() == [[1, 3, 5], [7, 9, 11]]
    assert pixels(row, (2, 3, 2), "chw")[0, 1].tolist() == [[6, 7, 8], [9, 10, 11]]


@pytest.mark.parametrize(
    "fault",
    [
        {"number": 0},
        {"widths": ()},
        {"widths": (4, 0)},
        {"tower": (0,)},
        {"task_experts": -1},
        {"levels": 0},
        {"kind": "conv4", "levels": 2},
        {"kind": "conv4", "reads": ("image",)},
        {"samples": 1},
        {"samples": 3, "estimator": "disarm"},
        {"density_weight": -1.0},
        {"density_weight": float("nan")},
    ],
    ids=str,
)
def test_each_fault_of_the_options_is_reported(fault: dict[str, object]) -> None:
    assert expert_faults(ExpertOptions()) == []
    assert len(expert_faults(replace(ExpertOptions(), **fault))) == 1  # pyright: ignore[reportArgumentType]
