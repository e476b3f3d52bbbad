"""Which rows are train, validation and test: read from a column, or drawn once for all seeds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from alsim.errors import PoolError
from alsim.options.faults import Faults
from alsim.options.sizes import DEFAULT_INITIAL_SIZE
from alsim.pool.columns import plain_column
from alsim.pool.labels import Answers
from alsim.pool.pool import SPLITS, Split
from alsim.pool.wording import listed
from alsim.shuffling import permutation, twister

UNUSED = len(SPLITS)  # in place of a position in `SPLITS`

SYNONYMS: dict[str, Split] = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "val": "validation",
    "valid": "validation",
    "dev": "validation",
    "eval": "validation",
    "test": "test",
    "testing": "test",
}

VALIDATION_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class FreeValidation:
    """Validation rows that nobody pays for: the file's, else a stratified sample of train."""

    # Labels bought at the start. Where the file has no validation rows, at most as many are drawn.
    initial_size: int = DEFAULT_INITIAL_SIZE
    in_cells: bool = False  # whether these are single labels of several tasks


@dataclass(frozen=True, slots=True)
class PaidValidation:
    """Validation rows that are drawn at random, since their labels are bought like all others.

    They come from the file's validation rows, of which the others are then unused, else from train.
    """

    # All labels of the file, rows of it in random order, and whether these are its validation rows
    # -> how many of them to take, from the first on.
    take: Callable[[Sequence[Answers], NDArray[np.int64], bool], int]
    labelled: frozenset[str] = frozenset()  # ids of rows whose labels one already has


Validation = FreeValidation | PaidValidation


def default_size(n: int, initial_size: int = DEFAULT_INITIAL_SIZE, *, is_given: bool) -> int:
    """Return how many of `n` rows are drawn by default: of train a tenth at most."""
    return min(n if is_given else int(VALIDATION_SHARE * n), initial_size)


def as_in_file() -> PaidValidation:
    """Return all validation rows; where there is none, the draw of an `alsim run` by default."""
    return PaidValidation(
        lambda _, rows, is_given: len(rows) if is_given else default_size(len(rows), is_given=False)
    )


def read_splits(
    column: "pa.ChunkedArray[Any]", name: str, where: str, faults: Faults
) -> NDArray[np.int8]:
    """Return `(n,)` positions in `SPLITS`, -1 where unknown, which is added to the faults."""
    nowhere = np.full(len(column), -1, np.int8)
    plain: Any = faults.attempt(None, plain_column, column, name, where)
    if plain is None:
        return nowhere
    mend = f"known are: {', '.join(SYNONYMS)}; or name another column: --split NAME"
    if not pa.types.is_string(plain.type):
        faults.add(f"the split column {name!r} holds {plain.type}", where, mend, PoolError)
        return nowhere
    values = plain.dictionary_encode(null_encoding="encode")
    names: list[str | None] = values.dictionary.to_pylist()
    splits = [SYNONYMS.get((value or "").strip().lower()) for value in names]
    codes = np.array([-1 if split is None else SPLITS.index(split) for split in splits], np.int8)
    found = codes[values.indices.to_numpy()]
    unknown = [repr(value) for value, split in zip(names, splits, strict=True) if split is None]
    if unknown:
        n = int((found < 0).sum())
        what = f"the split column {name!r} has unknown values in {n} rows: {listed(unknown)}"
        faults.add(what, where, mend, PoolError)
    return found


def hold_out_test(codes: NDArray[np.int64], share: float, seed: int) -> NDArray[np.int8]:
    """Return `(n,)` positions in `SPLITS` for rows in id order: a stratified share is test.

    The share is of the rows that can be drawn: those whose class has another row.
    """
    splits = np.zeros(len(codes), np.int8)
    eligible = int((np.bincount(codes) > 1)[codes].sum())
    size = max(round(share * eligible), 1 if share and eligible else 0)
    splits[stratified(codes, size, twister(seed, "pool", "test"))] = SPLITS.index("test")
    return splits


def hold_out_validation(
    codes: NDArray[np.int64], splits: NDArray[np.int8], initial_size: int, seed: int
) -> NDArray[np.int8]:
    """Return `splits` with a stratified sample of train as validation, for rows in id order.

    It has `initial_size` rows, but at most a tenth of the train rows whose class has another row in
    the pool.
    """
    train = np.flatnonzero(splits == SPLITS.index("train"))
    n_shared = int((np.bincount(codes) > 1)[codes[train]].sum())
    size = min(int(VALIDATION_SHARE * n_shared), initial_size)
    chosen = stratified(codes[train], size, twister(seed, "pool", "validation"))
    splits = splits.copy()
    splits[train[chosen]] = SPLITS.index("validation")
    return splits


def draw_validation(
    validation: PaidValidation,
    answers: Sequence[Answers],
    rows: NDArray[np.int64],
    splits: NDArray[np.int8],
    is_labelled: NDArray[np.bool_],
    seed: int,
) -> NDArray[np.int8]:
    """Return `splits` with a random sample as validation, for rows in id order.

    A validation row that is not drawn is `UNUSED`. `rows`, `(n,)`, are those of the file, and
    `is_labelled`, `(n,)` bool, is where one has labels already.
    """
    is_validation = splits == SPLITS.index("validation")
    is_given = bool(is_validation.any())
    if not is_given:
        is_validation = (splits == SPLITS.index("train")) & ~is_labelled
    places = np.flatnonzero(is_validation)
    generator = twister(seed, "pool", "validation", "paid")
    places = places[permutation(len(places), generator=generator)]
    chosen = places[: validation.take(answers, rows[places], is_given)]
    splits = splits.copy()
    if is_given:
        splits[places] = UNUSED
    splits[chosen] = SPLITS.index("validation")
    return splits


def stratified(
    codes: NDArray[np.int64], size: int, generator: np.random.RandomState
) -> NDArray[np.int64]:
    """Return about `size` rows, in proportion to their classes, sorted.

    Each class gives its share rounded down, and the largest remainders give one more. A class
    always keeps a row, so a class with one row gives none, and fewer rows may be returned.
    `codes` is `(n,)`, the class of each row, from 0; `generator` draws within each class.
    """
    order = permutation(len(codes), generator=generator)
    counts = np.bincount(codes)
    eligible = np.where(counts > 1, counts, 0)
    if not eligible.sum():
        return np.empty(0, np.int64)
    quotas = size * eligible / eligible.sum()
    takes = np.floor(quotas).astype(np.int64)
    remainders = np.argsort(-(quotas - takes), kind="stable")
    takes[remainders[: max(size - int(takes.sum()), 0)]] += 1
    takes = np.minimum(takes, np.maximum(eligible - 1, 0))
    by_class = order[np.argsort(codes[order], kind="stable")]
    starts = np.cumsum(counts) - counts
    rank = np.arange(len(codes)) - np.repeat(starts, counts)
    return np.sort(by_class[rank < np.repeat(takes, counts)])
