"""A run of learning curves: plan, journals, tables."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from alsim.analysis.curves.comparison import BASELINE
from alsim.experiments.cells import count_units, known_cells
from alsim.experiments.curves.records import Round
from alsim.experiments.jobs import Job
from alsim.experiments.schedule import plan_schedule
from alsim.options.curves import CurvesOptions
from alsim.pool.source import Source
from alsim.pool.survey import check_roles
from alsim.store.curves import recorded, write_recorded
from alsim.store.tables import TimingRecord
from alsim.strategies import Named
from alsim.studies.caveats import about_labels
from alsim.studies.findings import all_diverged, refuse_gone
from alsim.studies.lifecycle import Head
from alsim.studies.machine import choose_machine
from alsim.studies.messages import Active, Open
from alsim.studies.same_again import plain_options
from alsim.studies.start.check import StudyOptions
from alsim.studies.start.passive_results import find_passives, kept_passives
from alsim.studies.start.plan import Plan, plan_tasks
from alsim.studies.start.prepare import (
    Prepared,
    describe_study,
    epochs_worth,
    opening_of,
    prepare,
)
from alsim.studies.watch import Watch
from alsim.studies.workers.protocol import Tasks

_NAMED = 3  # strategies that the name of a folder holds


def curves_study(
    source: Source, options: StudyOptions, strategies: Mapping[str, Named], asked: CurvesOptions
) -> "_Curves":
    """Return the study of a pool whose columns fit the options.

    Raises:
        PoolError: If they do not.
    """
    check_roles(source, options.pool)
    machine = choose_machine(
        options.engine,
        len(options.seeds) * len(strategies),
        "direct" if options.unit == "cell" else None,
        is_one_job=True,
    )
    name = _folder_name(source.name, list(strategies))
    head = Head("curves", name, source, machine, plain_options(asked))
    return _Curves(head, options, strategies)


@dataclass(frozen=True, slots=True, eq=False)
class _Curves:
    """Learning curves, see `Procedure`."""

    head: Head
    options: StudyOptions
    strategies: Mapping[str, Named]

    def prepare(self, work: Path) -> Prepared:
        plan = plan_schedule
        if self.options.unit == "cell":
            plan = partial(plan_schedule, units="labels of training rows")
        source, machine = self.head.source, self.head.machine
        return prepare(
            source, self.options, self.strategies, work, machine, plan=plan, several=True
        )

    def describe(self, prepared: Prepared) -> dict[str, Any]:
        return describe_study(prepared, self.options)

    def left(self, folder: Path, prepared: Prepared, watch: Watch) -> tuple[Open, Tasks]:
        schedule = prepared.assignment.schedule
        n_curves = len(self.options.seeds) * len(self.strategies)
        n_units = count_units(known_cells(prepared.loaded.pool), prepared.assignment.unit)
        n_steps = schedule.most_steps(n_units)
        is_known = schedule.until.kind in ("steps", "labels", "exhausted")
        watch.plan(str(schedule))
        watch.planned("steps", n_curves, n_steps if is_known else None)
        left = self._plan(folder, prepared).without(_report_recorded(folder, watch))
        at_the_end = schedule.initial_size + schedule.query_size.total(n_steps)
        n_labelled = (schedule.initial_size + min(at_the_end, n_units)) / 2  # in the middle
        watch.begin(
            len(left.passives),
            left.most_epochs(self.strategies, prepared.assignment.training),
            worth=epochs_worth(prepared, n_labelled, n_units - n_labelled),
            most=n_curves * n_steps,
        )
        return opening_of(folder, prepared), left.tasks

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
        write_recorded(folder, _passive_timings(plan))

    def _plan(self, folder: Path, prepared: Prepared) -> Plan[Active]:
        assignment = prepared.assignment
        return plan_tasks(
            self.options.seeds, self.strategies, assignment.training, assignment.way, folder
        )


def _folder_name(pool: str, strategies: Sequence[str]) -> str:
    """Return a short name for a run's folder: "posts-margin-random", of many "posts-margin+5"."""
    # A plug-in is called as in its file, wherever that lies.
    names = [re.sub(r"^[^(]*\.py:", "", name) for name in strategies]
    if len(names) <= _NAMED:
        return "-".join([pool, *names])
    first = next((name for name in names if name != BASELINE), names[0])
    return f"{pool}-{first}+{len(names) - 1}"


def _report_recorded(folder: Path, watch: Watch) -> set[Job]:
    """Report the steps that were recorded before, and return the curves that have ended."""
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
    refuse_gone(len(missing), "learning curves", folder)
    if not n_steps:
        raise all_diverged(folder)
    return {"diverged": lost}
