import pytest
import torch
from toy import make_pool, make_toy_setting

from alsim.experiments.setting import fresh_replicas
from alsim.models import MIXED
from alsim.signals import SIGNALS, Signals, inputs_of, stream_signals
from alsim.training.replicas import Way


def collect(way: Way, rows: torch.Tensor, chunk: int) -> list[dict[str, torch.Tensor]]:
    setting = make_toy_setting(way)
    replicas = fresh_replicas(setting, [0] if way == "direct" else [0, 1], "init")
    chunks = list(
        stream_signals(
            replicas, setting.features, rows, task="label", needs=frozenset(SIGNALS), chunk=chunk
        )
    )
    return [
        {s: torch.cat([c[r].values[s] for c in chunks]) for s in SIGNALS}
        for r in range(replicas.size)
    ]


@pytest.mark.parametrize("way", ["direct", "lockstep"])
def test_signals_are_the_same_for_any_chunk_size(way: Way) -> None:
    rows = torch.arange(0, 400).masked_select(torch.arange(400) % 7 != 0)
    whole = collect(way, rows, 4096)
    for chunk in (1, 7, 64, 100):
        for a, b in zip(whole, collect(way, rows, chunk), strict=True):
            for signal in SIGNALS:
                torch.testing.assert_close(a[signal], b[signal], rtol=0, atol=1e-12)


def test_signals_are_those_of_the_rows_asked_for() -> None:
    setting = make_toy_setting()
    replicas = fresh_replicas(setting, [0], "init")
    for rows in (
        torch.arange(5, 50),
        torch.tensor([3, 200, 390]),
        torch.tensor([7, 8, 10, 11, 12]),
    ):
        (chunk,) = stream_signals(
            replicas, setting.features, rows, task="label", needs=frozenset(SIGNALS)
        )
        outputs = replicas.outputs(setting.features.take(rows))
        expected = torch.softmax(outputs.logits["label"][MIXED][0], -1)
        torch.testing.assert_close(chunk[0].probabilities, expected)
        torch.testing.assert_close(chunk[0].head_probabilities[:, 0], expected)
        assert chunk[0].head_probabilities.shape == (len(rows), 3, 6)
        torch.testing.assert_close(chunk[0].hidden, outputs.hidden[0])


def test_only_what_a_strategy_needs_is_computed_and_anything_else_is_refused() -> None:
    setting = make_toy_setting()
    replicas = fresh_replicas(setting, [0], "init")
    (chunk,) = stream_signals(
        replicas, setting.features, torch.arange(9), task="label", needs=frozenset({"hidden"})
    )
    assert set(chunk[0].values) == {"hidden"}
    with pytest.raises(ValueError, match="without declaring"):
        _ = chunk[0].probabilities


def test_hidden_labels_are_not_among_the_signals() -> None:
    assert set(Signals.__dataclass_fields__) == {"n", "values"}
    assert not any("label" in signal or "truth" in signal for signal in SIGNALS)


def test_rows_close_together_are_viewed_and_scattered_ones_gathered() -> None:
    features = make_toy_setting(pool=make_pool()).features
    near, positions = inputs_of(features, torch.tensor([10, 11, 12, 13, 15]))
    assert near.present.shape[0] == 6
    assert positions is not None
    assert positions.tolist() == [0, 1, 2, 3, 5]
    far, positions = inputs_of(features, torch.tensor([10, 300]))
    assert positions is None
    assert torch.equal(far.modalities["text"], features.modalities["text"][[10, 300]].double())
