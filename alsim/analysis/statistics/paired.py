"""Findings tested in pairs over seeds. What is tested, and how, is fixed before any run.

Two strategies of one seed start from the same labels and, unless they train their nets otherwise,
from the same net; so their difference is taken seed by seed. Every test is a two-sided
one-sample t-test of such differences.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from alsim.analysis.curve import shared_seeds, values_at
from alsim.analysis.curves.curves import learning_curves
from alsim.analysis.curves.summary import aubc
from alsim.analysis.statistics.intervals import ALPHA, Floats
from alsim.analysis.statistics.mean_test import MeanTest

NO_GAIN = 0.005  # accuracy: a gain below this counts as none
SMALL_BATCH = 20  # objects: a last batch of this size or less is expected to make a dip

Outcome = Literal["held", "did not hold", "cannot tell"]
Part = Literal["whole", "first-quarter", "last-quarter", "end"]
_SPANS: dict[Part, tuple[float, float]] = {
    "whole": (0.0, 1.0),
    "first-quarter": (0.0, 0.25),
    "last-quarter": (0.75, 1.0),
    "end": (1.0, 1.0),
}


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """Two strategies on the seeds and the label counts that both have."""

    seeds: tuple[int, ...]
    n_labelled: NDArray[np.int64]  # (p,), ascending
    first: Floats  # (s, p)
    second: Floats  # (s, p)


@dataclass(frozen=True, slots=True, eq=False)
class Savings:
    """How many labels a strategy saved until it reached another's final accuracy."""

    labels: Floats  # (s,), at least 0
    is_reached: NDArray[np.bool_]  # (s,); where not, the labels saved are 0
    end: int  # the labels of the other at its final accuracy


def judge_above(test: MeanTest) -> Outcome:
    """Return whether "above zero" held: significantly above; did not: significantly below."""
    if test.p is None or test.p >= ALPHA or not test.mean:
        return "cannot tell"
    return "held" if test.mean > 0 else "did not hold"


def judge_not_above(test: MeanTest, margin: float = NO_GAIN) -> Outcome:
    """Return whether "no gain" held: the whole 95 % interval lies below `margin`.

    That covers a loss and a difference too small to matter. It did not hold where the whole
    interval lies above the margin; anything between is undecided.
    """
    if test.half_width is None:
        return "cannot tell"
    if test.mean + test.half_width < margin:
        return "held"
    return "did not hold" if test.mean - test.half_width >= margin else "cannot tell"


def pair(steps: pa.Table, first: str, second: str, metric: str = "accuracy") -> Pair:
    """Return two strategies' curves where both have points.

    Raises:
        ValueError: If a strategy is not in the steps, or they share no seed or no count.
    """
    curves = {curve.strategy: curve for curve in learning_curves(steps, metric)}
    if first not in curves or second not in curves:
        raise ValueError(f"{first} or {second} is not among {', '.join(curves)}")
    a, b = curves[first], curves[second]
    counts, at_a, at_b = np.intersect1d(
        a.x.astype(np.int64), b.x.astype(np.int64), return_indices=True
    )
    seeds = shared_seeds(a, b)
    if not seeds or not counts.size:
        raise ValueError(f"{first} and {second} share no seed or no number of labels")
    return Pair(seeds, counts, values_at(a, seeds)[:, at_a], values_at(b, seeds)[:, at_b])


def part_area(n_labelled: NDArray[np.int64], values: Floats, part: Part) -> Floats:
    """Return the mean height of each curve over a part of the labels asked for, `(s,)`.

    A part's end that falls between two counts is interpolated; "end" is the last height.
    """
    first, last = float(n_labelled[0]), float(n_labelled[-1])
    low, high = (first + share * (last - first) for share in _SPANS[part])
    inside = n_labelled[(n_labelled > low) & (n_labelled < high)]
    grid = np.unique(np.concatenate([[low], inside, [high]]))
    at = np.array([np.interp(grid, n_labelled, row) for row in values])
    return aubc(grid, at)


def labels_saved(n_labelled: NDArray[np.int64], mine: Floats, other: Floats) -> Savings:
    """Return how many labels fewer than `other` used in all, `mine` needs for its last accuracy.

    For each seed: the last accuracy of `other` is the target, and the labels needed are where
    the straight lines between the points of `mine` first reach it. A curve that never does has
    saved nothing, and says so.

    A first crossing flatters: a curve that fluctuates crosses early, and of two equal strategies
    each "saves" labels against the other. So test the savings less those of `other` against `mine`,
    whose mean is zero for equal strategies. The counts are `(p,)`, ascending; `mine` and `other`
    are `(s, p)`, the same seeds.
    """
    end = int(n_labelled[-1])
    needed = [
        _crossing(n_labelled, row, goal) for row, goal in zip(mine, other[:, -1], strict=True)
    ]
    return Savings(
        labels=np.array([0.0 if n is None else end - n for n in needed]),
        is_reached=np.array([n is not None for n in needed]),
        end=end,
    )


def _crossing(n_labelled: NDArray[np.int64], row: Floats, target: float) -> float | None:
    """Return where a curve first reaches the target, None if it does not."""
    reached = np.flatnonzero(row >= target)
    if not reached.size:
        return None
    i = int(reached[0])
    if i == 0:
        return float(n_labelled[0])
    share = (target - row[i - 1]) / (row[i] - row[i - 1])
    return float(n_labelled[i - 1] + share * (n_labelled[i] - n_labelled[i - 1]))


def small_batch_steps(n_labelled: Sequence[int], batch_size: int) -> list[int]:
    """Return the places at which a fixed batch size leaves a last batch of 1 to 20 objects."""
    return [i for i, n in enumerate(n_labelled) if 0 < n % batch_size <= SMALL_BATCH]


def dips(n_labelled: NDArray[np.int64], values: Floats, batch_size: int) -> Floats | None:
    """Return how far each curve lies above its neighbours where a last batch would be small.

    d = a₍s₎ − (a₍before₎ + a₍after₎) / 2, averaged over the steps s at which a fixed batch size
    leaves a last batch of 1 to 20 objects; before and after are the nearest steps that have none
    such, usually s − 1 and s + 1. Negative is a dip. Step 0, which follows the passive phase, is no
    neighbour. The steps depend on the counts alone, so that rules are compared at the same. The
    counts are `(p,)`, at steps 0, 1, …, and the values `(s, p)`, one row a seed.

    Returns:
        `(s,)`, or None where no step has both neighbours.
    """
    small = small_batch_steps(n_labelled.tolist(), batch_size)
    others = [i for i in range(1, len(n_labelled)) if i not in small]
    found: list[Floats] = []
    for i in small:
        before, after = [j for j in others if j < i], [j for j in others if j > i]
        if before and after:
            found.append(values[:, i] - (values[:, before[-1]] + values[:, after[0]]) / 2)
    return np.mean(found, axis=0) if found else None
