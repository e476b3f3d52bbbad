"""A run's folder: made once, filled atomically, read lazily."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pyarrow as pa

from alsim.errors import StoreError
from alsim.experiments.records import Round
from alsim.store.atomic import cannot_write, replacing
from alsim.store.tables import (
    METRICS,
    QUERIES,
    SCHEMA_VERSION,
    STEPS,
    TIMINGS,
    TableBuilder,
    TableKind,
    TimingRecord,
    check_version,
    read_table,
    write_table,
)

MANIFEST = "run.json"
STATUSES = ("running", "complete", "interrupted", "failed")


# eq=False: tables compare elementwise.
@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """A run that was read. Each table is read when it is first asked for.

    Every table raises a StoreError if its file is missing, cut short, damaged, or of a schema
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
        """Return "running", "complete", "interrupted" or "failed"."""
        return str(self.manifest["status"])

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
            mend = "run it again into another folder: alsim run --out FOLDER"
            if self.status != "complete":
                mend = f"the run is marked {self.status}; {mend}"
            self._tables[kind.name] = read_table(self.folder / kind.file, kind, mend)
        return self._tables[kind.name]


def create_run(folder: Path) -> Path:
    """Make the folder of a new run, with its parents, and return it. It may exist if empty.

    Raises:
        StoreError: If it holds anything, is a file, or cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        is_empty = next(folder.iterdir(), None) is None
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
    builders = {kind: TableBuilder(kind) for kind in (STEPS, METRICS, QUERIES, TIMINGS)}
    for done in rounds:
        builders[STEPS].extend((done.step,))
        builders[METRICS].extend(done.metrics)
        builders[QUERIES].extend(done.queries)
    builders[TIMINGS].extend(timings)
    # All are built before any is written: a faulty record leaves no half of a new set.
    tables = {kind: builder.build() for kind, builder in builders.items()}
    for kind, table in tables.items():
        write_table(folder / kind.file, table)


def read_run(folder: Path) -> Run:
    """Return the run that a folder holds; its tables are read when asked for.

    Raises:
        StoreError: If there is no such folder, no `run.json` in it, or if that is not JSON or
            of a schema version that this alsim does not know.
    """
    if folder.name == MANIFEST and folder.is_file():
        folder = folder.parent
    if not folder.is_dir():
        raise StoreError("no such run", str(folder), _siblings(folder.parent))
    manifest = _read_manifest(folder)
    check_version(manifest.get("schema"), folder / MANIFEST)
    if manifest.get("status") not in STATUSES:
        raise StoreError(
            f"unknown status {manifest.get('status')!r}",
            str(folder / MANIFEST),
            f"a run is one of: {', '.join(STATUSES)}",
        )
    return Run(folder, manifest)


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
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
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
    mend = "name another with --out, or delete this one if you no longer need it"
    return StoreError(f"the folder already holds a run ({status})", where, mend)
