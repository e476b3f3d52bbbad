"""The folder of a run, and the claim on it: no other process works there."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alsim.errors import StoreError
from alsim.store.folder import create_run, free_folder, move_aside, remove_partials
from alsim.store.layout import CHECKPOINTS, JOURNALS, LOCK, MANIFEST, WORK
from alsim.store.lock import RunLock
from alsim.store.manifest import open_folder
from alsim.store.opening import remove_file, remove_folder
from alsim.store.runs import RUNS
from alsim.studies.watch import Watch


@dataclass(frozen=True, slots=True)
class Claim:
    """A folder that this process alone works on."""

    folder: Path
    lock: int | None  # the lock's open file, which worker processes hold too
    past: Mapping[str, Any] | None  # the manifest of the run to continue; None for a new run


@contextmanager
def claim(out: Path | None, name: str, *, force: bool, watch: Watch) -> Generator[Claim]:
    """Hold the folder of a run: a new one, or one whose run is continued.

    A new folder in which nothing was recorded is removed again, and what was moved aside for it is
    moved back. Without `out` it is a free one below `runs/`, called after `name`; `force` moves an
    existing run aside.

    Raises:
        StoreError: If another process works there, if the folder holds something else than a run,
            or if it cannot be made or locked.
    """
    aside = _set_aside(out, watch) if out is not None and force else None
    folder = free_folder(RUNS, name) if out is None else out
    if not (folder / MANIFEST).exists():
        create_run(folder)
    try:
        with RunLock(folder) as lock:
            if lock.left_by is not None:
                watch.note(f"process {lock.left_by.process}, which worked here, is gone: going on")
            remove_partials(folder)
            past = open_folder(folder)[1] if (folder / MANIFEST).exists() else None
            try:
                yield Claim(folder, lock.fileno, past)
            except BaseException:
                if past is None and not (folder / JOURNALS).exists():
                    remove_file(folder / MANIFEST)
                raise
            finally:
                remove_folder(folder / WORK)
    except BaseException:
        with suppress(OSError):  # what holds anything is kept
            folder.rmdir()
            if aside is not None and out is not None:
                aside.rename(out)
        raise


def tidy(folder: Path) -> None:
    """Remove what a process killed at its end left beside a finished run."""
    left = [folder / name for name in (JOURNALS, CHECKPOINTS, WORK)]
    if any(path.exists() for path in (*left, folder / LOCK)):
        with suppress(StoreError), RunLock(folder):  # it may be ending just now
            for path in left:
                remove_folder(path)
            remove_partials(folder)


def _set_aside(folder: Path, watch: Watch) -> Path | None:
    """Move the run in `folder` aside, if there is one and nobody works on it."""
    if not (folder / MANIFEST).exists():
        return None
    with RunLock(folder):
        pass
    aside = move_aside(folder)
    watch.note(f"the old run was moved to {aside}")
    return aside
