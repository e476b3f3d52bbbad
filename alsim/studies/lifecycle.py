"""The life of a study in its folder, whatever its kind: begun or continued, worked on, ended."""

import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar

from alsim.errors import StoreError
from alsim.pool.scratch import scratch_folder
from alsim.pool.source import Source
from alsim.store.atomic import make_folder
from alsim.store.layout import CHECKPOINTS, JOURNALS, MANIFEST, WORK
from alsim.store.lock import HeldError
from alsim.store.manifest import KIND, FolderKind, open_folder, write_manifest
from alsim.store.opening import remove_folder
from alsim.studies.answers import keep_answer
from alsim.studies.bits import VARIABLE, strict_mode
from alsim.studies.claiming import Claim, claim, tidy
from alsim.studies.earlier import find_earlier
from alsim.studies.machine import Machine
from alsim.studies.messages import Opening
from alsim.studies.same_again import refuse_differences, refuse_other_options
from alsim.studies.watch import Watch, pass_on
from alsim.studies.workers.forking import server_at_hand
from alsim.studies.workers.inline import Inline
from alsim.studies.workers.processes import Processes
from alsim.studies.workers.protocol import Tasks, Workers

_LATE = (
    "this process has used MKL already, so last bits may differ from those of other runs: a run "
    f"begun elsewhere cannot go on here; set {VARIABLE}={strict_mode()} before Python is started"
)


class Preparation(Protocol):
    """A study whose pool is decoded."""

    @property
    def notes(self) -> tuple[str, ...]:
        """Return what the user should know."""
        ...


Prepared = TypeVar("Prepared", bound=Preparation)


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """What is known of a study before its pool is decoded."""

    kind: FolderKind
    name: str  # of its folder, where none was named
    source: Source
    machine: Machine
    options: Mapping[str, Any]  # JSON values, which must be the same for it to go on


class Procedure(Protocol[Prepared]):
    """A kind of study: the steps between the beginning in a folder and the end."""

    @property
    def head(self) -> Head:
        """Return what is known before the pool is decoded."""
        ...

    def prepare(self, work: Path) -> Prepared:
        """Decode the pool into `work` and decide what depends on it.

        Raises:
            AlsimError: For what does not fit the pool.
        """
        ...

    def describe(self, prepared: Prepared) -> dict[str, Any]:
        """Return the part of a manifest that describes the study."""
        ...

    def left(self, folder: Path, prepared: Prepared, watch: Watch) -> tuple[Opening, Tasks]:
        """Return what opens the study, and the tasks left to do; report what was done before."""
        ...

    def more(self, folder: Path, prepared: Prepared, watch: Watch) -> Tasks:
        """Return further tasks, once these are done, that their results call for."""
        ...

    def find(self, folder: Path, prepared: Prepared) -> dict[str, Any]:
        """Return what the manifest records once all tasks are done, with its `notes`."""
        ...

    def write(self, folder: Path, prepared: Prepared) -> None:
        """Write the tables."""
        ...


def carry_out(
    procedure: Procedure[Prepared],
    out: Path | None,
    watch: Watch,
    *,
    arguments: Mapping[str, Any] | None,
    files: Mapping[str, str] | None,
    force: bool,
    new: bool,
) -> Path:
    """Run a study, or continue it where `out` holds it unfinished, and return its folder.

    What was recorded is kept, whatever ends the run, and running it again continues from there. A
    finished study is left unchanged. `arguments` and `files` are kept to continue: the arguments of
    the command's Python twin, None if the pool is in memory only, and the SHA-256 of each file that
    they name. Without `out` it is the folder in `runs/` that holds the same study, or else a free
    one; with `new` or `force` always that. `force` moves another run in `out` aside.

    Raises:
        AlsimError: For anything the user can mend.
    """
    head = procedure.head
    machine = head.machine
    content = partial(_content, procedure, files or {})
    is_named = out is not None
    if out is None and not force and not new:
        out = find_earlier(head.kind, head.options, arguments, content, watch)
    if out is not None and not force and (out / MANIFEST).exists():
        found, past = open_folder(out)
        refuse_other_options(found, past, head.options, head.kind, arguments)
        if past["status"] == "complete":
            if is_named:
                refuse_differences(found, past, content())
                watch.note("the run is finished: nothing is left to do")
            tidy(found)
            return found
    with ExitStack() as stack:
        try:
            claimed = stack.enter_context(claim(out, head.name, force=force, watch=watch))
        except HeldError:
            if is_named:
                raise
            # Another process took up the earlier run at this moment.
            claimed = stack.enter_context(claim(None, head.name, force=False, watch=watch))
        folder, past = claimed.folder, claimed.past
        if past is not None:
            refuse_other_options(folder, past, head.options, head.kind, arguments)
            if past["status"] == "complete":  # another process has just ended it
                return folder
        manifest = {
            **({} if head.kind == "curves" else {KIND: head.kind}),
            "status": "running",
            **_times(past),
            "arguments": arguments,
            "options": head.options,
            "files": _known_files(past) | dict(files or {}),
            **machine.describe(),
        }
        if past is None:  # from now on the run can be resumed
            write_manifest(folder, manifest)
        make_folder(folder / WORK, anew=True)
        if machine.is_late:
            watch.note(_LATE)
        with _workers(machine, claimed, watch) as group:
            watch.stage(f"reading {head.source.name}")
            prepared = procedure.prepare(folder / WORK)
            manifest |= procedure.describe(prepared)
            if past is not None:
                refuse_differences(folder, past, manifest)
            for note in prepared.notes:
                watch.note(note)
            _record(procedure, group, folder, manifest, prepared, watch)
    return folder


def _workers(machine: Machine, claimed: Claim, watch: Watch) -> Workers:
    """Return the workers, started but without a task."""
    if (n := machine.workers) == 0:
        watch.stage(f"{claimed.folder}: working in this process")
        return Inline()
    watch.stage(f"{claimed.folder}: starting {n} worker process{'es' if n > 1 else ''}")
    # A GPU is used by a process that has an interpreter of its own.
    server = server_at_hand() if machine.device == "cpu" else None
    return Processes(n, machine.environment, claimed.lock, server)


def _known_files(past: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the digests that a manifest holds, also of files that are not read again."""
    kept = {} if past is None else past.get("files")
    return dict(kept) if isinstance(kept, Mapping) else {}


def _content(procedure: Procedure[Any], files: Mapping[str, str]) -> dict[str, Any]:
    """Return what a manifest would record now: of the pool, the files and the machine."""
    with scratch_folder() as work:
        described = procedure.describe(procedure.prepare(work))
    return {**described, "files": files, **procedure.head.machine.describe()}


def _record(
    procedure: Procedure[Prepared],
    group: Workers,
    folder: Path,
    manifest: Mapping[str, Any],
    prepared: Prepared,
    watch: Watch,
) -> None:
    """Do the tasks that are left, and write the tables; record in the manifest how it ended."""
    began = time.monotonic()
    status = "failed"
    try:
        for name in (JOURNALS, CHECKPOINTS):
            make_folder(folder / name)
        write_manifest(folder, manifest)
        opening, tasks = procedure.left(folder, prepared, watch)
        opened = partial(remove_folder, folder / WORK)
        more = partial(procedure.more, folder, prepared, watch)
        group.run(opening, tasks, partial(pass_on, watch), opened, more)
        found = procedure.find(folder, prepared)
        for note in found["notes"]:
            watch.note(note)
        manifest = {**manifest, **found, "notes": [*manifest["notes"], *found["notes"]]}
        procedure.write(folder, prepared)
        status = "complete"
    except KeyboardInterrupt:
        status = "interrupted"
        raise
    finally:
        seconds = round(manifest["seconds"] + time.monotonic() - began, 1)
        # The failure under way is the one to report.
        manifest = {**manifest, "status": status, "seconds": seconds}
        with suppress(*() if status == "complete" else (StoreError,)):
            write_manifest(folder, manifest)
        if status != "complete" and (folder / JOURNALS).exists():
            again = f"alsim resume {folder}"
            if manifest["arguments"] is None:  # its pool is in memory only
                again = f"the same call, with out={str(folder)!r}"
            watch.note(f"what was recorded is kept; go on with: {again}")
    keep_answer(folder, manifest)
    for name in (JOURNALS, CHECKPOINTS):
        remove_folder(folder / name)


def _times(past: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return when a run was begun and continued, and how many seconds it has taken."""
    if past is None:
        return {"began": _stamp(), "resumed": [], "seconds": 0.0}
    resumed, seconds = past.get("resumed"), past.get("seconds")
    return {
        "began": past.get("began"),
        "resumed": [*(resumed if isinstance(resumed, list) else ()), _stamp()],
        "seconds": max(0.0, seconds) if isinstance(seconds, int | float) else 0.0,
    }


def _stamp() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S%z")
