"""A run's folder: made once, filled atomically, read lazily."""

import json
import re
import reprlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pyarrow as pa

from alsim.errors import StoreError
from alsim.experiments.records import Round
from alsim.store.atomic import cannot_write, is_partial, replacing
from alsim.store.journal import Recorded, read_journal
from alsim.store.layout import CHECKPOINTS, JOURNALS, LOCK, MANIFEST
from alsim.store.lock import holder
from alsim.store.tables import (
    METRICS,
    QUERIES,
    SCHEMA_VERSION,
    STEPS,
    TIMINGS,
    TableKind,
    TimingRecord,
    build_tables,
    check_version,
    read_table,
    write_table,
)

STATUSES = ("running", "complete", "interrupted", "failed")


# eq=False: tables compare elementwise.
@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """A run that was read. Each table is read when it is first asked for.

    The tables of a run that is not complete are made from its journals, as far as they go. Every
    table raises a StoreError if a file of it is missing, cut short, damaged, or of a schema
    version that this alsim does not know.
    """

    folder: Path
    manifest: Mapping[str, object]
    _tables: dict[str, pa.Table] = field(default_factory=dict[str, pa.Table], repr=False)

    @property
    def name(self) -> str:
        """Return the folder's own name."""
        return self.folder.resolve().name

    @property
    def status(self) -> str:
        """Return "running", "complete", "interrupted", "failed", or "killed".

        Killed is a run that is marked running while no process holds its lock.
        """
        status = str(self.manifest["status"])
        return "killed" if status == "running" and holder(self.folder) is None else status

    @property
    def evaluation_split(self) -> str:
        """Return the split that accuracies are measured on."""
        return str(self._told("evaluation_split", str))

    @property
    def n_evaluated(self) -> int:
        """Return how many rows accuracies are measured on."""
        return int(str(self._told("n_evaluated", int)))

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

    def _told(self, name: str, kind: type) -> object:
        """Return what the manifest says, which anyone may have changed."""
        value = self.manifest.get(name)
        if type(value) is not kind:
            what = f"{name} is missing" if value is None else f"{name} cannot be {value!r}"
            raise StoreError(what, str(self.folder / MANIFEST), self._mend())
        return value

    def _read(self, kind: TableKind) -> pa.Table:
        if kind.name not in self._tables:
            # Runs that ended early had tables and no journals, once.
            if self.manifest["status"] != "complete" and (self.folder / JOURNALS).exists():
                tables = _tables_so_far(self.folder)
                if _read_manifest(self.folder).get("status") == "complete":
                    # It ended meanwhile, and its journals may have gone one by one.
                    tables = {kind.name: read_table(self.folder / kind.file, kind, self._mend())}
                self._tables.update(tables)
            else:
                self._tables[kind.name] = read_table(self.folder / kind.file, kind, self._mend())
        return self._tables[kind.name]

    def _mend(self) -> str:
        again = "run it again into another folder: alsim run --out FOLDER"
        if self.status == "complete":
            return again
        return f"the run is marked {self.status}; go on with it: alsim resume {self.folder}"


def create_run(folder: Path) -> Path:
    """Make the folder of a new run, with its parents, and return it.

    Raises:
        StoreError: If it holds more than a killed process leaves before there is a run, is a file,
            or cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        is_empty = all(path.name == LOCK or is_partial(path) for path in folder.iterdir())
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
    for place in (folder, folder / JOURNALS, folder / CHECKPOINTS):
        with suppress(OSError):  # it does no harm where it cannot be removed
            for path in [path for path in place.iterdir() if is_partial(path)]:
                path.unlink()


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


def write_manifest(folder: Path, manifest: Mapping[str, object]) -> None:
    """Write `run.json`, atomically. `schema` is added where the manifest has none.

    Raises:
        StoreError: If the system cannot write there.
        ValueError: If `status` is none of the four, or a number is not finite.
    """
    if manifest.get("status") not in STATUSES:
        raise ValueError(f"status {manifest.get('status')!r} is none of {STATUSES}")
    full = {"schema": SCHEMA_VERSION, **manifest}
    text = json.dumps(full, indent=2, ensure_ascii=False, allow_nan=False)
    with replacing(folder / MANIFEST) as file:
        file.write(text.encode() + b"\n")


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


def read_run(folder: Path) -> Run:
    """Return the run that a folder holds; its tables are read when asked for.

    Raises:
        StoreError: If there is no such folder, no `run.json` in it, or if that is not JSON or
            of a schema version that this alsim does not know.
    """
    try:
        if folder.name == MANIFEST and folder.is_file():
            folder = folder.parent
        is_folder = folder.is_dir()
    except OSError as error:  # no permission to look, or a name too long for the system
        mend = "name the folder of a run"
        raise StoreError(f"cannot read: {error.strerror}", str(folder), mend) from error
    if not is_folder:
        raise StoreError("no such run", str(folder), _siblings(folder.parent))
    manifest = _read_manifest(folder)
    check_version(manifest.get("schema"), folder / MANIFEST)
    if manifest.get("status") not in STATUSES:
        raise StoreError(
            f"unknown status {reprlib.repr(manifest.get('status'))}",
            str(folder / MANIFEST),
            f"a run is one of: {', '.join(STATUSES)}",
        )
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


def _read_manifest(folder: Path) -> Mapping[str, object]:
    path = folder / MANIFEST
    again = "restore it from a copy, or run again: alsim run --out FOLDER"
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise StoreError(
            f"no run here: {MANIFEST} is missing", str(path), _siblings(folder)
        ) from None
    except OSError as error:
        raise StoreError(f"cannot read: {error.strerror}", str(path), again) from error
    except (ValueError, RecursionError) as error:  # the latter for brackets within brackets
        raise StoreError(f"not valid JSON: {error}", str(path), again) from error
    if not isinstance(manifest, dict):
        raise StoreError("not a JSON object", str(path), again)
    return cast("dict[str, object]", manifest)


def _siblings(folder: Path) -> str:
    """Return advice that lists the runs lying directly in `folder`, if there are any."""
    try:
        runs = sorted(str(path.parent) for path in folder.glob(f"*/{MANIFEST}"))
    except OSError:
        runs = []
    if not runs:
        return "name the folder of a run, such as runs/posts; alsim run makes one"
    more = f" and {len(runs) - 5} more" if len(runs) > 5 else ""
    return f"name the folder of a run: {', '.join(runs[:5])}{more}"


def _occupied(folder: Path) -> StoreError:
    """Return the error for a new run's folder that already holds something."""
    where = str(folder)
    if not (folder / MANIFEST).exists():
        return StoreError(
            "the folder is not empty", where, "name a folder that is empty or new: --out FOLDER"
        )
    try:
        status = read_run(folder).status
    except StoreError:
        status = "unreadable"
    mend = "name another with --out; or add --force, which moves the old run aside"
    if status not in ("complete", "unreadable"):
        mend = f"go on with it: alsim resume {where}; or {mend}"
    return StoreError(f"the folder already holds a run ({status})", where, mend)
