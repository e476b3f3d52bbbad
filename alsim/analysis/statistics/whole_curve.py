"""Bands that hold a whole mean curve at once, not each of its points alone.

On noise like that of real curves, a pointwise 95 % band of five seeds leaves some point of the
truth outside in 18 to 89 % of studies (`benchmarks/bands.py`). This one is wider by what makes 95 %
of whole curves fit: the 95 % point of max |t| over the points, in studies simulated with the
correlation along the curve that the seeds' residuals have.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from alsim.analysis.statistics.intervals import ANYTHING, CONFIDENCE, ROUNDING, Bounds, Floats
from alsim.analysis.statistics.smoothing import smoother

if TYPE_CHECKING:  # torch takes seconds to import
    import torch

    from alsim.analysis.statistics.bands import Edges

FEWEST_SEEDS = 5  # with three it would be five to seven times as wide as a pointwise band
N_STUDIES = 2_000
SMOOTH_ENOUGH = 0.8  # share of curves that are smoothed, of those that smoothing does not bias
_CHUNK = 1 << 21  # simulated numbers at once


@dataclass(frozen=True, slots=True)
class _Points:
    """Points of max |t| in simulated studies: of curves as they are, smoothed, and of the bias."""

    plain: float
    smooth: float
    bias: float


def whole_curve_bands(
    x: Floats,
    curves: Sequence[Floats],
    confidence: float = CONFIDENCE,
    *,
    generator: "torch.Generator",
    within: Bounds = ANYTHING,
) -> "list[Edges]":
    """Return for each curve a band that holds all of its expected curve with this confidence.

    Residuals over seeds, pooled over the curves, give the correlation by lag; the Toeplitz matrix
    of it, made positive, gives simulated studies of as many seeds. What is done to the curves is
    done to these: each seed is smoothed (`smoothing`), and the t of the mean over seeds, with s − 1
    degrees of freedom, is taken at each point.

    The band is about the smoothed mean: it is a third narrower than one about the plain mean, which
    lies within it in practice. A curve that bends more sharply than parabolas follow would be
    missed, so its own mean less the smoothed one, smoothed again, is tested likewise; where that
    exceeds what `SMOOTH_ENOUGH` of the simulated studies have, the band is about the plain mean and
    has the width for it. Where all seeds agree, as two strategies at their common start, it has no
    width.

    Args:
        x: `(p,)`, ascending.
        curves: Each `(s, p)`, one row a seed, finite; curves may have other numbers of seeds.
        confidence: The share of whole curves that are within the band.
        generator: Draws the simulated studies.
        within: The values that can occur.

    Raises:
        ValueError: If a curve has fewer than `FEWEST_SEEDS` seeds.
    """
    if any(len(values) < FEWEST_SEEDS for values in curves):
        raise ValueError(f"a band over a whole curve takes {FEWEST_SEEDS} seeds")
    from alsim.seeding import draw_seed

    smooth = smoother(x)
    bias = smooth @ (np.eye(len(x)) - smooth)
    root = _root(_correlation_by_lag(curves))
    seed = draw_seed(generator=generator)
    points = {
        s: _points(root, smooth, bias, s, confidence, np.random.default_rng((seed, s)))
        for s in {len(values) for values in curves}
    }
    edges: list[Edges] = []
    for values in curves:
        at = points[len(values)]
        factor = at.plain
        if np.abs(_t(values @ bias.T)).max() <= at.bias:
            values, factor = values @ smooth.T, at.smooth
        mean, half_width = values.mean(axis=0), factor * _error(values)
        edges.append(
            (np.maximum(mean - half_width, within[0]), np.minimum(mean + half_width, within[1]))
        )
    return edges


def _correlation_by_lag(curves: Sequence[Floats]) -> Floats:
    """Return the mean correlation over seeds of points 0, 1, … p − 1 steps apart, `(p,)`.

    Each residual counts in units of its point's deviation; points without any count nowhere.
    """
    scaled: list[Floats] = []
    for values in curves:
        deviation = values.std(axis=0, ddof=1)
        some = deviation > ROUNDING
        centred = (values - values.mean(axis=0)) / np.where(some, deviation, 1.0)
        scaled.append(np.where(some, centred, 0.0))
    p = scaled[0].shape[1]
    found = np.zeros(p)
    for lag in range(p):
        products = [z[:, : p - lag] * z[:, lag:] for z in scaled]
        n = sum(
            (len(z) - 1) * int((z[:, : p - lag].any(0) & z[:, lag:].any(0)).sum()) for z in scaled
        )
        found[lag] = sum(float(each.sum()) for each in products) / n if n else 0.0
    return found


def _root(by_lag: Floats) -> Floats:
    """Return R, `(p, p)`, such that R·Rᵀ is the Toeplitz matrix without negative eigenvalues.

    Its diagonal is brought back to 1.
    """
    places = np.arange(len(by_lag))
    values, vectors = np.linalg.eigh(by_lag[np.abs(places[:, None] - places)])
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    lengths = np.sqrt((root**2).sum(axis=1, keepdims=True))
    return np.divide(root, lengths, out=np.eye(len(by_lag)), where=lengths > ROUNDING)


def _points(
    root: Floats,
    smooth: Floats,
    bias: Floats,
    s: int,
    confidence: float,
    rng: np.random.Generator,
) -> _Points:
    """Return the points of max |t| in studies of `s` seeds without any effect."""
    p = len(root)
    found: list[Floats] = []
    per_chunk = max(1, _CHUNK // (s * p))
    for first in range(0, N_STUDIES, per_chunk):
        n = min(per_chunk, N_STUDIES - first)
        drawn = rng.standard_normal((n, s, p)) @ root.T
        each = (drawn, drawn @ smooth.T, drawn @ bias.T)
        found.append(np.array([np.abs(_t(studies)).max(axis=-1) for studies in each]))
    plain, smoothed, biased = np.concatenate(found, axis=1)
    return _Points(
        float(np.quantile(plain, confidence)),
        float(np.quantile(smoothed, confidence)),
        float(np.quantile(biased, SMOOTH_ENOUGH)),
    )


def _error(values: Floats) -> Floats:
    """Return the standard error of the mean over seeds, `(…, p)`, of `(…, s, p)`."""
    return cast("Floats", values.std(axis=-2, ddof=1) / np.sqrt(values.shape[-2]))


def _t(values: Floats) -> Floats:
    """Return the t of the mean over seeds, `(…, p)`; without deviation 0, or ∞ beside 0."""
    mean, error = values.mean(axis=-2), _error(values)
    certain = np.where(np.abs(mean) > ROUNDING, np.inf, 0.0)
    return np.divide(mean, error, out=certain, where=error > ROUNDING)
