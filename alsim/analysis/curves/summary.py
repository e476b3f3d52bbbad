"""A run in a few numbers a strategy: where it began, where it ended, the area in between."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from alsim.analysis.curve import Curve
from alsim.analysis.curves.curves import X_COLUMNS, learning_curves
from alsim.analysis.statistics.intervals import (
    NOT_NEGATIVE,
    UNIT,
    Estimate,
    Floats,
    estimate,
    widest_sampling_interval,
)


@dataclass(frozen=True, slots=True)
class StrategySummary:
    """One strategy over all of its seeds, on the label counts that all of them reached."""

    strategy: str
    n_seeds: int
    n_labelled_first: int
    n_labelled: int  # the last count that all seeds reached
    labels_used: Estimate  # where each seed ended
    questions: Estimate  # that the oracle was asked by then
    cost: Estimate  # of the answers by then
    first_accuracy: Estimate
    last_accuracy: Estimate
    aubc: Estimate  # the mean height of the learning curve, see `aubc`
    sampling_interval: tuple[float, float]  # of the last accuracy, by the rows it is measured on
    is_cut: bool  # whether some seed went further than the others


def summarise(steps: pa.Table, n_evaluated: int) -> tuple[StrategySummary, ...]:
    """Return the summary of each strategy that all seeds have a step of in common, by name.

    Areas end at the last label count that every strategy reached, so that one that may stop
    earlier is not denied its plateau.

    Raises:
        ValueError: If `n_evaluated` is not positive.
    """
    curves = [c for c in learning_curves(steps, "accuracy") if c.x.size]
    shared = min((int(curve.x[-1]) for curve in curves), default=0)
    return tuple(
        _summary(c, steps.filter(pc.field("strategy") == c.strategy), shared, n_evaluated)
        for c in curves
    )


def aubc(n_labelled: Floats, values: Floats) -> Floats:
    """Return the normalised area under each learning curve (area under the budget curve).

    The trapezoid rule over the label counts, divided by their span: the mean height of the curve,
    so that a constant curve has its own value and unequal steps count by their width. One point has
    no span; its area is its height. The counts are `(p,)`, strictly ascending, p ≥ 1; the values
    are `(s, p)`, one row a seed.

    Returns:
        `(s,)`, between the least and the greatest value of each row.
    """
    if len(n_labelled) == 1:
        return values[:, 0]
    widths = np.diff(n_labelled)
    heights = (values[:, 1:] + values[:, :-1]) / 2
    return (heights * widths).sum(axis=1) / (n_labelled[-1] - n_labelled[0])


def _summary(curve: Curve, steps: pa.Table, shared: int, n_evaluated: int) -> StrategySummary:
    columns = X_COLUMNS.values()
    ends = steps.group_by("seed").aggregate([(name, "max") for name in columns])
    labels_used, questions, cost = (
        estimate(np.array(ends.column(f"{n}_max").to_pylist(), np.float64), within=NOT_NEGATIVE)
        for n in columns
    )
    last = estimate(curve.values[:, -1], within=UNIT)
    inside = curve.x <= max(shared, int(curve.x[0]))
    return StrategySummary(
        strategy=curve.strategy,
        n_seeds=len(curve.seeds),
        n_labelled_first=int(curve.x[0]),
        n_labelled=int(curve.x[-1]),
        labels_used=labels_used,
        questions=questions,
        cost=cost,
        first_accuracy=estimate(curve.values[:, 0], within=UNIT),
        last_accuracy=last,
        aubc=estimate(aubc(curve.x[inside], curve.values[:, inside]), within=UNIT),
        sampling_interval=widest_sampling_interval([last.mean], n_evaluated)[1],
        is_cut=curve.is_cut,
    )
