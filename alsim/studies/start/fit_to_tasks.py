"""Whether the options of a run fit the tasks of its pool."""

from collections.abc import Mapping, Sequence

import torch

from alsim.errors import PoolError, nearest
from alsim.experiments.cells import count_units, known_cells
from alsim.experiments.training.evaluation import known_tasks
from alsim.options.faults import Faults
from alsim.pool.pool import Pool
from alsim.strategies import Named
from alsim.strategies.combining import IN_TURN
from alsim.studies.start.check import StudyOptions
from alsim.training.gate_noise import noise_sites
from alsim.training.objective import Objective

_NAMED = 8  # tasks that a note names


def check_tasks(
    strategies: Mapping[str, Named],
    options: StudyOptions,
    pool: Pool,
    where: str,
    flag: str,
    faults: Faults,
) -> None:
    """Add what does not fit the tasks of a pool, those that are queried, to the faults."""
    tasks, oracle = list(pool.tasks), options.oracle
    for name in oracle.task_price:
        if name not in tasks:
            what = f"no task is called {name!r}"
            faults.add(what, f"--task-price {name}", nearest(name, tasks))
    check_trained(pool, where, faults)
    _check_measured(options, pool, where, faults)
    if len(tasks) == 1:
        _check_alone(strategies, options, flag, faults)
        return
    if oracle.oracle != "perfect":
        faults.add(
            f"the {oracle.oracle} oracle answers for one task, and there are {len(tasks)}",
            f"--oracle {oracle.oracle}",
            "leave it out, or name one label column: --label NAME",
        )
    for name, named in strategies.items():
        if not named.strategy.is_pointwise and named.strategy.combine not in IN_TURN:
            faults.add(
                f"{name} picks rows together rather than by their scores alone, so that those for "
                f"{len(tasks)} tasks cannot be combined by {named.strategy.combine}",
                f"{flag} {name}",
                f"let the tasks take turns: combine={' or combine='.join(IN_TURN)} in its name, "
                "or --combine for all strategies",
            )


def check_trained(pool: Pool, where: str, faults: Faults) -> None:
    """Add tasks without a labelled training row to the faults."""
    known = known_tasks(pool, pool.splits["train"])
    if lacking := [name for name in pool.tasks if name not in known]:
        faults.add(
            f"no training row has a label of {_listed(lacking)}",
            where,
            "leave it out of --label, or bring a split column with labelled rows of it in train",
            PoolError,
        )


def _listed(tasks: Sequence[str]) -> str:
    more = f" and {len(tasks) - _NAMED} more" if len(tasks) > _NAMED else ""
    return ", ".join(map(repr, tasks[:_NAMED])) + more


def _check_alone(
    strategies: Mapping[str, Named], options: StudyOptions, flag: str, faults: Faults
) -> None:
    """Add options that need several tasks to the faults."""
    mend = "leave it out, or name several label columns: --label NAME, repeated, or --task NAME"
    if options.unit == "cell":
        faults.add("with one task an object has one label", "--unit cell", mend)
    if options.combine is not None:
        faults.add("with one task there is nothing to combine", "--combine", mend)
        return
    for name, named in strategies.items():
        if "combine" in named.parameters:
            faults.add("with one task there is nothing to combine", f"{flag} {name}", mend)


def _check_measured(options: StudyOptions, pool: Pool, where: str, faults: Faults) -> None:
    """Add splits without any label to the faults."""
    named = {split for split, rows in pool.splits.items() if rows}
    wanted = {"test" if "test" in named else "validation"} & named
    if options.schedule.until.kind == "accuracy":
        wanted |= {"validation"} & named
    for split in sorted(wanted):
        rows = pool.splits["test" if split == "test" else "validation"]
        labels = [task.labels[rows.start : rows.stop] for task in pool.tasks.values()]
        if not (torch.stack(labels) >= 0).any():
            mend = "name other label columns, or a split column with labels there"
            faults.add(f"no {split} row has a label to measure by", where, mend, PoolError)


def initial_units(options: StudyOptions, pool: Pool, rows: list[int], faults: Faults) -> int:
    """Return the number of objects or cells of the initial ids, which have these rows.

    Ids without a label are added to the faults.
    """
    known = known_cells(pool)[rows]
    unknown = (~known.any(1)).nonzero()[:, 0].tolist()
    if unknown:
        first, *others = unknown
        more = f", nor have {len(others)} others" if others else ""
        faults.add(
            f"the row {pool.ids_of([rows[first]])[0]!r} has no label{more}",
            "--initial-ids",
            "leave out rows without a label",
        )
    return count_units(known, options.unit or "object")


def check_gates(objective: Objective, where: str, faults: Faults) -> None:
    """Add the lack of the gates that a committee by gates needs to the faults."""
    if not noise_sites(objective):
        faults.add(
            "a committee by gates needs a model with stochastic gates",
            where,
            "use --model multi-cluster, or --committee dropout",
        )


def notes_on_tasks(pool: Pool) -> list[str]:
    """Return a note on the tasks that are trained and queried, if there are several."""
    if len(pool.tasks) == 1:
        return []
    known = known_cells(pool)
    named = [f"{name} ({len(task.classes)} classes)" for name, task in pool.tasks.items()]
    more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
    return [
        f"{len(named)} tasks, trained and queried together: {', '.join(named[:_NAMED])}{more}; "
        f"{int(known.sum()):,} labels of {int(known.any(1).sum()):,} training rows"
    ]


def notes_on_unmeasured(pool: Pool, *, is_paid: bool) -> list[str]:
    """Return a note on trained tasks that cannot be measured, since no evaluated row has a label.

    The note differs if their labels are paid for.
    """
    split = "test" if pool.splits["test"] else "validation"
    known = known_tasks(pool, pool.splits[split])
    lacking = [name for name in pool.tasks if name not in known]
    if not lacking:
        return []
    they = "it is" if len(lacking) == 1 else "they are"
    trained = "trained (and paid for)" if is_paid else "trained"
    return [f"no {split} row has a label of {_listed(lacking)}: {they} {trained}, not measured"]
