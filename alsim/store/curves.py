"""What a run of learning curves leaves: its tables, read lazily."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from alsim.analysis.statistics.intervals import interval_text
from alsim.escaping import html_table
from alsim.experiments.curves.records import ContributionRecord, MetricRecord, Round
from alsim.store.curve_bands import CURVES, band_curves
from alsim.store.curve_journal import read_journal
from alsim.store.curve_lines import Recorded
from alsim.store.journal import journals_in, read_unfinished
from alsim.store.layout import JOURNALS
from alsim.store.manifest import StudyFolder, mend_of, open_folder, refuse_other_kind
from alsim.store.tables import (
    CONTRIBUTIONS,
    ITEMS,
    METRICS,
    QUERIES,
    STEPS,
    TIMINGS,
    TableKind,
    TimingRecord,
    build_tables,
    read_table,
    schema_of,
    write_table,
)

if TYPE_CHECKING:
    import pyarrow as pa


# eq=False: tables compare elementwise.
@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Run(StudyFolder):
    """A run that was read. Each table is read when it is first asked for.

    The tables of a run that is not complete are made from its journals, as far as they go: before
    the first record they are empty. They are tables of pyarrow: `run.steps.to_pandas()` is a data
    frame of pandas, and `polars.from_arrow(run.steps)` one of Polars. Every table raises a
    StoreError if a file of it is missing, cut short, damaged, or of a schema version that this
    alsim does not know.
    """

    _tables: dict[str, pa.Table] = field(default_factory=dict, repr=False)

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

    @property
    def items(self) -> pa.Table:
        """Return which evaluated rows the mixed head answers correctly, by step and task.

        Its `correct` has a boolean for each row of the evaluated split, in the order of their ids,
        null where the row has no label of the task. Of a folder without `items.parquet`, as earlier
        versions wrote it, it is empty.
        """
        return self._read(ITEMS)

    @property
    def contributions(self) -> pa.Table:
        """Return what each evaluated row contributes to the scores that are no mean over rows.

        For each strategy, seed, task, metric (balanced accuracy, macro F1, AUC) and part its
        `values` are of the rows of `items`, and their mean is the score: of part "area" the
        normalised area under the curve of this seed over its own labels, of part "last" its last
        step. A curve that has not ended has none, nor has a folder of an earlier version.
        """
        return self._read(CONTRIBUTIONS)

    @property
    def curves(self) -> pa.Table:
        """Return each strategy's measures over the labels: the mean over seeds and its band.

        Of a folder without `curves.parquet`, as earlier versions wrote it, they are computed.
        """
        if CURVES.name not in self._tables:
            path, is_done = self.folder / CURVES.file, self.manifest["status"] == "complete"
            self._tables[CURVES.name] = (
                read_table(path, CURVES, mend_of(self.folder, self.manifest))
                if is_done and path.exists()
                else band_curves(self.steps, self.metrics)
            )
        return self._tables[CURVES.name]

    def _repr_html_(self) -> str:
        """Return a row for each strategy, as a notebook shows it."""
        from alsim.analysis.curves.summary import summarise

        rows = [
            (
                each.strategy,
                str(each.n_seeds),
                f"{each.n_labelled:,}",
                interval_text(each.last_accuracy, ".4f"),
                interval_text(each.aubc, ".4f"),
            )
            for each in (summarise(self.steps, self.n_evaluated) if self.steps.num_rows else ())
        ]
        headers = ("strategy", "seeds", "labels", "last accuracy", "area under the curve")
        return html_table(repr(self), headers, rows)

    def _read(self, kind: TableKind) -> pa.Table:
        if kind.name not in self._tables:
            found, tables = None, (STEPS, METRICS, QUERIES, TIMINGS)
            # Runs that ended early had tables and no journals, once.
            has_tables = any((self.folder / each.file).exists() for each in tables)
            if (self.folder / JOURNALS).exists() or not has_tables:
                found = read_unfinished(
                    self.folder, self.manifest, lambda: _tables_so_far(self.folder)
                )
            if found is None:
                found = {kind.name: self._read_file(kind)}
            self._tables.update(found)
        return self._tables[kind.name]

    def _read_file(self, kind: TableKind) -> pa.Table:
        path = self.folder / kind.file
        if kind in (ITEMS, CONTRIBUTIONS) and not path.exists():
            return schema_of(kind).empty_table()
        return read_table(path, kind, mend_of(self.folder, self.manifest))


def write_tables(
    folder: Path,
    rounds: Iterable[Round],
    timings: Iterable[TimingRecord] = (),
    contributions: Iterable[ContributionRecord] = (),
    metrics: Iterable[MetricRecord] = (),
) -> None:
    """Write the run's tables, each atomically. `rounds` is read once, in any order.

    Further `metrics` are those of no round.

    Raises:
        StoreError: If the system cannot write there.
        ValueError: If two records share a key, or ids are integers and strings at once.
    """
    # All are built before any is written: a faulty record leaves no half of a new set.
    tables = build_tables(rounds, timings, contributions, metrics)
    tables[CURVES] = band_curves(tables[STEPS], tables[METRICS])
    for kind, table in tables.items():
        write_table(folder / kind.file, table)


def write_recorded(
    folder: Path, timings: Iterable[TimingRecord], metrics: Iterable[MetricRecord] = ()
) -> None:
    """Write the tables of what the journals of a run hold, and of further records.

    Raises:
        StoreError: As `write_tables`, or if a journal is damaged.
    """
    write_tables(folder, *_all_recorded(folder, timings), metrics)


def recorded(folder: Path) -> Iterator[Recorded]:
    """Yield what each journal of a run holds, one at a time, by the order of their names.

    Raises:
        StoreError: If one is damaged or cannot be read.
    """
    for path in journals_in(folder, ".jsonl"):
        if (found := read_journal(path)) is not None:
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
    tables = build_tables(*_all_recorded(folder))
    return {kind.name: table for kind, table in tables.items()}


def _all_recorded(
    folder: Path, timings: Iterable[TimingRecord] = ()
) -> tuple[Iterator[Round], list[TimingRecord], list[ContributionRecord]]:
    """Return what a run's journals hold; they are read once, as the rounds are taken."""
    found, contributions = list(timings), list[ContributionRecord]()

    def rounds() -> Iterator[Round]:
        for curve in recorded(folder):
            found.extend(timings_of(curve))
            contributions.extend(() if curve.ending is None else curve.ending.contributions)
            yield from (entry.round for entry in curve.entries)

    return rounds(), found, contributions
