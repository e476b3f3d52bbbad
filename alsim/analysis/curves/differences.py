"""Learning curves less that of a baseline, in pairs: seed by seed."""

from dataclasses import replace

import numpy as np

from alsim.analysis.curve import Curve, shared_seeds, values_at
from alsim.analysis.curves.spans import share_span


def paired(curve: Curve, baseline: Curve) -> tuple[Curve, Curve] | None:
    """Return both curves on the seeds and the points that they share, None if there are none.

    The points are all that either has on the span that both have; between the points of one of
    them its seeds are joined by straight lines, and `is_interpolated` says so.
    """
    both, seeds = (curve, baseline), shared_seeds(curve, baseline)
    has_points = curve.x.size and baseline.x.size
    if not seeds or not has_points or max(c.x[0] for c in both) > min(c.x[-1] for c in both):
        return None
    spanned = share_span(both)
    is_between = any(not np.isin(spanned[0].x, each.x).all() for each in both)
    mine, other = (
        replace(
            each,
            seeds=seeds,
            values=values_at(each, seeds),
            is_interpolated=each.is_interpolated or is_between,
        )
        for each in spanned
    )
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
