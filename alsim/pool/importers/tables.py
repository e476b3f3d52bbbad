"""CSV with numeric columns, and Parquet as others write it."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from alsim.errors import PoolError
from alsim.pool.importers.build import build_pool, embedding_column, known_columns
from alsim.pool.importers.options import ImportOptions
from alsim.pool.pool import Split
from alsim.pool.roles import FEATURES, Roles
from alsim.pool.source import find_files, open_source
from alsim.pool.splits import SYNONYMS


def import_csv(path: Path, options: ImportOptions) -> pa.Table:
    """Return the pool of a CSV file: all numeric columns together become one modality.

    Its name is `features`. Columns with a part (label, split, id) and those that are not numeric
    are kept as they are; an empty cell is null.
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
    return _gather(table, options, where)


def import_parquet(path: Path, options: ImportOptions) -> pa.Table:
    """Return the pool of Parquet with list columns, as Hugging Face writes it, or with numbers.

    Lists of numbers become modalities (uint8 stays, all else float32), null rows stay absent.
    Class names in Hugging Face's metadata replace their numbers. Several files named by their
    split, such as `train-00000-of-00002.parquet`, give the split. A file without lists is treated
    like CSV.
    """
    source = open_source(path)
    where = str(path)
    table = source.table(source.schema.names)
    named = _name_classes(table, source.schema.metadata or {})
    if "split" not in table.column_names and options.split is None:
        named = _split_by_file(named, find_files(path))
    lists = [field.name for field in table.schema if _is_numeric_list(field.type)]
    if not lists:
        return _gather(named, options, where)
    known_columns(options.modalities, lists, "--modality", where)
    modalities = options.modalities or tuple(lists)
    columns: dict[str, Any] = {name: named.column(name) for name in named.column_names}
    for name in modalities:
        columns[name] = _fixed_lists(columns[name], name, where)
    return build_pool(columns, _roles(columns, modalities, options, where), where)


def _gather(table: pa.Table, options: ImportOptions, where: str) -> pa.Table:
    """Return `table` with its numeric columns gathered into one modality."""
    names = table.column_names
    known_columns(options.features, names, "--feature", where)
    roles = _roles(names, (FEATURES,), options, where)
    taken = {*roles.labels, roles.split, roles.id}
    numeric = [
        field.name
        for field in table.schema
        if field.name not in taken
        and (
            pa.types.is_integer(field.type)
            or pa.types.is_floating(field.type)
            or pa.types.is_boolean(field.type)
        )
    ]
    features = options.features or tuple(numeric)
    wrong = [name for name in features if name not in numeric]
    if wrong or not features:
        what = f"the column {wrong[0]!r} is not numeric" if wrong else "no numeric columns"
        listed = ", ".join(numeric) or "none"
        raise PoolError(what, where, f"name numeric columns: --feature NAME; there is: {listed}")
    holes = {name: table.column(name).null_count for name in features}
    if any(holes.values()):
        listed = ", ".join(f"{name} ({n})" for name, n in holes.items() if n)
        mend = "fill them, or choose other columns: --feature NAME, repeated"
        raise PoolError(f"numeric columns with empty cells: {listed}", where, mend)
    with np.errstate(over="ignore"):  # the infinities are refused below
        stacked = [np.asarray(table.column(name).to_numpy(), np.float32) for name in features]
    columns: dict[str, Any] = {
        name: table.column(name) for name in names if name in taken or name not in numeric
    }
    columns[FEATURES] = embedding_column(np.stack(stacked, 1), FEATURES, where)
    return build_pool(columns, roles, where)


def _roles(
    names: Sequence[str] | dict[str, Any],
    modalities: tuple[str, ...],
    options: ImportOptions,
    where: str,
) -> Roles:
    labels = options.labels or (("label",) if "label" in names else ())
    if not labels:
        others = [name for name in names if name not in modalities]
        mend = f"name it: --label NAME; there is: {', '.join(others) or 'no other column'}"
        raise PoolError("no label column", where, mend)
    known_columns(labels, names, "--label", where)
    known_columns([options.split] if options.split else [], names, "--split", where)
    known_columns([options.id] if options.id else [], names, "--id", where)
    return Roles(
        modalities=modalities,
        labels=dict.fromkeys(labels),
        split=options.split or ("split" if "split" in names else None),
        id=options.id or ("id" if "id" in names else None),
    )


def _is_numeric_list(type_: Any) -> bool:
    lists = pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list
    if not any(test(type_) for test in lists):
        return False
    return pa.types.is_integer(type_.value_type) or pa.types.is_floating(type_.value_type)


def _fixed_lists(column: Any, name: str, where: str) -> "pa.Array[Any]":
    values: Any = column.combine_chunks()
    present = values.is_valid().to_numpy(False)
    lengths = pc.list_value_length(values).drop_null().to_numpy(False)
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


def _name_classes(table: pa.Table, metadata: dict[bytes, bytes]) -> pa.Table:
    """Return `table` with Hugging Face's ClassLabel columns as their names."""
    try:
        features = json.loads(metadata[b"huggingface"])["info"]["features"]
        named = {
            str(column): [str(name) for name in feature["names"]]
            for column, feature in features.items()
            if feature.get("_type") == "ClassLabel"
        }
    except (KeyError, ValueError, TypeError, AttributeError):
        return table
    for column, names in named.items():
        if column not in table.column_names:
            continue
        # -1 is how Hugging Face marks a hidden label.
        by_code: dict[Any, str] = dict(enumerate(names))
        texts = [by_code.get(code) for code in table.column(column).to_pylist()]
        index = table.column_names.index(column)
        table = table.set_column(index, column, pa.array(texts, pa.string()).dictionary_encode())
    return table


def _split_by_file(table: pa.Table, files: list[Path]) -> pa.Table:
    splits: list[Split | None] = [
        SYNONYMS.get(file.stem.partition("-")[0].lower()) for file in files
    ]
    if len(files) < 2 or None in splits:
        return table
    counts = [open_source(file).n for file in files]
    column = [split for split, n in zip(splits, counts, strict=True) for _ in range(n)]
    return table.append_column("split", pa.array(column, pa.string()))
