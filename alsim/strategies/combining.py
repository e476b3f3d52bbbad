"""How one task's scores become those of several: of objects, or of (object, task) cells.

A cell is open while its label is known to the oracle and has not been asked for. Scores are
`(n, t)`, of n objects and t tasks; what they say of cells that are not open does not matter.
"""

import torch
from torch import Tensor

from alsim.options.curves import Combination

IN_TURN: tuple[Combination, ...] = ("alternating", "quotas")  # a task at a time picks for itself
RRF_OFFSET = 60  # Cormack et al. (2009)
_GRID = 2.0**40


def cell_values(rule: Combination, scores: Tensor, is_open: Tensor) -> Tensor:
    """Return what each open cell is worth, `(n, t)` float64, higher is queried first.

    By "mean" and "max" its score. By "rank-sum" its place among the open cells of its task from
    the lowest score up, (rank − ½) / cells, so that it lies in (0, 1) and is ½ in the mean however
    many cells a task has open: Reichart et al. (2008) add ranks themselves, of tasks that share
    all of their rows. By "rrf" 1 / (60 + rank), the best cell of a task having rank 1: reciprocal
    rank fusion, Cormack et al. (2009), every task weighing the same. Equal scores share the mean
    of their ranks.
    """
    values = scores.double()
    if rule in ("mean", "max"):
        return values
    values = torch.zeros_like(values)
    for task, mine in enumerate(is_open.unbind(1)):
        ranks, n = ascending_ranks(scores[mine, task]), int(mine.sum())
        values[mine, task] = (
            (ranks - 0.5) / n if rule == "rank-sum" else 1 / (RRF_OFFSET + n + 1 - ranks)
        )
    return values


def object_values(rule: Combination, values: Tensor, is_open: Tensor) -> Tensor:
    """Return what each object is worth, `(n,)` float64, by its cells' values, `(n, t)`.

    By "max" its best open cell; by "rrf" their sum, since a list in which something is missing
    adds nothing to it; otherwise their mean. So an object with fewer open cells is not behind
    another for it, as it would be in a sum of ranks; where all objects have all cells, the order
    is that of Reichart's sum. An object needs one open cell at least.

    Where cells are unknown, each rule leans to objects by how many are open. "mean" and "rank-sum"
    favour objects with few: a mean of one value is more often extreme than one of three. "max" and
    "rrf" favour those with many: the best of more values is higher, and a sum has more to add. So
    they buy different numbers of labels with equal numbers of objects. Where all cells are known,
    and objects are queried whole, all have as many, and there is no such bias.
    """
    if rule == "max":
        return values.masked_fill(~is_open, -torch.inf).amax(1)
    sums = torch.where(is_open, values, 0).sum(1)
    combined = sums if rule == "rrf" else sums / is_open.sum(1)
    # Sums of ranks are often equal, which rounding in the order of the tasks must not decide.
    return combined if rule == "mean" else (combined * _GRID).round() / _GRID


def ascending_ranks(scores: Tensor) -> Tensor:
    """Return ranks from 1, the lowest score, to n, `(n,)` float64; equals share their mean."""
    _, place, counts = scores.unique(return_inverse=True, return_counts=True)
    return (counts.cumsum(0).double() - (counts - 1) / 2)[place]


def order_of(step: int, n_tasks: int) -> list[int]:
    """Return the tasks in the order of their turns at a step: that of s mod t comes first."""
    return [(step + i) % n_tasks for i in range(n_tasks)]


def shares(rule: Combination, k: int, n_tasks: int) -> list[int]:
    """Return how many of k units each of some tasks picks in its turn; `IN_TURN` rules alone.

    By "alternating" the first takes all, and what it cannot fill the next ones do. By "quotas" k
    is split as evenly as possible; who comes first takes one more.
    """
    if rule == "alternating":
        return [k] * n_tasks
    return [k // n_tasks + (i < k % n_tasks) for i in range(n_tasks)]
