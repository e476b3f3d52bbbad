"""Modalities masked at random, to see what their absence costs."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch
from numpy.typing import NDArray

from alsim.seeding import stream


def mask_rows(
    present: NDArray[np.bool_],
    columns: Sequence[str],
    masks: Mapping[str, float],
    ids: "pa.Array[Any]",
) -> NDArray[np.bool_]:
    """Return `(n, columns)`, which present rows are to be masked.

    Of the rows where a modality is present, the share `masks[name]` is drawn, in all splits and
    the same for every seed: a larger share masks the same rows and more.

    Args:
        present: `(n, columns)` bool.
        columns: The modalities' names.
        masks: A share in [0, 1) for some of them.
        ids: `(n,)`; rows are drawn in the order of their ids, so splits change nothing.
    """
    masked = np.zeros_like(present)
    by_id = pc.sort_indices(ids).to_numpy()
    for index, name in enumerate(columns):
        share = masks.get(name, 0.0)
        if not share:
            continue
        draws = torch.rand(len(ids), generator=stream(0, "pool", "mask", name)).numpy()
        rows = by_id[np.argsort(draws, kind="stable")]
        rows = rows[present[rows, index]]
        masked[rows[: round(share * len(rows))], index] = True
    return masked
