"""TCM uses one strategy first and another afterwards."""

from dataclasses import replace

import pytest
import torch

from alsim.seeding import stream
from alsim.signals import Signals
from alsim.strategies.selectors import Candidates, top_k
from alsim.strategies.tcm import tcm
from alsim.strategies.typiclust import typiclust


def make(step: int) -> Candidates:
    g = stream(0, "points")
    return Candidates(
        torch.randn(80, generator=g, dtype=torch.float64),
        {"embeddings": torch.randn(80, 3, generator=g, dtype=torch.float64)},
        {"embeddings": torch.randn(5, 3, generator=g, dtype=torch.float64)},
        torch.zeros(5, dtype=torch.int64),
        3,
        step,
    )


@pytest.mark.parametrize("step", [1, 2, 3])
def test_the_first_three_steps_are_typiclust(step: int) -> None:
    rows = tcm().select(make(step), 7, generator=stream(1, "q"))
    assert torch.equal(rows, typiclust().select(make(step), 7, generator=stream(1, "q")))
    assert not torch.equal(rows.sort().values, make(step).scores.topk(7).indices.sort().values)


@pytest.mark.parametrize("step", [4, 5, 100])
def test_later_steps_are_margin(step: int) -> None:
    rows = tcm().select(make(step), 7, generator=stream(1, "q"))
    assert torch.equal(rows, top_k(make(step), 7, generator=stream(1, "q")))


def test_the_number_of_steps_is_a_parameter() -> None:
    first = make(1)
    assert torch.equal(
        tcm(steps=0).select(first, 7, generator=stream(1, "q")),
        top_k(first, 7, generator=stream(1, "q")),
    )
    fourth = replace(first, step=4)
    assert torch.equal(
        tcm(steps=4).select(fourth, 7, generator=stream(1, "q")),
        typiclust().select(fourth, 7, generator=stream(1, "q")),
    )
    with pytest.raises(ValueError, match="steps"):
        tcm(steps=-1)


def test_all_steps_score_by_the_margin() -> None:
    p = torch.tensor([[0.7, 0.2, 0.1], [0.4, 0.4, 0.2]])
    assert tcm().score(Signals(2, {"probabilities": p})).tolist() == pytest.approx([-0.5, 0])


def test_the_parameters_of_typiclust_are_passed_on() -> None:
    strategy = tcm(space="hidden")
    assert strategy.keeps == strategy.labelled == {"hidden"}
    few = tcm(max_clusters=2).select(make(1), 7, generator=stream(1, "q"))
    twin = typiclust(max_clusters=2).select(make(1), 7, generator=stream(1, "q"))
    assert torch.equal(few, twin)
    with pytest.raises(ValueError, match="neighbours"):
        tcm(neighbours=0)
