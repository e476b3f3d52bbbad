"""CSV with numeric columns, and Parquet as others write it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from alsim.errors import PoolError
from alsim.options.pool import PoolOptions
from alsim.pool.advice import no_embeddings
from alsim.pool.decoding import present_rows
from alsim.pool.faults import raise_first
from alsim.pool.importers.build import build_pool, embedding_column, known_columns, write_notes
from alsim.pool.importers.label_files import ID_NAMES, join_labels
from alsim.pool.importers.table import ImportOptions
from alsim.pool.lookalikes import find_lookalikes, numbers_in
from alsim.pool.roles import Roles, is_embedding
from alsim.pool.schemas import is_nested
from alsim.pool.source import Source, open_source
from alsim.pool.survey import read_roles


def import_csv(path: Path, options: ImportOptions) -> pa.Table:
    """Return the pool of a CSV file: all numeric columns together are encoded as one modality.

    Its name is `features`. Columns of lists written as text, such as `[0.1, 0.2]`, are modalities
    instead, where there are any. An empty cell is null.
    """
    where = str(path)
    try:
        table = pyarrow.csv.read_csv(
            path, convert_options=pyarrow.csv.ConvertOptions(strings_can_be_null=True)
        )
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        what = f"the CSV cannot be read ({str(error).splitlines()[0]})"
        raise PoolError(what, where, "give commas, a header and one row a line") from None
    if not table.num_rows:
        raise PoolError("the CSV has no rows", where, "give a header and rows")
    for index, name in enumerate(table.column_names):
        lists = _lists_in(table.column(name))
        if lists is not None:
            table = table.set_column(index, name, lists)
    return _import(open_source(table, name=where), options)


def import_parquet(path: Path, options: ImportOptions) -> pa.Table:
    """Return the pool of Parquet with list columns, or with numbers, read as any pool is.

    Lists of numbers become modalities (uint8 stays, all else float32), null rows stay absent. A
    file without lists is treated like CSV.
    """
    return _import(open_source(path), options)


def _import(source: Source, options: ImportOptions) -> pa.Table:
    if options.labels_file is not None:
        source, options = _with_labels(source, options)
    where, schema = source.where, source.schema
    lookalikes = find_lookalikes(source)
    usable = [
        name
        for name in schema.names
        if is_embedding(schema.field(name).type) and name not in lookalikes
    ]
    # Lists of lists that are no input would lose their shape, or cannot be read.
    names = [
        field.name
        for field in schema
        if field.name not in source.conflicts
        and not (field.name in lookalikes and is_nested(field))
    ]
    if not usable and not options.modalities:
        return _of_columns(source.table(names), options, lookalikes, where)
    chosen = PoolOptions(
        label=options.labels,
        modality=options.modalities,
        split=options.split,
        id_column=options.id,
        label_type=options.label_type,
    )
    roles, faults = read_roles(source, chosen, lookalikes)
    raise_first(faults, where)
    table = source.table(names)
    columns: dict[str, Any] = {name: table.column(name) for name in names}
    notes = [*source.notes, *(f"warning: {sentence}" for sentence in source.warnings)]
    for name in roles.modalities:
        n_empty = int((~present_rows(lists := columns[name].combine_chunks())).sum())
        n_empty -= lists.null_count
        if n_empty:
            notes.append(f"{n_empty:,} rows of {name!r} with an empty list, read as absent: null")
        columns[name] = _fixed_lists(lists, name, where)
    notes += [f"warning: left out: {sentence}" for sentence in source.conflicts.values()]
    if not options.modalities:
        notes += [f"warning: {lookalikes[name]}" for name in lookalikes if name not in roles.others]
    return write_notes(build_pool(columns, roles, where), notes)


def _with_labels(source: Source, options: ImportOptions) -> tuple[Source, ImportOptions]:
    """Return a source that has the labels of a further file, too, and which they are."""
    names = [name for name in source.schema.names if name not in source.conflicts]
    table = source.table(names)
    id_ = options.id or next((name for name in names if name in ID_NAMES), None)
    ours = {name: table.column(name).combine_chunks() for name in names}
    columns, labels, id_, notes = join_labels(
        ours, id_ if id_ in names else None, options, source.where
    )
    joined = replace(
        open_source(pa.table(columns), name=source.where),
        notes=(*source.notes, *notes),
        warnings=source.warnings,
    )
    return joined, replace(options, labels=labels, id=id_, labels_file=None)


def _of_columns(
    table: pa.Table, options: ImportOptions, lookalikes: Mapping[str, str], where: str
) -> pa.Table:
    """Return `table` with its numeric columns as features: each is scaled by itself."""
    names = table.column_names
    known_columns(options.features, names, "--feature", where)
    roles = _roles(names, options, where)
    numeric = [
        field.name
        for field in table.schema
        if field.name not in roles.others
        and (
            pa.types.is_integer(field.type)
            or pa.types.is_floating(field.type)
            or pa.types.is_boolean(field.type)
        )
    ]
    features = options.features or tuple(numeric)
    if not features:
        fault = no_embeddings(table.schema, roles, where, lookalikes)
        raise PoolError(fault.what, fault.where, fault.mend)
    columns = {name: table.column(name) for name in names}
    return build_pool(columns, replace(roles, features=features), where)


def _roles(names: Sequence[str], options: ImportOptions, where: str) -> Roles:
    labels = options.labels or (("label",) if "label" in names else ())
    if not labels:
        mend = f"name it: --label NAME; there is: {', '.join(names) or 'no other column'}"
        raise PoolError("no label column", where, mend)
    known_columns(labels, names, "--label", where)
    known_columns([options.split] if options.split else [], names, "--split", where)
    known_columns([options.id] if options.id else [], names, "--id", where)
    return Roles(
        labels=dict.fromkeys(labels, options.label_type),
        split=options.split or ("split" if "split" in names else None),
        id=options.id or ("id" if "id" in names else None),
    )


def _lists_in(column: "pa.ChunkedArray[Any]") -> "pa.Array[Any] | None":
    """Return a column of text as lists if every cell is a list of numbers in brackets."""
    if not pa.types.is_string(column.type):
        return None
    lists: list[list[float] | None] = []
    for text in column.to_pylist():
        numbers = numbers_in(text) if text and text.lstrip().startswith("[") else None
        if text is not None and numbers is None:
            return None
        lists.append(numbers)
    return pa.array(lists, pa.list_(pa.float64())) if any(lists) else None


def _fixed_lists(values: Any, name: str, where: str) -> "pa.Array[Any]":
    present = present_rows(values)
    lengths = pc.list_value_length(values).to_numpy(zero_copy_only=False)[present].astype(int)
    if not lengths.size or not lengths[0]:
        what = f"the column {name!r} has no values"
        raise PoolError(what, where, "leave it out: --modality with the others")
    wrong = np.flatnonzero(lengths != lengths[0])
    if wrong.size:
        row = int(np.flatnonzero(present)[wrong[0]])
        what = (
            f"the column {name!r} is ragged: {wrong.size} rows differ from the first length, "
            f"{lengths[0]}; the first is row {row} with {lengths[wrong[0]]}"
        )
        raise PoolError(what, where, "give all rows of a column one length, or null")
    flat = values.flatten()
    if flat.null_count:
        what = f"the column {name!r} has {flat.null_count} nulls inside its lists"
        raise PoolError(what, where, "make the whole row null where the modality is absent")
    rows = flat.to_numpy(zero_copy_only=False).reshape(-1, int(lengths[0]))
    lists = embedding_column(rows, name, where)
    if present.all():
        return lists
    positions: Any = pa.array(np.cumsum(present) - 1, mask=~present)
    return lists.take(positions)
