"""From options and a source to what the workers need: the pool decoded, the sizes decided."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from alsim.engine.fitting import PlanSizes, fit_study
from alsim.engine.machine import Machine
from alsim.engine.options import Assignment, StudyOptions
from alsim.engine.oracles import describe_oracle
from alsim.experiments.schedule import DEFAULT_INITIAL_SIZE, plan_schedule
from alsim.pool.loading import LoadedPool, load_pool
from alsim.pool.pool import Task
from alsim.pool.source import Source
from alsim.store import WORK
from alsim.strategies import Named


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
) -> Prepared:
    """Decode the pool into `work` and decide what depends on it.

    Args:
        source: The pool.
        options: What was chosen.
        strategies: By name.
        work: An empty folder.
        machine: What is computed on.
        plan: Decides the sizes.
        flag: What names the strategies, for messages.

    Raises:
        AlsimError: For what does not fit the pool.
    """
    ids = options.initial_ids
    size = options.schedule.initial_size if ids is None else len(ids)
    loaded = load_pool(source, options.pool, work, initial_size=size or DEFAULT_INITIAL_SIZE)
    pool = loaded.pool
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
    )
    notes = [*loaded.report.warnings, *loaded.report.notes, *fitted.notes]
    notes += _subsampled(strategies, len(pool.splits["train"]) - fitted.schedule.initial_size)
    first, *others = pool.tasks
    if others:
        notes.append(f"labels are those of {first!r}; not used: {', '.join(others)}")
    return Prepared(loaded, strategies, assignment, tuple(notes))


def opening_of(folder: Path, assignment: Assignment) -> dict[str, Any]:
    """Return the message by which a worker opens the study in a run's folder."""
    return {
        "kind": "open",
        "folder": str((folder / WORK).resolve()),
        "assignment": assignment.to_json(),
    }


def _subsampled(strategies: Mapping[str, Named], n: int) -> list[str]:
    """Return a note for each strategy that does not look at all `n` unlabelled rows."""
    return [
        f"{name} looks at {most:,} of the {n:,} unlabelled rows, drawn anew each step"
        for name, named in strategies.items()
        if (most := named.strategy.candidates) is not None and most < n
    ]


def _rows_by_class(task: Task, rows: range) -> dict[str, int]:
    """Return how many of the rows each class has, none included, in the order of the classes."""
    if not task.classes:  # a target
        return {}
    labels = task.labels[rows.start : rows.stop]
    counts = labels[labels >= 0].bincount(minlength=len(task.classes))
    return dict(zip(task.classes, counts.tolist(), strict=True))


def describe_study(prepared: Prepared, options: StudyOptions) -> dict[str, Any]:
    """Return the part of a manifest that tells what is run."""
    pool, assignment = prepared.loaded.pool, prepared.assignment
    task = next(iter(pool.tasks.values()))
    evaluated = "test" if pool.splits["test"] else "validation"
    return {
        "pool": {
            "name": pool.name,
            "fingerprint": prepared.loaded.fingerprint,
            "splits": prepared.loaded.split_fingerprint,
            "modalities": pool.widths,
            "rows": {split: len(rows) for split, rows in pool.splits.items()},
            "classes": _rows_by_class(task, pool.splits["train"]),
        },
        "task": task.name,
        "n_classes": len(task.classes),
        "evaluation_split": evaluated,
        "n_evaluated": len(pool.splits[evaluated]),
        "notes": list(prepared.notes),
        "configuration": {
            "strategies": list(prepared.strategies),
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
        },
    }
