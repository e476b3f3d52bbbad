"""A study as asked for and as it is run, and how it travels to a worker process."""

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from alsim.engine.faults import Faults
from alsim.errors import UsageError
from alsim.experiments.schedule import QuerySize, Schedule, ScheduleOptions, Until
from alsim.models import ExpertOptions, ModelOptions
from alsim.models.table import find_model
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
        if model["experts"] is not None:
            model["experts"] = ExpertOptions.from_json(model["experts"])
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
    faults = Faults()
    strategies = examine(options, faults)
    faults.raise_all("options cannot be used", "alsim run")
    return strategies


def examine(options: StudyOptions, faults: Faults, *, flag: str = "--strategy") -> dict[str, Named]:
    """Return the strategies that there are by name; add all that is wrong to the faults.

    Args:
        options: What was chosen.
        faults: Those found so far.
        flag: What names the strategies, for messages.
    """
    found = [
        faults.attempt(None, _find_named, text, options.candidates, flag)
        for text in options.strategies
    ]
    strategies = [named for named in found if named is not None]
    if options.model.name != "auto":
        faults.attempt(None, find_model, options.model.name)
    _check_ranges(options, faults)
    _check_combinations(options, strategies, flag, faults)
    for fault in oracle_faults(options.oracle):
        faults.add(*fault.args)
    for naming, path in (
        ("--confusion", options.oracle.confusion),
        ("--groups", options.oracle.groups),
    ):
        if path is not None and not path.is_file():
            faults.add(f"no such file: {path}", naming, "name a file that exists")
    return {named.name: named for named in strategies}


def _find_named(text: str, candidates: int | None, flag: str) -> Named:
    """Return a strategy by its name; an error says the flag that named it."""
    try:
        return find_strategy(text, candidates)
    except UsageError as error:
        what, where, mend = error.args
        raise UsageError(what, where.replace("--strategy", flag), mend) from None


def _check_ranges(options: StudyOptions, faults: Faults) -> None:
    training, model, schedule = options.training, options.model, options.schedule
    for flag, value, lowest, highest in (
        ("--batch-size", training.batch_size, 1, None),
        ("--epochs", training.epochs, 1, None),
        ("--max-epochs", training.max_epochs, 1, None),
        ("--patience", training.patience, 1, None),
        ("--width", model.width, 1, 1 << 14),
        ("--depth", model.depth, 1, 100),
        ("--workers", options.engine.workers, 1, None),
        ("--steps", schedule.steps, 1, 1_000_000),
        ("--initial-size", schedule.initial_size, 2, None),
        ("--candidates", options.candidates, 1, None),
        ("--split-seed", options.pool.split_seed, 0, None),
    ):
        if value is not None and value < lowest:
            faults.add(f"{value} is too small", flag, f"ask for at least {lowest}")
        if value is not None and highest is not None and value > highest:
            faults.add(f"{value:,} is too large", flag, f"ask for at most {highest:,}")
    if not 0 < training.learning_rate < math.inf:
        what = f"a learning rate of {training.learning_rate:g} is not positive and finite"
        faults.add(what, "--learning-rate", "1e-3 is usual")
    if not 0 <= model.dropout < 1:
        what = f"a dropout of {model.dropout:g} is not a share"
        faults.add(what, "--dropout", "0 ≤ dropout < 1")


def _check_combinations(
    options: StudyOptions, strategies: Sequence[Named], flag: str, faults: Faults
) -> None:
    training, schedule = options.training, options.schedule
    frozen = [named.adapt(training).batch_norm == "frozen" for named in strategies]
    if any(frozen) and training.retrain:
        faults.add(
            "batch norm cannot be frozen in a net that is trained from scratch each step",
            "--batch-norm frozen --retrain",
            "choose one of the two",
        )
    if training.head_weights and training.loss != "fixed":
        faults.add("head weights need a fixed loss", "--head-weight", "add --loss fixed")
    if options.initial_ids is not None and schedule.initial_size is not None:
        faults.add(
            "the ids already say how many labels there are at first",
            "--initial-ids and --initial-size",
            "leave out --initial-size",
        )
    size = schedule.query_size
    grows = size is not None and size.first != size.last
    if schedule.until.kind != "steps" and schedule.steps is not None and not grows:
        faults.add(
            "a number of steps has no meaning beside another end of the run",
            "--until and --steps",
            "leave out one of them, or let queries grow over these steps: --query-size 20:200",
        )
    if not options.strategies or not options.seeds:
        faults.add("nothing to run", f"{flag} and --seeds", "name at least one of each")
    named_values: dict[str, Sequence[str | int]] = {
        flag: [named.name for named in strategies],
        "--seeds": options.seeds,
        "--modality": options.pool.modalities,
        "--encoder": options.model.encoders or (),
        "--initial-ids": options.initial_ids or (),
    }
    for flag, values in named_values.items():
        if len(set(values)) < len(values):
            seen: set[str | int] = set()
            twice = next(value for value in values if value in seen or seen.add(value))
            faults.add(f"{twice!r} is named twice", flag, "name each once")


def n_cores() -> int:
    """Return how many CPU cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
