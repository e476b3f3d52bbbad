"""How many validation rows a study draws from its pool."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray

from alsim.errors import AlsimError, UsageError
from alsim.experiments.account import ROUNDING, label_costs, object_costs
from alsim.experiments.schedule import SHARE
from alsim.options.sizes import DEFAULT_INITIAL_SIZE
from alsim.oracle.plan import OraclePlan
from alsim.pool.labels import Answers
from alsim.pool.splits import FreeValidation, PaidValidation, Validation, default_size
from alsim.studies.start.check import StudyOptions
from alsim.studies.start.oracles import plan_oracle

_MOST = 1 / 3  # of the training rows, of which the default takes no more


def validation_of(options: StudyOptions, *, several: bool) -> Validation:
    """Return which rows of the pool are for validation.

    With `several` all tasks of classes are queried, else only the first.
    """
    ids = options.initial_ids
    if options.schedule.validation_size == "free":
        in_cells = options.unit == "cell" and ids is None
        return FreeValidation(_n_initial(options), in_cells)
    return PaidValidation(partial(_take, options, several), frozenset(ids or ()))


def _n_initial(options: StudyOptions) -> int:
    ids = options.initial_ids
    size = options.schedule.initial_size if ids is None else len(ids)
    return size or DEFAULT_INITIAL_SIZE


def _take(
    options: StudyOptions,
    several: bool,
    answers: Sequence[Answers],
    rows: NDArray[np.int64],
    is_given: bool,
) -> int:
    """Return how many of some rows are drawn, see `PaidValidation`.

    Raises:
        UsageError: If a number was asked for, and there are fewer rows.
    """
    asked, budget = options.schedule.validation_size, options.schedule.budget
    tasks = [answer for answer in answers if answer.kind == "class"][: None if several else 1]
    if not tasks or not len(rows) or asked == 0:
        return 0
    known = torch.from_numpy(np.column_stack([task.known[rows] for task in tasks]))
    in_cells = options.unit == "cell"
    units = known.sum(1) if in_cells else torch.ones(len(rows), dtype=torch.int64)
    if asked is None and budget is not None:
        costs, most = _costs(options, tasks, known), SHARE * budget * (1 + ROUNDING)
        affordable = max(1, int((costs.cumsum(0) <= most).sum()))
        # A budget above the pool, which is refused once the pool is read, leaves some to train on.
        return affordable if is_given else min(affordable, max(1, int(_MOST * len(rows))))
    if asked is None:
        most = units[: default_size(len(rows), _n_initial(options), is_given=is_given)].sum()
        asked = min(int(most), _n_initial(options))
    assert isinstance(asked, int)
    if asked > int(units.sum()):
        of = "validation" if is_given else "training"
        what = "labels of " if in_cells else ""
        raise UsageError(
            f"{asked:,} validation labels are more than the {int(units.sum()):,} {what}{of} rows",
            "--validation-size",
            "ask for less, or leave it out",
        )
    return max(1, int((units.cumsum(0) <= asked).sum()))


def _costs(options: StudyOptions, tasks: Sequence[Answers], known: torch.Tensor) -> torch.Tensor:
    """Return what the labels of each row cost at most, `(n,)`; `known` is `(n, t)` bool."""
    try:
        plan = plan_oracle(options.oracle, tasks[0].classes)
    except AlsimError:  # it is reported with all else that does not fit the pool
        plan = OraclePlan()
    _, most = label_costs(plan, {task.name: len(task.classes) for task in tasks})
    return object_costs(known, most, plan.read_price)
