"""What all replicas of a study share, and how fresh ones are made."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from alsim.experiments.evaluation import Evaluator, make_evaluator
from alsim.experiments.schedule import Schedule
from alsim.models import ModelOptions
from alsim.oracle import Answers, Oracle
from alsim.pool.pool import Pool
from alsim.seeding import on_device, stream
from alsim.signals import Chunks
from alsim.strategies import Strategy
from alsim.training.features import Features, features_of, shape_of
from alsim.training.fit import FitStreams, Labelled
from alsim.training.objective import make_objective
from alsim.training.options import TrainingOptions
from alsim.training.replicas import Replicas, Way
from alsim.training.ways import make_replicas


@dataclass(frozen=True, slots=True, eq=False)
class Setting:
    """A study but for its seeds: pool, oracle, strategies, sizes, model, training."""

    pool: Pool
    task: str
    features: Features
    oracle: Oracle
    strategies: Mapping[str, Strategy]
    schedule: Schedule
    model: ModelOptions
    training: TrainingOptions
    way: Way
    evaluator: Evaluator
    validator: Evaluator | None  # None: no validation rows, so no early stopping
    chunks: Chunks  # how many rows go through the nets at a time, of every pass
    initial_rows: Tensor | None = None  # labels that one already has, instead of a random start

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
    oracle: Oracle,
    strategies: Mapping[str, Strategy],
    schedule: Schedule,
    model: ModelOptions,
    training: TrainingOptions,
    way: Way,
    device: torch.device,
    initial_rows: Tensor | None = None,
    chunks: Chunks | None = None,
) -> Setting:
    """Return the setting of a study on the first task of a pool, on a device.

    Other tasks of the pool are left out.

    Accuracy is measured on the test split, else on validation.
    """
    task = next(iter(pool.tasks.values()))
    pool = replace(pool, tasks={task.name: task})
    dtype = torch.float64 if training.precision == "float64" else torch.float32
    features = features_of(pool, device, dtype)
    chunks = chunks or Chunks()

    def evaluator(rows: range) -> Evaluator:
        return make_evaluator(
            features, tuple(pool.modalities), rows,
            task=task.name, labels=task.labels, n_classes=len(task.classes), chunks=chunks,
        )  # fmt: skip

    validation, test = pool.splits["validation"], pool.splits["test"]
    return Setting(
        pool=pool,
        task=task.name,
        features=features,
        oracle=oracle,
        strategies=strategies,
        schedule=schedule,
        model=model,
        training=training,
        way=way,
        evaluator=evaluator(test or validation),
        validator=evaluator(validation) if validation else None,
        chunks=chunks,
        initial_rows=initial_rows,
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


def fit_streams(setting: Setting, seeds: Sequence[int], *path: str | int) -> FitStreams:
    """Return the order and dropout streams of one training phase, one a seed."""
    device = setting.features.device
    return FitStreams(
        order=[stream(seed, *path, "order") for seed in seeds],
        dropout=[on_device(stream(seed, *path, "dropout"), device) for seed in seeds],
    )


def initial_query(setting: Setting, seed: int) -> tuple[Tensor, Answers]:
    """Return a seed's initial rows, `(m,)`, and the oracle's answers."""
    rows = setting.initial_rows
    if rows is None:
        order = torch.randperm(len(setting.train), generator=stream(seed, "initial"))
        rows = order[: setting.schedule.initial_size] + setting.train.start
    return rows, setting.oracle(rows, beliefs=None, generator=stream(seed, "initial", "oracle"))


def labelled_rows(setting: Setting, queries: Sequence[tuple[Tensor, Answers]]) -> Labelled:
    """Return one query a replica, each of the same size, as labelled rows on the device.

    The labels are `(r, m)` int64; from an oracle whose answers may be partial they are the classes
    still possible, `(r, m, c)` bool.
    """
    device = setting.features.device
    labels = torch.stack([_training_labels(setting.oracle, answers) for _, answers in queries])
    rows = torch.stack([rows for rows, _ in queries])
    return Labelled(rows.to(device), {setting.task: labels.to(device)})


def _training_labels(oracle: Oracle, answers: Answers) -> Tensor:
    if not oracle.traits.is_partial:
        return answers.labels
    if answers.possible is None:
        raise ValueError("an oracle that may answer partially must tell what is possible")
    return answers.possible
