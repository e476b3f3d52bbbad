"""A study as asked for and as it is run, and how it travels to a worker process."""

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from alsim.errors import UsageError
from alsim.experiments.schedule import Schedule
from alsim.models.table import find_model
from alsim.options.curves import Combination, Members, QuerySize, ScheduleOptions, Unit, Until
from alsim.options.experts import ExpertOptions, expert_faults
from alsim.options.faults import Faults
from alsim.options.model import ModelOptions
from alsim.options.oracle import OracleOptions, oracle_faults
from alsim.options.pool import PoolOptions
from alsim.options.training import LossPrediction, TrainingOptions
from alsim.oracle.plan import OraclePlan
from alsim.parameters import refuse_repeats
from alsim.paths import place
from alsim.strategies import Named, find_strategy
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
    unit: Unit | None = None  # what a query asks for; None: objects
    combine: Combination | None = None  # of several tasks' scores; None: the mean
    committee: Members | None = None  # what its members differ in; None: the units they drop


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
    tasks: tuple[str, ...] = ()  # of the pool, those that are trained and queried
    unit: Unit = "object"
    combine: Combination | None = None
    committee: Members | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the assignment as JSON values."""
        return asdict(self)

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> "Assignment":
        """Return the assignment that `to_json` wrote."""
        schedule = dict(data["schedule"])
        schedule["query_size"] = QuerySize(**schedule["query_size"])
        schedule["until"] = Until(**schedule["until"])
        rows = data["initial_rows"]
        return Assignment(
            schedule=Schedule(**schedule),
            model=model_from_json(data["model"]),
            training=training_from_json(data["training"]),
            strategies=tuple(data["strategies"]),
            candidates=data["candidates"],
            way=data["way"],
            device=data["device"],
            threads=data["threads"],
            initial_rows=None if rows is None else tuple(rows),
            oracle=OraclePlan.from_json(data["oracle"]),
            tasks=tuple(data["tasks"]),
            unit=data["unit"],
            combine=data["combine"],
            committee=data["committee"],
        )


def model_from_json(data: Mapping[str, Any]) -> ModelOptions:
    """Return the options that `asdict` made, after a journey through JSON."""
    model = dict(data)
    if model["encoders"] is not None:
        model["encoders"] = tuple(model["encoders"])
    if model["experts"] is not None:
        model["experts"] = ExpertOptions.from_json(model["experts"])
    return ModelOptions(**model)


def training_from_json(data: Mapping[str, Any]) -> TrainingOptions:
    """Return the options that `asdict` made, after a journey through JSON."""
    training = dict(data)
    if training["loss_prediction"] is not None:
        training["loss_prediction"] = LossPrediction(**training["loss_prediction"])
    return TrainingOptions(**training)


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
    found = [faults.attempt(None, _find_named, text, options, flag) for text in options.strategies]
    strategies = [named for named in found if named is not None]
    if options.model.name != "auto":
        faults.attempt(None, find_model, options.model.name)
    _check_ranges(options, faults)
    _check_combinations(options, strategies, flag, faults)
    for fault in expert_faults(options.model.expert_options()):
        faults.add(*fault.args)
    for fault in oracle_faults(options.oracle):
        faults.add(*fault.args)
    for naming, path in (
        ("--confusion", options.oracle.confusion),
        ("--groups", options.oracle.groups),
    ):
        if path is not None and faults.attempt("file", place, path, naming) != "file":
            faults.add(f"no such file: {path}", naming, "name a file that exists")
    return {named.name: named for named in strategies}


def _find_named(text: str, options: StudyOptions, flag: str) -> Named:
    """Return a strategy by its name; an error says the flag that named it."""
    try:
        return find_strategy(
            text, options.candidates, combine=options.combine, committee=options.committee
        )
    except UsageError as error:
        what, where, mend = error.args
        raise UsageError(what, where.replace("--strategy", flag), mend) from None


def _check_ranges(options: StudyOptions, faults: Faults) -> None:
    schedule = options.schedule
    check_training(options.model, options.training, options.pool, options.engine, faults)
    check_least(
        {
            "--epochs": (options.training.epochs, 1),
            "--initial-size": (schedule.initial_size, 2),
            "--candidates": (options.candidates, 1),
        },
        faults,
    )
    check_least({"--steps": (schedule.steps, 1)}, faults, most=1_000_000)


def check_training(
    model: ModelOptions,
    training: TrainingOptions,
    pool: PoolOptions,
    engine: EngineOptions,
    faults: Faults,
) -> None:
    """Look for numbers that cannot be, in what all kinds of studies can choose."""
    check_least(
        {
            "--batch-size": (training.batch_size, 1),
            "--max-epochs": (training.max_epochs, 1),
            "--patience": (training.patience, 1),
            "--workers": (engine.workers, 1),
            "--split-seed": (pool.split_seed, 0),
        },
        faults,
    )
    check_least({"--width": (model.width, 1)}, faults, most=1 << 14)
    check_least({"--depth": (model.depth, 1)}, faults, most=100)
    for flag, rate, usual in (
        ("--learning-rate", training.learning_rate, "1e-3 is usual"),
        ("--gate-learning-rate", training.gate_learning_rate, "5e-2 is usual"),
    ):
        if not 0 < rate < math.inf:
            faults.add(f"a learning rate of {rate:g} is not positive and finite", flag, usual)
    if not 0 <= model.dropout < 1:
        what = f"a dropout of {model.dropout:g} is not a share"
        faults.add(what, "--dropout", "0 ≤ dropout < 1")
    if training.head_weights and training.loss != "fixed":
        faults.add("head weights need a fixed loss", "--head-weight", "add --loss fixed")


def check_least(
    values: Mapping[str, tuple[int | None, int]], faults: Faults, *, most: int | None = None
) -> None:
    """Look for values below the least that their flag allows, or above the most."""
    for flag, (value, least) in values.items():
        if value is not None and value < least:
            faults.add(f"{value} is too small", flag, f"ask for at least {least}")
        if value is not None and most is not None and value > most:
            faults.add(f"{value:,} is too large", flag, f"ask for at most {most:,}")


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
    if options.unit == "cell" and options.engine.replicas == "lockstep":
        faults.add(
            "nets in lockstep are trained on as many rows each, and cells of an object are one row",
            "--replicas lockstep --unit cell",
            "leave --replicas at auto, which then trains one net after another",
        )
    asking = [named for named in strategies if "committee" in named.parameters]
    if options.committee is not None and not asking and len(strategies) == len(options.strategies):
        faults.add(
            "no strategy asks a committee",
            f"--committee {options.committee}",
            f"leave it out, or add one that does: {flag} bald",
        )
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
        "--label": options.pool.labels,
        "--modality": options.pool.modalities,
        "--features": options.pool.features,
        "--encoder": options.model.encoders or (),
        "--initial-ids": options.initial_ids or (),
    }
    for named, values in named_values.items():
        faults.attempt(None, refuse_repeats, named, values)


def n_cores() -> int:
    """Return how many CPU cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
