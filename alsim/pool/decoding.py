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

from alsim.errors import PoolError
from alsim.pool.mapping import modality_file, writing_decoded
from alsim.pool.source import Part, Source

RELEASE_BATCHES = 8  # batches between two releases of written pages


@dataclass(slots=True)
class Tally:
    """What is wrong with the values of a part of one column."""

    n_ragged: int = 0
    first_ragged: tuple[int, int] | None = None  # its row and length
    n_wild: int = 0  # values that are null inside a list, or whose square is NaN or infinite
    wild_rows: int = 0
    first_wild: int | None = None
    n_present: int = 0
    n_empty: int = 0  # rows with an empty list, which count as absent


class RawMatrix:
    """A new file with a `(n, d)` float32 matrix, mapped for writing, whose pages can be let go."""

    def __init__(self, path: Path, n: int, width: int) -> None:
        size = n * width * 4
        with writing_decoded(path.parent), path.open("w+b") as file:
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


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """Columns as matrices; one with a fault lacks its matrix, or has it unfinished."""

    matrices: dict[str, RawMatrix]  # by column
    present: NDArray[np.bool_]  # (n, columns) of the rows that are kept
    empty: dict[str, int]  # by column, rows of the file with an empty list
    faults: tuple[PoolError, ...]


def decode(
    source: Source, columns: Sequence[str], rows: NDArray[np.int64], folder: Path
) -> Decoded:
    """Write each list column as raw float32 to its `modality_file`; uint8 in [0, 1].

    Rows are zero where the list is null or empty: absent.

    Args:
        source: What to read.
        columns: The list columns.
        rows: `(n,)` the rows of the source that are kept, in the order of the matrices.
        folder: Where the files go, one for each column.
    """
    present = np.zeros((len(rows), len(columns)), np.bool_)
    destination = np.full(source.n, -1, np.int64)
    destination[rows] = np.arange(len(rows))
    matrices: dict[str, RawMatrix] = {}
    faults: list[PoolError] = []
    for index, column in enumerate(columns):
        if width := column_width(source, column):
            matrices[column] = RawMatrix(modality_file(folder, index), len(rows), width)
        else:
            faults.append(_absent(column, source.where))

    def work(job: tuple[Part, str]) -> tuple[str, Tally]:
        part, column = job
        there = present[:, columns.index(column)]
        return column, _decode_part(part, column, destination, matrices[column], there)

    tallies: dict[str, list[Tally]] = {column: [] for column in matrices}
    # Part by part rather than column by column, so that long and short columns share the threads.
    jobs = [(part, column) for part in source.parts for column in matrices]
    with ThreadPoolExecutor(n_threads()) as pool:
        for column, tally in pool.map(work, jobs):
            tallies[column].append(tally)
    for column, found in tallies.items():
        faults += _faults(column, matrices[column].values.shape[1], found, source.where)
    empty = {column: sum(each.n_empty for each in found) for column, found in tallies.items()}
    return Decoded(matrices, present, empty, tuple(faults))


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
    if wrong.size and tally.first_ragged is None:
        tally.first_ragged = int(rows[wrong[0]]), int(lengths[wrong[0]])
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
        # Nets square their inputs, so a value whose square is infinite is as bad.
        wild = (~np.isfinite(np.square(values))).sum(1)
    found = np.flatnonzero(wild)
    if found.size and tally.first_wild is None:
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


def _absent(column: str, where: str) -> PoolError:
    mend = "leave it out by naming the others: --modality NAME"
    return PoolError(f"the modality {column!r} is null or an empty list in every row", where, mend)


def _faults(column: str, width: int, tallies: Sequence[Tally], where: str) -> list[PoolError]:
    faults: list[PoolError] = []
    if not any(tally.n_present for tally in tallies):
        faults.append(_absent(column, where))
    ragged = [tally.first_ragged for tally in tallies if tally.first_ragged is not None]
    if ragged:
        n, (row, length) = sum(tally.n_ragged for tally in tallies), ragged[0]
        what = (
            f"the modality {column!r} is ragged: {n} rows differ from the first length, {width}; "
            f"the first is row {row} with {length}"
        )
        faults.append(PoolError(what, where, "give all rows of a column one length, or null"))
    wild = [tally.first_wild for tally in tallies if tally.first_wild is not None]
    if wild:
        n, n_rows = np.sum([(tally.n_wild, tally.wild_rows) for tally in tallies], 0)
        what = (
            f"the modality {column!r} has {n} NaN, infinite or null values "
            f"(or beyond 1.8e19) in {n_rows} rows; the first is row {wild[0]}"
        )
        mend = "correct them, or make the whole row null where the modality is absent"
        faults.append(PoolError(what, where, mend))
    return faults
