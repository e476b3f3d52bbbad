"""Labels saved at the end: how many fewer one strategy needs for another's last accuracy."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from alsim.analysis.statistics.intervals import (
    CONFIDENCE,
    NOT_NEGATIVE,
    ROUNDING,
    Estimate,
    Floats,
    estimate,
    t_half_width,
)
from alsim.analysis.statistics.judging import VerdictOutcome
from alsim.analysis.statistics.smoothing import smoothed

if TYPE_CHECKING:
    import torch

RESAMPLES = 2000


@dataclass(frozen=True, slots=True)
class Saving:
    """What one strategy saved against another, in units of the x axis; negative is a loss.

    An end that is censored lies beyond what was measured, and so would the true end.
    """

    amount: float | None  # None where the mean curves do not meet in what was measured
    low: float | None  # None, as `high`, with one seed or where all seeds differ alike
    high: float | None
    is_censored_low: bool  # the interval goes on below `low`
    is_censored_high: bool  # the interval goes on above `high`
    n: int  # seeds

    def in_words(self, outcome: VerdictOutcome | None) -> str:
        """Return the amount with its interval; ≤ and ≥ stand where an end was not measured.

        > and < stand where the verdict cuts it.
        """
        amount = "–" if self.amount is None else f"{self.amount:+,.0f}"
        if self.low is None or self.high is None:
            return amount
        low = "≤ " * self.is_censored_low + ">" * (outcome == "better" and self.low == 0)
        high = "≥ " * self.is_censored_high + "<" * (outcome == "worse" and self.high == 0)
        return f"{amount} [{low}{self.low:,.0f}, {high}{self.high:,.0f}]"

    def scaled(self, factor: float) -> "Saving":
        """Return the same in another unit, such as money at `factor` a label."""
        ends = {"amount": self.amount, "low": self.low, "high": self.high}
        return replace(self, **{k: v * factor for k, v in ends.items() if v is not None})

    def negated(self) -> "Saving":
        """Return what the other strategy saved against the first."""
        amount, low, high = (
            None if each is None else -each for each in (self.amount, self.high, self.low)
        )
        is_open = self.is_censored_high, self.is_censored_low
        return Saving(amount, low, high, *is_open, n=self.n)


@dataclass(frozen=True, slots=True)
class Reach:
    """How many labels a strategy needed for a target accuracy."""

    target: float
    labels: Estimate | None  # over the seeds that reached it; None where none did
    n_missed: int  # seeds that never reached it, so that the mean is too low
    n_at_start: int  # seeds that were there before the first query, so that the mean is too high
    at_least: float  # mean over all seeds, as if those that missed it had reached it at the end


def saved(x: Floats, mine: Floats, other: Floats, confidence: float = CONFIDENCE) -> Saving:
    """Return how many labels `mine` saves at the end, by inverting the paired t-test.

    A saving of δ says that d(δ) has mean zero over the seeds, where, with the end N of the labels,

        d(δ) = mine(N − δ) − other(N)    for δ ≥ 0,
        d(δ) = mine(N) − other(N − |δ|)  for δ < 0.

    The curves are straight lines between their points; `saved_at_end` smooths them before. The
    interval begins at the first δ for which d is not significantly above zero, and ends at the
    last for which it is not significantly below: the hull of all δ that the test does not reject.
    Curves that fluctuate can reject δ within it. From one bend to the next d is linear in δ and
    its variance quadratic, so the ends are exact.

    The amount is where the mean of d falls through zero. Where it does so several times, it is the
    δ with as much of d > 0 above it as of d < 0 below: the first crossing would flatter, since
    curves fluctuate. Swapping the strategies negates all, so equal ones are centred on zero. `x` is
    `(p,)`, strictly ascending, p ≥ 1; `mine` and `other` are `(s, p)`, the same seeds.
    """
    delta, gaps = _gaps(x, mine, other)
    n = len(mine)
    amount = _amount(delta, gaps.mean(axis=0))
    half_width = t_half_width(gaps, confidence)
    if half_width is None or np.ptp(gaps, axis=0).max() <= ROUNDING:
        return Saving(amount, None, None, False, False, n)
    mean = gaps.mean(axis=0)
    zeros, ends, heights = _roots(delta, gaps, float(special.stdtrit(n - 1, (1 + confidence) / 2)))
    span = float(delta[-1])
    not_above = np.concatenate([delta[mean <= half_width], zeros, ends[heights >= 0]])
    not_below = np.concatenate([delta[mean >= -half_width], zeros, ends[heights <= 0]])
    return Saving(
        amount,
        low=float(not_above.min(initial=span)),
        high=float(not_below.max(initial=-span)),
        is_censored_low=bool(mean[0] <= half_width[0]),
        is_censored_high=bool(mean[-1] >= -half_width[-1]),
        n=n,
    )


def saved_by_bootstrap(
    x: Floats, mine: Floats, other: Floats, *, generator: "torch.Generator"
) -> Saving:
    """Return what `saved` does, with the interval of a percentile bootstrap over the seeds.

    Too narrow: over five seeds, 95 % intervals cover .83 to .85 (`benchmarks/coverage.py`; down to
    .76 in other trials), since five values resampled vary less than five new ones. It is here
    because it is widely used. The arguments are those of `saved`; the generator draws the seeds.
    """
    delta, gaps = _gaps(x, mine, other)
    n = len(mine)
    amount = _amount(delta, gaps.mean(axis=0))
    if n < 2 or np.ptp(gaps, axis=0).max() <= ROUNDING:
        return Saving(amount, None, None, False, False, n)
    import torch  # seconds to import, which nothing else here needs

    rows = torch.randint(n, (RESAMPLES, n), generator=generator).numpy()
    found = balance(delta, gaps[rows].mean(axis=1))
    low, high = np.quantile(found, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    beyond = float(delta[-1]) * (1 - 1e-9)  # a resample whose means never meet gives the span
    return Saving(amount, float(low), float(high), bool(low <= -beyond), bool(high >= beyond), n)


def saved_at_end(
    x: Floats, mine: Floats, other: Floats, generator: "torch.Generator | None" = None
) -> Saving:
    """Return what `saved` does, of curves that are smoothed first: one last point alone fluctuates.

    See `smoothing.smoothed` for how, and `benchmarks/coverage.py` for how often the interval
    covers. With a generator the interval is that of `saved_by_bootstrap`.
    """
    both = smoothed(x, mine), smoothed(x, other)
    return (
        saved(x, *both) if generator is None else saved_by_bootstrap(x, *both, generator=generator)
    )


def reach(x: Floats, values: Floats, target: float) -> Reach:
    """Return where each seed's curve first reaches a target, averaged over those that do.

    Straight lines between the points. A first crossing flatters curves that fluctuate. `x` is
    `(p,)`, strictly ascending, p ≥ 1; the values are `(s, p)`, one row a seed.
    """
    needed: list[float] = []
    for row in values[(values >= target).any(axis=1)]:
        i = int((row >= target).argmax())
        ends = [max(i - 1, 0), i]
        needed.append(float(np.interp(target, row[ends], x[ends])))
    labels = estimate(np.array(needed), within=NOT_NEGATIVE) if needed else None
    n_missed = len(values) - len(needed)
    at_least = float(np.mean(needed + [float(x[-1])] * n_missed))
    n_at_start = int((values[:, 0] >= target).sum())
    return Reach(target, labels, n_missed, n_at_start, at_least)


def _gaps(x: Floats, mine: Floats, other: Floats) -> tuple[Floats, Floats]:
    """Return the δ at which d bends, ascending `(2p − 1,)`, and d there, `(s, 2p − 1)`."""
    left = x[-1] - x
    delta = np.concatenate([-left, left[-2::-1]])
    losing = mine[:, -1:] - other
    winning = mine[:, -2::-1] - other[:, -1:]
    return delta, np.concatenate([losing, winning], axis=1)


def balance(delta: Floats, mean: Floats) -> Floats:
    """Return half the integral of the sign of d over δ, `(…)`: its zero, if it falls but once."""
    a, b = mean[..., :-1], mean[..., 1:]
    total = np.abs(a) + np.abs(b)
    # The mean sign of a straight line from a to b.
    sign = np.divide(a + b, total, out=np.zeros_like(total), where=total > 0)
    return (sign * np.diff(delta)).sum(axis=-1) / 2


def _amount(delta: Floats, mean: Floats) -> float | None:
    return float(balance(delta, mean)) if mean[0] > 0 > mean[-1] else None


def _roots(delta: Floats, gaps: Floats, quantile: float) -> tuple[Floats, Floats, Floats]:
    """Return the δ at which the mean of d is zero, those at which |t| = quantile, and d there."""
    n = len(gaps)
    mean = gaps.mean(axis=0)
    start, slope = mean[:-1], np.diff(mean)
    scatter = gaps[:, :-1] - start
    change = np.diff(gaps, axis=1) - slope
    factor = quantile**2 / (n * (n - 1))
    # mean² − t² · variance / n = a u² + 2 b u + c, for u in [0, 1] from one bend to the next.
    a = slope**2 - factor * (change**2).sum(axis=0)
    b = start * slope - factor * (scatter * change).sum(axis=0)
    c = start**2 - factor * (scatter**2).sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        w = -(b + np.copysign(np.sqrt(b**2 - a * c), b))
        zero, roots = -start / slope, np.stack([w / a, c / w])
    widths = np.diff(delta)
    inside, at_zero = (roots >= 0) & (roots <= 1), (zero >= 0) & (zero <= 1)
    return (
        (delta[:-1] + np.where(at_zero, zero, 0) * widths)[at_zero],
        (delta[:-1] + np.where(inside, roots, 0) * widths)[inside],
        (start + np.where(inside, roots, 0) * slope)[inside],
    )
