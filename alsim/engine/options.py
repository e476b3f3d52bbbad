"""A study as asked for and as it is run, and how it travels to a worker process."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from alsim.errors import UsageError
from alsim.experiments.schedule import QuerySize, Schedule, ScheduleOptions, Until
from alsim.models import ModelOptions
from alsim.oracle import OracleOptions, OraclePlan, oracle_faults
from alsim.pool.options import PoolOptions
from alsim.strategies import Named, find_strategy
from alsim.training.options import LossPrediction, TrainingOptions
from alsim.training.replicas import Way

Device = Literal["auto", "cpu", "cuda"]


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """Where and how the replicas run."""

    device: Device = "auto"
    workers: int | None = None  # processes on a CPU; None: one a core, never more than jobs
    replicas: Literal["auto", "direct", "lockstep"] = "auto"  # auto: lockstep on a GPU


@dataclass(frozen=True, slots=True)
class StudyOptions:
    """What a user can choose about a run."""

    strategies: tuple[str, ...] = ("random", "margin")
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    schedule: ScheduleOptions = field(default_factory=ScheduleOptions)
    model: ModelOptions = field(default_factory=ModelOptions)
    training: TrainingOptions = field(default_factory=TrainingOptions)
    pool: PoolOptions = field(default_factory=PoolOptions)
    engine: EngineOptions = field(default_factory=EngineOptions)
    oracle: OracleOptions = field(default_factory=OracleOptions)
    candidates: int | None = None  # a strategy considers at most so many rows; None: as it says
    initial_ids: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Assignment:
    """What a worker must know of a study besides its mapped pool and its jobs."""

    schedule: Schedule
    model: ModelOptions
    training: TrainingOptions
    strategies: tuple[str, ...]
    candidates: int | None
    way: Way
    device: str
    threads: int
    initial_rows: tuple[int, ...] | None
    oracle: OraclePlan = field(default_factory=OraclePlan)

    def to_json(self) -> dict[str, Any]:
        """Return the assignment as JSON values."""
        return asdict(self)

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> "Assignment":
        """Return the assignment that `to_json` wrote."""
        schedule, model, training = (dict(data[k]) for k in ("schedule", "model", "training"))
        schedule["query_size"] = QuerySize(**schedule["query_size"])
        schedule["until"] = Until(**schedule["until"])
        if model["encoders"] is not None:
            model["encoders"] = tuple(model["encoders"])
        if training["loss_prediction"] is not None:
            training["loss_prediction"] = LossPrediction(**training["loss_prediction"])
        rows = data["initial_rows"]
        return Assignment(
            schedule=Schedule(**schedule),
            model=ModelOptions(**model),
            training=TrainingOptions(**training),
            strategies=tuple(data["strategies"]),
            candidates=data["candidates"],
            way=data["way"],
            device=data["device"],
            threads=data["threads"],
            initial_rows=None if rows is None else tuple(rows),
            oracle=OraclePlan.from_json(data["oracle"]),
        )


def check(options: StudyOptions) -> dict[str, Named]:
    """Check what can be checked without the pool, and return the strategies by name.

    Raises:
        UsageError: Naming every fault at once.
    """
    faults: list[UsageError] = []
    strategies: list[Named] = []
    for text in options.strategies:
        try:
            strategies.append(find_strategy(text, options.candidates))
        except UsageError as error:
            faults.append(error)
    training, model = options.training, options.model
    for flag, value, lowest in (
        ("--batch-size", training.batch_size, 1),
        ("--epochs", training.epochs, 1),
        ("--max-epochs", training.max_epochs, 1),
        ("--patience", training.patience, 1),
        ("--width", model.width, 1),
        ("--depth", model.depth, 1),
        ("--workers", options.engine.workers, 1),
        ("--steps", options.schedule.steps, 1),
        ("--initial-size", options.schedule.initial_size, 2),
        ("--candidates", options.candidates, 1),
    ):
        if value is not None and value < lowest:
            faults.append(UsageError(f"{value} is too small", flag, f"ask for at least {lowest}"))
    if not training.learning_rate > 0:
        faults.append(
            UsageError("a learning rate must be positive", "--learning-rate", "1e-3 is usual")
        )
    if not 0 <= model.dropout < 1:
        faults.append(
            UsageError(
                f"a dropout of {model.dropout:g} is not a share", "--dropout", "0 ≤ dropout < 1"
            )
        )
    frozen = [named.adapt(training).batch_norm == "frozen" for named in strategies]
    if any(frozen) and training.retrain:
        faults.append(
            UsageError(
                "batch norm cannot be frozen in a net that is trained from scratch each step",
                "--batch-norm frozen --retrain",
                "choose one of the two",
            )
        )
    if training.head_weights and training.loss != "fixed":
        faults.append(
            UsageError("head weights need a fixed loss", "--head-weight", "add --loss fixed")
        )
    faults += oracle_faults(options.oracle)
    for flag, path in (
        ("--confusion", options.oracle.confusion),
        ("--groups", options.oracle.groups),
    ):
        if path is not None and not path.is_file():
            faults.append(UsageError(f"no such file: {path}", flag, "name a file that exists"))
    if options.initial_ids is not None and options.schedule.initial_size is not None:
        faults.append(
            UsageError(
                "the ids already say how many labels there are at first",
                "--initial-ids and --initial-size",
                "leave out --initial-size",
            )
        )
    if not options.strategies or not options.seeds:
        faults.append(
            UsageError("nothing to run", "--strategy and --seeds", "name at least one of each")
        )
    named_values: dict[str, Sequence[str | int]] = {
        "--strategy": [named.name for named in strategies],
        "--seeds": options.seeds,
        "--initial-ids": options.initial_ids or (),
    }
    for flag, values in named_values.items():
        if len(set(values)) < len(values):
            twice = next(value for i, value in enumerate(values) if value in values[:i])
            faults.append(UsageError(f"{twice!r} is named twice", flag, "name each once"))
    raise_all(faults)
    return {named.name: named for named in strategies}


def raise_all(faults: list[UsageError]) -> None:
    """Raise the faults as one error, if there are any."""
    if len(faults) == 1:
        raise faults[0]
    if faults:
        raise UsageError(
            f"{len(faults)} options cannot be used:"
            + "".join(f"\n  {i}. {e.args[0]} ({e.args[1]})" for i, e in enumerate(faults, 1)),
            "the command line",
            "; ".join(e.args[2] for e in faults),
        )


def n_cores() -> int:
    """Return how many CPU cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
