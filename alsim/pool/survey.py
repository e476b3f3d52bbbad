"""What the small columns of a source say: which rows are kept, in which order, with what label."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from alsim.errors import UsageError
from alsim.options.pool import PoolOptions
from alsim.pool.faults import Fault, raise_first
from alsim.pool.features import Feature, check_features, read_feature
from alsim.pool.ids import read_ids
from alsim.pool.labels import (
    Answers,
    never_seen,
    read_answers,
    refuse_targets,
    refuse_wild_targets,
)
from alsim.pool.lookalikes import find_lookalikes
from alsim.pool.pool import SPLITS, Split
from alsim.pool.resolving import resolve_roles
from alsim.pool.roles import Roles
from alsim.pool.source import Source
from alsim.pool.splits import hold_out_test, hold_out_validation, read_splits
from alsim.pool.tasks import split_tasks


@dataclass(frozen=True, slots=True, eq=False)
class Survey:
    """The rows of a pool, before any embedding is decoded."""

    roles: Roles
    answers: tuple[Answers, ...]  # of each label column, or of each task where a column tells it
    features: tuple[Feature, ...]  # over `rows`
    rows: NDArray[np.int64]  # the file's rows that are kept, ordered by split, then by id
    splits: Mapping[Split, range]  # of positions in `rows`
    ids: "pa.Array[Any]"  # of `rows`
    by_id: NDArray[np.int64]  # positions in `rows`, in the order of the ids
    given: NDArray[np.int8] | None  # of `rows`, what the split column says; None without one
    n_unpaid: int  # validation rows taken out of train
    task_notes: tuple[str, ...]  # what the task column says; empty without one
    warnings: tuple[str, ...]  # on columns that no role has, and on labels that are not there


def survey_pool(
    source: Source, options: PoolOptions, *, initial_size: int, in_cells: bool = False
) -> tuple[Survey, tuple[Fault, ...]]:
    """Return what the small columns of `source` say, and every fault in them.

    With faults the survey holds what could be made out, and is good only for looking for more.
    See `load_pool`.
    """
    lookalikes = find_lookalikes(source)
    roles, role_faults = read_roles(source, options, lookalikes)
    faults = [*role_faults, *_check_options(options, source.where)]
    names = list(dict.fromkeys((*roles.others, *roles.features)))
    table = source.table(names) if names else pa.table({})

    answers, task_notes, label_faults = _read_labels(table, roles, options, source.where)
    faults.extend(label_faults)
    ids: pa.Array[Any] = pa.array(np.arange(source.n))
    if roles.id:
        found = read_ids(table.column(roles.id), roles.id, source.where)
        if isinstance(found, Fault):
            faults.append(found)
        else:
            ids = found
    kept = pc.sort_indices(ids).to_numpy().astype(np.int64)
    if answers:
        is_first = options.rows_kept == "first" and roles.task is None
        labelled = np.logical_or.reduce([a.known for a in answers[: 1 if is_first else None]])
        kept = kept[labelled[kept]]
    strata = _strata(answers, source.n)[kept]

    given = None
    if roles.split:
        column, split_faults = read_splits(table.column(roles.split), roles.split, source.where)
        faults.extend(split_faults)
        splits = given = column[kept]
    else:
        splits = hold_out_test(strata, options.holdout, options.split_seed)
    n_unpaid = 0
    if not (splits == SPLITS.index("validation")).any():
        size = ceil(initial_size / _most_classes(answers, kept)) if in_cells else initial_size
        splits = hold_out_validation(strata, splits, size, options.split_seed)
        n_unpaid = int((splits == SPLITS.index("validation")).sum())
    known = np.flatnonzero(splits >= 0)
    order = known[np.argsort(splits[known], kind="stable")]
    rows, ranges = kept[order], _ranges(splits[order])
    if not faults:
        faults.extend(_check_sizes(ranges, roles, source.where))
    faults.extend(_check_classes(answers, source.where))
    features, feature_faults = _read_features(table, roles, rows, source.where)
    faults.extend(feature_faults or check_features(features, ranges["train"], source.where))
    survey = Survey(
        roles=roles,
        answers=answers,
        features=features,
        rows=rows,
        splits=ranges,
        ids=ids.take(rows),
        by_id=np.argsort(order),
        given=None if given is None else given[order],
        n_unpaid=n_unpaid,
        task_notes=task_notes,
        warnings=(
            *(
                sentence
                for name, sentence in lookalikes.items()
                if not options.modality and name not in (*roles.modalities, *roles.others)
            ),
            *(
                f"--unknown {text}: no label is {text!r}"
                for text in never_seen(table.select(list(roles.labels)), options.unknown)
            ),
        ),
    )
    return survey, tuple(faults)


def _without(roles: Roles, names: Container[str | None]) -> Roles:
    """Return the roles of all other columns than the named."""
    return Roles(
        modalities=tuple(name for name in roles.modalities if name not in names),
        labels={name: kind for name, kind in roles.labels.items() if name not in names},
        task=None if roles.task in names else roles.task,
        split=None if roles.split in names else roles.split,
        id=None if roles.id in names else roles.id,
        features=tuple(name for name in roles.features if name not in names),
        pictures=tuple(name for name in roles.pictures if name not in names),
    )


def check_roles(source: Source, options: PoolOptions) -> None:
    """Raise the first fault of the roles that columns have, for which few rows need be read.

    Raises:
        PoolError: If a column lacks or cannot have its role.
        UsageError: If `options` name one that is not there.
    """
    _, faults = read_roles(source, options, find_lookalikes(source))
    raise_first(faults, source.where)


def read_roles(
    source: Source, options: PoolOptions, lookalikes: Mapping[str, str]
) -> tuple[Roles, tuple[Fault, ...]]:
    """Return the roles of the columns that can be read, and every fault in them.

    Among these are columns in use that are not of one type in all files. See `resolve_roles`.
    """
    roles, faults = resolve_roles(source.schema, options, source.where, lookalikes)
    mend = "write all files with one schema, or name one of them"
    conflicts = [
        Fault(source.conflicts[name], source.where, mend)
        for name in dict.fromkeys((*roles.modalities, *roles.features, *roles.others))
        if name in source.conflicts
    ]
    return _without(roles, source.conflicts), (*faults, *conflicts)


def _most_classes(answers: Sequence[Answers], rows: NDArray[np.int64]) -> int:
    """Return how many labels that are classes a row has at most, at least 1."""
    known = [answer.known[rows] for answer in answers if answer.kind == "class"]
    return max(1, int(np.sum(known, 0).max(initial=0))) if known else 1


def with_features(present: NDArray[np.bool_], survey: Survey) -> NDArray[np.bool_]:
    """Return `(n, modalities)` presence with that of the encoded columns, always there, last."""
    if not survey.features:
        return present
    return np.column_stack([present, np.ones(len(present), np.bool_)])


def refuse_queries(survey: Survey, where: str, *, several: bool) -> list[Fault]:
    """Return a fault for what can be trained on and not queried: targets.

    Args:
        survey: What the pool's small columns say.
        where: For messages.
        several: Whether all tasks are queried that are of classes. Else it is the first label
            column, which must then not be local to a task.
    """
    if several:
        some = any(answer.kind == "class" for answer in survey.answers)
        return [] if some else refuse_targets(survey.answers, where)
    faults = refuse_targets(survey.answers[:1], where)
    if survey.roles.task is not None:
        faults.append(
            Fault(
                f"labels are local to the tasks of the column {survey.roles.task!r}, "
                "and a correlation is of one task",
                where,
                "use a label column that is unique over tasks, and no task role",
            )
        )
    return faults


def _read_labels(
    table: pa.Table, roles: Roles, options: PoolOptions, where: str
) -> tuple[tuple[Answers, ...], tuple[str, ...], list[Fault]]:
    """Return the answers, notes on tasks, and what is wrong with the columns."""
    faults: list[Fault] = []
    answers: list[Answers] = []
    for name, kind in roles.labels.items():
        read = read_answers(table.column(name), name, kind, where, options.unknown)
        if isinstance(read, Fault):
            faults.append(read)
        else:
            answers.append(read)
    faults.extend(refuse_wild_targets(answers, where))
    if roles.task is None or len(answers) != 1:
        return tuple(answers), (), faults
    split = split_tasks(answers[0], table.column(roles.task), roles.task, where)
    if isinstance(split, Fault):
        return tuple(answers), (), [*faults, split]
    return *split, faults


def _strata(answers: Sequence[Answers], n: int) -> NDArray[np.int64]:
    """Return `(n,)` what held-out rows are drawn in proportion to: the first known label."""
    strata = np.zeros(n, np.int64)
    starts = np.cumsum([0, *(max(len(answer.classes), 1) for answer in answers)])
    for answer, start in reversed(list(zip(answers, starts, strict=False))):
        strata[answer.known] = start + answer.codes[answer.known]
    return strata


def _read_features(
    table: pa.Table, roles: Roles, rows: NDArray[np.int64], where: str
) -> tuple[tuple[Feature, ...], list[Fault]]:
    read = [read_feature(table.column(name), name, rows, where) for name in roles.features]
    faults = [found for found in read if isinstance(found, Fault)]
    return tuple(found for found in read if isinstance(found, Feature)), faults


def _check_options(options: PoolOptions, where: str) -> list[Fault]:
    shares = {f"--mask-modality {name}": share for name, share in options.mask_modality.items()}
    return [
        Fault(f"{flag} is {share}", where, "a share lies in [0, 1)", UsageError)
        for flag, share in {**shares, "the held-out share": options.holdout}.items()
        if not 0 <= share < 1
    ]


def _ranges(splits: NDArray[np.int8]) -> dict[Split, range]:
    edges = np.searchsorted(splits, np.arange(len(SPLITS) + 1))
    return {name: range(int(edges[i]), int(edges[i + 1])) for i, name in enumerate(SPLITS)}


def _check_sizes(splits: Mapping[Split, range], roles: Roles, where: str) -> list[Fault]:
    if not splits["train"]:
        mend = f"mark rows as 'train' in the column {roles.split!r}"
        return [Fault("no training rows with a label", where, mend)]
    if not splits["validation"] and not splits["test"]:
        what = f"no rows are left to measure on beside {len(splits['train'])} to train on"
        mend = "bring a larger pool, or one with a split column that has test rows"
        return [Fault(what, where, mend)]
    return []


def _check_classes(answers: Sequence[Answers], where: str) -> list[Fault]:
    return [
        Fault(
            f"the label column {answer.name!r} has a single class, {answer.classes[0]!r}",
            where,
            "there is nothing to learn: name another column: --label NAME",
        )
        for answer in answers
        if answer.kind == "class" and len(answer.classes) == 1
    ]
