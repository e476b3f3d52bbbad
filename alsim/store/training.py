"""What passive training leaves: each net's fit, how it does at each task, and its gates.

Until it is complete, what each unit of work found lies in a file of its own in `journal/`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct, convert, to_builtins

from alsim.analysis.manifest import object_at, value_at
from alsim.errors import StoreError
from alsim.escaping import html_table
from alsim.experiments.training.records import FitRecord, GateRecord, TaskRecord, TasksResult
from alsim.store.atomic import replace_bytes
from alsim.store.journal import (
    journals_in,
    line_of,
    mend_journal,
    object_of,
    read_unfinished,
    record_of,
    unfit,
)
from alsim.store.manifest import StudyFolder, open_folder, refuse_other_kind
from alsim.store.opening import read_if_there
from alsim.store.tables import TableBuilder, TableKind, read_table, write_table
from alsim.store.version import SCHEMA_VERSION, check_version

if TYPE_CHECKING:
    import pyarrow as pa

_NET = ("model", "chosen_by", "fraction", "seed")
_of_net = attrgetter(*_NET)
FITS = TableKind("fits", FitRecord, _NET, is_unique=True)
TASKS = TableKind("tasks", TaskRecord, (*_NET, "task", "evaluation", "metric"), is_unique=True)
GATES = TableKind("gates", GateRecord, (*_NET, "task", "fact", "expert"), is_unique=True)

_KINDS = (FITS, TASKS, GATES)

_DIGEST_SIZE = 16
_AGAIN = "make it again in another folder: alsim train --out FOLDER"


class _Result(Struct, forbid_unknown_fields=True):
    fit: dict[str, Any]
    tasks: list[dict[str, Any]]
    gates: list[dict[str, Any]]


class _Kept(Struct, forbid_unknown_fields=True):
    schema: int
    results: list[_Result]


# eq=False: tables compare elementwise.
@dataclass(frozen=True, slots=True, eq=False, repr=False)
class TrainingStudy(StudyFolder):
    """Passive training that was read; of one that is not complete, as far as it went.

    The tables are pyarrow's: `study.tasks.to_pandas()` is a data frame of pandas.
    """

    fits: pa.Table  # one row a net
    tasks: pa.Table  # one row a net, task, evaluation and metric
    gates: pa.Table  # one row a net, task and expert

    @property
    def models(self) -> Mapping[str, Sequence[str]]:
        """Return the models in their order, each with the evaluations of its stochastic gates.

        The first evaluation is the one that the model is reported by.
        """
        if models := object_at(self.manifest, "configuration", "models"):
            return {name: list(model["evaluations"]) for name, model in models.items()}
        return dict.fromkeys(map(str, self.fits.column("model").to_pylist()), ())

    def _compared(self) -> Sequence[str]:
        return list(self.models)

    def _repr_html_(self) -> str:
        """Return a row for each model, as a notebook shows it."""
        from alsim.analysis.training.verdicts import judge_models

        if not self.tasks.num_rows:
            return html_table(repr(self), ("model",), [(name,) for name in self.models])
        evaluations = {name: next(iter(modes), "") for name, modes in self.models.items()}
        found = judge_models(
            self.tasks, evaluations, variances=self.variances, baseline=self.baseline
        )
        return html_table(repr(self), *found.cells())

    @property
    def baseline(self) -> str | None:
        """Return the model that the others are compared with; None: the default one."""
        name = value_at(self.manifest, "configuration", "baseline")
        return name if isinstance(name, str) and name in self.models else None

    @property
    def variances(self) -> Mapping[str, float]:
        """Return the variance of each regression target over the rows that were evaluated."""
        tasks = object_at(self.manifest, "tasks")
        found = {name: value_at(tasks, name, "variance") for name in tasks}
        return {name: float(v) for name, v in found.items() if isinstance(v, int | float)}


def read_training(folder: str | Path) -> TrainingStudy:
    """Return the passive training that a folder holds.

    Raises:
        StoreError: If there is none, the folder holds another kind of run, or a file of it is
            missing, cut short, damaged, or of a schema version that this alsim does not know.
    """
    path, manifest = open_folder(folder)
    refuse_other_kind(path, manifest, "training")
    tables = read_unfinished(path, manifest, lambda: build_results(kept_results(path)))
    if tables is None:
        path, manifest = open_folder(path)  # it may have ended meanwhile
        fits, tasks, gates = (read_table(path / kind.file, kind, _AGAIN) for kind in _KINDS)
        tables = fits, tasks, gates
    return TrainingStudy(path, manifest, *tables)


def write_training(folder: Path, results: Iterable[TasksResult]) -> None:
    """Write the three tables, each atomically; the same results in any order give the same bytes.

    Raises:
        StoreError: If the system cannot write there, or two results are of the same net.
    """
    try:
        tables = build_results(results)
    except ValueError as error:
        raise unfit(folder, error, "alsim train") from error
    for kind, table in zip(_KINDS, tables, strict=True):
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
    kept = [to_builtins(result) for result in results]
    replace_bytes(path, line_of({"schema": SCHEMA_VERSION, "results": kept}, _DIGEST_SIZE))


def kept_results(folder: Path) -> Iterator[TasksResult]:
    """Yield the results that were kept of an unfinished study, by the order of their files.

    Raises:
        StoreError: If a file is damaged or cannot be read.
    """
    for path in journals_in(folder, ".json"):
        yield from load_results(path)


def load_results(path: Path) -> list[TasksResult]:
    """Return what `keep_results` wrote.

    Raises:
        StoreError: If the file is damaged, or cannot be read.
    """
    mend = mend_journal(path)
    line = read_if_there(path, mend)
    try:
        record = object_of((line or b"").rstrip(b"\n"), _DIGEST_SIZE)
        check_version(record.get("schema"), path)
        return [_result(kept) for kept in convert(record, _Kept).results]
    except (ValueError, RecursionError) as error:
        raise StoreError(f"damaged journal: {str(error)[:200]}", str(path), mend) from error


def _result(kept: _Result) -> TasksResult:
    fit = record_of(FitRecord, kept.fit)
    tasks = tuple(record_of(TaskRecord, record) for record in kept.tasks)
    gates = tuple(record_of(GateRecord, record) for record in kept.gates)
    net = _of_net(fit)
    if any(_of_net(record) != net for record in (*tasks, *gates)):
        raise ValueError(f"it holds what is not of the net {net}")
    return TasksResult(fit, tasks, gates)
