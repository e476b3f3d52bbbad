"""The labels that a run queried, beside the mapped pool, for the workers to read.

By numpy alone: a worker imports neither pyarrow nor pandas.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from alsim.experiments.training.labels import Queries
from alsim.pool.pool import Pool

_FILE = "queried.npz"


def write_queries(
    work: Path, strategy: Sequence[str], seed: Sequence[int], task: Sequence[str],
    *, unit: Sequence[int], row: Sequence[int], label: Sequence[int],
) -> str:  # fmt: skip
    """Write cells that were queried, by strategy and seed, and return their digest."""
    pairs = {pair: i for i, pair in enumerate(dict.fromkeys(zip(strategy, seed, strict=True)))}
    tasks = {name: i for i, name in enumerate(dict.fromkeys(task))}
    columns: dict[str, Any] = {
        "pair": np.array([pairs[pair] for pair in zip(strategy, seed, strict=True)], np.int64),
        "task": np.array([tasks[name] for name in task], np.int64),
        "unit": np.array(unit, np.int64),
        "row": np.array(row, np.int64),
        "label": np.array(label, np.int64),
    }
    names = np.frombuffer(json.dumps([list(pairs), list(tasks)]).encode(), np.uint8)
    np.savez(work / _FILE, names=names, **columns)
    digest = hashlib.blake2b(digest_size=16)
    for column in (strategy, seed, unit, row, task, label):
        digest.update(repr(list(column)).encode())
    return digest.hexdigest()


def read_queries(work: Path) -> Mapping[tuple[str, int], Queries] | None:
    """Return what `write_queries` wrote, by strategy and seed; None where it wrote nothing."""
    if not (work / _FILE).exists():
        return None
    with np.load(work / _FILE) as kept:
        pairs, tasks = json.loads(kept["names"].tobytes())
        pair, *columns = (
            torch.from_numpy(kept[name]) for name in ("pair", "unit", "row", "task", "label")
        )
    found: dict[tuple[str, int], Queries] = {}
    for number, (strategy, seed) in enumerate(pairs):
        unit, row, task, label = (column[pair == number] for column in columns)
        found[strategy, seed] = Queries(strategy, unit, row, tuple(tasks), task, label)
    return found


def with_queried_tasks(pool: Pool, queries: Mapping[tuple[str, int], Queries]) -> Pool:
    """Return the pool with only those tasks of which a label was queried."""
    names = {name for of_seed in queries.values() for name in of_seed.names}
    return replace(pool, tasks={name: t for name, t in pool.tasks.items() if name in names})
