"""Means with t-intervals: what a few seeds say of many."""

import math
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray
from scipy import special

CONFIDENCE = 0.95
ROUNDING = 1e-12  # accuracies that differ by no more are equal: one object of all weighs far more


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over seeds, and the half width of its t-interval: mean ± half_width."""

    mean: float
    half_width: float | None  # None with one seed, which says nothing of others
    n: int  # seeds


def estimate(values: NDArray[np.float64], confidence: float = CONFIDENCE) -> Estimate:
    """Return the mean of one value a seed, `(s,)`, with its t-interval."""
    half_width = t_half_width(values, confidence)
    mean = float(values.mean())
    return Estimate(mean, None if half_width is None else float(half_width), len(values))


def t_half_width(
    values: NDArray[np.float64], confidence: float = CONFIDENCE
) -> NDArray[np.float64] | None:
    """Return the half width of the t-interval of the mean over seeds, for each point alone.

    t₍s−1₎((1 + confidence) / 2) · sd / √s, with the sample's standard deviation over the seeds.

    Args:
        values: `(s, …)`, one row a seed.
        confidence: In (0, 1).

    Returns:
        `(…)`, non-negative, or None with one seed.
    """
    s = values.shape[0]
    if s < 2:
        return None
    # The same as scipy.stats.t.ppf, whose module takes two seconds to import.
    quantile = float(special.stdtrit(s - 1, (1 + confidence) / 2))
    deviation = cast("NDArray[np.float64]", values.std(axis=0, ddof=1))
    return quantile * deviation / math.sqrt(s)


def binomial_error(p: float, n: int) -> float:
    """Return the standard error √(p(1 − p)/n) of a share `p` measured on `n` rows.

    It is what another evaluation split of the same size would change, by chance alone.

    Raises:
        ValueError: If `p` is outside [0, 1] or `n` is not positive.
    """
    if not 0 <= p <= 1 or n < 1:
        raise ValueError(f"no share of rows: p = {p}, n = {n}")
    return math.sqrt(p * (1 - p) / n)
