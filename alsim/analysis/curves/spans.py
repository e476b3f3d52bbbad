"""The span of the x axis that several curves share."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from alsim.analysis.curve import Curve
from alsim.errors import UsageError


def share_span(curves: Sequence[Curve]) -> tuple[Curve, ...]:
    """Return curves on the same points: all that any of them has on the span that all share.

    Raises:
        UsageError: If there is no such span.
    """
    if not curves:
        what = "no strategy has a step that all of its seeds have"
        mend = "wait until the runs are further, or compare others"
        raise UsageError(what, "the steps of the runs", mend)
    late = max(curves, key=lambda curve: curve.x[0])
    early = min(curves, key=lambda curve: curve.x[-1])
    start, end = float(late.x[0]), float(early.x[-1])
    if start > end:
        raise UsageError(
            f"the strategies share no range: {late.strategy} begins at {start:,.6g}, after the "
            f"end of {early.strategy} at {end:,.6g}",
            "the steps of the runs",
            "compare runs that overlap; a step counts where all seeds of a strategy have it",
        )
    grid = np.unique(np.clip(np.concatenate([curve.x for curve in curves]), start, end))
    return tuple(
        replace(
            curve,
            x=grid,
            values=np.array([np.interp(grid, curve.x, row) for row in curve.values]),
            is_cut=curve.is_cut or bool(curve.x[0] < start or curve.x[-1] > end),
        )
        for curve in curves
    )
