"""The options of a study, and whether they go together."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from alsim.errors import UsageError
from alsim.models.naming import find_named_model
from alsim.options.curves import (
    Combination,
    CurvesOptions,
    Members,
    ScheduleOptions,
    StartOptions,
    Unit,
)
from alsim.options.engine import EngineOptions
from alsim.options.faults import Faults
from alsim.options.model import ModelOptions
from alsim.options.option import part
from alsim.options.oracle import ORACLE_FLAGS, OracleOptions, oracle_faults
from alsim.options.pool import PoolOptions
from alsim.options.training import FitOptions, TrainingOptions
from alsim.parameters import refuse_repeats
from alsim.paths import place
from alsim.strategies import Named, find_strategy
from alsim.studies.machine import choose_device


@dataclass(frozen=True, slots=True)
class StudyOptions:
    """The options of curves or correlation, by topic."""

    strategies: tuple[str, ...]
    seeds: tuple[int, ...]
    schedule: ScheduleOptions
    model: ModelOptions
    training: TrainingOptions
    pool: PoolOptions
    engine: EngineOptions
    oracle: OracleOptions
    initial_ids: tuple[str, ...] | None
    candidates: int | None = None  # the most rows that a strategy considers; None: its own
    unit: Unit | None = None  # what a query asks for; None: objects
    combine: Combination | None = None  # of several tasks' scores; None: the mean
    committee: Members | None = None  # what its members differ in; None: dropped units
    ceiling: bool = False  # whether nets are trained on all labels, too
    baseline: str | None = None  # the name of the strategy that the others are compared with


_OF_CURVES = ("candidates", "unit", "combine", "committee", "ceiling")


def study_of(
    options: StartOptions, names: tuple[str, ...], flag: str, faults: Faults
) -> tuple[StudyOptions, dict[str, Named]]:
    """Return the options by topic, and the strategies; add all that is wrong to the faults."""
    model = faults.attempt(None, find_named_model, options.model)
    study = StudyOptions(
        strategies=names,
        seeds=options.seeds,
        schedule=_schedule_of(options),
        model=ModelOptions() if model is None else model.options,
        training=part(options, TrainingOptions),
        pool=part(options, PoolOptions),
        engine=part(options, EngineOptions),
        oracle=part(options, OracleOptions),
        initial_ids=options.initial_ids,
        **{name: getattr(options, name) for name in _OF_CURVES if hasattr(options, name)},
    )
    strategies = examine(study, faults, flag=flag)
    faults.attempt("", choose_device, study.engine)
    faults.attempt(None, check_out, options.out)
    return study, strategies


def _schedule_of(options: StartOptions) -> ScheduleOptions:
    """Return the sizes; a study that is not about costs pays for no validation label."""
    schedule = part(options, ScheduleOptions)
    if hasattr(options, "validation_size"):
        return schedule
    return replace(schedule, validation_size="free")


def examine(options: StudyOptions, faults: Faults, *, flag: str = "--strategy") -> dict[str, Named]:
    """Return the known strategies by name; add all that is wrong to the faults."""
    found = [faults.attempt(None, find_named, text, options, flag) for text in options.strategies]
    strategies = [named for named in found if named is not None]
    check_fit(options.training, faults)
    _check_combinations(options, strategies, flag, faults)
    is_understood = not faults.are_about(*ORACLE_FLAGS)  # else one fault causes more
    for fault in oracle_faults(options.oracle):
        if is_understood or fault.args[1].partition(" ")[0] not in ORACLE_FLAGS:
            faults.add(*fault.args)
    for naming, path in (
        ("--confusion", options.oracle.confusion),
        ("--groups", options.oracle.groups),
    ):
        if path is not None and faults.attempt("file", place, path, naming) != "file":
            faults.add(f"no such file: {path}", naming, "name a file that exists")
    return {named.name: named for named in strategies}


def find_named(text: str, options: "StudyOptions | CurvesOptions", flag: str) -> Named:
    """Return a strategy by its name; an error has the flag that named it.

    Raises:
        UsageError: If there is none of this name.
    """
    try:
        return find_strategy(
            text, options.candidates, combine=options.combine, committee=options.committee
        )
    except UsageError as error:
        what, where, mend = error.args
        raise UsageError(what, where.replace("--strategy", flag), mend) from None


def check_fit(training: FitOptions, faults: Faults) -> None:
    """Add options of training that do not go together to the faults."""
    if training.head_weight and training.loss != "fixed":
        faults.add("head weights need a fixed loss", "--head-weight", "add --loss fixed")


def check_out(out: Path | None) -> None:
    """Raise a UsageError if a file stands where the run's folder would be, or one above it."""
    if out is None:
        return
    first = next((path for path in (out, *out.parents) if place(path, "--out")), None)
    if first is not None and place(first) == "file":
        raise UsageError(f"{first} is a file", "--out", "name a folder that is empty or new")


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
        "--label": options.pool.label,
        "--modality": options.pool.modality,
        "--features": options.pool.features,
        "--initial-ids": options.initial_ids or (),
    }
    for named, values in named_values.items():
        faults.attempt(None, refuse_repeats, named, values)
