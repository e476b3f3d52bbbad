"""Curves smoothed by a local quadratic whose span grows from the start of the curve.

At the place u of a curve, 0 at its start and 1 at its end, a parabola is fitted by least squares
to the points less than h(u) = min(½, .6 u) away, weighted by the tricube (1 − (d / h)³)³ (Cleveland
1979), and its height at u is taken. The span is short near the start, where curves bend and where
strategies share their labels: a fixed span of one half biases what is read there, so that an
interval of a saving near the whole range covers it in .01 to .68 of studies.
"""

from functools import lru_cache

import numpy as np

from alsim.analysis.statistics.intervals import Floats

WIDEST, SHARE = 0.5, 0.6  # h(u) = min(WIDEST, SHARE · u)
FEWEST = 4  # points: a parabola through three would smooth nothing
_OPEN = 1 - 1e-9  # a point that lies at h but for rounding has no weight


def smoothed(x: Floats, values: Floats) -> Floats:
    """Return curves smoothed along their points, each alone; linear in the values.

    A parabola is returned as it is. The values are `(s, p)`, one row a curve, at `x`, `(p,)`,
    ascending. Points whose window holds fewer than four are returned as they are.
    """
    return values @ smoother(x).T


def smoother(x: Floats) -> Floats:
    """Return the matrix that smooths a curve with points at `x`, `(p, p)`, read-only.

    Its row i holds the weights of all points in the smoothed height at `x[i]`; they sum to 1.
    """
    return _smoother(tuple(np.asarray(x, dtype=np.float64).tolist()))


@lru_cache(maxsize=32)
def _smoother(x: tuple[float, ...]) -> Floats:
    u = np.array(x)
    u = (u - u[0]) / (u[-1] - u[0]) if len(u) > 1 else np.zeros(len(u))
    matrix = np.eye(len(u))
    for i, place in enumerate(u):
        span = min(WIDEST, SHARE * place)
        near = np.flatnonzero(np.abs(u - place) < span * _OPEN)
        if len(near) < FEWEST:
            continue
        t = (u[near] - place) / span
        root = (1 - np.abs(t) ** 3) ** 1.5  # of the weights
        # The fit's constant term is the height at t = 0.
        fit = np.linalg.pinv(root[:, None] * np.vander(t, 3, increasing=True))
        matrix[i] = 0.0
        matrix[i, near] = fit[0] * root
    matrix.flags.writeable = False
    return matrix
