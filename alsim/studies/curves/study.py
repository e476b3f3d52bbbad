"""A run of learning curves: plan, journals, tables."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from alsim.errors import RunError, StoreError
from alsim.experiments.curves.records import Round
from alsim.experiments.jobs import Job
from alsim.experiments.schedule import plan_schedule
from alsim.options.curves import CurvesOptions
from alsim.options.engine import n_cores
from alsim.pool.source import Source
from alsim.pool.survey import check_roles
from alsim.store.curves import recorded, timings_of, write_tables
from alsim.store.layout import JOURNALS, WORK
from alsim.store.manifest import FolderKind
from alsim.store.opening import remove_folder
from alsim.store.tables import TimingRecord
from alsim.strategies import Named
from alsim.studies.caveats import about_labels
from alsim.studies.machine import Machine, choose_device, choose_way, count_workers
from alsim.studies.messages import Active
from alsim.studies.same_again import plain_options
from alsim.studies.start.check import StudyOptions
from alsim.studies.start.passives import find_passives, kept_passives
from alsim.studies.start.plan import Plan, plan_tasks
from alsim.studies.start.prepare import Prepared, describe_study, opening_of, prepare
from alsim.studies.watch import Watch, pass_on
from alsim.studies.workers.protocol import Workers


def curves_study(
    source: Source, options: StudyOptions, strategies: Mapping[str, Named], asked: CurvesOptions
) -> "_Curves":
    """Return the study of a pool whose columns fit the options.

    Raises:
        PoolError: If they do not.
    """
    check_roles(source, options.pool)
    return _Curves(source, options, strategies, _machine(options, len(strategies)), asked)


def _machine(options: StudyOptions, n_strategies: int) -> Machine:
    device = choose_device(options.engine)
    way = "direct" if options.unit == "cell" else choose_way(options.engine, device)
    n_jobs = len(options.seeds) * n_strategies
    is_one = way == "lockstep" or device != "cpu"
    workers = count_workers(options.engine, n_jobs, is_one=is_one)
    return Machine(device, way, workers, threads=n_cores() if way == "lockstep" else 1)


@dataclass(frozen=True, slots=True, eq=False)
class _Curves:
    """Learning curves: what `carry_out` asks of them."""

    source: Source
    options: StudyOptions
    strategies: Mapping[str, Named]
    machine: Machine
    asked: CurvesOptions

    @property
    def kind(self) -> FolderKind:
        return "curves"

    @property
    def name(self) -> str:
        return f"{self.source.name}-{','.join(self.strategies)}"

    def plain_options(self) -> dict[str, Any]:
        return plain_options(self.asked)

    def prepare(self, work: Path) -> Prepared:
        plan = plan_schedule
        if self.options.unit == "cell":
            plan = partial(plan_schedule, units="labels of training rows")
        return prepare(
            self.source, self.options, self.strategies, work, self.machine, plan=plan, several=True
        )

    def describe(self, prepared: Prepared) -> dict[str, Any]:
        return describe_study(prepared, self.options)

    def work(self, group: Workers, folder: Path, prepared: Prepared, watch: Watch) -> None:
        schedule = prepared.assignment.schedule
        n_steps = schedule.steps if schedule.until.kind == "steps" else None
        watch.plan(str(schedule))
        watch.planned("steps", len(self.options.seeds) * len(self.strategies), n_steps)
        left = self._plan(folder, prepared).without(_told(folder, watch))
        group.run(
            opening_of(folder, prepared),
            left.tasks,
            partial(pass_on, watch),
            opened=partial(remove_folder, folder / WORK),
        )

    def find(self, folder: Path, prepared: Prepared) -> dict[str, Any]:
        assignment, plan = prepared.assignment, self._plan(folder, prepared)
        found = _findings(folder, plan) | find_passives(
            plan,
            assignment.training,
            "later gains are then partly those of longer training",
            is_stopped=bool(prepared.loaded.pool.splits["validation"]),
        )
        if len(assignment.tasks) > 1 and assignment.unit == "object":
            found["notes"] += about_labels(_labels_asked(folder))
        return found

    def write(self, folder: Path, prepared: Prepared) -> None:
        plan = self._plan(folder, prepared)
        write_tables(folder, _rounds(folder), [*_timings(folder), *_passive_timings(plan)])

    def _plan(self, folder: Path, prepared: Prepared) -> Plan[Active]:
        assignment = prepared.assignment
        return plan_tasks(
            self.options.seeds, self.strategies, assignment.training, assignment.way, folder
        )


def _told(folder: Path, watch: Watch) -> set[Job]:
    """Tell of the steps that were recorded before, and return the curves that have ended."""
    ended: set[Job] = set()
    for found in recorded(folder):
        for entry in found.entries:
            watch.step(entry.round.step)
        if found.ending is not None:
            ended.add(Job(found.seed, found.strategy))
    return ended


def _rounds(folder: Path) -> Iterator[Round]:
    return (entry.round for found in recorded(folder) for entry in found.entries)


def _labels_asked(folder: Path) -> dict[str, tuple[int, int]]:
    """Return how many labels each strategy asked for, of how many objects; no initial ones."""
    asked: dict[str, tuple[int, int]] = {}
    for done in _rounds(folder):
        if done.step.step:
            labels, objects = asked.get(done.step.strategy, (0, 0))
            ranks = {query.rank for query in done.queries}  # an object's labels share its rank
            asked[done.step.strategy] = labels + len(done.queries), objects + len(ranks)
    return asked


def _timings(folder: Path) -> Iterator[TimingRecord]:
    return (timing for found in recorded(folder) for timing in timings_of(found))


def _passive_timings(plan: Plan[Active]) -> Iterator[TimingRecord]:
    """Yield the seconds of the passive phases, under no strategy's name; lockstep shares them."""
    for phase, _, facts in kept_passives(plan):
        for seed in phase.seeds:
            for name, taken in facts["seconds"].items():
                yield TimingRecord("", seed, 0, name, taken / len(phase.seeds))


def _findings(folder: Path, plan: Plan[Active]) -> dict[str, Any]:
    """Return which curves of a run diverged, once its tasks are done.

    Raises:
        StoreError: If the end of a curve is not there, though its task is done.
        RunError: If no curve has a single step.
    """
    n_steps = 0
    lost: list[dict[str, Any]] = []
    missing = {job for task in plan.actives for job in task.message.jobs}
    for found in recorded(folder):
        n_steps += len(found.entries)
        if found.ending is not None:
            missing.discard(Job(found.seed, found.strategy))
        if found.ending is not None and found.ending.reason == "diverged":
            lost.append({"strategy": found.strategy, "seed": found.seed, "step": found.ending.step})
    if missing:
        raise StoreError(
            f"what was recorded of {len(missing)} learning curves is gone",
            str(folder / JOURNALS),
            f"leave a run's folder alone while it is worked on; then: alsim resume {folder}",
        )
    if not n_steps:
        raise RunError(
            "every training diverged: no loss is a number",
            str(folder),
            "lower --learning-rate, or leave the inputs standardised, and add --force",
        )
    return {"diverged": lost}
