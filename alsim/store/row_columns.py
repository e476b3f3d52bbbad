"""Columns that hold something of each evaluated row, between packed bytes and Arrow's lists.

A run can have half a thousand million bits of rows: they are never an object each.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from alsim.experiments.curves.records import RowBits, RowNumbers

if TYPE_CHECKING:  # imported late, as in `tables`
    import pyarrow as pa


def n_rows_of(value: RowBits | RowNumbers) -> int:
    """Return how many rows a value is of."""
    return value.n if isinstance(value, RowBits) else len(value.values) // 4


def row_column(values: Sequence[RowBits] | Sequence[RowNumbers]) -> pa.Array[Any]:
    """Return a list a value: of booleans or of float32, null where unknown."""
    import pyarrow as pa

    offsets = np.cumsum([0, *map(n_rows_of, values)])
    n = int(offsets[-1])
    bits = [value for value in values if isinstance(value, RowBits)]
    numbers = [value for value in values if isinstance(value, RowNumbers)]
    if numbers:
        flat = np.frombuffer(b"".join(value.values for value in numbers), "<f4")
        known = ~np.isnan(flat)
        data = pa.py_buffer(np.where(known, flat, np.float32(0)).tobytes())
        inner = pa.Array.from_buffers(pa.float32(), n, [_validity(known), data])
    else:
        known = np.concatenate([_unpacked(value, value.known) for value in bits])
        ones = np.concatenate([_unpacked(value, value.ones) for value in bits])
        inner = pa.Array.from_buffers(pa.bool_(), n, [_validity(known), _packed(ones)])
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), inner)


def _unpacked(value: RowBits, bits: bytes | None) -> NDArray[np.uint8]:
    """Return some of a value's bits, `(n,)` of 0 and 1; all 1 for None."""
    if bits is None:
        return np.ones(value.n, np.uint8)
    return np.unpackbits(np.frombuffer(bits, np.uint8), count=value.n, bitorder="little")


def _validity(known: NDArray[Any]) -> pa.Buffer | None:
    return None if known.all() else _packed(known)


def _packed(bits: NDArray[Any]) -> pa.Buffer:
    """Return bits as Arrow packs them, the least significant first."""
    import pyarrow as pa

    return pa.py_buffer(np.packbits(bits, bitorder="little").tobytes())
