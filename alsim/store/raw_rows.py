"""Rows as a pool's file holds them, as the arrays that an exported net reads."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from alsim.errors import UsageError, nearest
from alsim.options.types import Tabular
from alsim.pool.decoding import present_rows
from alsim.pool.features import read_feature
from alsim.pool.forms import is_list
from alsim.pool.source import Source, open_source

Arrays = dict[str, NDArray[np.float64]]  # modality -> (n, d)


def read_rows(
    rows: str | Path | Tabular, inputs: Mapping[str, Any]
) -> tuple[Arrays, NDArray[np.bool_]]:
    """Return the modalities of some rows, unscaled, and which are present, `(n, modalities)` bool.

    Args:
        rows: A Parquet file, folder or glob, or a table that gives Arrow's stream; other columns
            than the inputs' are passed over.
        inputs: Those of the net's configuration.

    Raises:
        UsageError: If a column is missing, or holds something else than it did.
        PoolError: If the rows cannot be read.
    """
    source = open_source(rows)
    arrays: Arrays = {}
    present = np.ones((source.n, len(inputs)), np.bool_)
    for place, (name, own) in enumerate(inputs.items()):
        if own.get("columns") is None:
            arrays[name], present[:, place] = _embedding(source, name, len(own["mean"]))
        else:
            arrays[name] = _encoded(source, own)
    return arrays, present


def _embedding(
    source: Source, name: str, width: int
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return a list column as `(n, width)`, zero where it is null or empty, and where it is not."""
    _check_column(source, name)
    if not is_list(source.schema.field(name).type):
        what = f"the column {name!r} holds {source.schema.field(name).type}, and no embedding"
        raise UsageError(what, source.where, f"give lists of {width} numbers")
    values = np.zeros((source.n, width))
    present = np.zeros(source.n, np.bool_)
    for start, batch in _batches(source, name):
        here = start + np.flatnonzero(present_rows(batch))
        flat = batch.flatten().to_numpy(zero_copy_only=False)
        if flat.size != here.size * width or _is_ragged(batch, width):
            mend = f"give lists of {width} numbers, or null where it is absent"
            raise UsageError(f"the column {name!r} has lists of other lengths", source.where, mend)
        values[here], present[here] = flat.reshape(-1, width), True
    return values, present


def _batches(source: Source, name: str) -> Iterator[tuple[int, Any]]:
    for part in source.parts:
        start = part.start
        for batch in part.batches(name):
            yield start, batch
            start += len(batch)


def _is_ragged(batch: Any, width: int) -> bool:
    if pa.types.is_fixed_size_list(batch.type):
        return False
    lengths = batch.value_lengths().drop_null().to_numpy(zero_copy_only=False)
    return bool(np.any((lengths > 0) & (lengths != width)))


def _encoded(source: Source, own: Mapping[str, Any]) -> NDArray[np.float64]:
    """Return columns of numbers and categories as they were encoded for training, `(n, width)`."""
    if "features" not in own:
        mend = "give the encoded columns as arrays, or export the net again: alsim train"
        raise UsageError("an earlier alsim exported the net, without its columns", "inputs", mend)
    encoded = np.zeros((source.n, len(own["mean"])))
    at = 0
    for name, columns in own["features"].items():
        _check_column(source, name)
        here = slice(at, at + len(columns))
        encoded[:, here] = _one_feature(source, name, columns, own["mean"][here])
        at += len(columns)
    return encoded


def _one_feature(
    source: Source, name: str, columns: Sequence[str], means: Sequence[float]
) -> NDArray[np.float64]:
    feature = read_feature(source.table([name])[name], name, np.arange(source.n), source.where)
    null = np.isnan(feature.values)
    out = np.zeros((source.n, len(columns)))
    is_number = name in columns
    if is_number != (feature.kind == "number") and not null.all():
        was = "numbers" if is_number else "categories"
        what = f"the column {name!r} holds other values than the {was} that were trained on"
        raise UsageError(what, source.where, f"give {was}")
    if is_number:
        out[:, 0] = np.where(null, means[0], feature.values)
    places = {column: place for place, column in enumerate(columns)}
    for code, category in enumerate(feature.categories):
        if (place := places.get(f"{name}={category}")) is not None:
            out[feature.values == code, place] = 1
    if (place := places.get(f"{name} is null")) is not None:
        out[null, place] = 1
    return out


def _check_column(source: Source, name: str) -> None:
    if name not in source.readable:
        what = f"the rows have no column {name!r}, which the net reads"
        raise UsageError(what, source.where, nearest(name, source.readable))
