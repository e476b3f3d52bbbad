"""The values kept for a row give the same bits as the measures of all its log-probabilities."""

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from toy import make_toy_setting

from alsim.experiments.evaluation import Evaluator
from alsim.experiments.predictions import log_of_truth, predicted_of, row_values
from alsim.experiments.setting import fresh_replicas
from alsim.models import Inputs, Outputs
from alsim.options.engine import Way
from alsim.options.model import ModelOptions
from alsim.signals import Chunks

DTYPES = st.sampled_from([torch.float32, torch.float64])
KINDS = ("plain", "ties", "neighbours", "nan", "inf", "-inf")


def draw_logs(seed: int, c: int, kind: str, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    g = torch.Generator().manual_seed(seed)
    shape = (2, 50, c)
    z = torch.randn(shape, generator=g, dtype=dtype) * 10.0 ** (seed % 4 - 2)
    if kind == "ties":
        z = z.round()
    elif kind in ("nan", "inf", "-inf"):
        z = torch.where(torch.rand(shape, generator=g) < 0.02, float(kind), z)
    logs = torch.log_softmax(z, -1)
    if kind == "neighbours":  # the second largest is next to the largest number
        top = logs.amax(-1, keepdim=True)
        other = torch.randint(0, c, (2, 50, 1), generator=g)
        logs = logs.scatter(-1, other, torch.nextafter(top, torch.full_like(top, -torch.inf)))
    return logs, torch.randint(0, c, (50,), generator=g)


def same(a: Tensor, b: Tensor) -> bool:
    return a.dtype == b.dtype and torch.equal(a.nan_to_num(7), b.nan_to_num(7))


@given(st.integers(0, 10_000), st.integers(1, 30), st.sampled_from(KINDS), DTYPES)
def test_row_values_are_bit_identical_to_those_of_all_log_probabilities(
    seed: int, c: int, kind: str, dtype: torch.dtype
) -> None:
    logs, truth = draw_logs(seed, c, kind, dtype)
    values = row_values(logs, truth)
    confidence, surest = logs.exp().max(-1)
    assert same(values["confidence"], confidence)
    assert torch.equal(values["surest"], surest)
    assert torch.equal(values["predicted"], logs.argmax(-1))
    assert same(values["log_of_truth"], logs[:, torch.arange(50), truth])
    assert ("scores" in values) == (c == 2)
    if c == 2:
        assert same(values["scores"], (logs[..., 1] - logs[..., 0]).double())
        # Scores are left out if one is not finite; then a log-probability is not finite either.
        assert bool(values["scores"].isfinite().all()) == bool(logs.isfinite().all())
    assert torch.equal(predicted_of(logs)["predicted"], values["predicted"])
    assert same(log_of_truth(logs, truth)["log_of_truth"], values["log_of_truth"])


def test_the_surest_class_is_the_first_where_two_log_probabilities_have_one_exponential() -> None:
    top = torch.linspace(-1, -0.7, 2000)
    below = torch.nextafter(top, torch.full_like(top, -math.inf))
    logs = torch.stack([below, top, torch.full_like(top, -3)], 1)
    tied = below.exp() == top.exp()
    assert tied.any()
    values = row_values(logs, torch.zeros(2000, dtype=torch.int64))
    assert (values["predicted"] == 1).all()
    assert torch.equal(values["surest"], (~tied).long())


def test_exponentials_are_monotonic_and_do_not_depend_on_their_position() -> None:
    first, last = (torch.tensor(-x).view(torch.int32).item() for x in (1e-3, 12.0))
    g = torch.Generator().manual_seed(0)
    for start in torch.randint(int(first), int(last), (20,), generator=g).tolist():
        falling = torch.arange(start, start + 10_001, dtype=torch.int32).view(torch.float32)
        whole = falling.exp()
        assert (whole[1:] <= whole[:-1]).all()
        assert torch.equal(torch.cat([part.exp() for part in falling.split(77)]), whole)


@pytest.mark.parametrize("way", ["direct", "lockstep"])
def test_validation_requests_only_the_mixed_head_and_measures_as_the_evaluation(way: Way) -> None:
    setting = make_toy_setting(way, model=ModelOptions(name="three-head", width=8, dropout=0.0))
    evaluator: Evaluator = replace(setting.evaluator, chunks=Chunks(64))
    replicas = fresh_replicas(setting, [0, 4] if way == "lockstep" else [4], "init")
    heads: list[set[str]] = []

    def note(module: torch.nn.Module, inputs: tuple[Inputs], outputs: Outputs) -> None:
        heads.append(set(outputs.logits["label"]))

    replicas.objective.model.register_forward_hook(note)
    losses, accuracies = evaluator.losses(replicas), evaluator.accuracies(replicas)
    assert heads == [{"mixed"}] * 8
    found = evaluator.evaluate(replicas)
    assert heads[8:] == [{"mixed", "image", "text"}] * 4
    assert losses.tolist() == [each.mean("nll") for each in found]
    assert accuracies == [each.mean("accuracy") for each in found]
    of_image = {head for head, pattern in found[0].tasks["label"].heads if pattern == "all"}
    assert of_image == {"mixed", "image", "text"}
