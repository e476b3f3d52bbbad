"""A run of learning curves: plan, journals, tables."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from alsim.analysis.curves.judges import LOOKED, PLAN
from alsim.experiments.cells import count_units, known_cells
from alsim.experiments.curves.records import NO_STRATEGY, Round
from alsim.experiments.jobs import Job
from alsim.experiments.schedule import Schedule, plan_schedule
from alsim.options.curves import CurvesOptions
from alsim.pool.source import Source
from alsim.pool.survey import check_roles
from alsim.store.curves import recorded, write_recorded
from alsim.store.tables import TimingRecord
from alsim.strategies import Named
from alsim.studies.caveats import about_labels
from alsim.studies.curves.ceilings import (
    find_ceilings,
    kept_ceilings,
    left_of,
    plan_ceilings,
    records_of,
    timings_of,
)
from alsim.studies.curves.looks import Looks, in_manifest
from alsim.studies.findings import all_diverged, refuse_gone
from alsim.studies.lifecycle import Head
from alsim.studies.machine import choose_machine
from alsim.studies.messages import Active, Ceilings, Open
from alsim.studies.same_again import plain_options
from alsim.studies.start.check import StudyOptions
from alsim.studies.start.passive_results import find_passives, kept_passives
from alsim.studies.start.plan import Plan, only, plan_tasks
from alsim.studies.start.prepare import (
    Prepared,
    describe_study,
    epochs_worth,
    opening_of,
    prepare,
)
from alsim.studies.watch import Watch
from alsim.studies.workers.protocol import Tasks, WorkerTask

_LARGE_START = 1 / 3  # of all labels
_NAMED = 3  # strategies that the name of a folder holds


def curves_study(
    source: Source,
    options: StudyOptions,
    strategies: Mapping[str, Named],
    asked: CurvesOptions,
    looks: Looks | None = None,
) -> "CurvesStudy":
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
    name = _folder_name(source.name, list(strategies), options.baseline)
    head = Head("curves", name, source, machine, plain_options(asked))
    return CurvesStudy(head, options, strategies, looks)


@dataclass(frozen=True, slots=True, eq=False)
class CurvesStudy:
    """Learning curves, see `Procedure`."""

    head: Head
    options: StudyOptions
    strategies: Mapping[str, Named]
    looks: Looks | None = None  # None: the number of seeds is fixed

    def prepare(self, work: Path) -> Prepared:
        """Decode the pool and plan the sizes."""
        units = "labels of training rows" if self.options.unit == "cell" else "training rows"
        plan = partial(plan_schedule, units=units)
        source, machine = self.head.source, self.head.machine
        prepared = prepare(
            source, self.options, self.strategies, work, machine, plan=plan, several=True
        )
        if self.options.schedule.initial_size is None:
            return prepared
        schedule, n_units = prepared.assignment.schedule, _n_units(prepared)
        return replace(prepared, notes=(*prepared.notes, *_about_start(schedule, n_units)))

    def describe(self, prepared: Prepared) -> dict[str, Any]:
        """Return what a manifest records of it."""
        described = describe_study(prepared, self.options)
        outside = {n: why for n, each in self.strategies.items() if (why := each.strategy.outside)}
        more = {"outside": outside} | ({PLAN: self.looks.describe()} if self.looks else {})
        return {**described, "configuration": {**described["configuration"], **more}}

    def left(self, folder: Path, prepared: Prepared, watch: Watch) -> tuple[Open, Tasks]:
        """Return what is left to do."""
        until, n_steps = prepared.assignment.schedule.until, self.most_steps(prepared)
        n_curves = len(self.options.seeds) * len(self.strategies)
        is_known = until.kind in ("steps", "labels", "exhausted")
        watch.plan(self.plan_line(prepared))
        watch.planned("steps", n_curves, n_steps if is_known else None)
        left = self.plan(folder, prepared).without(_report_recorded(folder, watch))
        ceilings = left_of(self.ceilings(folder, prepared))
        training = prepared.assignment.training
        watch.begin(
            len(left.passives),
            max(left.most_epochs(self.strategies, training), bool(ceilings) * training.most_epochs),
            worth=self.epochs_worth(prepared, share=0.5),
            most=n_curves * n_steps,
            longer=dict.fromkeys((task.key for task in ceilings), self.ceiling_worth(prepared)),
        )
        return opening_of(folder, prepared), (*left.tasks, *ceilings)

    def more(self, folder: Path, prepared: Prepared, watch: Watch) -> Tasks:
        """Return the tasks that the looks at the verdicts so far call for."""
        if self.looks is None:
            return ()
        for note in self.looks.in_words(self.looks.taken(folder)):
            watch.note(note)
        ended = {Job(each.seed, each.strategy) for each in recorded(folder) if each.ending}
        return self.plan(folder, prepared).without(ended).tasks

    def find(self, folder: Path, prepared: Prepared) -> dict[str, Any]:
        """Return which curves diverged, with notes."""
        assignment, plan = prepared.assignment, self.plan(folder, prepared)
        found = _findings(folder, plan) | find_passives(
            plan,
            assignment.training,
            "later gains are then partly those of longer training, as the strategy control shows",
            is_stopped=bool(prepared.loaded.pool.splits["validation"]),
        )
        if len(assignment.tasks) > 1 and assignment.unit == "object":
            found["notes"] += about_labels(_labels_asked(folder))
        if self.options.ceiling:
            found["ceiling"], notes = find_ceilings(
                kept_ceilings(self.ceilings(folder, prepared)),
                _n_units(prepared),
                assignment.training,
                is_stopped=bool(prepared.loaded.pool.splits["validation"]),
            )
            found["notes"] += notes
        if self.looks is not None:
            found[LOOKED] = in_manifest(self.looks.taken(folder))
        return found

    def write(self, folder: Path, prepared: Prepared) -> None:
        """Write the tables."""
        plan, kept = self.plan(folder, prepared), kept_ceilings(self.ceilings(folder, prepared))
        timings = [*_passive_timings(plan), *timings_of(kept)]
        write_recorded(folder, timings, records_of(kept))

    def plan(self, folder: Path, prepared: Prepared) -> Plan[Active]:
        """Return the tasks in a run's folder that its looks so far call for."""
        whole, looks = self.whole_plan(folder, prepared), self.looks
        return whole if looks is None else only(whole, looks.called_for(looks.taken(folder)))

    def whole_plan(self, folder: Path, prepared: Prepared) -> Plan[Active]:
        """Return the tasks in a run's folder, were no strategy decided before the last look."""
        assignment, cuts = prepared.assignment, self.looks.plan.looks if self.looks else ()
        return plan_tasks(
            self.options.seeds, self.strategies, assignment.training, assignment.way, folder,
            cuts=cuts,
        )  # fmt: skip

    def ceilings(self, folder: Path, prepared: Prepared) -> Sequence[WorkerTask[Ceilings]]:
        """Return the tasks that train on all labels in a run's folder; none unless asked for."""
        seeds = self.options.seeds if self.options.ceiling else ()
        seeds = seeds[: self.looks.plan.looks[0]] if self.looks else seeds
        return plan_ceilings(seeds, prepared.assignment.way, folder) if seeds else ()

    def plan_line(self, prepared: Prepared) -> str:
        """Return what is bought: "300 for validation, 300 to start with, 48 queries of 50"."""
        assignment = prepared.assignment
        n = len(prepared.loaded.pool.splits["validation"])
        n_epochs = assignment.training.max_epochs
        paid = f"{n:,} for validation, " if n else f"none for validation, so {n_epochs} epochs; "
        paid = paid if assignment.is_validation_paid else ""
        free = "" if assignment.is_validation_paid else f"; {n:,} for validation, not paid for"
        hint = "" if self.options.schedule.budget else " (to plan by what you can pay: --budget)"
        return f"{paid}{assignment.schedule}{free}{hint}"

    def most_steps(self, prepared: Prepared) -> int:
        """Return how many queries a curve makes, at most."""
        return prepared.assignment.schedule.most_steps(_n_units(prepared))

    def ceiling_worth(self, prepared: Prepared) -> float:
        """Return about how many epochs of the passive phase one on all labels takes."""
        n_validation = len(prepared.loaded.pool.splits["validation"])
        n, first = _n_units(prepared), prepared.assignment.schedule.initial_size
        return (3 * n + n_validation) / (3 * first + n_validation)

    def epochs_worth(self, prepared: Prepared, share: float) -> float:
        """Return about how many epochs of the passive phase a step takes at a share of them."""
        schedule, n_units = prepared.assignment.schedule, _n_units(prepared)
        queried = min(schedule.query_size.total(self.most_steps(prepared)), n_units)
        n = schedule.initial_size + share * min(queried, n_units - schedule.initial_size)
        return epochs_worth(prepared, n, n_units - n)


def _n_units(prepared: Prepared) -> int:
    return count_units(known_cells(prepared.loaded.pool), prepared.assignment.unit)


def _folder_name(pool: str, strategies: Sequence[str], baseline: str | None) -> str:
    """Return a short name for a run's folder: "posts-margin", of many "posts-margin+5".

    The baseline is named only where it is alone.
    """
    # A plug-in is called as in its file, wherever that lies.
    chosen = [name for name in strategies if name != baseline] or strategies
    names = [re.sub(r"^[^(]*\.py:", "", name) for name in chosen]
    if len(names) <= _NAMED:
        return "-".join([pool, *names])
    return f"{pool}-{names[0]}+{len(names) - 1}"


def _about_start(schedule: Schedule, n_units: int) -> list[str]:
    """Return a note where the initial labels leave strategies little to choose, else none."""
    first, n_steps = schedule.initial_size, schedule.most_steps(n_units)
    total = min(n_units, first + schedule.query_size.total(n_steps))
    if first <= _LARGE_START * total:
        return []
    return [
        f"{first:,} of the {total:,} labels are drawn at random to start with, so strategies "
        "choose the rest alone: a smaller --initial-size shows more of what they save"
    ]


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
                yield TimingRecord(NO_STRATEGY, seed, 0, name, taken / len(phase.seeds))


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
