"""What the small columns of a source say: which rows are kept, in which order, with what label."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from alsim.errors import UsageError
from alsim.pool.columns import plain_column
from alsim.pool.faults import Fault
from alsim.pool.labels import Answers, read_answers
from alsim.pool.options import PoolOptions
from alsim.pool.pool import SPLITS, Split
from alsim.pool.roles import Roles, resolve_roles, stored_roles
from alsim.pool.source import Source
from alsim.pool.splits import hold_out_test, hold_out_validation, read_splits


@dataclass(frozen=True, slots=True, eq=False)
class Survey:
    """The rows of a pool, before any embedding is decoded."""

    roles: Roles
    answers: tuple[Answers, ...]
    rows: NDArray[np.int64]  # the file's rows that are kept, ordered by split, then by id
    splits: Mapping[Split, range]  # of positions in `rows`
    ids: "pa.Array[Any]"  # of `rows`
    by_id: NDArray[np.int64]  # positions in `rows`, in the order of the ids
    given: NDArray[np.int8] | None  # of `rows`, what the split column says; None without one
    n_unpaid: int  # validation rows taken out of train


def survey_pool(
    source: Source, options: PoolOptions, *, initial_size: int
) -> tuple[Survey, tuple[Fault, ...]]:
    """Return what the small columns of `source` say, and every fault in them.

    With faults the survey holds what could be made out, and is good only for looking for more.
    """
    roles, role_faults = resolve_roles(source.schema, options, source.where)
    faults = [*role_faults, *_check_options(options, source.where)]
    wanted = [*roles.labels, roles.split, roles.id]
    names = list(dict.fromkeys(name for name in wanted if name is not None))
    table = source.table(names) if names else None

    answers: list[Answers] = []
    for name, kind in roles.labels.items():
        assert table is not None
        read = read_answers(table.column(name), name, kind, source.where)
        if isinstance(read, Fault):
            faults.append(read)
        else:
            answers.append(read)
    ids: pa.Array[Any] = pa.array(np.arange(source.n))
    if table is not None and roles.id:
        read_ids = _read_ids(table.column(roles.id), roles.id, source.where)
        if isinstance(read_ids, Fault):
            faults.append(read_ids)
        else:
            ids = read_ids
    codes = answers[0].codes if answers else np.zeros(source.n, np.int64)
    kept = pc.sort_indices(ids).to_numpy().astype(np.int64)
    kept = kept[codes[kept] >= 0]

    given = None
    if table is not None and roles.split:
        column, split_faults = read_splits(table.column(roles.split), roles.split, source.where)
        faults.extend(split_faults)
        splits = given = column[kept]
    else:
        splits = hold_out_test(codes[kept], options.holdout, options.split_seed)
    n_unpaid = 0
    if not (splits == SPLITS.index("validation")).any():
        splits = hold_out_validation(codes[kept], splits, initial_size, options.split_seed)
        n_unpaid = int((splits == SPLITS.index("validation")).sum())
    known = np.flatnonzero(splits >= 0)
    order = known[np.argsort(splits[known], kind="stable")]
    rows, ranges = kept[order], _ranges(splits[order])
    if not faults:
        faults.extend(_check_sizes(ranges, roles, source.where))
    faults.extend(_check_classes(answers, source.where))
    faults.extend(_check_task(source, roles, options))
    survey = Survey(
        roles=roles,
        answers=tuple(answers),
        rows=rows,
        splits=ranges,
        ids=ids.take(rows),
        by_id=np.argsort(order),
        given=None if given is None else given[order],
        n_unpaid=n_unpaid,
    )
    return survey, tuple(faults)


def _check_options(options: PoolOptions, where: str) -> list[Fault]:
    shares = {f"--mask-modality {name}": share for name, share in options.masks.items()}
    return [
        Fault(f"{flag} is {share}", where, "a share lies in [0, 1)", UsageError)
        for flag, share in {**shares, "the held-out share": options.holdout}.items()
        if not 0 <= share < 1
    ]


def _read_ids(column: "pa.ChunkedArray[Any]", name: str, where: str) -> "pa.Array[Any] | Fault":
    values: Any = plain_column(column, name, where)
    if isinstance(values, Fault):
        return values
    type_ = values.type
    if pa.types.is_integer(type_) and not pa.types.is_uint64(type_):
        values = pc.cast(values, pa.int64())
    elif not pa.types.is_string(type_):
        mend = "ids are integers or strings: convert it, or name another column: --id NAME"
        return Fault(f"the id column {name!r} holds {type_}", where, mend)
    if values.null_count:
        what = f"the id column {name!r} is null in {values.null_count} rows"
        return Fault(what, where, "give every row an id, or name another column: --id NAME")
    counts: Any = pc.value_counts(values)
    repeated = counts.filter(pc.greater(counts.field("counts"), pa.scalar(1)))
    if len(repeated):
        more = int(pc.sum(repeated.field("counts")).as_py()) - len(repeated)
        first = repeated.field("values")[0].as_py()
        what = f"duplicate ids in column {name!r}: {more} rows repeat an id, the first is {first!r}"
        return Fault(what, where, "make them distinct, or name another column: --id NAME")
    return values


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


def _check_classes(answers: list[Answers], where: str) -> list[Fault]:
    return [
        Fault(
            f"the label column {answer.name!r} has a single class, {answer.classes[0]!r}",
            where,
            "there is nothing to learn: name another column: --label NAME",
        )
        for answer in answers
        if answer.kind == "class" and len(answer.classes) == 1
    ]


def _check_task(source: Source, roles: Roles, options: PoolOptions) -> list[Fault]:
    if roles.task is None:
        return []
    stored = stored_roles(source.schema, source.where)
    if options.task is None and stored is None:
        return []
    return [
        Fault(
            f"labels local to a task (column {roles.task!r}) cannot be used yet",
            source.where,
            "use a label column that is unique over tasks, and no task role",
        )
    ]
