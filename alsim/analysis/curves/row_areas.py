"""The area under the curve by test row, so that a verdict can speak of new rows.

Of accuracy it comes from which rows each step answered correctly, over any span and axis; of other
scores from what each row contributes to the area over the curve's own labels.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from alsim.analysis.curve import Curve, values_at
from alsim.analysis.curves.curves import X_COLUMNS, XAxis
from alsim.analysis.curves.runs import Merged, named
from alsim.analysis.curves.summary import aubc
from alsim.analysis.curves.task_runs import RunWithTasks
from alsim.analysis.curves.verdicts import AreasByRow
from alsim.analysis.statistics.intervals import Floats

_NEAR = 0.01  # of the score: rows whose mean is further from the area are of something else

# The strategy in the comparison and a seed -> the run that has it, and its name there.
_Origins = Mapping[tuple[str, int], tuple[RunWithTasks, str]]


def areas_by_row(runs: Sequence[RunWithTasks], merged: Merged, metric: str, x: XAxis) -> AreasByRow:
    """Return what reads the AUBC of curves by test row, see `AreasByRow`.

    The curves are on a span of what the merged runs hold. Of several tasks the score is their mean,
    and a row has what it adds to it.
    """
    origins, found = _origins(runs, merged), dict[tuple[str, int, bytes], Floats | None]()

    def of(curve: Curve, seeds: Sequence[int]) -> Floats | None:
        rows: list[Floats] = []
        areas = aubc(curve.x, values_at(curve, seeds))
        for seed, area in zip(seeds, areas.tolist(), strict=True):
            key = curve.strategy, seed, curve.x.tobytes()
            if key not in found:
                found[key] = _of_seed(curve, seed, origins, merged, metric, x)
            mine = found[key]
            if mine is None or abs(mine.mean() - area) > _NEAR:
                return None
            # Where the curve is read between its steps the two differ a little.
            rows.append(mine + (area - mine.mean()))
        if not rows or len({len(each) for each in rows}) > 1:
            return None
        return np.array(rows)

    return of


def _origins(runs: Sequence[RunWithTasks], merged: Merged) -> _Origins:
    by_name = dict(named(runs))
    found: dict[tuple[str, int], tuple[RunWithTasks, str]] = {}
    for label, (own, names) in merged.sources.items():
        for name in names:
            steps = by_name[name].steps
            seeds = pc.unique(steps.filter(pc.field("strategy") == own).column("seed"))
            for seed in seeds.to_pylist():
                found.setdefault((label, int(str(seed))), (by_name[name], own))
    return found


def _of_seed(
    curve: Curve, seed: int, origins: _Origins, merged: Merged, metric: str, x: XAxis
) -> Floats | None:
    """Return the area of one seed by row, `(r,)`, None where it was not recorded."""
    if (curve.strategy, seed) not in origins:
        return None
    run, own = origins[curve.strategy, seed]
    is_mine = (pc.field("strategy") == own) & (pc.field("seed") == seed)
    is_here = (pc.field("strategy") == curve.strategy) & (pc.field("seed") == seed)
    steps = merged.steps.filter(is_here).sort_by("step")
    places = np.asarray(steps.column(X_COLUMNS[x]).to_pylist(), np.float64)
    if metric != "accuracy":
        is_whole = x == "labels" and (curve.x[0], curve.x[-1]) == (places[0], places[-1])
        rows = run.contributions.filter(
            is_mine & (pc.field("metric") == metric) & (pc.field("part") == "area")
        )
        return _combined(_by_task(rows, "values"), np.ones(1)) if is_whole else None
    weights = dict(
        zip(steps.column("step").to_pylist(), _weights(places, curve.x).tolist(), strict=True)
    )
    rows = run.items.filter(is_mine).sort_by("step")
    at = [weights.get(step) for step in pc.unique(rows.column("step")).to_pylist()]
    if not rows.num_rows or None in at or len(at) != len(weights):
        return None
    return _combined(_by_task(rows, "correct"), np.array(at, np.float64))


def _by_task(rows: pa.Table, column: str) -> list[Floats]:
    """Return a column of lists by task, `(p, n)` each, NaN where a row has no label.

    None of them where steps have unlike numbers of rows, or tasks have.
    """
    found: list[Floats] = []
    for task in pc.unique(rows.column("task")).to_pylist():
        lists = rows.filter(pc.field("task") == task).column(column)
        if len(pc.unique(pc.list_value_length(lists))) != 1:  # steps of other rows
            return []
        flat = pc.cast(pc.list_flatten(lists), pa.float64()).to_numpy()  # null becomes NaN
        found.append(flat.reshape(len(lists), -1))
    return found if len({each.shape[1] for each in found}) == 1 else []


def _combined(tasks: Sequence[Floats], weights: Floats) -> Floats | None:
    """Return what rows add to the mean over tasks, `(r,)`: of r rows that any task has a label of.

    The mean over the rows is the mean over the tasks of their own means.
    """
    if not tasks or any(len(each) != len(weights) for each in tasks):
        return None
    areas = [weights @ each for each in tasks]  # NaN where a task has no label
    known = np.array([~np.isnan(each) for each in areas])
    some = known.any(axis=0)
    parts = [
        np.where(mine, area, 0.0) / (len(tasks) * max(1, mine.sum()))
        for area, mine in zip(areas, known, strict=True)
    ]
    return np.sum(parts, axis=0)[some] * some.sum()


def _weights(places: Floats, grid: Floats) -> Floats:
    """Return what each step weighs in the AUBC over a grid, `(p,)`; they sum to 1.

    Steps are joined by straight lines; of two at one place the later counts.
    """
    xs, reversed_at = np.unique(places[::-1], return_index=True)
    last = len(places) - 1 - reversed_at
    # The area is linear in the values, so each step's weight is the area of its own unit.
    units = np.array([np.interp(grid, xs, unit) for unit in np.eye(len(xs))])
    weights = np.zeros(len(places))
    weights[last] = aubc(grid, units)
    return weights
