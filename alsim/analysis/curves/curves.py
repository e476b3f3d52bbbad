"""Learning curves: a metric against labels, questions or cost, over seeds."""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from alsim.analysis.curve import Curve
from alsim.analysis.curves.control import paired_by_step
from alsim.analysis.statistics.intervals import Floats
from alsim.errors import UsageError, nearest
from alsim.options.compare import XAxis

X_COLUMNS: Mapping[XAxis, str] = {
    "labels": "n_labelled",
    "questions": "n_questions",
    "cost": "cost",
}
_NOT_METRICS = ("strategy", "seed", "step", "n_labelled")


def metric_columns(steps: pa.Table) -> list[str]:
    """Return the columns of the steps that hold a number to draw."""
    return [
        field.name
        for field in steps.schema
        if field.name not in _NOT_METRICS
        and (pa.types.is_floating(field.type) or pa.types.is_integer(field.type))
    ]


def learning_curves(
    steps: pa.Table, metric: str = "accuracy", x: XAxis = "labels"
) -> tuple[Curve, ...]:
    """Return the learning curve of each strategy, by name.

    A point is kept where every seed of its strategy has a value; null, NaN and infinity are
    none. Where a seed has two steps at the same x, the later one counts.

    Questions and cost can differ by seed at the same step. Then each seed's values are joined by
    straight lines, which are read where the first seed has its points, as far as all seeds go:
    from the last beginning to the first end, both included.

    The control, which queries nothing, is paired with the others by step: see `paired_by_step`.

    Raises:
        UsageError: If there is no such metric.
    """
    known = metric_columns(steps)
    if metric not in known:
        what = f"no metric is called {metric!r}"
        raise UsageError(what, "the steps of the run", nearest(metric, known))
    steps = paired_by_step(steps)
    strategies = sorted({str(name) for name in steps.column("strategy").to_pylist()})
    return tuple(_curve(steps, strategy, metric, x) for strategy in strategies)


def _curve(steps: pa.Table, strategy: str, metric: str, x: XAxis) -> Curve:
    rows = steps.filter(pc.field("strategy") == strategy).sort_by(
        [("seed", "ascending"), ("step", "ascending")]
    )
    seeds = np.asarray(rows.column("seed").to_pylist(), dtype=np.int64)
    places = np.asarray(rows.column(X_COLUMNS[x]).to_pylist(), dtype=np.float64)
    values = np.asarray(rows.column(metric).to_pylist(), dtype=np.float64)  # null becomes NaN
    by_seed = {
        int(seed): {
            float(place): float(value)
            for place, value in zip(places[seeds == seed], values[seeds == seed], strict=True)
            if np.isfinite(value)
        }
        for seed in np.unique(seeds)
    }
    curves = list(by_seed.values())
    grid, is_interpolated = _grid(curves, x)
    at = np.array([_read(curve, grid) for curve in curves], dtype=np.float64)
    n_points = [len(curve) for curve in curves]
    return Curve(
        strategy=strategy,
        metric=metric,
        seeds=tuple(by_seed),
        x=grid,
        values=at,
        is_cut=max(n_points) > (min(n_points) if is_interpolated else grid.size),
        is_interpolated=is_interpolated,
    )


def _grid(curves: Sequence[Mapping[float, float]], x: XAxis) -> tuple[Floats, bool]:
    """Return where the seeds are compared, `(p,)`, and whether that is between their steps."""
    points = [set(curve) for curve in curves]
    # Label counts come from one plan, so where a seed lacks one it has no value there.
    if x == "labels" or all(mine == points[0] for mine in points):
        return np.array(sorted(set[float].intersection(*points)), dtype=np.float64), False
    if not all(points):
        return np.empty(0), True
    start, stop = max(map(min, points)), min(map(max, points))
    if start > stop:
        return np.empty(0), True
    return np.unique(np.clip(np.array(sorted(points[0])), start, stop)), True


def _read(curve: Mapping[float, float], grid: Floats) -> Floats:
    """Return a seed's values on the grid, `(p,)`: its own, or on the line between two of them."""
    if not grid.size:
        return np.empty(0)
    xs = np.array(sorted(curve))
    return np.interp(grid, xs, np.array([curve[place] for place in xs]))
