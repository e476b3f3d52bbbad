"""Embeddings from Parquet to raw float32 files, decoded once, checked on the way."""

import mmap
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from alsim.pool.faults import Fault
from alsim.pool.mapping import writing_decoded
from alsim.pool.source import Part, Source

RELEASE_BATCHES = 8  # batches between two releases of written pages


@dataclass(slots=True)
class Tally:
    """What is wrong with the values of one column, or of a part of it."""

    n_ragged: int = 0
    first_ragged: int = -1
    length: int = 0  # of the first ragged row
    n_wild: int = 0  # values that are null inside a list, or whose square is NaN or infinite
    wild_rows: int = 0
    first_wild: int = -1
    n_present: int = 0
    n_empty: int = 0  # rows with an empty list, which count as absent

    def add(self, other: "Tally") -> None:
        """Count `other`, the tally of a later part, too."""
        if self.first_ragged < 0:
            self.first_ragged, self.length = other.first_ragged, other.length
        if self.first_wild < 0:
            self.first_wild = other.first_wild
        self.n_ragged += other.n_ragged
        self.n_wild += other.n_wild
        self.wild_rows += other.wild_rows
        self.n_present += other.n_present
        self.n_empty += other.n_empty


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """What decoding some columns found."""

    present: NDArray[np.bool_]  # (n, columns) of the rows that are kept
    widths: dict[str, int]
    empty: dict[str, int]  # by column, rows of the file with an empty list
    faults: tuple[Fault, ...]


class RawMatrix:
    """A `(n, d)` float32 matrix in a file, mapped for writing, whose pages can be let go."""

    def __init__(self, path: Path, n: int, width: int, *, create: bool) -> None:
        size = n * width * 4
        with writing_decoded(path.parent), path.open("w+b" if create else "r+b") as file:
            if create:
                _allocate(file.fileno(), size)
            self._map = mmap.mmap(file.fileno(), size)
        self.values: NDArray[np.float32] = np.frombuffer(self._map, np.float32).reshape(n, width)

    def release(self, rows: range | None = None) -> None:
        """Let go of the resident pages of `rows`, or of all: what was written stays in the file."""
        advice = getattr(mmap, "MADV_DONTNEED", None)
        if advice is None:
            return
        bounds = (rows.start, rows.stop) if rows else (0, len(self.values))
        # Whole pages: those at the edges may be shared with rows that are still in use.
        width = 4 * self.values.shape[1]
        first, last = (bound * width // mmap.PAGESIZE * mmap.PAGESIZE for bound in bounds)
        if last > first:
            self._map.madvise(advice, first, last - first)


def _allocate(descriptor: int, size: int) -> None:
    # Reserved now, since a full disk met through a map kills the process.
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, size)
    else:
        os.truncate(descriptor, size)


def column_width(source: Source, column: str) -> int | None:
    """Return the length of the first list in `column`, None where all rows are absent."""
    type_: Any = source.schema.field(column).type
    if pa.types.is_fixed_size_list(type_):
        return int(type_.list_size)
    for part in source.parts:
        for batch in part.batches(column):
            if (rows := present_rows(batch)).any():
                return len(batch[int(rows.argmax())])
    return None


def present_rows(batch: Any) -> NDArray[np.bool_]:
    """Return `(n,)` in which rows of a list column there is a list with values."""
    if pa.types.is_fixed_size_list(batch.type):
        return batch.is_valid().to_numpy(zero_copy_only=False)
    return pc.fill_null(batch.value_lengths(), 0).to_numpy(zero_copy_only=False) > 0


def decode(
    source: Source,
    columns: Sequence[str],
    destination: NDArray[np.int64],
    n_rows: int,
    paths: Sequence[Path],
) -> Decoded:
    """Write each column as raw float32 `(n_rows, width)`, zeros where absent; uint8 in [0, 1].

    Null is absent, and so is an empty list.

    Args:
        source: What to read.
        columns: The list columns.
        destination: `(source.n,)` where each row of the source goes, -1 to leave it out.
        n_rows: How many rows are kept.
        paths: A file for each column.

    Returns:
        What was found; a column with a fault leaves its file unfinished, or unwritten.
    """
    present = np.zeros((n_rows, len(columns)), np.bool_)
    widths: dict[str, int] = {}
    faults: list[Fault] = []
    jobs: list[tuple[int, Part, RawMatrix]] = []
    for index, (column, path) in enumerate(zip(columns, paths, strict=True)):
        width = column_width(source, column)
        if not width:
            faults.append(_absent(column, source.where))
            continue
        widths[column] = width
        matrix = RawMatrix(path, n_rows, width, create=True)
        jobs.extend((index, part, matrix) for part in source.parts)

    def work(job: tuple[int, Part, RawMatrix]) -> tuple[int, Tally]:
        index, part, matrix = job
        return index, _decode_part(part, columns[index], destination, matrix, present[:, index])

    tallies = [Tally() for _ in columns]
    # Part by part rather than column by column, so that long and short columns share the threads.
    jobs.sort(key=lambda job: job[1].start)
    with ThreadPoolExecutor(n_threads()) as pool:
        for index, tally in pool.map(work, jobs):
            tallies[index].add(tally)
    for column, tally in zip(columns, tallies, strict=True):
        if column in widths:
            faults.extend(_faults(column, widths[column], tally, source.where))
    empty = {name: tally.n_empty for name, tally in zip(columns, tallies, strict=True)}
    return Decoded(present, widths, empty, tuple(faults))


def n_threads() -> int:
    """Return how many threads decode and hash: four bring most of what there is to gain."""
    return min(4, os.cpu_count() or 1)


def _decode_part(
    part: Part,
    column: str,
    destination: NDArray[np.int64],
    matrix: RawMatrix,
    present: NDArray[np.bool_],
) -> Tally:
    tally = Tally()
    start, width = part.start, matrix.values.shape[1]
    for count, values_ in enumerate(part.batches(column)):
        batch: Any = values_
        some = present_rows(batch)
        rows = start + np.flatnonzero(some)
        start += len(batch)
        tally.n_empty += len(batch) - batch.null_count - rows.size
        if not rows.size:
            continue
        tally.n_present += rows.size
        # flatten() leaves out null rows, and with them whatever lies beneath.
        if _count_ragged(batch, rows, width, tally):
            continue
        values = _to_float32(batch.flatten()).reshape(-1, width)
        _count_wild(values, rows, tally)
        _write(values, destination[rows], matrix.values, present)
        if count % RELEASE_BATCHES == RELEASE_BATCHES - 1:
            matrix.release()
    matrix.release()
    return tally


def _count_ragged(batch: Any, rows: NDArray[np.int64], width: int, tally: Tally) -> bool:
    if pa.types.is_fixed_size_list(batch.type):
        return False
    lengths = batch.value_lengths().drop_null().to_numpy(False)
    lengths = lengths[lengths > 0]
    wrong = np.flatnonzero(lengths != width)
    if wrong.size and tally.first_ragged < 0:
        tally.first_ragged, tally.length = int(rows[wrong[0]]), int(lengths[wrong[0]])
    tally.n_ragged += int(wrong.size)
    return bool(wrong.size)


def _to_float32(flat: Any) -> NDArray[np.float32]:
    values: NDArray[Any] = flat.to_numpy(zero_copy_only=False)  # a null inside a list becomes NaN
    with np.errstate(over="ignore"):
        floats = values.astype(np.float32, copy=False)
    return floats / np.float32(255) if pa.types.is_uint8(flat.type) else floats


def _count_wild(values: NDArray[np.float32], rows: NDArray[np.int64], tally: Tally) -> None:
    flat = values.reshape(-1)
    with np.errstate(all="ignore"):
        if np.isfinite(np.einsum("i,i->", flat, flat)):
            return
        # Nets square what they are given, so a value whose square is infinite is no better.
        wild = (~np.isfinite(np.square(values))).sum(1)
    found = np.flatnonzero(wild)
    if found.size and tally.first_wild < 0:
        tally.first_wild = int(rows[found[0]])
    tally.n_wild += int(wild.sum())
    tally.wild_rows += int(found.size)


def _write(
    values: NDArray[np.float32],
    target: NDArray[np.int64],
    out: NDArray[np.float32],
    present: NDArray[np.bool_],
) -> None:
    kept = target >= 0
    if not kept.all():
        values, target = values[kept], target[kept]
    if not target.size:
        return
    if target[-1] - target[0] == target.size - 1 and (np.diff(target) == 1).all():
        out[target[0] : target[-1] + 1] = values
    else:
        out[target] = values
    present[target] = True


def _absent(column: str, where: str) -> Fault:
    mend = "leave it out by naming the others: --modality NAME"
    return Fault(f"the modality {column!r} is null or an empty list in every row", where, mend)


def _faults(column: str, width: int, tally: Tally, where: str) -> list[Fault]:
    faults: list[Fault] = []
    if not tally.n_present:
        faults.append(_absent(column, where))
    if tally.n_ragged:
        what = (
            f"the modality {column!r} is ragged: {tally.n_ragged} rows differ from the first "
            f"length, {width}; the first is row {tally.first_ragged} with {tally.length}"
        )
        faults.append(Fault(what, where, "give all rows of a column one length, or null"))
    if tally.n_wild:
        what = (
            f"the modality {column!r} has {tally.n_wild} NaN, infinite or null values "
            f"(or beyond 1.8e19) in {tally.wild_rows} rows; the first is row {tally.first_wild}"
        )
        mend = "mend them, or make the whole row null where the modality is absent"
        faults.append(Fault(what, where, mend))
    return faults
