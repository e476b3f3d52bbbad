"""Modalities masked at random, to measure the cost of their absence."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from alsim.seeding import stream


def mask_rows(
    present: NDArray[np.bool_],
    columns: Sequence[str],
    masks: Mapping[str, float],
    by_id: NDArray[np.int64],
) -> NDArray[np.bool_]:
    """Return `(n, columns)` bool, the present rows to mask.

    Of the rows where a modality is present, the share `masks[name]` is drawn, in all splits and
    the same for every seed: a larger share masks the same rows and more.

    Args:
        present: `(n, columns)` bool.
        columns: The modalities' names.
        masks: A share in [0, 1) for some of them.
        by_id: `(n,)` rows in the order of their ids, in which they are drawn whatever the splits.
    """
    masked = np.zeros_like(present)
    for index, name in enumerate(columns):
        share = masks.get(name, 0.0)
        if not share:
            continue
        draws = torch.rand(len(by_id), generator=stream(0, "pool", "mask", name)).numpy()
        rows = by_id[np.argsort(draws, kind="stable")]
        rows = rows[present[rows, index]]
        masked[rows[: round(share * len(rows))], index] = True
    return masked
