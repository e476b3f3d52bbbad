"""A correlation study: its options, its plan, what its workers find, its tables."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from alsim.errors import StoreError
from alsim.experiments.correlation import CONTROL, check_metrics
from alsim.experiments.curves.querying import Job
from alsim.experiments.schedule import Schedule
from alsim.options.curves import ScheduleOptions
from alsim.options.faults import Faults
from alsim.pool.source import Source
from alsim.pool.survey import check_roles
from alsim.store import (
    JOURNALS,
    WORK,
    CorrelationStudy,
    FolderKind,
    collect_groups,
    kept_groups,
    read_correlation,
    remove_folder,
    write_correlation,
)
from alsim.strategies import Named
from alsim.studies.correlation.sizes import SizeOptions, Sizes, plan_sizes
from alsim.studies.lifecycle import carry_out
from alsim.studies.machine import Machine, choose_device
from alsim.studies.same_again import plain_options
from alsim.studies.start.check import EngineOptions, StudyOptions, examine, n_cores
from alsim.studies.start.passives import find_passives
from alsim.studies.start.plan import Plan, plan_correlation
from alsim.studies.start.prepare import Prepared, describe_study, opening_of, prepare
from alsim.studies.watch import Watch
from alsim.studies.workers import Message, Workers, WorkerTask
from alsim.training.replicas import Way

AUTO: Way = "lockstep"  # how copies are trained where nobody asked, on a CPU as on a GPU
FLAG = "--metric"
# What the source calls metrics, and the strategies whose scores they are.
_ALIASES = {"loss": "ideal-learning-loss", "predicted-loss": "learning-loss"}


@dataclass(frozen=True, slots=True)
class CorrelateOptions:
    """What a user can choose about a correlation study."""

    study: StudyOptions  # its strategies are the metrics; it queries nothing
    sizes: SizeOptions

    def plain(self) -> dict[str, Any]:
        """Return the options as JSON values, as a manifest keeps them."""
        plain = plain_options(self.study)
        metrics, schedule = plain.pop("strategies"), plain.pop("schedule")
        del plain["candidates"], plain["training"]["retrain"]
        sizes = {"initial_size": schedule["initial_size"], **asdict(self.sizes)}
        return {"metrics": metrics, **plain, **sizes}


def metric_names(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return metrics by the names of their strategies, with the control among them."""
    full = [_unalias(name) for name in names]
    return (*full, *[CONTROL] * (CONTROL not in full))


def _unalias(name: str) -> str:
    base, bracket, rest = name.partition("(")
    return _ALIASES.get(base.strip(), base) + bracket + rest


def check_correlate(options: CorrelateOptions) -> dict[str, Named]:
    """Check what can be checked without the pool, and return the metrics by name.

    Raises:
        UsageError: Naming every fault at once.
    """
    faults = Faults()
    metrics = examine_correlate(options, faults)
    faults.raise_all("options cannot be used", "alsim correlate")
    return metrics


def examine_correlate(options: CorrelateOptions, faults: Faults) -> dict[str, Named]:
    """Return the metrics that there are by name; add all that is wrong to the faults."""
    metrics = examine(options.study, faults, flag=FLAG)
    faults.attempt(None, check_metrics, {n: named.strategy for n, named in metrics.items()})
    for name in metrics:
        if "candidates=" in name:
            faults.add(
                "a metric looks at the whole sample: candidates have no meaning",
                f"{FLAG} {name}",
                "leave them out, or ask for a smaller --sample-size",
            )
    for flag, value in (
        ("--sample-size", options.sizes.sample_size),
        ("--group-size", options.sizes.group_size),
    ):
        if value is not None and value < 1:
            faults.add(f"{value} is too small", flag, "ask for at least 1")
    return metrics


def run_correlation(
    source: Source,
    options: CorrelateOptions,
    out: Path | None,
    watch: Watch,
    *,
    arguments: Mapping[str, Any] | None = None,
    files: Mapping[str, str] | None = None,
    force: bool = False,
) -> CorrelationStudy:
    """Run a correlation study, or go on with it where `out` holds it unfinished, and return it.

    See `carry_out`.

    Raises:
        AlsimError: For anything the user can mend.
    """
    metrics = check_correlate(options)
    check_roles(source, options.study.pool)
    n_jobs = len(options.study.seeds) * len(metrics)
    machine = _machine(options.study.engine, n_jobs)
    procedure = _Correlating(source, options, metrics, machine)
    folder = carry_out(procedure, out, watch, arguments=arguments, files=files, force=force)
    return read_correlation(folder)


def _machine(engine: EngineOptions, n_jobs: int) -> Machine:
    """Return what is computed on: on a CPU workers of one thread, whatever the way."""
    device = choose_device(engine)
    way = AUTO if engine.replicas == "auto" else engine.replicas
    workers = min(engine.workers or n_cores(), n_jobs) if device == "cpu" else 1
    return Machine(device, way, workers, threads=1 if device == "cpu" else n_cores())


@dataclass(frozen=True, slots=True, eq=False)
class _Correlating:
    """A correlation study: what `carry_out` asks of it."""

    source: Source
    options: CorrelateOptions
    metrics: Mapping[str, Named]
    machine: Machine

    @property
    def kind(self) -> FolderKind:
        return "correlation"

    @property
    def name(self) -> str:
        return f"{self.source.name}-correlation"

    def plain_options(self) -> dict[str, Any]:
        return self.options.plain()

    def prepare(self, work: Path) -> Prepared:
        def plan(asked: ScheduleOptions, n_pool: int) -> Schedule:
            return plan_sizes(asked.initial_size, self.options.sizes, n_pool).schedule

        return prepare(
            self.source, self.options.study, self.metrics, work, self.machine, plan=plan, flag=FLAG
        )

    def describe(self, prepared: Prepared) -> dict[str, Any]:
        sizes = self._sizes(prepared)
        found = describe_study(prepared, self.options.study)
        configuration = found["configuration"]
        for name in ("strategies", "candidates", "schedule"):
            del configuration[name]
        found["configuration"] = {
            "metrics": list(self.metrics),
            "initial_size": sizes.schedule.initial_size,
            "sample_size": sizes.correlation.sample_size,
            "group_size": sizes.correlation.group_size,
            **configuration,
        }
        return found

    def work(self, group: Workers, folder: Path, prepared: Prepared, watch: Watch) -> None:
        plan, planned = self._plan(folder, prepared), self._sizes(prepared)
        watch.plan(str(planned))
        sizes = planned.correlation
        n_groups = sizes.sample_size // sizes.group_size
        watch.planned_copies(n_groups * len(self.metrics) * len(self.options.study.seeds))
        left = plan.without(_told(folder, watch))
        group.run(
            opening_of(folder, prepared),
            left.tasks,
            _Listener(watch).handle,
            opened=partial(remove_folder, folder / WORK),
        )

    def find(self, folder: Path, prepared: Prepared) -> dict[str, Any]:
        plan = self._plan(folder, prepared)
        n_gone = sum(
            not Path(path).exists() for t in plan.actives for path in t.message["journals"]
        )
        if n_gone:
            raise StoreError(
                f"what was recorded of {n_gone} metrics and seeds is gone",
                str(folder / JOURNALS),
                f"leave a run's folder alone while it is worked on; then: alsim resume {folder}",
            )
        return find_passives(
            plan,
            prepared.assignment.training,
            "copies are then trained longer too, which can turn the signs",
            is_stopped=bool(prepared.loaded.pool.splits["validation"]),
        )

    def write(self, folder: Path, prepared: Prepared) -> None:
        del prepared
        write_correlation(folder, collect_groups(folder))

    def _sizes(self, prepared: Prepared) -> Sizes:
        n_pool = len(prepared.loaded.pool.splits["train"])
        return plan_sizes(prepared.assignment.schedule.initial_size, self.options.sizes, n_pool)

    def _plan(self, folder: Path, prepared: Prepared) -> Plan:
        return plan_correlation(
            self.options.study.seeds,
            self.metrics,
            prepared.assignment.training,
            self._sizes(prepared).correlation,
            folder,
        )


class _Listener:
    """Passes on what the workers say."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch

    def handle(self, task: WorkerTask, message: Message) -> None:
        if message["kind"] == "epoch":
            self._watch.epoch(task.name, message["epoch"])
        elif message["kind"] == "copies":
            self._watch.copies(message["metric"], message["seed"], message["n"])
        elif message["kind"] == "note":
            self._watch.note(message["text"])


def _told(folder: Path, watch: Watch) -> set[Job]:
    """Tell of the copies that were kept before, and return the jobs that are done."""
    done: set[Job] = set()
    for table in kept_groups(folder):
        metric, seed = table["metric"][0].as_py(), table["seed"][0].as_py()
        watch.copies(metric, seed, table.num_rows)
        done.add(Job(seed, metric))
    return done
