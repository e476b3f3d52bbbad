"""A correlation study: its plan, its findings, its tables."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alsim.experiments.account import Account
from alsim.experiments.jobs import Job
from alsim.experiments.schedule import Schedule
from alsim.options.correlation import CorrelateOptions
from alsim.options.curves import ScheduleOptions
from alsim.options.engine import Way
from alsim.pool.source import Source
from alsim.pool.survey import check_roles
from alsim.store.correlation import collect_groups, kept_groups, write_correlation
from alsim.strategies import Named
from alsim.studies.correlation.check import FLAG
from alsim.studies.correlation.sizes import Sizes, plan_sizes
from alsim.studies.findings import refuse_gone
from alsim.studies.lifecycle import Head
from alsim.studies.machine import choose_machine
from alsim.studies.messages import Correlate, Open
from alsim.studies.same_again import plain_options
from alsim.studies.start.check import StudyOptions
from alsim.studies.start.passive_results import find_passives
from alsim.studies.start.plan import Plan, plan_correlation
from alsim.studies.start.prepare import (
    Prepared,
    describe_study,
    epochs_worth,
    opening_of,
    prepare,
)
from alsim.studies.watch import Watch
from alsim.studies.workers.protocol import Tasks

AUTO: Way = "lockstep"  # how copies are trained by default, on a CPU as on a GPU


def correlation_study(
    source: Source, options: StudyOptions, metrics: Mapping[str, Named], asked: CorrelateOptions
) -> "_Correlating":
    """Return the study of a pool whose columns fit the options.

    Raises:
        PoolError: If they do not.
    """
    check_roles(source, options.pool)
    engine = options.engine
    way = AUTO if engine.replicas == "auto" else engine.replicas
    machine = choose_machine(engine, len(options.seeds) * len(metrics), way)
    name = f"{source.name}-correlation"
    head = Head("correlation", name, source, machine, plain_options(asked))
    return _Correlating(head, options, metrics, asked)


@dataclass(frozen=True, slots=True, eq=False)
class _Correlating:
    """A correlation study, see `Procedure`."""

    head: Head
    options: StudyOptions
    metrics: Mapping[str, Named]
    asked: CorrelateOptions

    def prepare(self, work: Path) -> Prepared:
        def plan(asked: ScheduleOptions, n_pool: int, _: Account | None) -> Schedule:
            return plan_sizes(asked.initial_size, self.asked, n_pool).schedule

        source, machine = self.head.source, self.head.machine
        return prepare(source, self.options, self.metrics, work, machine, plan=plan, flag=FLAG)

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

    def left(self, folder: Path, prepared: Prepared, watch: Watch) -> tuple[Open, Tasks]:
        planned = self._sizes(prepared)
        watch.plan(str(planned))
        n_groups = planned.correlation.sample_size // planned.correlation.group_size
        n_copies = n_groups * len(self.metrics) * len(self.options.seeds)
        watch.planned("copies", n_copies)
        left = self._plan(folder, prepared).without(_report_kept(folder, watch))
        most = left.most_epochs(self.metrics, prepared.assignment.training)
        worth = epochs_worth(prepared, planned.correlation.group_size, 0)
        watch.begin(len(left.passives), most, worth=worth)
        return opening_of(folder, prepared), left.tasks

    def more(self, folder: Path, prepared: Prepared, watch: Watch) -> Tasks:
        """Return none: what there is to do does not depend on results."""
        return ()

    def find(self, folder: Path, prepared: Prepared) -> dict[str, Any]:
        plan = self._plan(folder, prepared)
        n_gone = sum(not path.exists() for t in plan.actives for path in t.message.journals)
        refuse_gone(n_gone, "metrics and seeds", folder)
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


def _report_kept(folder: Path, watch: Watch) -> set[Job]:
    """Report the copies that were kept before, and return the jobs that are done."""
    done: set[Job] = set()
    for table in kept_groups(folder):
        metric, seed = table["metric"][0].as_py(), table["seed"][0].as_py()
        watch.progress("copies", metric, table.num_rows, seed)
        done.add(Job(seed, metric))
    return done
