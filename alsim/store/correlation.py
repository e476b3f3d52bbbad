"""What a correlation study leaves: its groups, and how their scores correlate with accuracy.

Until it is complete, the groups of each metric and seed lie in a file of their own in `journal/`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alsim.errors import StoreError
from alsim.escaping import html_table
from alsim.experiments.ranges import refuse_impossible
from alsim.store.journal import journals_in, mend_journal, read_unfinished, unfit
from alsim.store.manifest import StudyFolder, open_folder, refuse_other_kind
from alsim.store.tables import TableBuilder, TableKind, read_table, schema_of, write_table

if TYPE_CHECKING:
    import pyarrow as pa

    from alsim.analysis.correlation import Correlation
    from alsim.experiments.correlation import GroupRecord

_AGAIN = "make it again in another folder: alsim correlate --out FOLDER"


@dataclass(frozen=True, slots=True)
class CorrelationRecord:
    """One row of `correlations.parquet`. Intervals are at 95 %; null is undefined."""

    metric: str
    seeds: tuple[int, ...]
    rhos: tuple[float | None, ...]  # Spearman's, of each seed
    mean: float | None
    fisher_low: float | None  # over seeds
    fisher_high: float | None
    bootstrap_low: float | None  # over groups
    bootstrap_high: float | None
    p: float | None  # over seeds, by Fisher's z, two-sided
    p_within: float | None  # within these starts, by permutation, two-sided
    null_mean_low: float | None  # of the mean, if the metric is uninformative
    null_mean_high: float | None
    null_seed_low: float | None  # of one seed's ρ, likewise
    null_seed_high: float | None


_INTERVALS = ("fisher", "bootstrap", "null_mean", "null_seed")  # as `Correlation` calls them
CORRELATIONS = TableKind("correlations", CorrelationRecord, ("metric",), is_unique=True)


# eq=False: tables compare elementwise.
@dataclass(frozen=True, slots=True, eq=False, repr=False)
class CorrelationStudy(StudyFolder):
    """A correlation study that was read; of one that is not complete, as far as it went.

    The groups are a table of pyarrow: `study.groups.to_pandas()` is a data frame of pandas.
    """

    groups: pa.Table  # one row a copy, by metric, seed and group
    correlations: tuple[Correlation, ...]  # by metric, groups at random last

    def _compared(self) -> Sequence[str]:
        return [found.metric for found in self.correlations]

    def _repr_html_(self) -> str:
        """Return a row for each metric, as a notebook shows it."""

        def cell(value: float | None, form: str) -> str:
            return "–" if value is None else f"{value:{form}}"

        rows = [
            (
                found.metric,
                cell(found.mean, "+z.3f"),
                " … ".join(cell(end, "+z.2f") for end in found.fisher or (None,)),
                " … ".join(cell(end, "+z.2f") for end in found.bootstrap or (None,)),
                cell(found.p, ".2g"),
                cell(found.p_within, ".2g"),
            )
            for found in self.correlations
        ]
        headers = ("metric", "mean ρ", "over seeds", "over groups", "p", "p within these starts")
        return html_table(repr(self), headers, rows)

    @property
    def epochs(self) -> int:
        """Return for how many epochs each copy was trained."""
        return self.recorded(int, "configuration", "training", "epochs")

    @property
    def initial_size(self) -> int:
        """Return how many labels the copies' start was trained on."""
        return self.recorded(int, "configuration", "initial_size")


def read_correlation(folder: str | Path) -> CorrelationStudy:
    """Return the correlation study that a folder holds.

    Of one that is not complete, the correlations are computed from the groups that there are.

    Raises:
        StoreError: If there is none, the folder holds learning curves, or a file of it is
            missing, cut short, damaged, or of a schema version that this alsim does not know.
    """
    path, manifest = open_folder(folder)
    refuse_other_kind(path, manifest, "correlation")
    groups = read_unfinished(path, manifest, lambda: collect_groups(path))
    if groups is not None:
        return CorrelationStudy(path, manifest, groups, correlations_of(groups))
    path, manifest = open_folder(path)  # it may have ended meanwhile
    groups = read_table(path / groups_kind().file, groups_kind(), _AGAIN)
    if _is_older(path / CORRELATIONS.file):
        return CorrelationStudy(path, manifest, groups, correlations_of(groups))
    rows = read_table(path / CORRELATIONS.file, CORRELATIONS, _AGAIN).to_pylist()
    return CorrelationStudy(path, manifest, groups, tuple(map(_from_row, rows)))


def write_correlation(folder: Path, groups: pa.Table) -> None:
    """Write the groups and what follows from them, each table atomically.

    Raises:
        StoreError: If the system cannot write there.
    """
    import pyarrow as pa

    rows = [_to_row(found) for found in correlations_of(groups)]
    write_table(folder / groups_kind().file, groups)
    table = pa.Table.from_pylist(rows, schema=schema_of(CORRELATIONS))
    write_table(folder / CORRELATIONS.file, table)


def keep_groups(path: Path, groups: Sequence[GroupRecord]) -> None:
    """Keep the groups of one metric and seed in a file of their own, atomically.

    Raises:
        StoreError: If the system cannot write there.
    """
    write_table(path, build_groups(groups))


def kept_groups(folder: Path) -> Iterator[pa.Table]:
    """Yield the groups that were kept of an unfinished study, a table for each metric and seed.

    Raises:
        StoreError: If a file is damaged or cannot be read.
    """
    for path in journals_in(folder, ".parquet"):
        mend = mend_journal(path)
        table = read_table(path, groups_kind(), mend)
        try:
            for number, record in enumerate(_records(table)):
                refuse_impossible(record)
                if record.group != number:
                    raise ValueError(f"group {record.group} stands where {number} should")
        except ValueError as error:
            raise StoreError(f"damaged journal: {error}", str(path), mend) from error
        yield table


def collect_groups(folder: Path) -> pa.Table:
    """Return all groups that were kept of an unfinished study, as one sorted table.

    Raises:
        StoreError: If a file is damaged, or two hold the same groups.
    """
    try:
        return build_groups(row for table in kept_groups(folder) for row in _records(table))
    except ValueError as error:
        raise unfit(folder, error, "alsim correlate") from error


def build_groups(groups: Iterable[GroupRecord]) -> pa.Table:
    """Return groups as one table, sorted by metric, seed and group.

    Raises:
        ValueError: If a group comes twice.
    """
    builder = TableBuilder(groups_kind())
    builder.extend(groups)
    return builder.build()


def correlations_of(groups: pa.Table) -> tuple[Correlation, ...]:
    """Return the correlation of each metric by name, that of groups at random last.

    The stream is the same for all studies: equal groups have equal intervals.
    """
    from alsim.analysis.correlation import correlations
    from alsim.experiments.correlation import CONTROL
    from alsim.seeding import stream

    found = correlations(groups, generator=stream(0, "correlations"))
    return tuple(sorted(found, key=lambda one: one.metric == CONTROL))


def groups_kind() -> TableKind:
    """Return what the table of groups is like."""
    # Not at the top, for it imports torch, which no reader of learning curves needs.
    from alsim.experiments.correlation import GroupRecord

    return TableKind("groups", GroupRecord, ("metric", "seed", "group"), is_unique=True)


def _is_older(path: Path) -> bool:
    """Return whether the correlations were written when their only p was that of permutations."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        names = pq.read_schema(path).names
    except (OSError, pa.ArrowException):
        return False  # what is wrong with it, `read_table` says
    return "p" in names and "p_within" not in names


def _records(table: pa.Table) -> list[GroupRecord]:
    from alsim.experiments.correlation import GroupRecord

    columns = schema_of(groups_kind()).names
    return [GroupRecord(**row) for row in table.select(columns).to_pylist()]


def _to_row(found: Correlation) -> dict[str, Any]:
    row: dict[str, Any] = {"metric": found.metric, "mean": found.mean}
    row |= {"p": found.p, "p_within": found.p_within}
    row |= {"seeds": list(found.rhos), "rhos": list(found.rhos.values())}
    for name in _INTERVALS:
        row[f"{name}_low"], row[f"{name}_high"] = getattr(found, name) or (None, None)
    return row


def _from_row(row: Mapping[str, Any]) -> Correlation:
    from alsim.analysis.correlation import Correlation

    ends = {name: (row[f"{name}_low"], row[f"{name}_high"]) for name in _INTERVALS}
    return Correlation(
        metric=row["metric"],
        rhos=dict(zip(row["seeds"], row["rhos"], strict=True)),
        mean=row["mean"],
        p=row["p"],
        p_within=row["p_within"],
        **{name: None if None in interval else interval for name, interval in ends.items()},
    )
