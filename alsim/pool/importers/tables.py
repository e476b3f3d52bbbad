"""CSV with numeric columns, and Parquet as others write it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from alsim.errors import PoolError
from alsim.options.pool import PoolOptions
from alsim.pool.decoding import present_rows
from alsim.pool.faults import raise_first
from alsim.pool.forms import is_number
from alsim.pool.importers.build import build_pool, embedding_column, known_columns
from alsim.pool.importers.label_files import join_labels
from alsim.pool.importers.table import ImportOptions
from alsim.pool.lookalikes import find_lookalikes, numbers_in
from alsim.pool.roles import is_embedding
from alsim.pool.schemas import is_nested
from alsim.pool.source import Source, open_source
from alsim.pool.survey import read_roles
from alsim.pool.wording import count


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
    chosen = PoolOptions(
        label=options.labels,
        modality=options.modalities,
        split=options.split,
        id_column=options.id,
        label_type=options.label_type,
    )
    usable = [name for name in schema.names if is_embedding(schema.field(name).type)]
    if not options.modalities and not set(usable).difference(lookalikes):
        chosen = replace(chosen, features=_features(schema, options, where))
    roles, faults = read_roles(source, chosen, lookalikes)
    raise_first(faults, where)
    # Lists of lists that are no input would lose their shape, or cannot be read.
    names = [
        name
        for name in source.readable
        if not (name in lookalikes and is_nested(schema.field(name)))
    ]
    table = source.table(names)
    columns: dict[str, Any] = {name: table.column(name) for name in names}
    notes = [*source.notes, *(f"warning: {sentence}" for sentence in source.warnings)]
    for name in roles.modalities:
        lists = columns[name].combine_chunks()
        if n_empty := int((~present_rows(lists)).sum()) - lists.null_count:
            rows = count(n_empty, "row")
            notes.append(f"{rows} of {name!r} with an empty list, read as absent: null")
        columns[name] = _fixed_lists(lists, name, where)
    notes += [f"warning: left out: {sentence}" for sentence in source.conflicts.values()]
    if not options.modalities:
        notes += [f"warning: {lookalikes[name]}" for name in lookalikes if name not in roles.others]
    return build_pool(columns, roles, where, notes)


def _with_labels(source: Source, options: ImportOptions) -> tuple[Source, ImportOptions]:
    """Return a source with the labels of a further file added, and options that name them."""
    table = source.table(source.readable)
    ours = {name: table.column(name).combine_chunks() for name in source.readable}
    columns, labels, id_, notes = join_labels(ours, source.readable, options, source.where)
    joined = replace(
        open_source(pa.table(columns), name=source.where),
        notes=(*source.notes, *notes),
        warnings=source.warnings,
    )
    return joined, replace(options, labels=labels, id=id_, labels_file=None)


def _features(schema: pa.Schema, options: ImportOptions, where: str) -> tuple[str, ...]:
    """Return the columns of a table without lists to encode: by default all numbers."""
    known_columns(options.features, schema.names, "--feature", where)
    others = {*(options.labels or ("label",)), options.split or "split", options.id or "id"}
    numeric = [
        field.name
        for field in schema
        if field.name not in others and (is_number(field.type) or pa.types.is_boolean(field.type))
    ]
    return options.features or tuple(numeric)


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
    """Return lists of one length as those of a fixed size; the final check refuses others."""
    present = present_rows(values)
    lengths = np.unique(pc.list_value_length(values).to_numpy(zero_copy_only=False)[present])
    flat = values.flatten()
    if len(lengths) != 1 or flat.null_count:
        return values
    rows = flat.to_numpy(zero_copy_only=False).reshape(-1, int(lengths[0]))
    lists = embedding_column(rows, name, where)
    if present.all():
        return lists
    positions: Any = pa.array(np.cumsum(present) - 1, mask=~present)
    return lists.take(positions)
