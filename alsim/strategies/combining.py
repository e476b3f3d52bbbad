"""How the scores of several tasks are combined into values of objects or (object, task) cells.

A cell is open while the oracle knows its label and it has not been queried. Scores are `(n, t)`,
of n objects and t tasks; scores of cells that are not open are ignored.
"""

import torch
from torch import Tensor

from alsim.options.curves import Combination

IN_TURN: tuple[Combination, ...] = ("alternating", "quotas")  # a task at a time picks for itself
RRF_OFFSET = 60  # Cormack et al. (2009)
_GRID = 2.0**40


def cell_values(rule: Combination, scores: Tensor, is_open: Tensor) -> Tensor:
    """Return what each open cell is worth, `(n, t)` float64, higher is queried first.

    - "mean" and "max": its score.
    - "rank-sum": (rank − ½) / cells, the rank counted from the lowest score among the open cells of
      its task. It lies in (0, 1) with mean ½ for any number of open cells. Reichart et al. (2008)
      add the ranks themselves, for tasks that share all of their rows.
    - "rrf": 1 / (60 + rank), the best cell of a task having rank 1: reciprocal rank fusion, Cormack
      et al. (2009), with all tasks weighing the same.

    Equal scores share the mean of their ranks.
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

    "max" takes the best open cell. "rrf" takes the sum: a ranking that lacks an object adds
    nothing. The others take the mean, so that an object with fewer open cells is at no
    disadvantage, as it would be in a sum of ranks; where all objects have all cells, the order is
    that of Reichart's sum. Each object must have at least one open cell.

    Where labels are unknown, each rule is biased by the number of open cells. "mean" and "rank-sum"
    favour objects with few: the mean of one value is more often extreme than that of three. "max"
    and "rrf" favour objects with many: the best of more values is higher, and so is their sum.
    Hence equal numbers of objects give different numbers of labels. Where all labels are known and
    objects are queried whole, there is no such bias.
    """
    if rule == "max":
        return values.masked_fill(~is_open, -torch.inf).amax(1)
    sums = torch.where(is_open, values, 0).sum(1)
    combined = sums if rule == "rrf" else sums / is_open.sum(1)
    # Sums of ranks are often equal; rounding errors must not break the tie.
    return combined if rule == "mean" else (combined * _GRID).round() / _GRID


def ascending_ranks(scores: Tensor) -> Tensor:
    """Return ranks from 1, the lowest score, to n, `(n,)` float64; equal scores share the mean."""
    _, place, counts = scores.unique(return_inverse=True, return_counts=True)
    return (counts.cumsum(0).double() - (counts - 1) / 2)[place]


def order_of(step: int, n_tasks: int) -> list[int]:
    """Return the tasks in the order of their turns at step s, starting with task s mod t."""
    return [(step + i) % n_tasks for i in range(n_tasks)]


def shares(rule: Combination, k: int, n_tasks: int) -> list[int]:
    """Return how many of k units each task picks in its turn, for the rules of `IN_TURN`.

    With "alternating" the first task takes all; if it has too few, the next ones fill up. With
    "quotas" k is split as evenly as possible, the first tasks taking one more.
    """
    if rule == "alternating":
        return [k] * n_tasks
    return [k // n_tasks + (i < k % n_tasks) for i in range(n_tasks)]
