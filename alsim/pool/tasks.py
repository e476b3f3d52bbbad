"""Tasks by a column: each object belongs to one of them, and its label is local to it."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from alsim.pool.columns import enumerate_values, is_discrete, plain_column
from alsim.pool.faults import Fault
from alsim.pool.labels import Answers

MAX_TASKS = 1000  # every task holds a label for every row, so more would not fit in memory
NAMED = 5  # how many tasks a note names


def split_tasks(
    answer: Answers, column: Any, name: str, where: str
) -> tuple[tuple[Answers, ...], tuple[str, ...]] | Fault:
    """Return the answers of each task, unknown where an object is of another, and notes.

    The classes of a task are the label's values that occur in it, sorted. So labels may be local
    (0 to 4 in each task) or global (each in one task): which of both is told in a note. A task
    with a single class is left out, and so are rows without a task.

    Args:
        answer: The label column, over all tasks.
        column: The task of each row: integers, strings, booleans or a dictionary.
        name: The column's.
        where: For messages.
    """
    values = plain_column(column, name, where)
    if isinstance(values, Fault):
        return values
    mend = "name another column: --task NAME"
    if not is_discrete(values.type):
        return Fault(f"the task column {name!r} holds {values.type}", where, mend)
    names, owner = enumerate_values(values)
    some = answer.known & (owner >= 0)
    width = max(len(answer.classes), 1)
    pairs, counts = np.unique(owner[some] * width + answer.codes[some], return_counts=True)
    n_classes = np.bincount(pairs // width, minlength=len(names))
    is_kept = n_classes > (1 if answer.kind == "class" else 0)
    kept = [task for task in range(len(names)) if is_kept[task]]
    if not kept:
        return Fault(f"no task of the column {name!r} has two classes", where, mend)
    if len(kept) > MAX_TASKS:
        what = f"the column {name!r} has {len(kept):,} tasks, more than {MAX_TASKS:,}"
        return Fault(what, where, mend)
    tasks = tuple(
        _local(answer, names[task], some & (owner == task), pairs[pairs // width == task] % width)
        for task in kept
    )
    rows = np.bincount(pairs // width, weights=counts, minlength=len(names)).astype(np.int64)
    alone = {names[task]: int(rows[task]) for task in range(len(names)) if n_classes[task] == 1}
    notes = _describe(answer, name, n_classes[kept], pairs[is_kept[pairs // width]] % width)
    if alone and answer.kind == "class":
        listed = ", ".join(list(alone)[:NAMED]) + (", …" if len(alone) > NAMED else "")
        tasks_ = "1 task" if len(alone) == 1 else f"{len(alone)} tasks"
        notes.append(
            f"{tasks_} with a single class left out, with {sum(alone.values()):,} rows: {listed}"
        )
    for n, lacking in (
        (int((owner < 0).sum()), "a task"),
        (int(((owner >= 0) & ~answer.known).sum()), "a label"),
    ):
        if n:
            notes.append(f"{n:,} {'row' if n == 1 else 'rows'} without {lacking}, left out")
    return tasks, tuple(notes)


def _local(
    answer: Answers, task: str, rows: NDArray[np.bool_], values: NDArray[np.int64]
) -> Answers:
    """Return the answers in `rows` as those of a task, whose classes are `values`, sorted."""
    codes = np.full(len(rows), -1, np.int64)
    if answer.targets is not None:
        codes[rows] = 0
        targets = np.where(rows, answer.targets, np.float32(np.nan))
        return Answers(task, "target", (), codes, targets)
    codes[rows] = np.searchsorted(values, answer.codes[rows])
    return Answers(task, "class", tuple(answer.classes[value] for value in values), codes)


def _describe(
    answer: Answers, name: str, n_classes: NDArray[np.int64], values: NDArray[np.int64]
) -> list[str]:
    """Return a note on tasks and classes; `values` has a class once for each task it is in."""
    number = "1 task" if len(n_classes) == 1 else f"{len(n_classes)} tasks"
    if answer.kind == "target":
        return [f"{number} by {name!r}, regression targets"]
    least, most = int(n_classes.min()), int(n_classes.max())
    each = f"{least}" if least == most else f"{least} to {most}"
    _, repeats = np.unique(values, return_counts=True)
    shared, n = int((repeats > 1).sum()), len(repeats)
    how = (
        f"no label of {answer.name!r} is in two of them"
        if not shared
        else f"{shared} of {n} labels of {answer.name!r} are in several, and local to each"
    )
    return [f"{number} by {name!r} with {each} classes each: {how}"]
