"""The labels that a run queried, beside the mapped pool: what workers read of them."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from alsim.experiments.training.labels import Queries
from alsim.pool.pool import Pool

FILE = "queried.parquet"


def read_queries(work: Path) -> Mapping[tuple[str, int], Queries] | None:
    """Return what `keep_queries` wrote, by strategy and seed; None where it wrote nothing."""
    if not (work / FILE).exists():
        return None
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    table = pq.read_table(work / FILE, use_threads=False)
    found: dict[tuple[str, int], Queries] = {}
    pairs = table.select(["strategy", "seed"]).group_by(["strategy", "seed"], use_threads=False)
    for pair in pairs.aggregate([]).to_pylist():
        strategy, seed = str(pair["strategy"]), int(pair["seed"])
        mine = table.filter((pc.field("strategy") == strategy) & (pc.field("seed") == seed))
        unit, row, label = (
            torch.from_numpy(np.array(mine.column(name).to_numpy()))
            for name in ("unit", "row", "label")
        )
        task = mine.column("task").combine_chunks().dictionary_encode()
        places = torch.from_numpy(task.indices.to_numpy().astype(np.int64))
        names = tuple(map(str, task.dictionary.to_pylist()))
        found[strategy, seed] = Queries(strategy, unit, row, names, places, label)
    return found


def with_queried_tasks(pool: Pool, queries: Mapping[tuple[str, int], Queries]) -> Pool:
    """Return the pool with the tasks alone of which a label was queried."""
    names = {name for of_seed in queries.values() for name in of_seed.names}
    return replace(pool, tasks={name: t for name, t in pool.tasks.items() if name in names})
