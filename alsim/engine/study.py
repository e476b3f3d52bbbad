"""A whole run: pool, plan, workers, journals, the folder it leaves."""

import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from alsim.engine.claiming import Claim, claim, tidy
from alsim.engine.keeping import load_passive
from alsim.engine.machine import choose_device, choose_way, describe, worker_environment
from alsim.engine.options import StudyOptions, check, n_cores
from alsim.engine.planning import Plan, plan_tasks
from alsim.engine.preparing import Prepared, describe_study, prepare
from alsim.engine.resuming import plain_options, refuse_differences, refuse_other_options
from alsim.engine.watch import Watch
from alsim.engine.workers import Message, Workers, WorkerTask
from alsim.errors import RunError, StoreError
from alsim.experiments.querying import Job
from alsim.experiments.records import Round, StepRecord
from alsim.pool.source import Source
from alsim.store import (
    CHECKPOINTS,
    JOURNALS,
    MANIFEST,
    WORK,
    Run,
    TimingRecord,
    make_folder,
    read_run,
    recorded,
    timings_of,
    write_manifest,
    write_tables,
)
from alsim.strategies import Named


def run_study(
    source: Source,
    options: StudyOptions,
    out: Path | None,
    watch: Watch,
    *,
    arguments: Mapping[str, Any] | None = None,
    force: bool = False,
) -> Run:
    """Run a study, or go on with it where `out` holds it unfinished, and return the run.

    What was recorded is kept, whatever ends the run, and running it again goes on from there. A
    run that is finished is returned as it is.

    Args:
        source: The pool.
        options: What was chosen.
        out: The run's folder: absent, empty, or of this very study; None takes a free one below
            `runs/`.
        watch: Hears of the progress.
        arguments: What to call `alsim.run` with to go on; None where the pool is in memory only.
        force: Whether another run in `out` is moved aside.

    Raises:
        AlsimError: For anything the user can mend.
    """
    strategies = check(options)
    if out is not None and not force and (out / MANIFEST).exists():
        found = read_run(out)
        refuse_other_options(out, found.manifest, options)
        if found.status == "complete":
            _refuse_other_content(found, source, options, strategies)
            watch.note("the run is finished: nothing is left to do")
            tidy(out)
            return found
    device = choose_device(options.engine)
    way = choose_way(options.engine, device)
    n_jobs = len(options.seeds) * len(strategies)
    one_process = way == "lockstep" or device != "cpu"
    workers = 1 if one_process else min(options.engine.workers or n_cores(), n_jobs)
    threads = n_cores() if way == "lockstep" else 1
    name = f"{source.name}-{','.join(strategies)}"
    with claim(out, name, force=force, watch=watch) as claimed:
        folder, past = claimed.folder, claimed.past
        if past is not None:
            refuse_other_options(folder, past, options)
            if past["status"] == "complete":  # another process has just ended it
                return read_run(folder)
        manifest = {
            "status": "running",
            **_times(past),
            "arguments": arguments,
            "options": plain_options(options),
            **describe(device, way, workers, threads),
        }
        if past is None:  # from now on the run can be resumed
            write_manifest(folder, manifest)
        watch.stage(f"{folder}: starting {workers} worker process{'es' if workers > 1 else ''}")
        with Workers(workers, worker_environment(threads), claimed.lock) as group:
            watch.stage(f"reading {source.name}")
            make_folder(folder / WORK)
            prepared = prepare(source, options, strategies, folder / WORK, way, device, threads)
            manifest |= describe_study(prepared, options)
            if past is not None:
                refuse_differences(folder, past, manifest)
            for note in prepared.notes:
                watch.note(note)
            schedule = prepared.assignment.schedule
            watch.planned(n_jobs, schedule.steps if schedule.until.kind == "steps" else None)
            _record(group, claimed, manifest, prepared, options, watch)
    return read_run(folder)


def _refuse_other_content(
    found: Run, source: Source, options: StudyOptions, strategies: Mapping[str, Named]
) -> None:
    """Raise an error unless a finished run's pool, and the files it read, hold what they held."""
    parts = ("status", "pool", "configuration")
    past = {part: found.manifest[part] for part in parts if part in found.manifest}
    with TemporaryDirectory() as work:
        prepared = prepare(source, options, strategies, Path(work), "direct", "cpu", 1)
        refuse_differences(found.folder, past, describe_study(prepared, options))


def _record(
    group: Workers,
    claimed: Claim,
    manifest: Mapping[str, Any],
    prepared: Prepared,
    options: StudyOptions,
    watch: Watch,
) -> None:
    """Run what is left to do, and write the tables; whatever ends it, say so in the manifest."""
    folder, assignment = claimed.folder, prepared.assignment
    plan = plan_tasks(
        options.seeds, prepared.strategies, assignment.training, assignment.way, folder
    )
    began = time.monotonic()
    status = "failed"
    try:
        for name in (JOURNALS, CHECKPOINTS):
            make_folder(folder / name)
        ended = _told(folder, watch)
        write_manifest(folder, manifest)
        opening = {
            "kind": "open",
            "folder": str((folder / WORK).resolve()),
            "assignment": assignment.to_json(),
        }
        group.run(opening, plan.without(ended).tasks, _Listener(watch).handle)
        found = _findings(folder, plan, assignment.training.max_epochs)
        for note in found["notes"]:
            watch.note(note)
        manifest = {**manifest, **found, "notes": [*manifest["notes"], *found["notes"]]}
        write_tables(folder, _rounds(folder), [*_timings(folder), *_passive_timings(plan)])
        status = "complete"
    except KeyboardInterrupt:
        status = "interrupted"
        raise
    finally:
        seconds = round(manifest["seconds"] + time.monotonic() - began, 1)
        # The failure under way is the one to report.
        with suppress(*() if status == "complete" else (StoreError,)):
            write_manifest(folder, {**manifest, "status": status, "seconds": seconds})
        if status != "complete" and (folder / JOURNALS).exists():
            again = f"alsim resume {folder}"
            if manifest["arguments"] is None:  # its pool is in memory only
                again = f"the same call, with out={str(folder)!r}"
            watch.note(f"what was recorded is kept; go on with: {again}")
    for name in (JOURNALS, CHECKPOINTS):
        shutil.rmtree(folder / name, ignore_errors=True)


class _Listener:
    """Passes on what the workers say."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch

    def handle(self, task: WorkerTask, message: Message) -> None:
        if message["kind"] == "epoch":
            self._watch.epoch(task.name, message["epoch"])
        elif message["kind"] == "step":
            self._watch.step(StepRecord(**message["step"]))
        elif message["kind"] == "diverged":
            seed, strategy = message["job"]
            self._watch.note(_lost(seed, strategy, message["step"]))
        elif message["kind"] == "note":
            self._watch.note(message["text"])


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


def _timings(folder: Path) -> Iterator[TimingRecord]:
    return (timing for found in recorded(folder) for timing in timings_of(found))


def _passive_timings(plan: Plan) -> Iterator[TimingRecord]:
    """Yield the seconds of the passive phases, under no strategy's name; lockstep shares them."""
    for task, facts in _passive_facts(plan):
        seeds = task.message["seeds"]
        for seed in seeds:
            for phase, seconds in facts["seconds"].items():
                yield TimingRecord("", seed, 0, phase, seconds / len(seeds))


def _passive_facts(plan: Plan) -> Iterator[tuple[WorkerTask, Mapping[str, Any]]]:
    for task in plan.passives:
        found = load_passive(Path(task.message["state"]))
        if found is not None:
            yield task, found[1]


def _findings(folder: Path, plan: Plan, max_epochs: int) -> dict[str, Any]:
    """Return what is to be told of a run whose tasks are done.

    Raises:
        StoreError: If the end of a curve is not there, though its task is done.
        RunError: If no curve has a single step.
    """
    n_steps = 0
    lost: list[dict[str, Any]] = []
    missing = {Job(*job) for task in plan.actives for job in task.message["jobs"]}
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
    epochs = [facts["epochs"] for _, facts in _passive_facts(plan)]
    n = sum(n_epochs >= max_epochs for n_epochs in epochs)
    note = (
        f"{n} of {len(epochs)} passive phases ended at --max-epochs {max_epochs}, "
        "perhaps before their net had learnt what it could: later gains are then partly those "
        "of longer training"
    )
    return {"diverged": lost, "notes": [note] * bool(n)}


def _lost(seed: int, strategy: str, step: int) -> str:
    when = "in the passive phase" if step == 0 else f"at step {step}"
    return f"strategy {strategy}, seed {seed} diverged {when} and ends there; the others go on"


def _times(past: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return when a run was begun and gone on with, and for how many seconds it went."""
    if past is None:
        return {"began": _stamp(), "resumed": [], "seconds": 0.0}
    resumed, seconds = past.get("resumed"), past.get("seconds")
    return {
        "began": past.get("began"),
        "resumed": [*(resumed if isinstance(resumed, list) else ()), _stamp()],
        "seconds": seconds if isinstance(seconds, int | float) else 0.0,
    }


def _stamp() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S%z")
