"""What all importers share: arrays to columns, and columns with roles to a pool."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from alsim.errors import PoolError, UsageError, nearest
from alsim.pool.roles import Roles, write_roles

NOTES_KEY = b"alsim.import"


def embedding_column(values: NDArray[Any], name: str, where: str) -> "pa.Array[Any]":
    """Return `(n, …)` numbers as fixed-size lists: uint8 stays, all else becomes float32.

    Infinite numbers and NaN are left to the check that every import ends with.
    """
    if values.dtype.kind not in "fiub":
        what = f"{name!r} holds {values.dtype}, not numbers"
        raise PoolError(what, where, "give numeric arrays")
    flat = values.reshape(len(values), -1)
    if not flat.size:
        raise PoolError(f"{name!r} is empty", where, "give arrays with rows and columns")
    if flat.dtype != np.uint8:
        with np.errstate(over="ignore"):
            flat = flat.astype(np.float32)
    return pa.FixedSizeListArray.from_arrays(
        pa.array(np.ascontiguousarray(flat).reshape(-1)), flat.shape[1]
    )


def label_column(values: NDArray[Any], name: str, where: str) -> "pa.Array[Any]":
    """Return `(n,)` labels as a column."""
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1:
        what = f"the labels {name!r} have the shape {values.shape}"
        raise PoolError(what, where, "give one label a row")
    if values.dtype.kind == "S":
        values = np.char.decode(values, "utf-8")
    if values.dtype.kind not in "iufbU":
        what = f"the labels {name!r} hold {values.dtype}"
        raise PoolError(what, where, "give numbers or strings")
    return pa.array(values)


def known_columns(wanted: Iterable[str], known: Iterable[str], flag: str, where: str) -> None:
    """Raise a UsageError for the first of `wanted` that is not `known`."""
    names = list(known)
    for name in wanted:
        if name not in names:
            raise UsageError(f"no column {name!r} for {flag}", where, nearest(name, names))


def build_pool(
    columns: Mapping[str, Any], roles: Roles, where: str, notes: Sequence[str] = ()
) -> pa.Table:
    """Return the table of `columns`, with `roles` and the importer's notes in its metadata.

    Raises:
        PoolError: If the columns differ in length.
    """
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"{name} has {n}" for name, n in lengths.items())
        raise PoolError(f"the numbers of rows differ: {listed}", where, "give a row for each")
    return write_notes(write_roles(pa.table(dict(columns)), roles), notes)


def write_notes(table: pa.Table, notes: Sequence[str]) -> pa.Table:
    """Return `table` with its importer's notes in the metadata, for `read_notes`."""
    metadata = dict(table.schema.metadata or {})
    return table.replace_schema_metadata({**metadata, NOTES_KEY: json.dumps(notes).encode()})


def read_notes(table: pa.Table) -> list[str]:
    """Return the notes of the importer of `table`."""
    return json.loads((table.schema.metadata or {}).get(NOTES_KEY, b"[]"))
