"""A whole run: pool, plan, workers, records, the folder it leaves."""

import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from alsim.engine.machine import choose_device, choose_way, describe, worker_environment
from alsim.engine.options import Assignment, StudyOptions, check, n_cores
from alsim.engine.watch import Watch
from alsim.engine.workers import Message, Workers, WorkerTask
from alsim.errors import PoolError, UsageError, nearest
from alsim.experiments.records import MetricRecord, QueryRecord, Round, StepRecord
from alsim.experiments.schedule import DEFAULT_INITIAL_SIZE, plan_schedule
from alsim.models import MIXED, ModelOptions, resolve_name
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
from alsim.training.replicas import Way

RESERVED = (MIXED, "all", "none")  # names of heads and patterns in the metrics table
WORK = "work"  # the mapped pool and the passive states, until the run is over


@dataclass(slots=True, eq=False)
class _Recorder:
    """Collects what the workers report."""

    watch: Watch
    rounds: list[Round] = field(default_factory=list[Round])
    timings: list[TimingRecord] = field(default_factory=list[TimingRecord])

    def handle(self, task: WorkerTask, message: Message) -> None:
        if message["kind"] == "epoch":
            self.watch.epoch(task.name, message["epoch"])
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
    check(options)
    device = choose_device(options.engine)
    way = choose_way(options.engine, device)
    n_jobs = len(options.seeds) * len(options.strategies)
    one_process = way == "lockstep" or device != "cpu"
    workers = 1 if one_process else min(options.engine.workers or n_cores(), n_jobs)
    threads = n_cores() if way == "lockstep" else 1
    name = f"{source.name}-{','.join(options.strategies)}"
    folder = free_folder(Path("runs"), name) if out is None else create_run(out)
    try:
        watch.stage(f"starting {workers} worker process{'es' if workers > 1 else ''}")
        with Workers(workers, worker_environment(threads)) as group:
            watch.stage(f"reading {source.name}")
            (folder / WORK).mkdir()
            prepared = _prepare(source, options, folder / WORK, way, device, threads)
            for note in prepared.notes:
                watch.note(note)
            schedule = prepared.assignment.schedule
            watch.planned(n_jobs, schedule.steps if schedule.until.kind == "steps" else None)
            manifest = {
                "status": "running",
                **_describe(prepared, options),
                **describe(device, way, workers, threads),
            }
            _record(group, folder, manifest, prepared.assignment, options, watch)
    finally:
        shutil.rmtree(folder / WORK, ignore_errors=True)
        if not (folder / "run.json").exists():
            folder.rmdir()
    return read_run(folder)


@dataclass(frozen=True, slots=True, eq=False)
class _Prepared:
    """A study whose pool is decoded and whose options fit it."""

    pool: Pool
    assignment: Assignment
    notes: tuple[str, ...]


def _prepare(
    source: Source, options: StudyOptions, work: Path, way: Way, device: str, threads: int
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
    assignment = Assignment(
        schedule=schedule,
        model=fit_model(options, pool),
        training=options.training,
        strategies=options.strategies,
        way=way,
        device=device,
        threads=threads,
        initial_rows=None if ids is None else tuple(pool.rows_of(ids, "train")),
    )
    notes = [*loaded.report.warnings, *loaded.report.notes, *reduced]
    first, *others = pool.tasks
    if others:
        notes.append(f"labels are those of {first!r}; not used: {', '.join(others)}")
    return _Prepared(pool, assignment, tuple(notes))


def _record(
    group: Workers,
    folder: Path,
    manifest: Mapping[str, Any],
    assignment: Assignment,
    options: StudyOptions,
    watch: Watch,
) -> None:
    """Run the tasks and write what they report, whatever ends them."""
    recorder = _Recorder(watch)
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
        tasks = plan_tasks(options.seeds, options.strategies, assignment.way, folder / WORK)
        group.run(opening, tasks, recorder.handle)
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


def plan_tasks(
    seeds: Sequence[int], strategies: Sequence[str], way: Way, work: Path
) -> list[WorkerTask]:
    """Return a run's tasks: passive phases first, then learning curves, each after its seed's.

    Directly, one passive task a seed and one task a curve; in lockstep one of each for all.
    """
    groups = [tuple(seeds)] if way == "lockstep" else [(seed,) for seed in seeds]
    passives: list[WorkerTask] = []
    actives: list[WorkerTask] = []
    for group in groups:
        state = str((work / f"passive-{group[0]}.safetensors").resolve())
        name = f"passive phase, seed {', '.join(map(str, group))}"
        passives.append(WorkerTask(name, {"kind": "passive", "seeds": list(group), "state": state}))
        curves = [(seed, strategy) for strategy in strategies for seed in group]
        for jobs in [curves] if way == "lockstep" else [[curve] for curve in curves]:
            message = {
                "kind": "active",
                "jobs": jobs,
                "state": state,
                "pick": [group.index(seed) for seed, _ in jobs],
            }
            title = "; ".join(f"strategy {strategy}, seed {seed}" for seed, strategy in jobs)
            actives.append(WorkerTask(title, message, frozenset({name})))
    return [*passives, *actives]


def fit_model(options: StudyOptions, pool: Pool) -> ModelOptions:
    """Return the model's options with what depends on the pool decided.

    Raises:
        UsageError: If an option does not fit the model or the pool.
    """
    model = replace(options.model, name=resolve_name(options.model.name, len(pool.modalities)))
    model = replace(
        model,
        width=model.width_for(pool.widths.values()),
        encoders=model.encoded(tuple(pool.modalities)),
    )
    for name in pool.modalities:
        if name in RESERVED or "+" in name:
            raise UsageError(
                f"a modality cannot be called {name!r}: the word has a meaning in the tables",
                "the pool's columns",
                "rename the column",
            )
    for name in options.pool.masks:
        if name not in pool.modalities:
            raise UsageError(
                f"no modality {name!r} to mask", "--mask-modality", nearest(name, pool.modalities)
            )
    heads = (MIXED, *pool.modalities) if model.name == "three-head" else (MIXED,)
    for head in options.training.head_weights:
        if head not in heads:
            raise UsageError(f"no head {head!r} to weigh", "--head-weight", nearest(head, heads))
    if options.training.batch_norm == "frozen" and model.name != "three-head":
        raise UsageError(
            f"the model {model.name} has no batch norm to freeze",
            "--batch-norm frozen",
            "leave it out, or use --model three-head",
        )
    return model


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
            "strategies": list(options.strategies),
            "seeds": list(options.seeds),
            "schedule": asdict(assignment.schedule),
            "model": asdict(assignment.model),
            "training": asdict(assignment.training),
            "pool": asdict(options.pool),
            "initial_ids": options.initial_ids,
            "engine": asdict(options.engine),
        },
    }


def _round(data: Mapping[str, Any]) -> Round:
    return Round(
        StepRecord(**data["step"]),
        tuple(MetricRecord(**metric) for metric in data["metrics"]),
        tuple(QueryRecord(**query) for query in data["queries"]),
    )
