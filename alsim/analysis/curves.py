"""Learning curves: a metric against the number of labels, over seeds."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from alsim.analysis.intervals import CONFIDENCE, t_half_width
from alsim.errors import UsageError, nearest

_NOT_METRICS = ("strategy", "seed", "step", "n_labelled")


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """The learning curve of one strategy: s seeds at the p label counts that all of them have.

    The interval is pointwise: 95 % at each point, less for the whole curve at once.
    """

    strategy: str
    metric: str
    seeds: tuple[int, ...]  # ascending
    n_labelled: NDArray[np.int64]  # (p,), ascending
    mean: NDArray[np.float64]  # (p,), over seeds
    half_width: NDArray[np.float64] | None  # (p,), of the t-interval; None with one seed
    values: NDArray[np.float64]  # (s, p), in the order of `seeds`
    is_cut: bool  # whether some seed has points that another lacks


def metric_columns(steps: pa.Table) -> list[str]:
    """Return the columns of the steps that hold a number to draw."""
    return [
        field.name
        for field in steps.schema
        if field.name not in _NOT_METRICS
        and (pa.types.is_floating(field.type) or pa.types.is_integer(field.type))
    ]


def learning_curves(
    steps: pa.Table, metric: str = "accuracy", confidence: float = CONFIDENCE
) -> tuple[Curve, ...]:
    """Return the learning curve of each strategy, by name.

    A point is kept where every seed of its strategy has a value; null, NaN and infinity are
    none. Where a seed has two steps with as many labels, the later one counts.

    Args:
        steps: A run's steps, in any order.
        metric: The column to follow.
        confidence: Of the intervals, in (0, 1).

    Raises:
        UsageError: If there is no such metric.
    """
    known = metric_columns(steps)
    if metric not in known:
        raise UsageError(
            f"no metric is called {metric!r}", "the steps of the run", nearest(metric, known)
        )
    strategies = sorted({str(name) for name in steps.column("strategy").to_pylist()})
    return tuple(_curve(steps, strategy, metric, confidence) for strategy in strategies)


def _curve(steps: pa.Table, strategy: str, metric: str, confidence: float) -> Curve:
    rows = steps.filter(pc.field("strategy") == strategy).sort_by(
        [("seed", "ascending"), ("step", "ascending")]
    )
    seeds = np.asarray(rows.column("seed").to_pylist(), dtype=np.int64)
    n_labelled = np.asarray(rows.column("n_labelled").to_pylist(), dtype=np.int64)
    values = np.asarray(rows.column(metric).to_pylist(), dtype=np.float64)  # null becomes NaN
    by_seed = {
        int(seed): {
            int(n): float(value)
            for n, value in zip(n_labelled[seeds == seed], values[seeds == seed], strict=True)
            if np.isfinite(value)
        }
        for seed in np.unique(seeds)
    }
    points = [set(curve) for curve in by_seed.values()]
    shared = sorted(set[int].intersection(*points))
    at = np.array([[curve[n] for n in shared] for curve in by_seed.values()], dtype=np.float64)
    return Curve(
        strategy=strategy,
        metric=metric,
        seeds=tuple(by_seed),
        n_labelled=np.array(shared, dtype=np.int64),
        mean=at.mean(axis=0),
        half_width=t_half_width(at, confidence),
        values=at,
        is_cut=any(len(mine) > len(shared) for mine in points),
    )
