"""Columns of numbers and categories as one modality, encoded as it is fitted on train."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from alsim.options.pool import Standardise
from alsim.pool.columns import enumerate_values, is_discrete, plain_column
from alsim.pool.decoding import RawMatrix
from alsim.pool.faults import Fault
from alsim.pool.standardising import CONSTANT, Scaling, standardise

MAX_CATEGORIES = 1000
BLOCK_ROWS = 8192  # rows encoded at once


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

    mean: float  # of numbers
    scale: float
    categories: tuple[int, ...]  # those that have a column
    has_null: bool  # whether null has a column
    names: tuple[str, ...]  # of the columns

    @property
    def means(self) -> tuple[float, ...]:
        """Return what is subtracted from each column: of a number, which is the first, its mean."""
        return (self.mean, *[0.0] * len(self.names))[: len(self.names)]

    @property
    def scales(self) -> tuple[float, ...]:
        """Return what each column is then multiplied by."""
        return (self.scale, *[1.0] * len(self.names))[: len(self.names)]


def read_feature(
    column: "pa.ChunkedArray[Any]", name: str, rows: NDArray[np.int64], where: str
) -> Feature | Fault:
    """Return a column as an input, or what is wrong with it.

    Integers and floats are numbers; strings, booleans and dictionaries are categories. NaN is
    null.

    Args:
        column: Of the file.
        name: The column's.
        rows: Those that are kept.
        where: For messages.
    """
    values: Any = plain_column(column, name, where)
    if isinstance(values, Fault):
        return values
    type_ = values.type
    is_named = pa.types.is_dictionary(column.type) or not pa.types.is_integer(type_)
    if is_discrete(type_) and is_named:
        categories, codes = enumerate_values(values)
        kept = codes[rows].astype(np.float64)
        return Feature(name, "category", categories, np.where(kept < 0, np.nan, kept))
    if not (pa.types.is_integer(type_) or pa.types.is_floating(type_)):
        what = f"the column {name!r} holds {type_}"
        mend = (
            "inputs are numbers, strings or categories: convert it, or leave it out of --features"
        )
        return Fault(what, where, mend)
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
        return Fault(what, where, "mend them, or make them null")
    return Feature(name, "number", (), kept)


def check_features(features: Sequence[Feature], train: range, where: str) -> list[Fault]:
    """Return a fault for each column of which the training rows make no input."""
    faults: list[Fault] = []
    mend = "leave it out of --features"
    for feature in features:
        values = feature.values[train.start : train.stop]
        known = values[~np.isnan(values)]
        if len(train) and not known.size:
            what = f"the column {feature.name!r} is null in every training row"
            faults.append(Fault(what, where, mend))
        elif feature.kind == "category" and (n := len(np.unique(known))) > MAX_CATEGORIES:
            what = f"the column {feature.name!r} has {n:,} values, more than {MAX_CATEGORIES:,}"
            more = f"{mend}, or bring it as an embedding: a list column"
            faults.append(Fault(what, where, more))
    return faults


def fit_feature(feature: Feature, rows: NDArray[np.int64], *, scaled: bool = True) -> Encoding:
    """Return the encoding of a column by what some (training) rows hold.

    A number has the mean 0 and the variance 1 there (by 1 where it is constant) and is 0 where
    null; a category is one-hot in the order of its values, and zeros where it is another than
    those seen. Where null is seen it has a column of its own.

    Args:
        feature: The column.
        rows: Those to fit on.
        scaled: Whether numbers are standardised; else they stay as they are.
    """
    values = feature.values[rows]
    known = values[~np.isnan(values)]
    has_null = len(known) < len(values)
    ending = (f"{feature.name} is null",) if has_null else ()
    if feature.kind == "category":
        seen = tuple(np.unique(known.astype(np.int64)).tolist())
        names = tuple(f"{feature.name}={feature.categories[code]}" for code in seen)
        return Encoding(0.0, 1.0, seen, has_null, names + ending)
    mean, scale = 0.0, 1.0
    if scaled and known.size:
        mean, variance = float(known.mean()), float(known.var())
        scale = 1.0 if variance < CONSTANT else variance**-0.5
    return Encoding(mean, scale, (), has_null, (feature.name, *ending))


def encode_features(
    features: Sequence[Feature],
    present: NDArray[np.bool_],
    train: range,
    path: Path,
    standardising: Standardise,
) -> tuple[dict[str, tuple[str, ...]], Scaling]:
    """Write the columns side by side as raw float32 `(n, width)`, and tell what they are.

    Args:
        features: The columns.
        present: `(n,)` bool; the other rows are zero, and nothing is fitted on them.
        train: The rows to fit on.
        path: The file.
        standardising: "none" leaves numbers as they are, "all" scales one-hot columns, too.

    Returns:
        By feature, the names of the columns that it becomes, in order; and how all of them were
        scaled. A number that is null is 0 after it, and so the mean before.
    """
    fitted = train.start + np.flatnonzero(present[train.start : train.stop])
    if not fitted.size:  # all of them are masked: then every row of train is
        fitted = np.asarray(train)
    encodings = [
        fit_feature(feature, fitted, scaled=standardising != "none") for feature in features
    ]
    width = sum(len(encoding.names) for encoding in encodings)
    matrix = RawMatrix(path, len(present), width, create=True)
    for start in range(0, len(present), BLOCK_ROWS):
        rows = np.arange(start, min(start + BLOCK_ROWS, len(present)))
        rows = rows[present[rows]]
        at = 0
        for feature, encoding in zip(features, encodings, strict=True):
            _encode(feature.values[rows], feature.kind, encoding, rows, at, matrix.values)
            at += len(encoding.names)
        matrix.release()
    mean = [m for encoding in encodings for m in encoding.means]
    scale = [s for encoding in encodings for s in encoding.scales]
    scaling = Scaling(tuple(mean), tuple(scale))
    if standardising == "all":
        scaling = scaling.then(standardise(matrix, present, train, each=True))
    names = (encoding.names for encoding in encodings)
    return dict(zip((feature.name for feature in features), names, strict=True)), scaling


def _encode(
    values: NDArray[np.float64],
    kind: Literal["number", "category"],
    encoding: Encoding,
    rows: NDArray[np.int64],
    at: int,
    out: NDArray[np.float32],
) -> None:
    """Write one column into `out` at the given rows, from the position `at` on."""
    null = np.isnan(values)
    if kind == "number":
        scaled = (values - encoding.mean) * encoding.scale
        out[rows, at] = np.where(null, 0, scaled)
    elif encoding.categories:
        seen = np.asarray(encoding.categories, np.float64)
        places = np.searchsorted(seen, np.where(null, -1, values))
        found = ~null & (seen[np.minimum(places, len(seen) - 1)] == values)
        out[rows[found], at + places[found]] = 1
    if encoding.has_null:
        out[rows[null], at + len(encoding.names) - 1] = 1
