"""A pool at a glance, as plain data for `alsim pool info`."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from alsim.options.pool import LabelKind, PoolOptions
from alsim.pool.decoding import column_width, n_threads, present_rows
from alsim.pool.features import fit_feature
from alsim.pool.forms import lengths_of
from alsim.pool.giveaways import sample_rows
from alsim.pool.labels import Answers
from alsim.pool.pictures import picture_in
from alsim.pool.pool import Split
from alsim.pool.remarks import remark
from alsim.pool.roles import FEATURES, is_embedding, type_name
from alsim.pool.source import Source
from alsim.pool.splits import Validation
from alsim.pool.survey import survey_pool, with_features


@dataclass(frozen=True, slots=True)
class ModalitySummary:
    """One embedding column."""

    name: str
    type: str  # of its values in the file, and whether they are pixels
    width: int  # 0 where every row is null
    share_present: float  # of all rows in the file


@dataclass(frozen=True, slots=True)
class LabelSummary:
    """One label column over all rows of the file."""

    name: str
    kind: LabelKind
    n_unknown: int
    counts: Mapping[str, int]  # class -> rows, most frequent first; empty for a target
    moments: tuple[float, float] | None  # mean and deviation of a target


@dataclass(frozen=True, slots=True)
class FeatureSummary:
    """One column of numbers or categories, as it is encoded."""

    name: str
    kind: Literal["number", "category"]
    columns: tuple[str, ...]  # of the modality, in order


@dataclass(frozen=True, slots=True)
class PoolSummary:
    """A pool at a glance."""

    name: str
    where: str
    n_rows: int
    modalities: tuple[ModalitySummary, ...]
    features: tuple[FeatureSummary, ...]  # which together are the modality `features`
    labels: tuple[LabelSummary, ...]  # of each column, or of each task of the task column
    task: str | None
    split: str | None
    id: str | None
    n_split: Mapping[Split, int]  # as `alsim run` would use them
    other_columns: Mapping[str, str]  # name -> type, of the columns without a role
    memory_bytes: int  # of the tensors that `alsim run` would hold
    faults: tuple[str, ...]  # those found without reading all values of the embeddings
    warnings: tuple[str, ...]
    notes: tuple[str, ...]


def summarise(source: Source, options: PoolOptions, validation: Validation) -> PoolSummary:
    """Return what a pool holds, with faults where it has some.

    Raises:
        PoolError: If a file is damaged.
    """
    survey, faults = survey_pool(source, options, validation)
    roles = survey.roles
    columns = [name for name in roles.modalities if is_embedding(source.schema.field(name).type)]
    some = survey.rows[sample_rows(survey)]
    with ThreadPoolExecutor(n_threads()) as pool:
        glances = list(pool.map(partial(_glance, source, some), columns))
    modalities = [
        ModalitySummary(
            name=name,
            type=_type_of(source, name),
            width=glance.values.shape[1],
            share_present=float(glance.present.mean()),
        )
        for name, glance in zip(columns, glances, strict=True)
    ]
    train = np.asarray(survey.splits["train"], np.int64)
    features = tuple(
        FeatureSummary(feature.name, feature.kind, fit_feature(feature, train).names)
        for feature in survey.features
    )
    if features:
        width = sum(len(feature.columns) for feature in features)
        modalities.append(ModalitySummary(FEATURES, "encoded", width, 1.0))
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    if not faults:
        masks = [glance.present[survey.rows] for glance in glances]
        present = np.array(masks, np.bool_).reshape(len(masks), len(survey.rows)).T
        notes, warnings = remark(
            source,
            survey,
            with_features(present, survey),
            {name: glance.n_empty for name, glance in zip(columns, glances, strict=True)},
            [glance.values for glance in glances],
        )
    return PoolSummary(
        name=source.name,
        where=source.where,
        n_rows=source.n,
        modalities=tuple(modalities),
        features=features,
        labels=tuple(_label(answer) for answer in survey.answers),
        task=roles.task,
        split=roles.split,
        id=roles.id,
        n_split={split: len(rows) for split, rows in survey.splits.items()},
        other_columns={
            name: type_name(source.schema.field(name).type)
            for name in source.schema.names
            if name not in roles.columns
        },
        memory_bytes=sum(4 * modality.width for modality in modalities) * len(survey.rows),
        faults=tuple(fault.args[0] for fault in faults),
        warnings=warnings,
        notes=notes,
    )


def _type_of(source: Source, column: str) -> str:
    name, picture = type_name(source.schema.field(column).type), picture_in(source, column)
    return f"{name} (pixels, {picture})" if picture else name


@dataclass(frozen=True, slots=True, eq=False)
class _Glance:
    """Presence and some values of an embedding column."""

    present: NDArray[np.bool_]  # (n,) of all rows in the file
    n_empty: int
    values: NDArray[np.float32]  # (some, width) of the rows to look at, zeros where absent


def _glance(source: Source, some: NDArray[np.int64], column: str) -> _Glance:
    width = column_width(source, column) or 0
    present, n_empty = np.zeros(source.n, np.bool_), 0
    values = np.zeros((len(some), width), np.float32)
    place = np.full(source.n, -1, np.int64)
    place[some] = np.arange(len(some))
    for part in source.parts:
        start = part.start
        for batch in part.batches(column):
            rows = slice(start, start + len(batch))
            present[rows] = present_rows(batch)
            n_empty += len(batch) - batch.null_count - int(present[rows].sum())
            wanted = np.flatnonzero(present[rows] & (place[rows] >= 0))
            lists: Any = batch.take(pa.array(wanted, pa.int64()))
            if wanted.size and (lengths_of(lists) == width).all():
                found = lists.flatten().to_numpy(zero_copy_only=False).reshape(len(lists), width)
                values[place[rows][wanted]] = found
            start += len(batch)
    return _Glance(present, n_empty, values)


def _label(answer: Answers) -> LabelSummary:
    known = answer.codes[answer.known]
    tally = np.bincount(known, minlength=len(answer.classes)).tolist()
    moments = None
    if answer.targets is not None:
        values = answer.targets[answer.known].astype(np.float64)
        moments = (float(values.mean()), float(values.std())) if np.isfinite(values).all() else None
    pairs = zip(answer.classes, tally, strict=True) if answer.kind == "class" else ()
    return LabelSummary(
        name=answer.name,
        kind=answer.kind,
        n_unknown=int((~answer.known).sum()),
        counts=dict(sorted(pairs, key=lambda pair: -pair[1])),
        moments=moments,
    )
