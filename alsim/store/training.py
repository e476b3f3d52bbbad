"""What passive training leaves: each net's fit, how it does at each task, and its gates.

Until it is complete, what each unit of work found lies in a file of its own in `journal/`, one
line `DIGEST JSON`: 32 hexadecimal digits of BLAKE2b over the JSON's bytes.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from hashlib import blake2b
from operator import attrgetter
from pathlib import Path

import pyarrow as pa

from alsim.errors import StoreError
from alsim.experiments.training.records import FitRecord, GateRecord, TaskRecord, TasksResult
from alsim.store.atomic import replace_bytes
from alsim.store.layout import JOURNALS
from alsim.store.manifest import StudyFolder, open_folder, refuse_other_kind
from alsim.store.opening import read_bytes
from alsim.store.records import as_list, as_object, record_from_json
from alsim.store.tables import (
    SCHEMA_VERSION,
    TableBuilder,
    TableKind,
    check_version,
    read_table,
    write_table,
)

_NET = ("model", "chosen_by", "fraction", "seed")
_of_net = attrgetter(*_NET)
FITS = TableKind("fits", FitRecord, _NET, is_unique=True)
TASKS = TableKind("tasks", TaskRecord, (*_NET, "task", "evaluation", "metric"), is_unique=True)
GATES = TableKind("gates", GateRecord, (*_NET, "task", "fact", "expert"), is_unique=True)

_AGAIN = "make it again in another folder: alsim train --out FOLDER"


# eq=False: tables compare elementwise.
@dataclass(frozen=True, slots=True, eq=False)
class TrainingStudy(StudyFolder):
    """Passive training that was read; of one that is not complete, as far as it went."""

    fits: pa.Table  # one row a net
    tasks: pa.Table  # one row a net, task, evaluation and metric
    gates: pa.Table  # one row a net, task and expert


def read_training(folder: str | Path) -> TrainingStudy:
    """Return the passive training that a folder holds.

    Raises:
        StoreError: If there is none, the folder holds another kind of run, or a file of it is
            missing, cut short, damaged, or of a schema version that this alsim does not know.
    """
    folder, manifest = open_folder(folder)
    refuse_other_kind(folder, manifest, "training")
    if manifest["status"] != "complete":
        try:
            found = build_results(kept_results(folder))
        except (StoreError, ValueError) as error:
            if not _is_complete(folder):
                raise _unfit(folder, error) from error
        else:
            if not _is_complete(folder):
                return TrainingStudy(folder, manifest, *found)
        return read_training(folder)  # it ended meanwhile, and its journals went one by one
    tables = (read_table(folder / kind.file, kind, _AGAIN) for kind in (FITS, TASKS, GATES))
    return TrainingStudy(folder, manifest, *tables)


def write_training(folder: Path, results: Iterable[TasksResult]) -> None:
    """Write the three tables, each atomically; the same results in any order give the same bytes.

    Raises:
        StoreError: If the system cannot write there, or two results are of the same net.
    """
    try:
        tables = build_results(results)
    except ValueError as error:
        raise _unfit(folder, error) from error
    for kind, table in zip((FITS, TASKS, GATES), tables, strict=True):
        write_table(folder / kind.file, table)


def build_results(results: Iterable[TasksResult]) -> tuple[pa.Table, pa.Table, pa.Table]:
    """Return results as sorted tables of fits, of tasks and of gates.

    Raises:
        ValueError: If a net comes twice.
    """
    builders = fits, tasks, gates = TableBuilder(FITS), TableBuilder(TASKS), TableBuilder(GATES)
    for result in results:
        fits.extend((result.fit,))
        tasks.extend(result.tasks)
        gates.extend(result.gates)
    one, two, three = (builder.build() for builder in builders)
    return one, two, three


def keep_results(path: Path, results: Sequence[TasksResult]) -> None:
    """Keep what a unit of work found in a file of its own, atomically.

    Raises:
        StoreError: If the system cannot write there.
    """
    told = {"schema": SCHEMA_VERSION, "results": [asdict(result) for result in results]}
    body = json.dumps(told).encode()
    replace_bytes(path, f"{_digest(body)} ".encode() + body + b"\n")


def kept_results(folder: Path) -> Iterator[TasksResult]:
    """Yield the results that were kept of an unfinished study, by the order of their files.

    Raises:
        StoreError: If a file is damaged or cannot be read.
    """
    for path in sorted((folder / JOURNALS).glob("*.json")):
        yield from load_results(path)


def load_results(path: Path) -> list[TasksResult]:
    """Return what `keep_results` wrote.

    Raises:
        StoreError: If the file is damaged, or cannot be read.
    """
    mend = f"delete it; then this computes it again: alsim resume {path.parent.parent}"
    try:
        digest, _, body = read_bytes(path).rstrip(b"\n").partition(b" ")
    except OSError as error:
        raise StoreError(f"cannot read: {error.strerror}", str(path), mend) from error
    if digest != _digest(body).encode():
        raise StoreError("damaged: it does not match its digest", str(path), mend)
    try:
        told = as_object(json.loads(body))
        check_version(told.get("schema"), path)
        return [_result(value) for value in as_list(told.get("results"))]
    except (ValueError, RecursionError) as error:
        raise StoreError(f"damaged: {str(error)[:200]}", str(path), mend) from error


def _result(value: object) -> TasksResult:
    parts = as_object(value, {"fit", "tasks", "gates"})
    fit = record_from_json(FitRecord, parts["fit"])
    tasks = tuple(record_from_json(TaskRecord, record) for record in as_list(parts["tasks"]))
    gates = tuple(record_from_json(GateRecord, record) for record in as_list(parts["gates"]))
    net = _of_net(fit)
    if any(_of_net(record) != net for record in (*tasks, *gates)):
        raise ValueError(f"it holds what is not of the net {net}")
    return TasksResult(fit, tasks, gates)


def _digest(body: bytes) -> str:
    return blake2b(body, digest_size=16).hexdigest()


def _is_complete(folder: Path) -> bool:
    return open_folder(folder)[1]["status"] == "complete"


def _unfit(folder: Path, error: Exception) -> StoreError:
    """Return the error for journals that do not fit together; one of the store stays as it is."""
    if isinstance(error, StoreError):
        return error
    return StoreError(
        f"the journals do not fit together: {error}",
        str(folder / JOURNALS),
        "remove what alsim did not put there, or make it again: alsim train --out FOLDER",
    )
