from collections.abc import Sequence
from typing import get_args

import pytest
import torch
from scipy import stats
from torch.nn import functional as F
from toy import make_pool, make_toy_setting

from alsim.experiments.setting import Setting, fresh_replicas
from alsim.models import MIXED, Inputs
from alsim.models.layers import StreamDropout
from alsim.options.engine import Way
from alsim.options.model import ModelOptions
from alsim.options.training import LossPrediction, TrainingOptions
from alsim.seeding import stream
from alsim.signals import Committee, InputDropout, Request, Scene, Signal, Signals, signals_of
from alsim.signals.perturbed import noised
from alsim.signals.streaming import inputs_of
from alsim.strategies.committee import mutual_information
from alsim.training.dropout import draw_masks
from alsim.training.replicas import Replicas

EVERY: tuple[Signal, ...] = get_args(Signal)
CONSISTENT, INDEPENDENT = Committee(5), Committee(4, "independent")


def setting_of(way: Way = "direct", model: str = "three-head") -> Setting:
    return make_toy_setting(
        way,
        model=ModelOptions(name=model, width=16, dropout=0.5),
        training=TrainingOptions(precision="float64", loss_prediction=LossPrediction(width=4)),
    )


def replicas_of(setting: Setting, n: int = 1) -> Replicas:
    return fresh_replicas(setting, list(range(n)), "init")


def request(*signals: Signal, committee: Committee = CONSISTENT, seed: int = 0) -> Request:
    return Request(frozenset(signals), lambda use: stream(seed, use), committee)


def collect(
    setting: Setting,
    replicas: Replicas,
    rows: torch.Tensor,
    requests: Sequence[Request],
    chunk: int = 4096,
) -> list[dict[Signal, torch.Tensor]]:
    scene = Scene(replicas, setting.features, "label", truth=setting.pool.tasks["label"].labels)
    chunks = [signals_of(scene, part, requests) for part in rows.split(chunk)]
    return [
        {s: torch.cat([c[r].values[s] for c in chunks]) for s in request.signals}
        for r, request in enumerate(requests)
    ]


def one(setting: Setting, rows: torch.Tensor, asked: Request) -> dict[Signal, torch.Tensor]:
    return collect(setting, replicas_of(setting), rows, [asked])[0]


@pytest.mark.long
@pytest.mark.parametrize("way", ["direct", "lockstep"])
@pytest.mark.parametrize("committee", [CONSISTENT, INDEPENDENT])
def test_signals_are_the_same_for_any_chunk_size(way: Way, committee: Committee) -> None:
    setting = setting_of(way)
    n = 1 if way == "direct" else 2
    replicas = replicas_of(setting, n)
    requests = [request(*EVERY, committee=committee, seed=r) for r in range(n)]
    rows = torch.arange(0, 120).masked_select(torch.arange(120) % 7 != 0)
    whole = collect(setting, replicas, rows, requests)
    for chunk in (7, 64):
        for a, b in zip(whole, collect(setting, replicas, rows, requests, chunk), strict=True):
            for signal in EVERY:
                torch.testing.assert_close(a[signal], b[signal], rtol=0, atol=1e-12)


def test_signals_are_those_of_the_requested_rows() -> None:
    setting = setting_of()
    for rows in (
        torch.arange(5, 50),
        torch.tensor([3, 200, 390]),
        torch.tensor([7, 8, 10, 11, 12]),
    ):
        got = one(setting, rows, request(*EVERY))
        inputs = setting.features.take(rows)
        outputs = replicas_of(setting).outputs(inputs)
        logits = outputs.logits["label"][MIXED][0]
        expected = torch.softmax(logits, -1)
        torch.testing.assert_close(got["probabilities"], expected)
        torch.testing.assert_close(got["head_probabilities"][:, 0], expected)
        own = torch.softmax(outputs.logits["label"]["text"][0], -1)
        torch.testing.assert_close(got["head_probabilities"][:, 2], own)
        torch.testing.assert_close(got["hidden"], outputs.hidden[0])
        torch.testing.assert_close(got["embeddings"], torch.cat([*inputs.modalities.values()], 1))
        torch.testing.assert_close(got["present"], inputs.present)
        labels = setting.pool.tasks["label"].labels[rows]
        torch.testing.assert_close(
            got["true_loss"], F.cross_entropy(logits, labels, reduction="none")
        )
        predicted = replicas_of(setting).predicted_losses(inputs)[0]
        torch.testing.assert_close(got["predicted_loss"], predicted)


def by_hand(setting: Setting, inputs: Inputs, masks: dict[str, torch.Tensor]) -> torch.Tensor:
    """Return the outputs of the net with masks on its dropout layers, one member at a time."""
    replicas = replicas_of(setting)
    replicas.outputs(inputs)  # enters evaluation mode
    layers = dict(replicas.objective.named_modules())
    for name, mask in masks.items():
        layer = layers[name.removesuffix(".mask")]
        assert isinstance(layer, StreamDropout)
        layer.mask = mask
    with torch.no_grad():
        outputs = replicas.objective.model(inputs)
    return torch.softmax(outputs.logits["label"][MIXED], -1)


# An mlp's members are computed as heads with masked weights.
@pytest.mark.parametrize("model", ["three-head", "mlp"])
@pytest.mark.parametrize("way", ["direct", "lockstep"])
def test_a_consistent_member_is_one_net_with_the_same_units_dropped_for_every_row(
    way: Way, model: str
) -> None:
    setting = setting_of(way, model)
    rows = torch.arange(3, 90)
    got = one(setting, rows, request("mc_probabilities"))["mc_probabilities"]
    sites = replicas_of(setting).sites
    masks = draw_masks(sites, 5, torch.float64, [stream(0, "committee")])
    for k in range(5):
        member = {name: mask[0, k] for name, mask in masks.items()}
        expected = by_hand(setting, setting.features.take(rows), member)
        torch.testing.assert_close(got[:, k], expected, rtol=0, atol=1e-12)
    assert not torch.allclose(got[:, 0], got[:, 1])


def test_independent_masks_depend_on_their_row_and_not_on_its_neighbours() -> None:
    setting = setting_of()
    asked = request("mc_probabilities", committee=INDEPENDENT)
    whole = one(setting, torch.arange(50), asked)["mc_probabilities"]
    some = one(setting, torch.tensor([4, 17, 41]), asked)["mc_probabilities"]
    torch.testing.assert_close(some, whole[[4, 17, 41]], rtol=0, atol=1e-12)


@pytest.mark.long
def test_the_score_of_a_row_has_the_same_distribution_with_either_kind_of_masks() -> None:
    setting = setting_of()
    replicas = replicas_of(setting)
    scores: list[list[float]] = []
    for committee in (Committee(4), Committee(4, "independent")):
        requests = [request("mc_probabilities", committee=committee, seed=s) for s in range(400)]
        drawn = [collect(setting, replicas, torch.tensor([11]), [asked])[0] for asked in requests]
        scores.append([float(mutual_information(d["mc_probabilities"])) for d in drawn])
    assert stats.ks_2samp(*scores).pvalue > 0.001


def test_members_do_not_depend_on_the_other_replicas() -> None:
    setting = setting_of("lockstep")
    rows = torch.arange(30)
    pair = [
        request("mc_probabilities", seed=1),
        request("mc_probabilities", committee=Committee(3)),
    ]
    together = collect(setting, replicas_of(setting, 2), rows, pair)[0]
    alone = collect(setting, replicas_of(setting, 1), rows, pair[:1])[0]
    torch.testing.assert_close(
        together["mc_probabilities"], alone["mc_probabilities"], rtol=0, atol=1e-12
    )


def test_input_dropout_drops_its_share_and_scales_the_rest_up_row_by_row() -> None:
    ones = Inputs({"image": torch.ones(200, 50), "text": torch.ones(200, 30)}, torch.ones(200, 2))
    passes = list(noised(ones, torch.arange(200), InputDropout(3, 0.75), generator=stream(1, "g")))
    assert len(passes) == 3
    for inputs in passes:
        image = inputs.modalities["image"]
        assert image.unique().tolist() == [0.0, 4.0]
        assert abs((image > 0).double().mean() - 0.25) < 4 * 0.433 / 100
        assert len(image.unique(dim=0)) == 200
    assert not torch.equal(passes[0].modalities["text"], passes[1].modalities["text"])
    (other, *_) = noised(ones, torch.arange(200), InputDropout(3, 0.75), generator=stream(2, "g"))
    assert not torch.equal(passes[0].modalities["text"], other.modalities["text"])


def test_each_seed_has_its_own_noise_in_lockstep_too() -> None:
    setting = setting_of("lockstep")
    rows = torch.arange(30)
    pair = [request("noised_probabilities", seed=s) for s in (1, 2)]
    one, two = collect(setting, fresh_replicas(setting, [0, 0], "init"), rows, pair)
    alone = collect(setting, fresh_replicas(setting, [0], "init"), rows, pair[1:])[0]
    assert not torch.allclose(one["noised_probabilities"], two["noised_probabilities"])
    torch.testing.assert_close(two["noised_probabilities"], alone["noised_probabilities"])


def test_noised_probabilities_are_those_of_the_noised_inputs() -> None:
    setting = setting_of()
    rows = torch.arange(100)
    got = one(setting, rows, request("noised_probabilities"))["noised_probabilities"]
    passes = noised(
        setting.features.take(rows),
        rows,
        InputDropout(3, 0.75),
        generator=stream(0, "input dropout"),
    )
    for i, inputs in enumerate(passes):
        torch.testing.assert_close(got[:, i], by_hand(setting, inputs, {}))


def test_an_ablated_modality_is_absent_to_the_net() -> None:
    setting = setting_of()
    rows = torch.arange(40)
    got = one(setting, rows, request("ablated_probabilities"))["ablated_probabilities"]
    inputs = setting.features.take(rows)
    without_image = Inputs(
        {**inputs.modalities, "image": torch.zeros_like(inputs.modalities["image"])},
        inputs.present * torch.tensor([0.0, 1.0]),
    )
    torch.testing.assert_close(got[:, 0], by_hand(setting, without_image, {}))
    # Without both, all members are equal.
    torch.testing.assert_close(got[:, 2], got[:1, 2].expand(40, -1))


def test_only_what_a_strategy_needs_is_computed_and_anything_else_is_refused() -> None:
    setting = setting_of()
    scene = Scene(replicas_of(setting), setting.features, "label")
    (signals,) = signals_of(scene, torch.arange(9), [request("hidden")])
    assert set(signals.values) == {"hidden"}
    with pytest.raises(ValueError, match="without declaring"):
        _ = signals.probabilities
    with pytest.raises(ValueError, match="needs the true labels"):
        signals_of(scene, torch.arange(9), [request("true_loss")])


def test_hidden_labels_are_not_among_the_signals() -> None:
    assert set(Signals.__dataclass_fields__) == {"n", "values"}
    assert [s for s in EVERY if "label" in s or "truth" in s or "true" in s] == ["true_loss"]


def test_rows_close_together_are_viewed_and_scattered_ones_gathered() -> None:
    features = make_toy_setting(pool=make_pool()).features
    near, positions = inputs_of(features, torch.tensor([10, 11, 12, 13, 15]))
    assert near.present.shape[0] == 6
    assert positions is not None
    assert positions.tolist() == [0, 1, 2, 3, 5]
    far, positions = inputs_of(features, torch.tensor([10, 300]))
    assert positions is None
    assert torch.equal(far.modalities["text"], features.modalities["text"][[10, 300]].double())
