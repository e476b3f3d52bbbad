"""Tasks by a column: each object belongs to one of them, and its label is local to it."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from alsim.errors import PoolError
from alsim.pool.columns import enumerate_values, is_discrete, plain_column
from alsim.pool.labels import Answers
from alsim.pool.wording import count, listed

MAX_TASKS = 1000  # every task holds a label for every row, so more would not fit in memory


def split_tasks(
    answer: Answers, column: Any, name: str, where: str
) -> tuple[tuple[Answers, ...], tuple[str, ...]]:
    """Return the answers of each task, unknown where an object is of another, and notes.

    The classes of a task are the label's values that occur in it, sorted. So labels may be local
    (0 to 4 in each task) or global (each in one task); a note says which. Tasks with a single
    class and rows without a task are left out.

    Args:
        answer: The label column, over all tasks.
        column: The task of each row, discrete.
        name: The name of `column`.
        where: For messages.

    Raises:
        PoolError: If the column holds something else, no task, or too many.
    """
    values = plain_column(column, name, where)
    mend = "name another column: --task NAME"
    if not is_discrete(values.type):
        raise PoolError(f"the task column {name!r} holds {values.type}", where, mend)
    names, owner = enumerate_values(values)
    some = answer.known & (owner >= 0)
    width = max(len(answer.classes), 1)
    pairs, counts = np.unique(owner[some] * width + answer.codes[some], return_counts=True)
    n_classes = np.bincount(pairs // width, minlength=len(names))
    is_kept = n_classes > (1 if answer.kind == "class" else 0)
    kept = np.flatnonzero(is_kept)
    if not kept.size:
        raise PoolError(f"no task of the column {name!r} has two classes", where, mend)
    if len(kept) > MAX_TASKS:
        what = f"the column {name!r} has {len(kept):,} tasks, more than {MAX_TASKS:,}"
        raise PoolError(what, where, mend)
    tasks = tuple(
        _local(answer, names[task], some & (owner == task), pairs[pairs // width == task] % width)
        for task in kept
    )
    notes = [_describe(answer, name, n_classes[kept], pairs[is_kept[pairs // width]] % width)]
    alone = np.flatnonzero(n_classes == 1)
    if alone.size and answer.kind == "class":
        rows = np.bincount(pairs // width, weights=counts, minlength=len(names))
        tasks_ = count(len(alone), "task")
        those = listed([names[task] for task in alone])
        notes.append(
            f"{tasks_} with a single class left out, with {int(rows[alone].sum()):,} rows: {those}"
        )
    for n, lacking in (
        (int((owner < 0).sum()), "a task"),
        (int(((owner >= 0) & ~answer.known).sum()), "a label"),
    ):
        if n:
            notes.append(f"{count(n, 'row')} without {lacking}, left out")
    return tasks, tuple(notes)


def _local(
    answer: Answers, task: str, rows: NDArray[np.bool_], values: NDArray[np.int64]
) -> Answers:
    """Return the answers in `rows` as those of a task with the classes `values`, sorted."""
    codes = np.full(len(rows), -1, np.int64)
    if answer.targets is not None:
        codes[rows] = 0
        targets = np.where(rows, answer.targets, np.float32(np.nan))
        return Answers(task, "target", (), codes, targets)
    codes[rows] = np.searchsorted(values, answer.codes[rows])
    return Answers(task, "class", tuple(answer.classes[value] for value in values), codes)


def _describe(
    answer: Answers, name: str, n_classes: NDArray[np.int64], values: NDArray[np.int64]
) -> str:
    """Return a note on tasks and classes; `values` has a class once for each task it is in."""
    number = count(len(n_classes), "task")
    if answer.kind == "target":
        return f"{number} by {name!r}, regression targets"
    least, most = int(n_classes.min()), int(n_classes.max())
    each = f"{least}" if least == most else f"{least} to {most}"
    _, repeats = np.unique(values, return_counts=True)
    shared, n = int((repeats > 1).sum()), len(repeats)
    how = (
        f"no label of {answer.name!r} is in two of them"
        if not shared
        else f"{shared} of {n} labels of {answer.name!r} are in several, and local to each"
    )
    return f"{number} by {name!r} with {each} classes each: {how}"
