"""Scores from the loss, predicted or computed from the hidden label."""

from collections.abc import Callable

import pytest
import torch

from alsim.seeding import stream
from alsim.signals import Signal, Signals
from alsim.strategies import Candidates, query
from alsim.strategies.losses import (
    ideal_learning_loss,
    learning_loss,
    reverse_ideal_learning_loss,
)
from alsim.strategies.strategy import Strategy

LOSSES = torch.tensor([0.5, 2.0, 0.0, 1.0])


def best(strategy: Strategy, signal: Signal) -> list[int]:
    scores = strategy.score(Signals(4, {signal: LOSSES}))
    return query(strategy, Candidates(scores), 4, generator=stream(0, "q")).tolist()


def test_the_highest_loss_comes_first_and_the_lowest_if_reversed() -> None:
    assert best(learning_loss(), "predicted_loss") == [1, 3, 0, 2]
    assert best(ideal_learning_loss(), "true_loss") == [1, 3, 0, 2]
    assert best(reverse_ideal_learning_loss(), "true_loss") == [2, 0, 3, 1]


def test_only_the_ideal_strategies_need_the_hidden_label() -> None:
    assert learning_loss().signals == {"predicted_loss"}
    assert ideal_learning_loss().signals == {"true_loss"}
    assert reverse_ideal_learning_loss().signals == {"true_loss"}


@pytest.mark.parametrize("build", [ideal_learning_loss, reverse_ideal_learning_loss])
def test_a_predicted_loss_is_not_used_as_the_true_loss(build: Callable[[], Strategy]) -> None:
    with pytest.raises(ValueError, match="true_loss"):
        build().score(Signals(4, {"predicted_loss": LOSSES}))
