"""Learning curves less that of a baseline, in pairs: seed by seed."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from alsim.analysis.curve import Curve, shared_seeds, values_at
from alsim.analysis.curves.comparison import share_span


def paired(curve: Curve, baseline: Curve) -> tuple[Curve, Curve] | None:
    """Return both curves on the seeds and the points that they share, None if there are none.

    The points are all that either has on the span that both have; between the points of one of
    them its seeds are joined by straight lines, and `is_interpolated` says so.
    """
    seeds = shared_seeds(curve, baseline)
    if not seeds or not _overlap(curve, baseline):
        return None
    spanned = share_span([curve, baseline])
    mine, other = (_of_seeds(each, seeds, (curve, baseline)) for each in spanned)
    return mine, other


def difference_curve(curve: Curve, baseline: Curve) -> Curve | None:
    """Return a strategy's curve minus the baseline's, `values` being differences within a seed.

    None where no seed or no point is shared.
    """
    pair = paired(curve, baseline)
    if pair is None:
        return None
    mine, other = pair
    return replace(
        mine,
        values=mine.values - other.values,
        is_cut=mine.is_cut or other.is_cut,
        is_interpolated=mine.is_interpolated or other.is_interpolated,
    )


def _overlap(curve: Curve, baseline: Curve) -> bool:
    both = (curve.x, baseline.x)
    return all(x.size for x in both) and max(x[0] for x in both) <= min(x[-1] for x in both)


def _of_seeds(shared: Curve, seeds: Sequence[int], before: tuple[Curve, Curve]) -> Curve:
    """Return a curve of a shared span with some of its seeds alone."""
    is_between = any(not np.isin(shared.x, each.x).all() for each in before)
    return replace(
        shared,
        seeds=tuple(seeds),
        values=values_at(shared, seeds),
        is_interpolated=shared.is_interpolated or is_between,
    )
