"""Inputs to mean 0 and a mean square of 1, in place on the decoded files."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alsim.pool.decoding import RawMatrix, n_threads

BLOCK_ROWS = 256  # in float64 a block then stays in the processor's cache
CONSTANT = 1e-36  # a smaller variance could scale an accepted value beyond float32
TASK_ROWS = 4096  # rows that a thread processes at once


@dataclass(frozen=True, slots=True)
class Scaling:
    """The scaling of each column of an input: (x − mean) · scale."""

    mean: tuple[float, ...]
    scale: tuple[float, ...]

    def then(self, other: "Scaling") -> "Scaling":
        """Return this scaling and another after it, as one."""
        pairs = list(zip(self.mean, self.scale, other.mean, other.scale, strict=True))
        return Scaling(
            tuple(first + second / by for first, by, second, _ in pairs),
            tuple(one * two for _, one, _, two in pairs),
        )


def evenly(width: int, scale: float) -> Scaling:
    """Return the scaling that multiplies every column by the same."""
    return Scaling((0.0,) * width, (scale,) * width)


def standardise(
    matrix: RawMatrix, present: NDArray[np.bool_], train: range, *, each: bool
) -> Scaling:
    """Centre each column, divide by the deviation over present rows of `train`; return the scaling.

    An embedding is divided by one number, so that its mean square is 1 and small directions stay
    small. Divided column by column, the last columns of a PCA, which are noise, would weigh as
    much as the first. Columns of a table have their own units: `each` divides each by its own
    deviation.

    The sums are in float64, over blocks of a fixed size added in order, so that neither the
    number of threads nor the order of the file changes a bit. A deviation below 1e-18 counts as
    constant and divides by 1; absent rows stay exactly zero. Without present rows nothing changes.

    Args:
        matrix: `(n, d)`, changed in place; zeros where absent.
        present: `(n,)` bool.
        train: The rows that give mean and deviation.
        each: Whether each column has its own deviation.
    """
    given = train.start + np.flatnonzero(present[train.start : train.stop])
    values = matrix.values
    if not given.size:
        return evenly(values.shape[1], 1.0)
    # Sums of squares lose digits where the mean is far from zero, so start from a row.
    origin = values[given[0]].astype(np.float64)

    def moments(rows: range) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        total, squares = np.zeros_like(origin), np.zeros_like(origin)
        for block, kept in _blocks(values, present, rows):
            shifted = (block if kept.all() else block[kept]) - origin
            total += shifted.sum(0)
            np.square(shifted, out=shifted)
            squares += shifted.sum(0)
        matrix.release(rows)
        return total, squares

    def apply(rows: range) -> None:
        for block, kept in _blocks(values, present, rows):
            np.subtract(block, mean, out=block)
            np.multiply(block, scale, out=block)
            block[~kept] = 0
        matrix.release(rows)

    first, second = np.zeros_like(origin), np.zeros_like(origin)
    with ThreadPoolExecutor(n_threads()) as pool:
        for total, squares in pool.map(moments, _pieces(train, TASK_ROWS)):
            first += total
            second += squares
        shift = first / given.size
        variance = np.maximum(second / given.size - np.square(shift), 0)
        if not each:
            variance[:] = variance.mean()
        variance[variance < CONSTANT] = 1
        mean = (origin + shift).astype(np.float32)
        scale = (1 / np.sqrt(variance)).astype(np.float32)
        for _ in pool.map(apply, _pieces(range(len(values)), TASK_ROWS)):
            pass
    matrix.release()
    return Scaling(tuple(mean.tolist()), tuple(scale.tolist()))


def _pieces(rows: range, size: int) -> list[range]:
    return [rows[start : start + size] for start in range(0, len(rows), size)]


def _blocks(
    values: NDArray[np.float32], present: NDArray[np.bool_], rows: range
) -> Iterator[tuple[NDArray[np.float32], NDArray[np.bool_]]]:
    for piece in _pieces(rows, BLOCK_ROWS):
        yield values[piece.start : piece.stop], present[piece.start : piece.stop]
