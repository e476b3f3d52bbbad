"""Which columns of bytes are pictures, pixel by pixel, rather than embeddings in eight bits."""

from math import isqrt
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from alsim.pool.decoding import column_width
from alsim.pool.forms import lengths_of
from alsim.pool.roles import is_uint8
from alsim.pool.source import Source

SMALLEST = 8  # pixels to a side
LOOKED_AT = 256  # rows
NEIGHBOURS = 0.5  # largest difference of neighbours, as a share of that of distant pixels


class Picture(NamedTuple):
    """The shape of a picture."""

    side: int  # height and width
    channels: int

    def __str__(self) -> str:
        return f"{self.side}×{self.side}" + (f"×{self.channels}" if self.channels > 1 else "")


def picture_in(source: Source, column: str) -> Picture | None:
    """Return the shape of the pictures that a list column holds, None where it holds none.

    Bytes and a width that is a square are not enough: embeddings in eight bits may have both. But
    neighbouring pixels are alike, and neighbouring numbers of an embedding are not.
    """
    if not is_uint8(source.schema.field(column).type):
        return None
    width = column_width(source, column)
    if not width:
        return None
    values = _first_rows(source, column, width)
    for channels in (1, 3, 4):
        side = isqrt(width // channels)
        if side < SMALLEST or side * side * channels != width:
            continue
        # A pixel's channels are side by side, or one channel follows the other.
        planes = np.moveaxis(values.reshape(-1, channels, side, side), 1, -1)
        if _is_smooth(values.reshape(-1, side, side, channels)) or _is_smooth(planes):
            return Picture(side, channels)
    return None


def _is_smooth(pixels: NDArray[np.int16]) -> bool:
    """Return whether neighbours, to the right and below, differ far less than distant pixels.

    The pixels are `(n, side, side, channels)`.
    """
    half = pixels.shape[1] // 2
    return all(
        0 < _difference(pixels, 1, axis) <= NEIGHBOURS * _difference(pixels, half, axis)
        for axis in (1, 2)
    )


def _difference(pixels: NDArray[np.int16], by: int, axis: int) -> float:
    """Return the mean squared difference of pixels at the distance `by` along an axis."""
    n = pixels.shape[axis]
    ahead, behind = (pixels.take(range(*ends), axis) for ends in ((by, n), (0, n - by)))
    return float(np.square((ahead - behind).astype(np.float64)).mean()) if len(pixels) else 0.0


def _first_rows(source: Source, column: str, width: int) -> NDArray[np.int16]:
    rows = [np.empty((0, width), np.int16)]
    for part in source.parts:
        for batch_ in part.batches(column):
            batch: Any = batch_.drop_null().slice(0, LOOKED_AT)
            flat = batch.flatten()
            # Other lengths and nulls are faults that the check reports.
            if (lengths_of(batch) == width).all() and not flat.null_count:
                rows.append(flat.to_numpy(False).astype(np.int16).reshape(-1, width))
            if sum(map(len, rows)) >= LOOKED_AT:
                break
    return np.concatenate(rows)[:LOOKED_AT]
