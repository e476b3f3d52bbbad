"""From a source to a pool in memory: survey, decode once, mask, standardise, map."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from alsim.options.pool import PoolOptions
from alsim.pool.decoding import decode, n_threads
from alsim.pool.faults import raise_first
from alsim.pool.features import encode_features
from alsim.pool.fingerprint import fingerprint_content, fingerprint_splits
from alsim.pool.giveaways import sample_rows
from alsim.pool.mapping import Layout, modality_file, open_mapped, write_layout
from alsim.pool.masking import mask_rows
from alsim.pool.pool import Pool, Split
from alsim.pool.remarks import remark
from alsim.pool.roles import FEATURES, is_uint8
from alsim.pool.source import Source
from alsim.pool.splits import Validation
from alsim.pool.standardising import Scaling, evenly, standardise
from alsim.pool.survey import refuse_queries, survey_pool, with_features


@dataclass(frozen=True, slots=True)
class PoolReport:
    """What loading a pool found: counts, and sentences for the user."""

    n_rows: int  # in the file
    n_split: Mapping[Split, int]
    n_unknown: int  # rows left out, since the first label (or every label) is unknown
    n_empty: int  # kept rows in which every modality is absent
    n_unpaid: int  # validation rows taken out of train; their labels are not paid for
    features: Mapping[str, tuple[str, ...]]  # column -> those it becomes, side by side in order
    scalings: Mapping[str, Scaling]  # by modality, from what the file holds to what is trained on
    notes: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class LoadedPool:
    """A pool, what loading it found, and its fingerprints."""

    pool: Pool
    report: PoolReport
    fingerprint: str  # of what the file holds, whatever the options
    split_fingerprint: str  # of which rows are in which split, drawn or given


def load_pool(
    source: Source,
    options: PoolOptions,
    folder: Path,
    validation: Validation,
    *,
    queried: bool = True,
    several: bool = False,
) -> LoadedPool:
    """Return the pool of `source`, decoded into `folder`, which `open_mapped` then opens.

    Rows without the first label (see `options.rows_kept`) are left out. The others are ordered by
    split, then by id, so that with an id column no bit depends on the order of the rows in the
    file.

    Args:
        source: From `open_source`.
        options: Roles, splits, masks and standardising.
        folder: An existing folder for the decoded files, as large as the tensors.
        validation: Which rows are set aside for validation.
        queried: Whether labels will be queried. Then a regression target is a fault.
        several: Whether the labels of all classification tasks will be. Else those of the first
            label column are, and tasks by a column are a fault.

    Raises:
        PoolError: For the first fault of the pool.
        UsageError: If `options` name something that is not there.
    """
    survey, faults = survey_pool(source, options, validation)
    refused = refuse_queries(survey, source.where, several=several) if queried else []
    raise_first((*faults, *refused), source.where)
    columns = survey.roles.modalities
    decoded = decode(source, columns, survey.rows, folder)
    raise_first(decoded.faults, source.where)
    present, matrices = decoded.present, decoded.matrices
    widths = {name: matrix.values.shape[1] for name, matrix in matrices.items()}
    bytes_ = {name for name in columns if is_uint8(source.schema.field(name).type)}
    some = sample_rows(survey)
    samples = [matrix.values[some] for matrix in matrices.values()]
    # Before masks and scales: their effect on a pool is in the options of a run.
    identity = fingerprint_content(survey, matrices, present, bytes_)

    present = with_features(present, survey)
    masked = mask_rows(present, survey.roles.inputs, options.mask_modality, survey.by_id)
    present &= ~masked

    def finish(index: int) -> Scaling:
        name = columns[index]
        matrix = matrices[name]
        if masked[:, index].any():
            matrix.values[masked[:, index]] = 0
        scaling = evenly(widths[name], 1 / 255 if name in bytes_ else 1.0)
        if options.standardise != "none":
            each = options.standardise == "all"
            train = survey.splits["train"]
            scaling = scaling.then(standardise(matrix, present[:, index], train, each=each))
        matrix.release()
        return scaling

    # Modalities side by side, so that none waits for the last block of another.
    with ThreadPoolExecutor(n_threads()) as pool:
        scalings = dict(zip(columns, pool.map(finish, range(len(columns))), strict=True))

    encoded: dict[str, tuple[str, ...]] = {}
    if survey.features:
        path = modality_file(folder, len(columns))
        encoded, scalings[FEATURES] = encode_features(
            survey.features, present[:, -1], survey.splits["train"], path, options.standardise
        )
        widths[FEATURES] = sum(map(len, encoded.values()))
    cells: dict[str, Any] = {
        "id": survey.ids,
        **{f"present:{name}": present[:, index] for index, name in enumerate(widths)},
        **{f"label:{answer.name}": answer.labels[survey.rows] for answer in survey.answers},
    }
    layout = Layout(
        name=source.name,
        n=len(survey.rows),
        modalities=list(widths.items()),
        tasks=[(answer.name, answer.kind, answer.classes) for answer in survey.answers],
        splits={split: (rows.start, rows.stop) for split, rows in survey.splits.items()},
        pictures=survey.roles.pictures,
    )
    write_layout(folder, layout, pa.table(cells))
    notes, warnings = remark(source, survey, present, decoded.empty, samples)
    report = PoolReport(
        n_rows=source.n,
        n_split={split: len(rows) for split, rows in survey.splits.items()},
        n_unknown=source.n - len(survey.rows),
        n_empty=int((~present.any(1)).sum()),
        n_unpaid=survey.n_unpaid,
        features=encoded,
        scalings=scalings,
        notes=notes,
        warnings=warnings,
    )
    return LoadedPool(open_mapped(folder), report, identity, fingerprint_splits(survey))
