"""A whole run: pool, plan, workers, records, the folder it leaves."""

import shutil
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from alsim.engine.fitting import check_model, fit_model
from alsim.engine.machine import choose_device, choose_way, describe, worker_environment
from alsim.engine.options import Assignment, StudyOptions, check, n_cores
from alsim.engine.oracles import describe_oracle, plan_oracle
from alsim.engine.planning import plan_tasks
from alsim.engine.watch import Watch
from alsim.engine.workers import Message, Workers, WorkerTask
from alsim.errors import PoolError, UsageError
from alsim.experiments.records import MetricRecord, QueryRecord, Round, StepRecord
from alsim.experiments.schedule import DEFAULT_INITIAL_SIZE, QuerySize, plan_schedule
from alsim.pool.fingerprint import fingerprint
from alsim.pool.loading import load_pool
from alsim.pool.pool import Pool
from alsim.pool.source import Source
from alsim.store import (
    Run,
    TimingRecord,
    create_run,
    free_folder,
    read_run,
    write_manifest,
    write_tables,
)
from alsim.strategies import Named
from alsim.training.replicas import Way

WORK = "work"  # the mapped pool and the passive states, until the run is over


@dataclass(slots=True, eq=False)
class _Recorder:
    """Collects what the workers report."""

    watch: Watch
    rounds: list[Round] = field(default_factory=list[Round])
    timings: list[TimingRecord] = field(default_factory=list[TimingRecord])
    passive_epochs: dict[str, int] = field(default_factory=dict[str, int])  # by task

    def handle(self, task: WorkerTask, message: Message) -> None:
        if message["kind"] == "epoch":
            self.watch.epoch(task.name, message["epoch"])
            if task.message["kind"] == "passive":
                self.passive_epochs[task.name] = message["epoch"]
        elif message["kind"] == "round":
            done = _round(message["round"])
            self.rounds.append(done)
            self.watch.round(done)
        elif message["kind"] == "timing":
            jobs = message["jobs"] or [(seed, "") for seed in task.message["seeds"]]
            for seed, strategy in jobs:
                for phase, seconds in message["seconds"].items():
                    # In lockstep the replicas share the time.
                    share = seconds / len(jobs)
                    self.timings.append(TimingRecord(strategy, seed, message["step"], phase, share))

    def unfinished(self, max_epochs: int) -> list[str]:
        """Return a note if passive phases ran out of epochs."""
        n = sum(epochs >= max_epochs for epochs in self.passive_epochs.values())
        if not n:
            return []
        return [
            f"{n} of {len(self.passive_epochs)} passive phases ended at --max-epochs {max_epochs}, "
            "perhaps before their net had learnt what it could: later gains are then partly those "
            "of longer training"
        ]


def run_study(source: Source, options: StudyOptions, out: Path | None, watch: Watch) -> Run:
    """Run a study into a fresh folder and return it.

    What was recorded is kept when the run fails or is interrupted; `run.json` then says so.

    Args:
        source: The pool.
        options: What was chosen.
        out: The run's folder, absent or empty; None takes a free one below `runs/`.
        watch: Hears of the progress.

    Raises:
        AlsimError: For anything the user can mend.
        KeyboardInterrupt: After the tables were written.
    """
    strategies = check(options)
    device = choose_device(options.engine)
    way = choose_way(options.engine, device)
    n_jobs = len(options.seeds) * len(strategies)
    one_process = way == "lockstep" or device != "cpu"
    workers = 1 if one_process else min(options.engine.workers or n_cores(), n_jobs)
    threads = n_cores() if way == "lockstep" else 1
    name = f"{source.name}-{','.join(strategies)}"
    folder = free_folder(Path("runs"), name) if out is None else create_run(out)
    try:
        watch.stage(f"starting {workers} worker process{'es' if workers > 1 else ''}")
        with Workers(workers, worker_environment(threads)) as group:
            watch.stage(f"reading {source.name}")
            (folder / WORK).mkdir()
            prepared = _prepare(source, options, strategies, folder / WORK, way, device, threads)
            for note in prepared.notes:
                watch.note(note)
            schedule = prepared.assignment.schedule
            watch.planned(n_jobs, schedule.steps if schedule.until.kind == "steps" else None)
            manifest = {
                "status": "running",
                **_describe(prepared, options),
                **describe(device, way, workers, threads),
            }
            _record(group, folder, manifest, prepared, options, watch)
    finally:
        shutil.rmtree(folder / WORK, ignore_errors=True)
        if not (folder / "run.json").exists():
            folder.rmdir()
    return read_run(folder)


@dataclass(frozen=True, slots=True, eq=False)
class _Prepared:
    """A study whose pool is decoded and whose options fit it."""

    pool: Pool
    strategies: Mapping[str, Named]
    assignment: Assignment
    notes: tuple[str, ...]


def _prepare(
    source: Source,
    options: StudyOptions,
    strategies: Mapping[str, Named],
    work: Path,
    way: Way,
    device: str,
    threads: int,
) -> _Prepared:
    """Decode the pool into `work` and decide what depends on it."""
    ids = options.initial_ids
    size = options.schedule.initial_size if ids is None else len(ids)
    loaded = load_pool(source, options.pool, work, initial_size=size or DEFAULT_INITIAL_SIZE)
    pool = loaded.pool
    asked = replace(options.schedule, initial_size=size)
    schedule, reduced = plan_schedule(asked, len(pool.splits["train"]))
    if not pool.splits["validation"] and (
        not pool.splits["test"] or schedule.until.kind == "accuracy"
    ):
        raise PoolError(
            "there are no validation rows to measure on",
            source.where,
            "bring a larger pool, or one with a split column",
        )
    _check_candidates(strategies, schedule.query_size)
    model = fit_model(options, pool)
    check_model(strategies, options, model, pool)
    assignment = Assignment(
        schedule=schedule,
        model=model,
        training=options.training,
        strategies=tuple(strategies),
        candidates=options.candidates,
        way=way,
        device=device,
        threads=threads,
        initial_rows=None if ids is None else tuple(pool.rows_of(ids, "train")),
        oracle=plan_oracle(options.oracle, next(iter(pool.tasks.values())).classes),
    )
    notes = [*loaded.report.warnings, *loaded.report.notes, *reduced]
    notes += _subsampled(strategies, len(pool.splits["train"]) - schedule.initial_size)
    first, *others = pool.tasks
    if others:
        notes.append(f"labels are those of {first!r}; not used: {', '.join(others)}")
    return _Prepared(pool, strategies, assignment, tuple(notes))


def _check_candidates(strategies: Mapping[str, Named], size: QuerySize) -> None:
    """Raise a UsageError if a query would take all that a strategy looks at: at random, that is."""
    largest = max(size.first, size.last)
    for name, named in strategies.items():
        most = named.strategy.candidates
        if most is not None and most <= largest:
            raise UsageError(
                f"{name} looks at {most:,} rows and a query takes up to {largest:,}: "
                "it would have no choice",
                "candidates and --query-size",
                f"give more candidates than that: candidates={10 * largest} in its name, "
                f"or --candidates {10 * largest}",
            )


def _subsampled(strategies: Mapping[str, Named], n: int) -> list[str]:
    """Return a note for each strategy that does not look at all `n` unlabelled rows."""
    return [
        f"{name} looks at {most:,} of the {n:,} unlabelled rows, drawn anew each step"
        for name, named in strategies.items()
        if (most := named.strategy.candidates) is not None and most < n
    ]


def _record(
    group: Workers,
    folder: Path,
    manifest: Mapping[str, Any],
    prepared: _Prepared,
    options: StudyOptions,
    watch: Watch,
) -> None:
    """Run the tasks and write what they report, whatever ends them."""
    recorder = _Recorder(watch)
    assignment = prepared.assignment
    began = time.time()
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(began))
    started = {**manifest, "began": stamp}
    write_manifest(folder, started)
    opening = {
        "kind": "open",
        "folder": str(folder / WORK),
        "assignment": assignment.to_json(),
    }
    status = "failed"
    try:
        tasks = plan_tasks(
            options.seeds,
            prepared.strategies,
            assignment.training,
            assignment.way,
            folder / WORK,
        )
        group.run(opening, tasks, recorder.handle)
        for note in recorder.unfinished(assignment.training.max_epochs):
            watch.note(note)
            started = {**started, "notes": [*started["notes"], note]}
        status = "complete"
    except KeyboardInterrupt:
        status = "interrupted"
        raise
    finally:
        write_tables(folder, recorder.rounds, recorder.timings)
        seconds = round(time.time() - began, 1)
        write_manifest(folder, {**started, "status": status, "seconds": seconds})
        if status != "complete":
            watch.note(f"what was recorded until then is in {folder}")


def _describe(prepared: _Prepared, options: StudyOptions) -> dict[str, Any]:
    """Return the part of a manifest that tells what is run."""
    pool, assignment = prepared.pool, prepared.assignment
    task = next(iter(pool.tasks.values()))
    evaluated = "test" if pool.splits["test"] else "validation"
    return {
        "pool": {
            "name": pool.name,
            "fingerprint": fingerprint(pool),
            "modalities": pool.widths,
            "rows": {split: len(rows) for split, rows in pool.splits.items()},
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


def _round(data: Mapping[str, Any]) -> Round:
    return Round(
        StepRecord(**data["step"]),
        tuple(MetricRecord(**metric) for metric in data["metrics"]),
        tuple(QueryRecord(**query) for query in data["queries"]),
    )
