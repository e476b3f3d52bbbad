"""When a training ends, which epoch it keeps, and when a loss predictor joins."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from toy import make_pool

from alsim.options.engine import Way
from alsim.options.model import ModelOptions
from alsim.options.training import LossPrediction, TrainingOptions
from alsim.seeding import stream
from alsim.training.features import features_of, shape_of
from alsim.training.fit import (
    TOLERANCE,
    FitStreams,
    Labelled,
    Stopped,
    fit_early_stopping,
    train_epoch,
)
from alsim.training.objective import make_objective
from alsim.training.replicas import Replicas
from alsim.training.ways import make_replicas

POOL = make_pool(400)
FEATURES = features_of(POOL, torch.device("cpu"), torch.float64)
ROWS = torch.arange(60)
LABELS = POOL.tasks["label"].labels
OPTIONS = TrainingOptions(batch_size=30, max_epochs=12, patience=3, learning_rate=1e-2)
MODEL = ModelOptions(name="mlp", width=8)


def make(way: Way, seeds: list[int], options: TrainingOptions) -> Replicas:
    nets = [
        make_objective(shape_of(POOL), MODEL, options, generator=stream(s, "init")).double()
        for s in seeds
    ]
    return make_replicas(way, nets, options)


def streams(seeds: list[int]) -> FitStreams:
    return FitStreams([stream(s, "order") for s in seeds], [stream(s, "dropout") for s in seeds])


def labelled(n: int) -> Labelled:
    rows = ROWS.expand(n, -1)
    return Labelled(rows, {"label": LABELS[rows]})


def given(*losses: list[float]) -> Callable[[], Tensor]:
    """Return a validation with given losses, one repeated list for each replica."""

    def over() -> Iterator[Tensor]:
        while True:
            yield from torch.tensor(losses, dtype=torch.float64).T

    values = over()
    return lambda: next(values)


def fit(
    replicas: Replicas,
    seeds: list[int],
    options: TrainingOptions,
    validate: Callable[[], Tensor] | None,
) -> Stopped:
    return fit_early_stopping(
        replicas, FEATURES, labelled(len(seeds)), options,
        n_classes={"label": 6}, streams=streams(seeds), validate=validate,
        on_epoch=lambda epoch: None,
    )  # fmt: skip


FALLING = [1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.05, 0.02]
BEST_AT_4 = [1.0, 0.9, 0.8, 0.5, 0.6, 0.6, 0.55, 0.1, 0.1, 0.1, 0.1, 0.1]


def test_a_training_ends_patience_epochs_after_its_best_epoch_and_keeps_that_one() -> None:
    replicas, by_hand = (make("direct", [1], OPTIONS) for _ in range(2))
    stopped = fit(replicas, [1], OPTIONS, given(BEST_AT_4))
    assert (stopped.best.tolist(), stopped.epochs.tolist()) == ([4], [7])
    drawn = streams([1])
    for _ in range(4):
        train_epoch(
            by_hand, FEATURES, labelled(1), OPTIONS, mode="train", streams=drawn, class_weights={}
        )
    kept, expected = replicas.state().parameters, by_hand.state().parameters
    assert all(torch.equal(kept[name], value) for name, value in expected.items())


def test_each_replica_stops_independently() -> None:
    options = replace(OPTIONS, max_epochs=12)
    stopped = fit(make("lockstep", [1, 2], options), [1, 2], options, given(BEST_AT_4, FALLING))
    assert (stopped.best.tolist(), stopped.epochs.tolist()) == ([4, 12], [7, 12])


def test_a_loss_that_falls_by_less_than_the_tolerance_is_not_better() -> None:
    slowly = [0.5 - 0.2 * TOLERANCE * epoch for epoch in range(12)]
    stopped = fit(make("direct", [1], OPTIONS), [1], OPTIONS, given(slowly))
    assert (stopped.best.tolist(), stopped.epochs.tolist()) == ([1], [4])
    steadily = [0.5 - 0.4 * TOLERANCE * epoch for epoch in range(12)]  # more, over three epochs
    stopped = fit(make("direct", [1], OPTIONS), [1], OPTIONS, given(steadily))
    assert (stopped.best.tolist(), stopped.epochs.tolist()) == ([10], [12])


def test_without_validation_all_epochs_are_run() -> None:
    stopped = fit(make("direct", [1], OPTIONS), [1], OPTIONS, None)
    assert (stopped.best.tolist(), stopped.epochs.tolist()) == ([12], [12])


@pytest.mark.long
@pytest.mark.parametrize("way", ["direct", "lockstep"])
def test_a_loss_predictor_joins_the_first_share_of_the_epochs_that_are_run(way: Way) -> None:
    options = replace(OPTIONS, loss_prediction=LossPrediction(width=8, share=0.6))
    replicas, by_hand = (make(way, [1], options) for _ in range(2))
    # Alone, the net takes 7 epochs, so it does with the predictor, which joins in the first 4.
    stopped = fit(replicas, [1], options, given([*BEST_AT_4[:7], *FALLING]))
    assert (stopped.best.tolist(), stopped.epochs.tolist()) == ([7], [7])
    drawn = streams([1])
    for joint in torch.tensor([[1.0]] * 4 + [[0.0]] * 3, dtype=torch.float64):
        train_epoch(
            by_hand, FEATURES, labelled(1), options,
            mode="train", streams=drawn, class_weights={}, joint=joint,
        )  # fmt: skip
    kept, expected = replicas.state().to_tensors(), by_hand.state().to_tensors()
    assert all(torch.equal(kept[name], value) for name, value in expected.items())


@pytest.mark.long
def test_in_lockstep_each_replica_is_joined_for_a_share_of_its_own_epochs() -> None:
    options = replace(OPTIONS, loss_prediction=LossPrediction(width=8, share=0.5))
    losses = [*BEST_AT_4, *FALLING], [*FALLING, *FALLING]
    together = make("lockstep", [1, 2], options)
    fit(together, [1, 2], options, given(*losses))
    alone = {1: [*BEST_AT_4[:7], *FALLING], 2: losses[1]}  # the first ends after 7 epochs there
    for slot, (seed, mine) in enumerate(alone.items()):
        by_itself = make("lockstep", [seed], options)
        fit(by_itself, [seed], options, given(mine))
        found = together.state().pick([slot]).to_tensors()
        for name, value in by_itself.state().to_tensors().items():
            torch.testing.assert_close(found[name], value, rtol=0, atol=1e-12)
