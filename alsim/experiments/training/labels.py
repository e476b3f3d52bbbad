"""The labels that a net is trained on: drawn at random, or those that a run queried."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from alsim.experiments.training.evaluation import known_rows
from alsim.experiments.training.records import RANDOM
from alsim.pool.pool import Pool
from alsim.seeding import stream


@dataclass(frozen=True, slots=True, eq=False)
class TaskLabels:
    """Rows and what is known of them."""

    rows: Tensor  # (m,) int64, distinct
    labels: Mapping[str, Tensor]  # task -> (m,), as the pool has them; -1 or NaN unknown
    fraction: float
    chosen_by: str = RANDOM


@dataclass(frozen=True, slots=True, eq=False)
class Queries:
    """The cells whose labels a run's strategy asked for with one seed, in that order."""

    strategy: str
    unit: Tensor  # (q,) int64, ascending from 0: cells of one unit were asked for together
    rows: Tensor  # (q,) int64
    names: tuple[str, ...]  # of tasks
    tasks: Tensor  # (q,) int64, places among the names
    labels: Tensor  # (q,) int64, the answer; -1 where it was no class


def labelled_rows(pool: Pool, fraction: float, seed: int) -> Tensor:
    """Return the train rows whose labels a seed trains on, `(m,)` int64, at random.

    Of one seed those of a smaller fraction are the first of a larger one's. A row brings all the
    labels that it has; one without any is not drawn.

    Raises:
        ValueError: If the fraction is not in (0, 1].
    """
    if not 0 < fraction <= 1:
        raise ValueError(f"a fraction of {fraction:g}")
    train = pool.splits["train"]
    known = [known_rows(t.labels[train.start : train.stop]) for t in pool.tasks.values()]
    rows = torch.stack(known).any(0).nonzero().flatten() + train.start
    order = torch.randperm(len(rows), generator=stream(seed, "labelled"))
    return rows[order[: max(1, round(fraction * len(rows)))]]


def drawn_labels(pool: Pool, fraction: float, seed: int) -> TaskLabels:
    """Return the labels of `labelled_rows`."""
    rows = labelled_rows(pool, fraction, seed)
    return TaskLabels(rows, {n: task.labels[rows] for n, task in pool.tasks.items()}, fraction)


def queried_labels(pool: Pool, queries: Queries, fraction: float) -> TaskLabels:
    """Return the labels of the first units that were queried, `round(fraction · units)` of them.

    They are the answers, which may err. A row of which several cells were asked for comes once,
    where its first one was; one without an answer that is a class is left out.

    Raises:
        ValueError: If the fraction is not in (0, 1], or the pool has other tasks than were queried.
    """
    if not 0 < fraction <= 1:
        raise ValueError(f"a fraction of {fraction:g}")
    n_units = int(queries.unit[-1]) + 1 if len(queries.unit) else 0
    kept = (queries.unit < round(fraction * n_units)) & (queries.labels >= 0)
    place = {row: i for i, row in enumerate(dict.fromkeys(queries.rows[kept].tolist()))}
    rows = torch.tensor(list(place), dtype=torch.int64)
    at = torch.tensor([place[row] for row in queries.rows[kept].tolist()], dtype=torch.int64)
    labels: dict[str, Tensor] = {}
    for name in pool.tasks:
        mine = queries.tasks[kept] == queries.names.index(name)
        labels[name] = torch.full((len(rows),), -1, dtype=torch.int64)
        labels[name][at[mine]] = queries.labels[kept][mine]
    return TaskLabels(rows, labels, fraction, queries.strategy)
