"""The average lead: how many labels earlier one strategy is where another comes to, on average."""

from dataclasses import replace
from typing import cast

import numpy as np

from alsim.analysis.curves.savings import Saving, balance
from alsim.analysis.curves.verdicts import Verdict
from alsim.analysis.statistics.intervals import ALPHA, ROUNDING, Floats, t_half_width
from alsim.analysis.statistics.judging import cut_by

_FINEST = 400  # parts into which the range of leads is divided at least, besides its bends


def average_lead(
    x: Floats, mine: Floats, other: Floats, level: float = ALPHA, *, widened: float = 1.0
) -> Saving:
    """Return how many labels `mine` is ahead on average, by inverting the paired t-test.

    A lead of δ says that d(δ) has mean zero over the seeds, where, with the labels n from the start
    N₀ to the end N,

        d(δ) = mean over n of [mine(n − δ) − other(n)], N₀ + δ ≤ n ≤ N,      for δ ≥ 0,
        d(δ) = mean over n of [mine(n) − other(n − |δ|)], N₀ + |δ| ≤ n ≤ N,  for δ < 0.

    d(0) is the difference of the areas under the curves, so the interval contains 0 if and only if
    its test does not reject at this level. The interval is the hull of all δ that are not rejected;
    the amount is where the mean of d falls through zero, see `savings.saved` for several places.
    The curves are straight lines between their points, so their integrals are exact; between the
    δ looked at, at least 400 and all at which d bends, the ends are on straight lines.

    Args:
        x: `(p,)` labels, strictly ascending, p ≥ 1.
        mine: `(s, p)`, one row a seed.
        other: `(s, p)`, the same seeds.
        level: Of the test.
        widened: By how much all half widths are multiplied, for errors beyond those of the seeds.
    """
    delta = _shifts(x)
    gaps = _gaps(x, mine, other, delta)
    n, mean = len(mine), cast("Floats", gaps.mean(axis=0))
    amount = float(balance(delta, mean)) if mean[0] > 0 > mean[-1] else None
    half_width = t_half_width(gaps, 1 - level)
    if half_width is None or np.ptp(gaps, axis=0).max() <= ROUNDING:
        return Saving(amount, None, None, False, False, n)
    # Where nothing is rejected, however far: ∞ · 0 is no number.
    half_width = np.full_like(half_width, np.inf) if np.isinf(widened) else widened * half_width
    below, above = mean <= half_width, mean >= -half_width
    low = _first(delta, mean - half_width, below)
    high = -_first(-delta[::-1], -(mean + half_width)[::-1], above[::-1])
    return Saving(amount, low, high, bool(below[0]), bool(above[-1]), n)


def lead_by_verdict(x: Floats, mine: Floats, other: Floats, verdict: Verdict) -> Saving:
    """Return the average lead with the interval that agrees with a verdict on the same curves.

    It is at the level of the verdict's joint interval, as much wider than over the seeds alone as
    that is at δ = 0, and cut at 0 likewise; without a joint interval it has none. The arguments are
    those of `average_lead`.
    """
    joint, seeds_alone = verdict.joint, _seeds_alone(x, mine, other, verdict.joint_level)
    widened = 1.0
    if joint is not None and seeds_alone:
        widened = np.inf if joint.half_width is None else joint.half_width / seeds_alone
    found = average_lead(x, mine, other, verdict.joint_level, widened=widened)
    if found.low is None or found.high is None:
        return found
    if joint is None or joint.low is None:
        return Saving(found.amount, None, None, False, False, found.n)
    low, high = cut_by(verdict.outcome, found.low, found.high)
    return replace(
        found,
        low=low,
        high=high,
        is_censored_low=found.is_censored_low and low < 0,
        is_censored_high=found.is_censored_high and high > 0,
    )


def _seeds_alone(x: Floats, mine: Floats, other: Floats, level: float) -> float:
    """Return the half width of the interval of d(0) over the seeds."""
    width = t_half_width(_gaps(x, mine, other, np.zeros(1)), 1 - level)
    return 0.0 if width is None else float(width[0])


def _shifts(x: Floats) -> Floats:
    """Return the δ that are looked at: those at which d bends, and more, symmetric about 0."""
    span = x[-1] - x[0]
    positive = np.concatenate([x[-1] - x, x - x[0], np.linspace(0, span, _FINEST // 2 + 1)])
    positive = np.unique(np.clip(positive, 0, span))
    return np.concatenate([-positive[:0:-1], positive])


def _gaps(x: Floats, mine: Floats, other: Floats, delta: Floats) -> Floats:
    """Return d at each δ, `(s, q)`."""
    ahead, behind = (_shifted(x, *pair, np.abs(delta)) for pair in ((mine, other), (other, mine)))
    return np.where(delta >= 0, ahead, -behind)


def _shifted(x: Floats, early: Floats, late: Floats, shift: Floats) -> Floats:
    """Return the mean over n of early(n − shift) − late(n), `(s, q)`, for shifts ≥ 0."""
    early_end, late_start = x[-1] - shift, x[0] + shift
    length = early_end - x[0]
    inside = length > 0
    total = _integral(x, early, early_end) - (
        _integral(x, late, x[-1:]) - _integral(x, late, late_start)
    )
    # Where a single n is left, the mean is the value there.
    return np.where(inside, total / np.where(inside, length, 1.0), early[:, :1] - late[:, -1:])


def _integral(x: Floats, values: Floats, until: Floats) -> Floats:
    """Return the integral of each row from `x[0]` to some places, `(s, q)`."""
    widths = np.diff(x)
    whole = np.zeros_like(values)
    whole[:, 1:] = ((values[:, 1:] + values[:, :-1]) / 2 * widths).cumsum(axis=1)
    i = np.clip(np.searchsorted(x, until, side="right") - 1, 0, max(len(x) - 2, 0))
    if len(x) == 1:
        return np.zeros((len(values), len(until)))
    part = until - x[i]
    slope = (values[:, i + 1] - values[:, i]) / widths[i]
    return whole[:, i] + values[:, i] * part + slope * part**2 / 2


def _first(delta: Floats, height: Floats, is_kept: "np.ndarray") -> float:
    """Return the least δ that is kept, where the height falls to 0 on a straight line."""
    i = int(is_kept.argmax())
    if not is_kept.any():
        return float(delta[-1])
    if i == 0:
        return float(delta[0])
    a, b = height[i - 1], height[i]
    return float(delta[i - 1] + (delta[i] - delta[i - 1]) * a / (a - b))
