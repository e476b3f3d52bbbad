"""A run's folder: made once, filled atomically, read lazily."""

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from alsim.errors import StoreError
from alsim.experiments.curves.records import Round
from alsim.store.atomic import cannot_write, is_partial
from alsim.store.journal import read_journal
from alsim.store.journal_lines import Recorded
from alsim.store.layout import FOLDERS, JOURNALS, LOCK, MANIFEST
from alsim.store.manifest import (
    StudyFolder,
    mend_of,
    open_folder,
    read_manifest,
    refuse_other_kind,
    status_of,
)
from alsim.store.opening import opened
from alsim.store.tables import (
    METRICS,
    QUERIES,
    STEPS,
    TIMINGS,
    TableKind,
    TimingRecord,
    build_tables,
    read_table,
    write_table,
)


# eq=False: tables compare elementwise.
@dataclass(frozen=True, slots=True, eq=False)
class Run(StudyFolder):
    """A run that was read. Each table is read when it is first asked for.

    The tables of a run that is not complete are made from its journals, as far as they go. Every
    table raises a StoreError if a file of it is missing, cut short, damaged, or of a schema
    version that this alsim does not know.
    """

    _tables: dict[str, pa.Table] = field(default_factory=dict[str, pa.Table], repr=False)

    @property
    def steps(self) -> pa.Table:
        """Return one row for each strategy, seed and step."""
        return self._read(STEPS)

    @property
    def metrics(self) -> pa.Table:
        """Return the values for each task, head and modality pattern."""
        return self._read(METRICS)

    @property
    def queries(self) -> pa.Table:
        """Return the objects that were labelled, in order."""
        return self._read(QUERIES)

    @property
    def timings(self) -> pa.Table:
        """Return the seconds that each phase took."""
        return self._read(TIMINGS)

    def _read(self, kind: TableKind) -> pa.Table:
        if kind.name not in self._tables:
            # Runs that ended early had tables and no journals, once.
            if self.manifest["status"] != "complete" and (self.folder / JOURNALS).exists():
                tables = _tables_so_far(self.folder)
                if read_manifest(self.folder).get("status") == "complete":
                    # It ended meanwhile, and its journals may have gone one by one.
                    tables = {kind.name: read_table(self.folder / kind.file, kind, self._mend())}
                self._tables.update(tables)
            else:
                self._tables[kind.name] = read_table(self.folder / kind.file, kind, self._mend())
        return self._tables[kind.name]

    def _mend(self) -> str:
        return mend_of(self.folder, self.manifest)


def create_run(folder: Path) -> Path:
    """Make the folder of a new run, with its parents, and return it.

    Raises:
        StoreError: If it holds more than a killed process leaves before there is a run, is a file,
            or cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        is_empty = all(path.name == LOCK or is_partial(path.name) for path in folder.iterdir())
    except (FileExistsError, NotADirectoryError):
        raise StoreError(
            "a file is in the way of the run's folder", str(folder), "name another: --out FOLDER"
        ) from None
    except OSError as error:
        raise cannot_write(folder, error) from error
    if not is_empty:
        raise _occupied(folder)
    return folder


def free_folder(base: Path, name: str) -> Path:
    """Make and return the first of base/NAME, base/NAME-2, base/NAME-3 … that does not exist.

    It is made at once, so that two runs started together do not get the same one. Characters
    that would be awkward in a path become hyphens.

    Raises:
        StoreError: If no folder can be made in `base`.
    """
    stem = re.sub(r"[^\w.,=+-]+", "-", name).strip(".-")[:100].rstrip(".-") or "run"
    number = 1
    while True:
        folder = base / (stem if number == 1 else f"{stem}-{number}")
        try:
            base.mkdir(parents=True, exist_ok=True)
            folder.mkdir()
        except FileExistsError:
            if not base.is_dir():
                raise StoreError(
                    "a file is in the way of the folder for runs",
                    str(base),
                    "move it, or name a folder: --out FOLDER",
                ) from None
            number += 1
        except OSError as error:
            raise cannot_write(folder, error) from error
        else:
            return folder


def remove_partials(folder: Path) -> None:
    """Remove what writes that were killed left; only for who holds the run's lock."""
    for place in (folder, *(folder / name for name in sorted(FOLDERS))):
        # It does no harm where it cannot be removed.
        with suppress(OSError, StoreError), opened(place) as there:
            for name in filter(is_partial, there.names()):
                there.remove(name)


def move_aside(folder: Path) -> Path:
    """Rename a run's folder to the first of FOLDER.old, FOLDER.old-2 … that is free; return that.

    Raises:
        StoreError: If the system cannot.
    """
    folder = folder.absolute()  # "." has no name
    number = 1
    while True:
        target = folder.with_name(f"{folder.name}.old" + (f"-{number}" if number > 1 else ""))
        if not target.exists() and not target.is_symlink():
            break
        number += 1
    try:
        return folder.rename(target)
    except OSError as error:
        raise StoreError(
            f"cannot move the folder aside: {error.strerror}",
            str(folder),
            "move it yourself, or name another: --out FOLDER",
        ) from error


def write_tables(
    folder: Path, rounds: Iterable[Round], timings: Iterable[TimingRecord] = ()
) -> None:
    """Write the run's four tables, each atomically. `rounds` is read once, in any order.

    Raises:
        StoreError: If the system cannot write there.
        ValueError: If two records share a key, or ids are integers and strings at once.
    """
    # All are built before any is written: a faulty record leaves no half of a new set.
    for kind, table in build_tables(rounds, timings).items():
        write_table(folder / kind.file, table)


def recorded(folder: Path) -> Iterator[Recorded]:
    """Yield what each journal of a run holds, one at a time, by the order of their names.

    Raises:
        StoreError: If one is damaged or cannot be read.
    """
    try:
        paths = sorted((folder / JOURNALS).iterdir())
    except FileNotFoundError:
        return
    except OSError as error:
        raise StoreError(
            f"cannot read: {error.strerror}",
            str(folder / JOURNALS),
            "restore the folder from a copy, or run again: alsim run --out FOLDER",
        ) from error
    for path in paths:
        if path.suffix == ".jsonl" and (found := read_journal(path)) is not None:
            yield found


def timings_of(found: Recorded) -> Iterator[TimingRecord]:
    """Yield the seconds of each phase of a curve; what followed its last round is the ending's."""
    ending = [] if found.ending is None else [(found.ending.step, found.ending.seconds)]
    for step, seconds in [*((e.round.step.step, e.seconds) for e in found.entries), *ending]:
        for phase, taken in seconds.items():
            yield TimingRecord(found.strategy, found.seed, step, phase, taken)


def read_run(folder: str | Path) -> Run:
    """Return the run that a folder holds; its tables are read when asked for.

    Raises:
        StoreError: As `open_folder`, or if the folder holds no learning curves.
    """
    folder, manifest = open_folder(folder)
    refuse_other_kind(folder, manifest, "curves")
    return Run(folder, manifest)


def _tables_so_far(folder: Path) -> dict[str, pa.Table]:
    """Return the tables of what a run's journals hold, by their names."""
    timings: list[TimingRecord] = []

    def rounds() -> Iterator[Round]:
        for curve in recorded(folder):
            timings.extend(timings_of(curve))
            yield from (entry.round for entry in curve.entries)

    try:
        tables = build_tables(rounds(), timings)
    except (ValueError, TypeError, pa.ArrowException) as error:
        raise StoreError(
            f"the journals do not fit together: {error}",
            str(folder / JOURNALS),
            "remove what alsim did not put there, or run again: alsim run --out FOLDER",
        ) from error
    return {kind.name: table for kind, table in tables.items()}


def _occupied(folder: Path) -> StoreError:
    """Return the error for a new run's folder that already holds something."""
    where = str(folder)
    if not (folder / MANIFEST).exists():
        return StoreError(
            "the folder is not empty", where, "name a folder that is empty or new: --out FOLDER"
        )
    try:
        status = status_of(*open_folder(folder))
    except StoreError:
        status = "unreadable"
    mend = "name another with --out; or add --force, which moves the old run aside"
    if status not in ("complete", "unreadable"):
        mend = f"go on with it: alsim resume {where}; or {mend}"
    return StoreError(f"the folder already holds a run ({status})", where, mend)
