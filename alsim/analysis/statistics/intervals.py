"""Means with t-intervals, what a few seeds imply for many; and shares measured on a few rows."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Self, cast

import numpy as np
from numpy.typing import NDArray
from scipy import special

from alsim.measures import MEASURES

CONFIDENCE = 0.95
ALPHA = 0.05  # of every verdict: how often one may be false
ROUNDING = 1e-12  # accuracies that differ by no more are equal: one object of all weighs far more

Floats = NDArray[np.float64]
Bounds = tuple[float, float]  # the least and the greatest value that can occur
ANYTHING: Bounds = (-math.inf, math.inf)
NOT_NEGATIVE: Bounds = (0.0, math.inf)  # of losses, costs and counts
UNIT: Bounds = (0.0, 1.0)  # of shares

_WIDE = 0.1


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over seeds with its t-interval, mean ± half_width, and the part that can occur."""

    mean: float
    half_width: float | None  # None with one seed, which says nothing of others
    n: int  # seeds
    low: float | None = None  # mean − half_width, but no less than can occur; None likewise
    high: float | None = None

    @property
    def is_cut(self) -> bool:
        """Whether mean ± half_width goes beyond what can occur."""
        if self.half_width is None or self.low is None or self.high is None:
            return False
        return self.low > self.mean - self.half_width or self.high < self.mean + self.half_width

    def negated(self) -> Self:
        """Return the same of the values times −1."""
        low = None if self.high is None else -self.high
        high = None if self.low is None else -self.low
        return replace(self, mean=-self.mean, low=low, high=high)


def bounds_of(metric: str) -> Bounds:
    """Return the bounds of a recorded metric; other numbers, such as σ, cannot be negative."""
    known = MEASURES.get(metric)
    return NOT_NEGATIVE if known is None else (known.least, known.most)


def difference_bounds(bounds: Bounds) -> Bounds:
    """Return the bounds of the difference of two values."""
    return bounds[0] - bounds[1], bounds[1] - bounds[0]


def estimate(
    values: Floats, confidence: float = CONFIDENCE, *, within: Bounds = ANYTHING
) -> Estimate:
    """Return the mean of one value a seed, `(s,)`, with its t-interval.

    The ends of the interval lie `within` the values that can occur.
    """
    half_width = t_half_width(values, confidence)
    mean = float(values.mean())
    if half_width is None:
        return Estimate(mean, None, len(values))
    half = float(half_width)
    low, high = max(mean - half, within[0]), min(mean + half, within[1])
    return Estimate(mean, half, len(values), low, high)


def interval_text(
    value: Estimate,
    number: str | Callable[[float], str],
    of_mean: str | Callable[[float], str] | None = None,
) -> str:
    """Return "mean ± half width", or "mean [low, high]" where ± would go beyond what can occur.

    `number` is the format of the half width and of the ends, and of the mean unless it has its own.
    """
    mean = _formatted(value.mean, of_mean or number)
    if value.half_width is None:
        return mean
    if not value.is_cut:
        return f"{mean} ± {_formatted(value.half_width, number)}"
    ends = value.low or 0.0, value.high or 0.0
    # An end takes more room than a half width, and so wide an interval needs no more digits.
    is_wide = ends[1] - ends[0] >= _WIDE
    low, high = (_end(round(end, 2) if is_wide else end, number) for end in ends)
    return f"{mean} [{low}, {high}]"


def _end(value: float, number: str | Callable[[float], str]) -> str:
    if value.is_integer():
        return f"{value:,.0f}".replace("-", "−")
    text = _formatted(value, number)
    return text.rstrip("0") if "." in text else text


def _formatted(value: float, number: str | Callable[[float], str]) -> str:
    return f"{value:{number}}" if isinstance(number, str) else number(value)


def t_half_width(values: Floats, confidence: float = CONFIDENCE) -> Floats | None:
    """Return the half width of the t-interval of the mean over seeds, for each point alone.

    t₍s−1₎((1 + confidence) / 2) · sd / √s, with the sample's standard deviation over the seeds. The
    values are `(s, …)`, one row a seed.

    Returns:
        `(…)`, non-negative, or None with one seed.
    """
    s = values.shape[0]
    if s < 2:
        return None
    # The same as scipy.stats.t.ppf, whose module takes two seconds to import.
    quantile = float(special.stdtrit(s - 1, (1 + confidence) / 2))
    deviation = cast("Floats", values.std(axis=0, ddof=1))
    return quantile * deviation / math.sqrt(s)


def sampling_interval(p: float, n: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Return Wilson's interval of a share `p` measured on `n` rows, within [0, 1].

    It is what other rows could have given, by chance alone. Unlike p ± 1.96·√(p(1 − p)/n), it has
    a width at 0 and 1; the exact interval is wider than necessary (Brown, Cai & DasGupta 2001).

    Raises:
        ValueError: If `p` is outside [0, 1] or `n` is not positive.
    """
    if not 0 <= p <= 1 or n < 1:
        raise ValueError(f"no share of rows: p = {p}, n = {n}")
    z = float(special.ndtri((1 + confidence) / 2))
    centre = p + z**2 / (2 * n)
    half = z * math.sqrt(p * (1 - p) / n + (z / (2 * n)) ** 2)
    scale = 1 + z**2 / n
    # Rounding must not leave a share of 0 or 1 outside its own interval.
    return max(min((centre - half) / scale, p), 0.0), min(max((centre + half) / scale, p), 1.0)


def widest_sampling_interval(shares: Sequence[float], n: int) -> tuple[float, tuple[float, float]]:
    """Return the share whose interval on `n` rows is the widest, and that interval.

    Rounding may have put the shares just outside of [0, 1].
    """
    p = min((min(max(share, 0.0), 1.0) for share in shares), key=lambda share: abs(share - 0.5))
    return p, sampling_interval(p, n)
