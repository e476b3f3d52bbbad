"""A correlation study: its options, its plan, what its workers find, its tables."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from alsim.errors import StoreError
from alsim.experiments.jobs import Job
from alsim.experiments.schedule import Schedule
from alsim.options.correlation import CorrelateOptions
from alsim.options.curves import ScheduleOptions
from alsim.options.engine import EngineOptions, Way, n_cores
from alsim.pool.source import Source
from alsim.pool.survey import check_roles
from alsim.store.correlation import collect_groups, kept_groups, write_correlation
from alsim.store.layout import JOURNALS, WORK
from alsim.store.manifest import FolderKind
from alsim.store.opening import remove_folder
from alsim.strategies import Named
from alsim.studies.correlation.check import FLAG
from alsim.studies.correlation.sizes import Sizes, plan_sizes
from alsim.studies.machine import Machine, choose_device, count_workers
from alsim.studies.messages import Correlate
from alsim.studies.same_again import plain_options
from alsim.studies.start.check import StudyOptions
from alsim.studies.start.passives import find_passives
from alsim.studies.start.plan import Plan, plan_correlation
from alsim.studies.start.prepare import Prepared, describe_study, opening_of, prepare
from alsim.studies.watch import Watch, pass_on
from alsim.studies.workers.protocol import Workers

AUTO: Way = "lockstep"  # how copies are trained where nobody asked, on a CPU as on a GPU


def correlation_study(
    source: Source, options: StudyOptions, metrics: Mapping[str, Named], asked: CorrelateOptions
) -> "_Correlating":
    """Return the study of a pool whose columns fit the options.

    Raises:
        PoolError: If they do not.
    """
    check_roles(source, options.pool)
    machine = _machine(options.engine, len(options.seeds) * len(metrics))
    return _Correlating(source, options, metrics, machine, asked)


def _machine(engine: EngineOptions, n_jobs: int) -> Machine:
    """Return what is computed on: on a CPU workers of one thread, whatever the way."""
    device = choose_device(engine)
    way = AUTO if engine.replicas == "auto" else engine.replicas
    workers = count_workers(engine, n_jobs, is_one=device != "cpu")
    return Machine(device, way, workers, threads=1 if device == "cpu" else n_cores())


@dataclass(frozen=True, slots=True, eq=False)
class _Correlating:
    """A correlation study: what `carry_out` asks of it."""

    source: Source
    options: StudyOptions
    metrics: Mapping[str, Named]
    machine: Machine
    asked: CorrelateOptions

    @property
    def kind(self) -> FolderKind:
        return "correlation"

    @property
    def name(self) -> str:
        return f"{self.source.name}-correlation"

    def plain_options(self) -> dict[str, Any]:
        return plain_options(self.asked)

    def prepare(self, work: Path) -> Prepared:
        def plan(asked: ScheduleOptions, n_pool: int) -> Schedule:
            return plan_sizes(asked.initial_size, self.asked, n_pool).schedule

        return prepare(
            self.source, self.options, self.metrics, work, self.machine, plan=plan, flag=FLAG
        )

    def describe(self, prepared: Prepared) -> dict[str, Any]:
        sizes = self._sizes(prepared)
        found = describe_study(prepared, self.options)
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
        watch.planned("copies", n_groups * len(self.metrics) * len(self.options.seeds))
        left = plan.without(_told(folder, watch))
        group.run(
            opening_of(folder, prepared),
            left.tasks,
            partial(pass_on, watch),
            opened=partial(remove_folder, folder / WORK),
        )

    def find(self, folder: Path, prepared: Prepared) -> dict[str, Any]:
        plan = self._plan(folder, prepared)
        n_gone = sum(not path.exists() for t in plan.actives for path in t.message.journals)
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
        return plan_sizes(prepared.assignment.schedule.initial_size, self.asked, n_pool)

    def _plan(self, folder: Path, prepared: Prepared) -> Plan[Correlate]:
        return plan_correlation(
            self.options.seeds,
            self.metrics,
            prepared.assignment.training,
            self._sizes(prepared).correlation,
            folder,
        )


def _told(folder: Path, watch: Watch) -> set[Job]:
    """Tell of the copies that were kept before, and return the jobs that are done."""
    done: set[Job] = set()
    for table in kept_groups(folder):
        metric, seed = table["metric"][0].as_py(), table["seed"][0].as_py()
        watch.progress("copies", metric, table.num_rows, seed)
        done.add(Job(seed, metric))
    return done
