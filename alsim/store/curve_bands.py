"""`curves.parquet`: the mean over seeds of each measure of the steps, and its band."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Any

from alsim.experiments.curves.records import OF_STEPS
from alsim.store.tables import TableBuilder, TableKind

if TYPE_CHECKING:
    import pyarrow as pa

    from alsim.analysis.curve import Curve

# Strategy, seed, where its curve has a point -> step, labels, cost.
_Places = dict[tuple[str, int, int], tuple[int, int, float]]

BAND = "t"  # as in `alsim plot --band`: the pointwise 95 % t-interval over seeds


@dataclass(frozen=True, slots=True)
class CurveRecord:
    """One row of `curves.parquet`: a strategy's measure at a count of labels that all seeds have.

    The control, which queries nothing, has a row for each step that all seeds have.
    `low` and `high` are the ends of the band, within the values that can occur; None with one seed.
    """

    strategy: str
    task: str | None  # None: the only task, or the mean over the tasks
    step: int
    n_labelled: int
    cost: float  # mean over the seeds
    metric: str
    mean: float
    low: float | None
    high: float | None
    band: str


CURVES = TableKind(
    "curves", CurveRecord, ("strategy", "task", "metric", "n_labelled", "step"), is_unique=True
)


def band_curves(steps: pa.Table, metrics: pa.Table) -> pa.Table:
    """Return the curves that `alsim plot` draws of a run's steps, with their t-bands.

    With several tasks each has its own too, from the mixed head on all of its rows.
    """
    builder = TableBuilder(CURVES)
    builder.extend(_records(steps, metrics))
    return builder.build()


def _records(steps: pa.Table, metrics: pa.Table) -> Iterator[CurveRecord]:
    # Imported late, as in `tables`.
    from alsim.analysis.curves.control import by_own_steps
    from alsim.analysis.curves.curves import learning_curves
    from alsim.analysis.curves.metric_curves import Place, metric_curves
    from alsim.analysis.curves.task_runs import ALL, MIXED

    if not steps.num_rows:
        return
    apart = by_own_steps(steps)
    places = _places_of(steps, apart)
    steps = apart
    tasks = sorted(map(str, metrics.column("task").unique().to_pylist()))
    for metric in OF_STEPS:
        found: list[tuple[str | None, Curve]] = [(None, c) for c in learning_curves(steps, metric)]
        for task in tasks if len(tasks) > 1 else ():
            place = Place(task, MIXED, ALL)
            found += [(task, c) for c in metric_curves(steps, metrics, metric, [place])]
        for task, curve in found:
            yield from _of_curve(curve, task, metric, places)


def _of_curve(
    curve: Curve, task: str | None, metric: str, places: _Places
) -> Iterator[CurveRecord]:
    from alsim.analysis.statistics.bands import t_band
    from alsim.analysis.statistics.intervals import bounds_of

    nothing = [None] * curve.x.size
    edges = t_band(curve.values, within=bounds_of(metric))
    low, high = (nothing, nothing) if edges is None else (edge.tolist() for edge in edges)
    for x, mean, bottom, top in zip(map(int, curve.x), curve.mean.tolist(), low, high, strict=True):
        of_seeds = [places[curve.strategy, seed, x] for seed in curve.seeds]
        step, n = max(step for step, _, _ in of_seeds), max(n for _, n, _ in of_seeds)
        cost = fmean(cost for _, _, cost in of_seeds)
        yield CurveRecord(curve.strategy, task, step, n, cost, metric, mean, bottom, top, BAND)


def _places_of(steps: pa.Table, apart: pa.Table) -> _Places:
    """Return the last step of each curve at a point of it, its labels, and what was paid by then.

    `apart` are the same rows, with the points in place of the labels.
    """
    rows = steps.select(["strategy", "seed", "n_labelled", "step", "cost"])
    rows = rows.append_column("x", apart.column("n_labelled")).sort_by("step")
    found: Any = zip(*(column.to_pylist() for column in rows.columns), strict=True)
    return {(strategy, seed, x): (step, n, cost) for strategy, seed, n, step, cost, x in found}
