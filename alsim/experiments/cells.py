"""What can be asked for: objects with all of their labels, or single (object, task) cells."""

from collections.abc import Iterable

import torch
from torch import Tensor

from alsim.options.curves import Unit
from alsim.pool.pool import Pool
from alsim.training.fit import Labelled


def known_cells(pool: Pool) -> Tensor:
    """Return which cells can be asked for, `(n, t)` bool: those in train with a known label."""
    known = torch.stack([task.labels >= 0 for task in pool.tasks.values()], 1)
    train = pool.splits["train"]
    known[: train.start] = False
    known[train.stop :] = False
    return known


def count_units(known: Tensor, unit: Unit) -> int:
    """Return how many objects or cells can be asked for at all; `known` is `(n, t)` bool."""
    return int(known.sum() if unit == "cell" else known.any(1).sum())


def open_cells(known: Tensor, tasks: Iterable[str], labelled: Labelled, unit: Unit) -> Tensor:
    """Return the cells that have not been asked for yet, `(r, n, t)` bool on the CPU.

    `known` is `(n, t)` bool, of the tasks in this order. An object is asked for with all of its
    cells.
    """
    rows = labelled.rows.cpu()
    is_open = known.repeat(len(rows), 1, 1)
    replica = torch.arange(len(rows)).unsqueeze(1)
    if unit == "object":
        is_open[replica, rows] = False
        return is_open
    for place, task in enumerate(tasks):
        known = labelled.labels[task].cpu() >= 0
        is_open[replica.expand_as(rows)[known], rows[known], place] = False
    return is_open


def merged(labelled: Labelled) -> Labelled:
    """Return one replica's labelled cells as rows to train on: each object once, ascending.

    Each entry, `(1, m)`, has a label for one task or more, and no two entries of a row have one for
    the same task.
    """
    rows, place = labelled.rows[0].unique(return_inverse=True)

    def together(labels: Tensor) -> Tensor:
        known = labels[0] >= 0
        found = torch.full_like(rows, -1)
        found[place[known]] = labels[0][known]
        return found.unsqueeze(0)

    labels = {task: together(y) for task, y in labelled.labels.items()}
    return Labelled(rows.unsqueeze(0), labels)
