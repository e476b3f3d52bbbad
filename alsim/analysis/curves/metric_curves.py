"""Learning curves of what `metrics.parquet` holds: a head, a pattern of modalities."""

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from alsim.analysis.curve import Curve
from alsim.analysis.curves.curves import X_COLUMNS, XAxis, learning_curves

_KEY = ["strategy", "seed", "step"]


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """What a value was measured on."""

    task: str
    head: str
    modalities: str


def places_of(metrics: pa.Table, metric: str) -> tuple[Place, ...]:
    """Return what a metric was measured on, sorted; values of single classes do not count."""
    rows = (
        overall(metrics, metric)
        .group_by(["task", "head", "modalities"], use_threads=False)
        .aggregate([])
    )
    return tuple(sorted(Place(**row) for row in rows.to_pylist()))


def metric_curves(
    steps: pa.Table, metrics: pa.Table, metric: str, places: Sequence[Place], x: XAxis = "labels"
) -> tuple[Curve, ...]:
    """Return a metric's learning curve, for each strategy that has it, by name.

    Of several places, such as the tasks, it is the mean over those that have a value.
    """
    measured = overall(metrics, metric)
    rows = pa.concat_tables(
        measured.filter(
            (pc.field("task") == place.task)
            & (pc.field("head") == place.head)
            & (pc.field("modalities") == place.modalities)
        )
        for place in places
    )
    if len(places) > 1:
        means = rows.group_by(_KEY, use_threads=False).aggregate([("value", "mean")])
        rows = means.rename_columns([*_KEY, "value"])
    return learning_curves(with_labels(rows, steps, ("value",)), "value", x=x)


def overall(metrics: pa.Table, metric: str) -> pa.Table:
    """Return a metric's rows that are not of a single class."""
    rows = metrics.filter(pc.field("metric") == metric)
    # Runs of schema version 2 have no classes.
    return rows.filter(pc.field("label").is_null()) if "label" in rows.column_names else rows


def with_labels(rows: pa.Table, steps: pa.Table, columns: Sequence[str]) -> pa.Table:
    """Return some columns of a run's metrics, with the labels, questions and cost of the step."""
    spent = [name for name in X_COLUMNS.values() if name in steps.column_names]
    return rows.select([*_KEY, *columns]).join(
        steps.select([*_KEY, *spent]), keys=_KEY, join_type="inner", use_threads=False
    )
