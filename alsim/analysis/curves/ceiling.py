"""The ceiling: what training on all labels of the pool gives, and how far strategies came."""

from dataclasses import dataclass
from statistics import fmean

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from alsim.analysis.curve import Curve, values_at
from alsim.analysis.curves.beyond_control import share_of
from alsim.analysis.curves.metric_curves import overall
from alsim.analysis.curves.task_runs import ALL, MIXED
from alsim.analysis.statistics.intervals import Estimate, Floats, bounds_of, estimate
from alsim.experiments.curves.records import NO_STRATEGY


@dataclass(frozen=True, slots=True, eq=False)
class Ceiling:
    """A metric of nets trained on all labels, one net a seed."""

    metric: str
    seeds: tuple[int, ...]  # ascending; those whose training did not diverge
    values: Floats  # (s,), in the order of `seeds`

    @property
    def estimate(self) -> Estimate:
        """Return the mean over the seeds with its 95 % t-interval."""
        return estimate(self.values, within=bounds_of(self.metric))


def ceiling_of(
    metrics: pa.Table, metric: str = "accuracy", task: str | None = None
) -> Ceiling | None:
    """Return the ceiling that a run's metrics hold, None if there is none of this metric.

    Without a task it is that of the only one, or the mean over the tasks. It is measured by the
    mixed head on all evaluated rows.
    """
    rows = overall(metrics, metric).filter(
        (pc.field("strategy") == NO_STRATEGY)
        & (pc.field("head") == MIXED)
        & (pc.field("modalities") == ALL)
    )
    by_seed: dict[int, list[float]] = {}
    for row in rows.select(["seed", "task", "value"]).to_pylist():
        if task in (None, row["task"]):
            by_seed.setdefault(int(row["seed"]), []).append(float(row["value"]))
    if not by_seed:
        return None
    seeds = tuple(sorted(by_seed))
    return Ceiling(metric, seeds, np.array([fmean(by_seed[seed]) for seed in seeds]))


def share_reached(curve: Curve, ceiling: Ceiling) -> Estimate | None:
    """Return how far a strategy came from its start to the ceiling, as a share, over the seeds.

    That of a seed is (last − first) / (ceiling − first): 1 at the ceiling, more above it. None
    where they share no seed, or the ceiling of a seed is no higher than its start.
    """
    seeds = tuple(seed for seed in curve.seeds if seed in ceiling.seeds)
    if not seeds or not curve.x.size:
        return None
    values = values_at(curve, seeds)
    heights = ceiling.values[[ceiling.seeds.index(seed) for seed in seeds]]
    return share_of(values[:, -1] - values[:, 0], heights - values[:, 0])
