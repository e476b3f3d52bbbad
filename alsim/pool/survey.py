"""What the small columns of a source hold: which rows are kept, in which order, their labels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from alsim.errors import AlsimError, PoolError, UsageError
from alsim.options.faults import Faults
from alsim.options.pool import PoolOptions
from alsim.pool.faults import raise_first
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
from alsim.pool.splits import (
    UNUSED,
    PaidValidation,
    Validation,
    draw_validation,
    hold_out_test,
    hold_out_validation,
    read_splits,
)
from alsim.pool.tasks import split_tasks


@dataclass(frozen=True, slots=True, eq=False)
class Survey:
    """The rows of a pool, before any embedding is decoded."""

    roles: Roles
    answers: tuple[Answers, ...]  # of each label column, or of each task of the task column
    features: tuple[Feature, ...]  # over `rows`
    rows: NDArray[np.int64]  # the file's rows that are kept, ordered by split, then by id
    splits: Mapping[Split, range]  # of positions in `rows`
    ids: "pa.Array[Any]"  # of `rows`
    by_id: NDArray[np.int64]  # positions in `rows`, in the order of the ids
    given: NDArray[np.int8] | None  # of `rows`, the split column; None without one
    n_unpaid: int  # validation rows taken out of train, for which nobody pays
    n_unused: int  # validation rows that were not drawn, which stand after the splits
    task_notes: tuple[str, ...]  # on the task column; empty without one
    warnings: tuple[str, ...]  # on columns without a role, and on labels that are not there


def survey_pool(
    source: Source, options: PoolOptions, validation: Validation
) -> tuple[Survey, tuple[AlsimError, ...]]:
    """Return what the small columns of `source` hold, and every fault in them.

    With faults the survey is incomplete, and only good for finding more. See `load_pool`.
    """
    lookalikes, where = find_lookalikes(source), source.where
    roles, role_faults = read_roles(source, options, lookalikes)
    faults = Faults()
    faults.kept += [*role_faults, *_check_options(options, where)]
    names = dict.fromkeys((*roles.others, *roles.features))
    table = source.table(list(names)) if names else pa.table({})
    answers, task_notes = _read_labels(table, roles, options, where, faults)
    ids: pa.Array[Any] = pa.array(np.arange(source.n))
    if roles.id:
        ids = faults.attempt(ids, read_ids, table.column(roles.id), roles.id, where)
    kept = pc.sort_indices(ids).to_numpy().astype(np.int64)
    if answers:
        is_first = options.rows_kept == "first" and roles.task is None
        labelled = np.logical_or.reduce([a.known for a in answers[: 1 if is_first else None]])
        kept = kept[labelled[kept]]
    strata = _strata(answers, source.n)[kept]

    given = None
    if roles.split:
        splits = given = read_splits(table.column(roles.split), roles.split, where, faults)[kept]
    else:
        splits = hold_out_test(strata, options.holdout, options.split_seed)
    n_unpaid = 0
    if isinstance(validation, PaidValidation):
        is_labelled = _are_among(ids.take(kept), validation.labelled)
        splits = draw_validation(validation, answers, kept, splits, is_labelled, options.split_seed)
    elif not (splits == SPLITS.index("validation")).any():
        size = validation.initial_size
        size = ceil(size / _most_classes(answers, kept)) if validation.in_cells else size
        splits = hold_out_validation(strata, splits, size, options.split_seed)
        n_unpaid = int((splits == SPLITS.index("validation")).sum())
    known = np.flatnonzero(splits >= 0)
    order = known[np.argsort(splits[known], kind="stable")]
    rows, ranges = kept[order], _ranges(splits[order])
    if not faults.kept:
        faults.kept += _check_sizes(ranges, roles, where)
    faults.kept += _check_classes(answers, where)
    read = [
        faults.attempt(None, read_feature, table.column(name), name, rows, where)
        for name in roles.features
    ]
    features = tuple(feature for feature in read if feature is not None)
    if len(features) == len(read):
        faults.kept += check_features(features, ranges["train"], where)
    return (
        Survey(
            roles=roles,
            answers=answers,
            features=features,
            rows=rows,
            splits=ranges,
            ids=ids.take(rows),
            by_id=np.argsort(order),
            given=None if given is None else given[order],
            n_unpaid=n_unpaid,
            n_unused=int((splits == UNUSED).sum()),
            task_notes=task_notes,
            warnings=_warnings(table, roles, options, lookalikes),
        ),
        tuple(faults.kept),
    )


def _warnings(
    table: pa.Table, roles: Roles, options: PoolOptions, lookalikes: Mapping[str, str]
) -> tuple[str, ...]:
    unused = () if options.modality else {*lookalikes}.difference(roles.modalities, roles.others)
    unseen = never_seen(table.select(list(roles.labels)), options.unknown)
    return (
        *(sentence for name, sentence in lookalikes.items() if name in unused),
        *(f"--unknown {text}: no label is {text!r}" for text in unseen),
    )


def check_roles(source: Source, options: PoolOptions) -> None:
    """Check the roles of columns, for which few rows are read.

    Raises:
        PoolError: If a column lacks or cannot have its role.
        UsageError: If `options` name one that is not there.
    """
    _, faults = read_roles(source, options, find_lookalikes(source))
    raise_first(faults, source.where)


def read_roles(
    source: Source, options: PoolOptions, lookalikes: Mapping[str, str]
) -> tuple[Roles, tuple[AlsimError, ...]]:
    """Return the roles of the columns that can be read, and every fault in them.

    Columns in use that differ in type between files are among the faults. See `resolve_roles`.
    """
    roles, faults = resolve_roles(source.schema, options, source.where, lookalikes)
    mend = "write all files with one schema, or name one of them"
    conflicts = [
        PoolError(source.conflicts[name], source.where, mend)
        for name in roles.columns
        if name in source.conflicts
    ]
    return roles.only(source.readable), (*faults, *conflicts)


def _most_classes(answers: Sequence[Answers], rows: NDArray[np.int64]) -> int:
    """Return the largest number of classification labels of a row, at least 1."""
    known = [answer.known[rows] for answer in answers if answer.kind == "class"]
    return max(1, int(np.sum(known, 0).max(initial=0))) if known else 1


def _are_among(ids: "pa.Array[Any]", labelled: frozenset[str]) -> NDArray[np.bool_]:
    """Return which of the ids, `(n,)`, are among some texts."""
    if not labelled:
        return np.zeros(len(ids), np.bool_)
    texts = pa.array(sorted(labelled), pa.string())
    return pc.is_in(pc.cast(ids, pa.string()), texts).to_numpy(zero_copy_only=False)


def with_features(present: NDArray[np.bool_], survey: Survey) -> NDArray[np.bool_]:
    """Return `(n, modalities)` presence with that of the encoded columns, always there, last."""
    if not survey.features:
        return present
    return np.column_stack([present, np.ones(len(present), np.bool_)])


def refuse_queries(survey: Survey, where: str, *, several: bool) -> list[PoolError]:
    """Return a fault for what can be trained on and not queried.

    With `several`, tasks with classes are queried, so one must exist. Else the first label column
    is queried: it must have classes, and these must not be local to a task.
    """
    if several:
        some = any(answer.kind == "class" for answer in survey.answers)
        return [] if some else refuse_targets(survey.answers, where)
    faults = refuse_targets(survey.answers[:1], where)
    if survey.roles.task is not None:
        what = (
            f"labels are local to the tasks of the column {survey.roles.task!r}, "
            "and a correlation is of one task"
        )
        mend = "use a label column that is unique over tasks, and no task role"
        faults.append(PoolError(what, where, mend))
    return faults


def _read_labels(
    table: pa.Table, roles: Roles, options: PoolOptions, where: str, faults: Faults
) -> tuple[tuple[Answers, ...], tuple[str, ...]]:
    """Return the answers and notes on tasks; add what is wrong with the columns to the faults."""
    read = [
        faults.attempt(None, read_answers, table.column(name), name, kind, where, options.unknown)
        for name, kind in roles.labels.items()
    ]
    answers = tuple(answer for answer in read if answer is not None)
    faults.kept += refuse_wild_targets(answers, where)
    if roles.task is None or len(answers) != 1:
        return answers, ()
    column = table.column(roles.task)
    return faults.attempt((answers, ()), split_tasks, answers[0], column, roles.task, where)


def _strata(answers: Sequence[Answers], n: int) -> NDArray[np.int64]:
    """Return the stratum of each row, `(n,)`: its first known label."""
    strata = np.zeros(n, np.int64)
    starts = np.cumsum([0, *(max(len(answer.classes), 1) for answer in answers)])
    for answer, start in reversed(list(zip(answers, starts, strict=False))):
        strata[answer.known] = start + answer.codes[answer.known]
    return strata


def _check_options(options: PoolOptions, where: str) -> list[UsageError]:
    shares = {f"--mask-modality {name}": share for name, share in options.mask_modality.items()}
    return [
        UsageError(f"{flag} is {share}", where, "a share lies in [0, 1)")
        for flag, share in {**shares, "the held-out share": options.holdout}.items()
        if not 0 <= share < 1
    ]


def _ranges(splits: NDArray[np.int8]) -> dict[Split, range]:
    edges = np.searchsorted(splits, np.arange(len(SPLITS) + 1))
    return {name: range(int(edges[i]), int(edges[i + 1])) for i, name in enumerate(SPLITS)}


def _check_sizes(splits: Mapping[Split, range], roles: Roles, where: str) -> list[PoolError]:
    if not splits["train"]:
        mend = f"mark rows as 'train' in the column {roles.split!r}"
        return [PoolError("no training rows with a label", where, mend)]
    if not splits["validation"] and not splits["test"]:
        what = f"no rows are left to measure on beside {len(splits['train'])} to train on"
        mend = "give a larger pool, one with test rows in a split column, or validation labels"
        return [PoolError(what, where, mend)]
    return []


def _check_classes(answers: Sequence[Answers], where: str) -> list[PoolError]:
    return [
        PoolError(
            f"the label column {answer.name!r} has a single class, {answer.classes[0]!r}",
            where,
            "there is nothing to learn: name another column: --label NAME",
        )
        for answer in answers
        if answer.kind == "class" and len(answer.classes) == 1
    ]
