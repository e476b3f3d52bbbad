from dataclasses import replace

import pytest
import torch

from alsim.models import MODELS, Shape, active_flops, build_model, match_width, n_parameters
from alsim.models.size import with_width
from alsim.options.experts import ExpertOptions
from alsim.options.model import ModelOptions
from alsim.seeding import forked, stream

SHAPE = Shape({"x": 20}, {"a": 3, "b": 2})


def options(name: str, **experts: object) -> ModelOptions:
    return ModelOptions(name=name, experts=ExpertOptions(**experts))  # pyright: ignore[reportArgumentType]


def build(chosen: ModelOptions, shape: Shape = SHAPE) -> torch.nn.Module:
    with forked(stream(0, "init")):
        return build_model(shape, chosen)


def test_parameters_and_products_equal_the_counts_by_hand() -> None:
    bottom = build(options("shared-bottom", widths=(7,), tower=(4,)))
    towers = 2 * (7 * 4 + 4) + (4 * 3 + 3) + (4 * 2 + 2)
    assert n_parameters(bottom) == (20 * 7 + 7) + towers
    products = 20 * 7 + 2 * 7 * 4 + 4 * 3 + 4 * 2
    assert active_flops(bottom, SHAPE) == products
    assert active_flops(bottom, SHAPE, "b") == 20 * 7 + 7 * 4 + 4 * 2
    mmoe = build(options("mmoe", number=5, widths=(7,)))
    assert n_parameters(mmoe) == 5 * (20 * 7 + 7) + 2 * 20 * 5 + (7 * 3 + 3) + (7 * 2 + 2)
    assert active_flops(mmoe, SHAPE) == 5 * 20 * 7 + 2 * 20 * 5 + 2 * 5 * 7 + 7 * 3 + 7 * 2


def test_the_products_of_a_multi_clustering_grow_with_its_density() -> None:
    net = build(options("multi-cluster", number=8, widths=(7,)))
    found = []
    for k in range(1, 9):
        with torch.no_grad():
            net.gates()["mixed"].logits.copy_(torch.where(torch.arange(8) < k, 9.0, -9.0))
        found.append(active_flops(net, SHAPE, "a"))
    assert found[1:] == [k * (20 * 7 + 7) + 7 * 3 for k in range(2, 9)]
    assert found[0] == 20 * 7 + 7 * 3  # a single expert is scaled element by element


def test_a_model_without_experts_is_counted_whole() -> None:
    linear = build(ModelOptions(name="linear"))
    assert active_flops(linear, SHAPE) == 20 * 5
    with pytest.raises(ValueError, match="cannot be cut"):
        active_flops(linear, SHAPE, "a")


@pytest.mark.parametrize("name", [name for name in MODELS if name != "linear"])
def test_the_matched_width_gives_the_closest_size(name: str) -> None:
    chosen = options(name, number=3, widths=(1, 1))
    before = torch.get_rng_state()
    sizes = {w: n_parameters(build(with_width(chosen, w))) for w in range(1, 61)}
    for n in (1, 500, 1234, sizes[17], (sizes[20] + sizes[21]) // 2):
        closest = min(sizes, key=lambda w: (abs(sizes[w] - n), w))
        assert match_width(SHAPE, chosen, n) == closest
    assert torch.equal(before, torch.get_rng_state())


def test_the_papers_shared_bottom_has_about_113_units() -> None:
    # Ma et al. (2018): 8 experts of 16 units, towers of 8, on 100 inputs and 2 targets. The width
    # is 113 if the two gates, 8 × 100 each, are not counted, and 126 with them.
    shape = Shape({"x": 100}, {"y1": 1, "y2": 1})
    experts = ExpertOptions(number=8, widths=(16,), tower=(8,))
    mmoe = ModelOptions(name="mmoe", experts=experts)
    n = n_parameters(build(mmoe, shape))
    bottom = replace(mmoe, name="shared-bottom")
    assert match_width(shape, bottom, n - 2 * 8 * 100) == 113
    assert match_width(shape, bottom, n) == 126
