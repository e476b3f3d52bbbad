"""What a pool looks like, as plain data for `alsim pool info`."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np

from alsim.pool.decoding import column_width, n_threads
from alsim.pool.labels import Answers
from alsim.pool.options import LabelKind, PoolOptions
from alsim.pool.pool import Split
from alsim.pool.remarks import remark
from alsim.pool.roles import is_embedding, type_name
from alsim.pool.source import Source
from alsim.pool.survey import survey_pool


@dataclass(frozen=True, slots=True)
class ModalitySummary:
    """One embedding column."""

    name: str
    type: str  # of its values, as in the file
    width: int  # 0 where every row is null
    share_present: float  # of all rows in the file


@dataclass(frozen=True, slots=True)
class LabelSummary:
    """One label column over all rows of the file."""

    name: str
    kind: LabelKind
    n_unknown: int
    counts: Mapping[str, int]  # class -> rows, most frequent first; empty for a target


@dataclass(frozen=True, slots=True)
class PoolSummary:
    """A pool at a glance."""

    name: str
    where: str
    n_rows: int
    modalities: tuple[ModalitySummary, ...]
    labels: tuple[LabelSummary, ...]
    task: str | None
    split: str | None
    id: str | None
    n_split: Mapping[Split, int]  # as `alsim run` would use them
    other_columns: Mapping[str, str]  # name -> type, of the columns without a role
    memory_bytes: int  # of the tensors that `alsim run` would hold
    faults: tuple[str, ...]  # those that can be seen without reading the embeddings' values
    warnings: tuple[str, ...]
    notes: tuple[str, ...]


def summarise(source: Source, options: PoolOptions, *, initial_size: int) -> PoolSummary:
    """Return what there is in a pool; faults are listed, and do not stop it.

    Raises:
        PoolError: If a file is damaged, so that nothing more can be said.
    """
    survey, faults = survey_pool(source, options, initial_size=initial_size)
    roles = survey.roles
    columns = [name for name in roles.modalities if is_embedding(source.schema.field(name).type)]
    with ThreadPoolExecutor(n_threads()) as pool:
        masks = list(pool.map(partial(_presence, source), columns))
    modalities = tuple(
        ModalitySummary(
            name=name,
            type=type_name(source.schema.field(name).type),
            width=column_width(source, name) or 0,
            share_present=float(mask.mean()),
        )
        for name, mask in zip(columns, masks, strict=True)
    )
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    if not faults:
        notes, warnings = remark(source, survey, np.stack(masks, 1)[survey.rows])
    used = {*roles.modalities, *roles.labels, roles.task, roles.split, roles.id}
    n_kept = len(survey.rows)
    return PoolSummary(
        name=source.name,
        where=source.where,
        n_rows=source.n,
        modalities=modalities,
        labels=tuple(_label(answer) for answer in survey.answers),
        task=roles.task,
        split=roles.split,
        id=roles.id,
        n_split={split: len(rows) for split, rows in survey.splits.items()},
        other_columns={
            field.name: type_name(field.type) for field in source.schema if field.name not in used
        },
        memory_bytes=sum(4 * modality.width for modality in modalities) * n_kept,
        faults=tuple(fault.what for fault in faults),
        warnings=warnings,
        notes=notes,
    )


def _presence(source: Source, column: str) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    present = np.zeros(source.n, np.bool_)
    for part in source.parts:
        start = part.start
        for batch in part.batches(column):
            present[start : start + len(batch)] = batch.is_valid().to_numpy(False)
            start += len(batch)
    return present


def _label(answer: Answers) -> LabelSummary:
    known = answer.codes[answer.known]
    tally = np.bincount(known, minlength=len(answer.classes)).tolist()
    pairs = zip(answer.classes, tally, strict=True) if answer.kind == "class" else ()
    return LabelSummary(
        name=answer.name,
        kind=answer.kind,
        n_unknown=int((~answer.known).sum()),
        counts=dict(sorted(pairs, key=lambda pair: -pair[1])),
    )
