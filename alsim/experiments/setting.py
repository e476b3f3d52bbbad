"""What all replicas of a study share, and how fresh ones are made."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor

from alsim.experiments.cells import count_units, known_cells
from alsim.experiments.evaluation import Evaluator, make_evaluator
from alsim.experiments.schedule import Schedule
from alsim.options.curves import Unit
from alsim.options.engine import Way
from alsim.options.model import ModelOptions
from alsim.options.training import TrainingOptions
from alsim.oracle import Oracle
from alsim.pool.pool import Pool
from alsim.seeding import on_device, stream
from alsim.signals import Chunks
from alsim.strategies import Strategy
from alsim.training.features import Features, features_of, shape_of
from alsim.training.fit import FitStreams
from alsim.training.objective import make_objective
from alsim.training.replicas import Replicas
from alsim.training.ways import make_replicas


class Spent(NamedTuple):
    """What answers took."""

    cost: float
    n_questions: int


NOTHING = Spent(0.0, 0)


@dataclass(frozen=True, slots=True, eq=False)
class Setting:
    """A study but for its seeds: pool, oracle, strategies, sizes, model, training."""

    pool: Pool  # with the tasks of the study, all of classes
    features: Features
    oracles: Mapping[str, Oracle]  # task -> who answers for it
    strategies: Mapping[str, Strategy]
    schedule: Schedule
    model: ModelOptions
    training: TrainingOptions
    way: Way
    evaluator: Evaluator
    validator: Evaluator | None  # None: no validation rows, so no early stopping
    chunks: Chunks  # how many rows go through the nets at a time, of every pass
    known: Tensor  # (n, t) bool, which (object, task) cells can be asked for at all
    initial_rows: Tensor | None = None  # labels that one already has, instead of a random start
    unit: Unit = "object"  # what a query asks for k of
    read_price: float = 0.0  # of an object, once, when its first label is asked for
    for_validation: Spent = NOTHING  # what the validator's labels took, for every seed

    @property
    def task(self) -> str:
        """Return the name of the only task.

        Raises:
            ValueError: If there are several.
        """
        (task,) = self.pool.tasks
        return task

    @property
    def oracle(self) -> Oracle:
        """Return who answers for the only task.

        Raises:
            ValueError: If there are several.
        """
        return self.oracles[self.task]

    @property
    def n_units(self) -> int:
        """Return how many objects or cells can be asked for, the initial ones included."""
        return count_units(self.known, self.unit)

    @property
    def train(self) -> range:
        """Return the rows that can be labelled."""
        return self.pool.splits["train"]

    @property
    def n_classes(self) -> dict[str, int]:
        """Return the number of classes of each task."""
        return {name: len(task.classes) for name, task in self.pool.tasks.items()}


def make_setting(
    pool: Pool,
    *,
    oracles: Mapping[str, Oracle],
    strategies: Mapping[str, Strategy],
    schedule: Schedule,
    model: ModelOptions,
    training: TrainingOptions,
    way: Way,
    device: torch.device,
    initial_rows: Tensor | None = None,
    chunks: Chunks | None = None,
    unit: Unit = "object",
    read_price: float = 0.0,
) -> Setting:
    """Return the setting of a study on those tasks of a pool that have an oracle, on a device.

    Other tasks of the pool are left out. Accuracy is measured on the test split, else on
    validation.
    """
    pool = replace(pool, tasks={name: pool.tasks[name] for name in oracles})
    dtype = torch.float64 if training.precision == "float64" else torch.float32
    features = features_of(pool, device, dtype)
    chunks = chunks or Chunks(device=device.type)
    validation, test = pool.splits["validation"], pool.splits["test"]
    validator = make_evaluator(features, pool, validation, chunks)
    return Setting(
        pool=pool,
        features=features,
        oracles=oracles,
        strategies=strategies,
        schedule=schedule,
        model=model,
        training=training,
        way=way,
        evaluator=make_evaluator(features, pool, test, chunks) if test else validator,
        validator=validator if validator.tasks else None,
        chunks=chunks,
        known=known_cells(pool),
        initial_rows=initial_rows,
        unit=unit,
        read_price=read_price,
    )


def fresh_replicas(setting: Setting, seeds: Sequence[int], *path: str | int) -> Replicas:
    """Return untrained replicas, one a seed, initialised from the streams `(seed, *path)`."""
    shape = shape_of(setting.pool)
    objectives = [
        make_objective(shape, setting.model, setting.training, generator=stream(seed, *path)).to(
            setting.features.device, setting.features.dtype
        )
        for seed in seeds
    ]
    return make_replicas(setting.way, objectives, setting.training)


def fit_streams(device: torch.device, seeds: Sequence[int], *path: str | int) -> FitStreams:
    """Return the order and dropout streams of one training phase, one a seed."""
    return FitStreams(
        order=[stream(seed, *path, "order") for seed in seeds],
        dropout=[on_device(stream(seed, *path, "dropout"), device) for seed in seeds],
    )
