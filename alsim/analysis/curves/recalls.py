"""Accuracy by class over the labels: of the rows of a class, the share that is found (recall)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from alsim.analysis.curves.control import paired_by_step
from alsim.analysis.curves.metric_curves import with_labels
from alsim.analysis.statistics.intervals import Floats


@dataclass(frozen=True, slots=True, eq=False)
class Recalls:
    """The recall of c classes at p label counts, by s seeds of one strategy.

    A class without rows among those evaluated is none of the c.
    """

    strategy: str
    seeds: tuple[int, ...]  # ascending
    classes: tuple[str, ...]
    n_labelled: Floats  # (p,), ascending: the counts that all seeds have
    values: Floats  # (s, c, p), NaN where there is none

    @property
    def mean(self) -> Floats:
        """Return the mean over the seeds, `(c, p)`, NaN where a seed has no value."""
        return self.values.mean(axis=0)


def recalls(steps: pa.Table, metrics: pa.Table) -> tuple[Recalls, ...]:
    """Return the recalls of each strategy that has any, by name; classes by name.

    Where a seed has two steps at the same number of labels, the later one counts.
    """
    steps = paired_by_step(steps)
    rows = with_labels(metrics.filter(pc.field("metric") == "recall"), steps, ("label", "value"))
    names = sorted({str(name) for name in rows.column("strategy").unique().to_pylist()})
    classes = sorted({str(name) for name in rows.column("label").unique().to_pylist()})
    return tuple(
        _recalls(rows.filter(pc.field("strategy") == name), name, classes) for name in names
    )


def _recalls(rows: pa.Table, strategy: str, classes: Sequence[str]) -> Recalls:
    rows = rows.sort_by("step")  # so that the later of two steps is written last
    seed, counts, value = (rows.column(n).to_numpy() for n in ("seed", "n_labelled", "value"))
    label = pc.index_in(rows.column("label"), pa.array(classes, pa.string())).to_numpy()
    seeds = np.unique(seed)
    grid = reduce(np.intersect1d, (np.unique(counts[seed == one]) for one in seeds))
    values = np.full((len(seeds), len(classes), len(grid)), np.nan)
    kept = np.isin(counts, grid)
    places = (np.searchsorted(seeds, seed), label, np.searchsorted(grid, counts))
    values[tuple(place[kept] for place in places)] = value[kept]
    return Recalls(strategy, tuple(seeds.tolist()), tuple(classes), grid.astype(np.float64), values)


def minus_baseline(mine: Recalls, baseline: Recalls) -> Recalls | None:
    """Return the recalls less those of the baseline, seed by seed; None if they share none.

    What is kept are the seeds, the classes and the label counts that both have.
    """
    seeds = [seed for seed in mine.seeds if seed in baseline.seeds]
    classes = [name for name in mine.classes if name in baseline.classes]
    counts = np.intersect1d(mine.n_labelled, baseline.n_labelled)
    if not seeds or not classes or not counts.size:
        return None

    def of(each: Recalls) -> Floats:
        rows = [each.seeds.index(seed) for seed in seeds]
        columns = [each.classes.index(name) for name in classes]
        places = np.searchsorted(each.n_labelled, counts)
        return each.values[rows][:, columns][:, :, places]

    return replace(
        mine,
        seeds=tuple(seeds),
        classes=tuple(classes),
        n_labelled=counts,
        values=of(mine) - of(baseline),
    )
