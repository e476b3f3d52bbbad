import torch
from scipy import stats

from alsim.models import Shape, build_model
from alsim.options.model import ModelOptions
from alsim.seeding import stream
from alsim.training.dropout import Site, draw_bytes, draw_masks, dropout_sites, kept_of_256


def test_the_share_kept_is_right_for_every_byte_of_a_draw() -> None:
    for p in (0.1, 0.25, 0.5, 0.9):
        drawn = draw_bytes(4000 * 8, generator=stream(0, "test")).view(4000, 8)
        mask = drawn < kept_of_256(p)
        kept, expected = mask.float().mean(0), kept_of_256(p) / 256
        # Each column is one byte of the 64-bit words; none may be biased.
        bound = 4.5 * (expected * (1 - expected) / 4000) ** 0.5
        assert (kept - expected).abs().max() < bound
        assert abs(expected - (1 - p)) <= 1 / 512


def test_values_are_dropped_independently() -> None:
    mask = draw_bytes(20_000 * 2, generator=stream(1, "test")).view(20_000, 2) < 128
    table = torch.zeros(2, 2).index_put_(
        (mask[:, 0].long(), mask[:, 1].long()), torch.ones(20_000), accumulate=True
    )
    assert stats.chi2_contingency(table.numpy()).pvalue > 0.001


def test_the_masks_of_a_replica_do_not_depend_on_its_neighbours() -> None:
    sites = [Site("a", 0.5, 7), Site("b", 0.25, 3)]

    def draw(seeds: list[int]) -> dict[str, torch.Tensor]:
        return dict(draw_masks(sites, 5, torch.float32, [stream(s, "dropout") for s in seeds]))

    alone, among, elsewhere = draw([3]), draw([1, 3, 2]), draw([5, 6, 3])
    for name in ("a.mask", "b.mask"):
        assert torch.equal(alone[name][0], among[name][1])
        assert torch.equal(alone[name][0], elsewhere[name][2])


def test_a_mask_keeps_the_expected_value() -> None:
    masks = draw_masks([Site("a", 0.3, 50)], 4000, torch.float64, [stream(0, "dropout")])["a.mask"]
    assert abs(masks.mean().item() - 1) < 4.5 * (0.3 / 0.7 / masks.numel()) ** 0.5


def test_layers_that_drop_nothing_need_no_mask() -> None:
    shape = Shape({"x": 4}, {"label": 3})
    assert dropout_sites(build_model(shape, ModelOptions(name="mlp", dropout=0.0))) == []
    sites = dropout_sites(
        build_model(shape, ModelOptions(name="mlp", dropout=0.5, depth=2, width=8))
    )
    assert [(site.p, site.width) for site in sites] == [(0.5, 8), (0.5, 8)]
