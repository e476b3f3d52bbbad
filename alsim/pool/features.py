"""Columns of numbers and categories as one modality, its encoding fitted on train."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from alsim.errors import PoolError
from alsim.options.pool import Standardise
from alsim.pool.columns import enumerate_values, is_discrete, plain_column
from alsim.pool.decoding import RawMatrix
from alsim.pool.forms import is_number
from alsim.pool.standardising import CONSTANT, Scaling, evenly, standardise

MAX_CATEGORIES = 1000
BLOCK_ROWS = 8192  # rows encoded at once
LEAVE_OUT = "leave it out of --features"


@dataclass(frozen=True, slots=True, eq=False)
class Feature:
    """One input column over the rows that are kept."""

    name: str
    kind: Literal["number", "category"]
    categories: tuple[str, ...]  # sorted values of the file, as text; empty for numbers
    values: NDArray[np.float64]  # (n,) NaN where null; of a category its position


@dataclass(frozen=True, slots=True)
class Encoding:
    """What a column becomes: a standardised number, or one-hot; and a column for null."""

    names: tuple[str, ...]  # of the columns
    scaling: Scaling  # of the columns
    categories: tuple[int, ...]  # those that have a column; empty for numbers
    has_null: bool  # whether null has a column, the last


def read_feature(
    column: "pa.ChunkedArray[Any]", name: str, rows: NDArray[np.int64], where: str
) -> Feature:
    """Return the kept `rows` of a column as an input.

    Integers and floats are numbers; strings, booleans and dictionaries are categories. NaN is
    null.

    Raises:
        PoolError: If the column holds something else, or infinite values.
    """
    values: Any = plain_column(column, name, where)
    type_ = values.type
    is_named = pa.types.is_dictionary(column.type) or not pa.types.is_integer(type_)
    if is_discrete(type_) and is_named:
        categories, codes = enumerate_values(values)
        kept = codes[rows].astype(np.float64)
        return Feature(name, "category", categories, np.where(kept < 0, np.nan, kept))
    if not is_number(type_):
        mend = f"inputs are numbers, strings or categories: convert it, or {LEAVE_OUT}"
        raise PoolError(f"the column {name!r} holds {type_}", where, mend)
    floats = pc.cast(values, pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    kept = np.where(np.isnan(floats), np.nan, floats)[rows]  # one NaN, whichever the file has
    with np.errstate(over="ignore"):
        wild = ~np.isnan(kept) & ~np.isfinite(np.square(kept.astype(np.float32)))
    if wild.any():
        row = int(rows[wild.argmax()])
        what = (
            f"the column {name!r} has {int(wild.sum())} infinite values (or beyond 1.8e19); "
            f"the first is row {row}"
        )
        raise PoolError(what, where, "correct them, or set them to null")
    return Feature(name, "number", (), kept)


def check_features(features: Sequence[Feature], train: range, where: str) -> list[PoolError]:
    """Return a fault for each column that the training rows cannot make an input."""
    faults: list[PoolError] = []
    for feature in features:
        values = feature.values[train.start : train.stop]
        known = values[~np.isnan(values)]
        if len(train) and not known.size:
            what = f"the column {feature.name!r} is null in every training row"
            faults.append(PoolError(what, where, LEAVE_OUT))
        elif feature.kind == "category" and (n := len(np.unique(known))) > MAX_CATEGORIES:
            what = f"the column {feature.name!r} has {n:,} values, more than {MAX_CATEGORIES:,}"
            mend = f"{LEAVE_OUT}, or store it as an embedding: a list column"
            faults.append(PoolError(what, where, mend))
    return faults


def fit_feature(feature: Feature, rows: NDArray[np.int64], *, scaled: bool = True) -> Encoding:
    """Return the encoding of a column, fitted on some (training) rows.

    A number is shifted and, if `scaled`, divided to mean 0 and variance 1 (by 1 where it is
    constant), and is 0 where null. A category is one-hot in the order of its values, and zero for
    values not seen in `rows`. Null has a column of its own if `rows` hold one.
    """
    values = feature.values[rows]
    known = values[~np.isnan(values)]
    has_null = len(known) < len(values)
    ending = (f"{feature.name} is null",) if has_null else ()
    if feature.kind == "category":
        seen = tuple(np.unique(known.astype(np.int64)).tolist())
        names = (*(f"{feature.name}={feature.categories[code]}" for code in seen), *ending)
        return Encoding(names, evenly(len(names), 1.0), seen, has_null)
    mean, scale = 0.0, 1.0
    if scaled and known.size:
        mean, variance = float(known.mean()), float(known.var())
        scale = 1.0 if variance < CONSTANT else variance**-0.5
    scaling = Scaling((mean, *[0.0] * has_null), (scale, *[1.0] * has_null))
    return Encoding((feature.name, *ending), scaling, (), has_null)


def encode_features(
    features: Sequence[Feature],
    present: NDArray[np.bool_],
    train: range,
    path: Path,
    standardising: Standardise,
) -> tuple[dict[str, tuple[str, ...]], Scaling]:
    """Write the columns side by side to `path` as raw float32 `(n, width)`.

    Rows not `present`, `(n,)` bool, are zero, and `train` is fitted without them. A null number is
    0 after scaling, so it counts as the mean. "none" leaves numbers as they are, "all" scales
    one-hot columns, too.

    Returns:
        By feature, the names of its columns, in order; and the scaling of all columns.
    """
    fitted = train.start + np.flatnonzero(present[train.start : train.stop])
    if not fitted.size:  # all of them are masked: then every row of train is
        fitted = np.asarray(train)
    encodings = [
        fit_feature(feature, fitted, scaled=standardising != "none") for feature in features
    ]
    matrix = RawMatrix(path, len(present), sum(len(each.names) for each in encodings))
    for start in range(0, len(present), BLOCK_ROWS):
        rows = np.arange(start, min(start + BLOCK_ROWS, len(present)))
        rows = rows[present[rows]]
        at = 0
        for feature, encoding in zip(features, encodings, strict=True):
            width = len(encoding.names)
            _encode(feature, encoding, rows, matrix.values[:, at : at + width])
            at += width
        matrix.release()
    scaling = Scaling(
        tuple(mean for encoding in encodings for mean in encoding.scaling.mean),
        tuple(scale for encoding in encodings for scale in encoding.scaling.scale),
    )
    if standardising == "all":
        scaling = scaling.then(standardise(matrix, present, train, each=True))
    columns = zip(features, encodings, strict=True)
    return {feature.name: encoding.names for feature, encoding in columns}, scaling


def _encode(
    feature: Feature, encoding: Encoding, rows: NDArray[np.int64], out: NDArray[np.float32]
) -> None:
    """Write `rows` of a column to `out`, `(n, width)`, which is zero."""
    values = feature.values[rows]
    null = np.isnan(values)
    if feature.kind == "number":
        scaled = (values - encoding.scaling.mean[0]) * encoding.scaling.scale[0]
        out[rows, 0] = np.where(null, 0, scaled)
    elif encoding.categories:
        seen = np.asarray(encoding.categories, np.float64)
        places = np.searchsorted(seen, np.where(null, -1, values))
        found = ~null & (seen[np.minimum(places, len(seen) - 1)] == values)
        out[rows[found], places[found]] = 1
    if encoding.has_null:
        out[rows[null], -1] = 1
