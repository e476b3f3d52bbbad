"""From options and a source to a study that workers can open: pool decoded, sizes decided."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from alsim.experiments.schedule import plan_schedule
from alsim.loading import imported_texts
from alsim.pool.loading import LoadedPool, load_pool
from alsim.pool.pool import Pool, Split, Task
from alsim.pool.source import Source
from alsim.store.layout import WORK
from alsim.strategies import Named
from alsim.studies.machine import Machine
from alsim.studies.messages import Open
from alsim.studies.start.assignment import Assignment
from alsim.studies.start.check import StudyOptions
from alsim.studies.start.fit_to_pool import PlanSizes, fit_study
from alsim.studies.start.fit_to_tasks import notes_on_tasks, notes_on_unmeasured
from alsim.studies.start.oracles import describe_oracle
from alsim.studies.start.validation import validation_of


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A study whose pool is decoded and whose options fit it."""

    loaded: LoadedPool
    strategies: Mapping[str, Named]
    assignment: Assignment
    notes: tuple[str, ...]


def prepare(
    source: Source,
    options: StudyOptions,
    strategies: Mapping[str, Named],
    work: Path,
    machine: Machine,
    *,
    plan: PlanSizes = plan_schedule,
    flag: str = "--strategy",
    several: bool = False,
) -> Prepared:
    """Decode the pool into `work` and decide what depends on it.

    `work` is an empty folder, `plan` decides the sizes, and `flag` is for messages. With `several`
    all tasks of classes are trained and queried, else only the first.

    Raises:
        AlsimError: For what does not fit the pool.
    """
    chosen = replace(options.pool, rows_kept="any") if several else options.pool
    loaded = load_pool(
        source,
        chosen,
        work,
        validation_of(options, several=several),
        several=several,
    )
    pool, unused = _with_tasks(loaded.pool, several=several)
    loaded = replace(loaded, pool=pool)
    fitted = fit_study(strategies, options, pool, source.where, plan=plan, flag=flag)
    assignment = Assignment(
        schedule=fitted.schedule,
        model=fitted.model,
        training=options.training,
        strategies=tuple(strategies),
        candidates=options.candidates,
        way=machine.way,
        device=machine.device,
        threads=machine.threads,
        initial_rows=fitted.initial_rows,
        oracle=fitted.oracle,
        tasks=tuple(pool.tasks),
        unit=options.unit or "object",
        combine=options.combine,
        committee=options.committee,
        is_validation_paid=options.schedule.validation_size != "free",
    )
    notes = [*loaded.report.warnings, *loaded.report.notes]
    notes += _subsampled(strategies, len(pool.splits["train"]) - fitted.schedule.initial_size)
    notes += [*notes_on_tasks(pool), *notes_on_unmeasured(pool, is_paid=True)] if several else []
    if unused:
        queried = "classes" if several else f"those of {next(iter(pool.tasks))!r}"
        notes.append(f"labels are {queried}; not used: {', '.join(unused)}")
    return Prepared(loaded, strategies, assignment, tuple(notes))


def _with_tasks(pool: Pool, *, several: bool) -> tuple[Pool, list[str]]:
    """Return a pool with only the queried tasks, and the names of the others."""
    kept = dict(list(pool.tasks.items())[:1])
    if several:
        kept = {name: task for name, task in pool.tasks.items() if task.kind == "class"}
    return replace(pool, tasks=kept), [name for name in pool.tasks if name not in kept]


def epochs_worth(prepared: Prepared, trained: float, scored: float) -> float:
    """Return about how many epochs of the passive phase a step or a copy takes.

    It passes over `trained` rows in each of its epochs, which counts three times, forward and back;
    over `scored` rows and those that it is measured on once. What a strategy does besides is not
    known.
    """
    assignment, splits = prepared.assignment, prepared.loaded.pool.splits
    training, n_validation = assignment.training, len(splits["validation"])
    measured = len(splits["test"]) or n_validation
    work = 3 * training.epochs * trained
    if training.retrain:
        work = training.most_epochs * (3 * trained + n_validation)
    return (work + scored + measured) / (3 * assignment.schedule.initial_size + n_validation)


def opening_of(folder: Path, prepared: Prepared) -> Open:
    """Return the message by which a worker opens the study in a run's folder."""
    work = (folder / WORK).resolve()
    return Open(work, prepared.assignment, _identity(prepared), imported_texts())


def _identity(prepared: Prepared) -> str:
    """Return what distinguishes a study's checkpoints from those of another."""
    loaded = prepared.loaded
    assignment = {**asdict(prepared.assignment), "threads": None}  # they are free
    text = json.dumps([assignment, loaded.fingerprint, loaded.split_fingerprint], sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _subsampled(strategies: Mapping[str, Named], n: int) -> list[str]:
    """Return a note for each strategy that considers fewer than the `n` unlabelled rows."""
    return [
        f"{name} looks at {most:,} of the {n:,} unlabelled rows, drawn anew each step"
        for name, named in strategies.items()
        if (most := named.strategy.candidates) is not None and most < n
    ]


def rows_by_class(task: Task, rows: range) -> dict[str, int]:
    """Return how many of the rows each class has, none included, in the order of the classes."""
    if not task.classes:  # a target
        return {}
    labels = task.labels[rows.start : rows.stop]
    counts = labels[labels >= 0].bincount(minlength=len(task.classes))
    return dict(zip(task.classes, counts.tolist(), strict=True))


def describe_pool(loaded: LoadedPool) -> dict[str, Any]:
    """Return the part of a manifest that describes a pool, the same for all studies."""
    pool = loaded.pool
    return {
        "name": pool.name,
        "fingerprint": loaded.fingerprint,
        "splits": loaded.split_fingerprint,
        "modalities": pool.widths,
        "rows": {split: len(rows) for split, rows in pool.splits.items()},
    }


def describe_study(prepared: Prepared, options: StudyOptions) -> dict[str, Any]:
    """Return the part of a manifest that describes the study."""
    pool, assignment = prepared.loaded.pool, prepared.assignment
    task, *others = pool.tasks.values()
    evaluated: Split = "test" if pool.splits["test"] else "validation"
    return {
        "pool": {
            **describe_pool(prepared.loaded),
            "classes": {} if others else rows_by_class(task, pool.splits["train"]),
        },
        "task": ", ".join(pool.tasks),
        **(_describe_tasks(pool, evaluated) if others else {"n_classes": len(task.classes)}),
        "evaluation_split": evaluated,
        "n_evaluated": len(pool.splits[evaluated]),
        "notes": list(prepared.notes),
        "configuration": {
            "strategies": list(prepared.strategies),
            "baseline": options.baseline,
            "parameters": {n: dict(named.parameters) for n, named in prepared.strategies.items()},
            "candidates": options.candidates,
            "seeds": list(options.seeds),
            "schedule": asdict(assignment.schedule),
            "model": asdict(assignment.model),
            "training": asdict(assignment.training),
            "pool": asdict(options.pool),
            "initial_ids": options.initial_ids,
            "engine": asdict(options.engine),
            "oracle": describe_oracle(assignment.oracle, options.oracle, task.classes),
            **_describe_queries(assignment),
        },
    }


def _describe_queries(assignment: Assignment) -> dict[str, Any]:
    """Return how tasks are queried, for a manifest; defaults are not recorded."""
    found: dict[str, Any] = {}
    if len(assignment.tasks) > 1:
        found = {"unit": assignment.unit, "combine": assignment.combine or "mean"}
    return found | ({"committee": assignment.committee} if assignment.committee else {})


def _describe_tasks(pool: Pool, evaluated: Split) -> dict[str, Any]:
    """Return the tasks for a manifest: their labels to query, and to measure by."""
    train, rows = pool.splits["train"], pool.splits[evaluated]
    return {
        "tasks": {
            name: {
                "classes": rows_by_class(task, train),
                "n_labels": sum(rows_by_class(task, train).values()),
                "n_evaluated": int((task.labels[rows.start : rows.stop] >= 0).sum()),
            }
            for name, task in pool.tasks.items()
        }
    }
