"""Which classes a strategy asks for, beside how frequent they are in the pool."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from alsim.analysis.statistics.intervals import Floats

_JOINT = " | "  # between the classes of an answer that leaves several open


@dataclass(frozen=True, slots=True, eq=False)
class QueryMix:
    """The classes among the queries of one strategy: c classes, s seeds that queried any."""

    strategy: str
    seeds: tuple[int, ...]  # ascending
    classes: tuple[str, ...]  # as the pool's were given
    ratios: Floats  # (s, c): share among the queries / share in the pool, ≥ 0
    n_left_out: int  # answers that are none of the classes

    def of(self, classes: Sequence[str]) -> "QueryMix":
        """Return the mix of some of its classes; the shares stay those among all."""
        places = [self.classes.index(name) for name in classes]
        return replace(self, classes=tuple(classes), ratios=self.ratios[:, places])


def query_mixes(queries: pa.Table, pool: Mapping[str, int]) -> tuple[QueryMix, ...]:
    """Return the class mix of each strategy that queried anything, by name.

    Queries are what was labelled after the initial labels, at step 1 and later. Classes are what
    the oracle answered, be it right or wrong; shares are of the answers that are classes. `pool`
    has the number of rows of each class, positive.
    """
    asked = queries.filter(pc.field("step") > 0)
    counted = asked.group_by(["strategy", "seed", "answer"], use_threads=False).aggregate(
        [([], "count_all")]
    )
    names = sorted({str(name) for name in counted.column("strategy").unique().to_pylist()})
    found = [_mix(counted.filter(pc.field("strategy") == name), name, pool) for name in names]
    return tuple(mix for mix in found if mix.seeds)


def initial_classes(queries: pa.Table) -> dict[str, int]:
    """Return the classes among the initial labels, each with how often it came, over all seeds.

    They are drawn from the pool at random, so their shares are about those of the pool; classes
    that were not drawn are missing. Answers that leave several classes open are none.
    """
    initial = queries.filter(pc.field("step") == 0)
    if not initial.num_rows:
        return {}
    # All strategies of a seed start from the same labels.
    first = initial.filter(pc.field("strategy") == initial.column("strategy")[0])
    counted = first.group_by("answer", use_threads=False).aggregate([([], "count_all")])
    return {
        str(row["answer"]): int(row["count_all"])
        for row in counted.to_pylist()
        if _JOINT not in str(row["answer"])
    }


def _mix(rows: pa.Table, strategy: str, pool: Mapping[str, int]) -> QueryMix:
    places = {name: place for place, name in enumerate(pool)}
    counts: dict[int, Floats] = {}
    n_left_out = 0
    for row in rows.to_pylist():
        count = counts.setdefault(int(row["seed"]), np.zeros(len(pool)))
        place = places.get(str(row["answer"]))
        if place is None:
            n_left_out += int(row["count_all"])
        else:
            count[place] += row["count_all"]
    asked = {seed: count for seed, count in sorted(counts.items()) if count.any()}
    in_queries = np.array([count / count.sum() for count in asked.values()], dtype=np.float64)
    in_pool = np.array(list(pool.values()), dtype=np.float64)
    ratios = in_queries.reshape(len(asked), len(pool)) / (in_pool / in_pool.sum())
    return QueryMix(strategy, tuple(asked), tuple(pool), ratios, n_left_out)
