"""Labels in a file of their own: its columns recognised, and joined to the embeddings."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from alsim.errors import PoolError
from alsim.pool.columns import texts_or_integers
from alsim.pool.importers.build import known_columns, label_column
from alsim.pool.importers.numpy_files import load_npy
from alsim.pool.importers.table import ImportOptions
from alsim.pool.source import open_source
from alsim.pool.wording import listed

LABEL_NAMES = ("label", "labels", "y", "target", "targets", "class")
ID_NAMES = ("id", "ids")
INDEX_NAMES = ("index", "")  # the last as pandas writes an index
FORMATS = "give .npy, .json, .jsonl, .csv, .parquet, or text with one label a line"
NAMED = 3  # ids that a note names

Columns = Mapping[str, "pa.Array[Any]"]


def join_labels(
    columns: Columns, named: Sequence[str], options: ImportOptions, where: str
) -> tuple[dict[str, Any], tuple[str, ...], str | None, list[str]]:
    """Return columns with those of `options.labels_file`, names of labels and ids, and notes.

    Where both have ids, each row gets the label of its id, else rows are matched in order. `named`
    are the columns that may hold ids.

    Raises:
        PoolError: If the file cannot be read, or fits no row.
        UsageError: If `options` name a column that is not there.
    """
    assert options.labels_file is not None
    path, n = options.labels_file, len(next(iter(columns.values())))
    found = _read(path, n, options)
    labels = _labels(found, options, str(path))
    known_columns([options.id] if options.id else [], [*named, *found], "--id", where)
    ours = next((name for name in (options.id, *ID_NAMES) if name and name in named), None)
    theirs = _id_name(found, options)
    added = {name: column for name, column in found.items() if name not in columns}
    if ours is not None and theirs is not None:
        rows, notes = _match(columns[ours], found[theirs], str(path))
        added = {name: column.take(rows) for name, column in added.items() if name != theirs}
        return {**columns, **added}, labels, ours, notes
    lengths = {len(column) for column in found.values()}
    if lengths != {n}:
        what = f"the numbers of rows differ: {path.name} has {max(lengths)}, the embeddings {n}"
        mend = "give a label for each; or ids to both, for embeddings as ids.npy"
        raise PoolError(what, where, mend)
    return {**columns, **added}, labels, ours or theirs, _order_notes(found, theirs, path)


def _order_notes(found: Columns, ids: str | None, path: Path) -> list[str]:
    """Return a warning if ids number the rows in another order than that of the file."""
    values: list[Any] = [] if ids is None else found[ids].to_pylist()
    numbers = list(range(len(values)))
    is_numbered = all(isinstance(value, int) for value in values) and sorted(values) == numbers
    note = (
        f"warning: the ids of {path.name} number the rows in another order; labels were matched "
        "by order, not by id; if they are numbers of rows, sort the file by them"
    )
    return [note] * (is_numbered and values != numbers)


def _match(
    ours: "pa.Array[Any]", theirs: "pa.Array[Any]", where: str
) -> tuple["pa.Array[Any]", list[str]]:
    """Return the row of the labels for each of our ids, null where there is none, and notes."""
    known: dict[str, int] = {}
    for row, value in enumerate(theirs.to_pylist()):
        if known.setdefault(str(value), row) != row:
            raise PoolError(f"the id {value!r} has two labels", where, "give each id once")
    wanted = list(map(str, ours.to_pylist()))
    rows = [known.get(value) for value in wanted]
    without = [value for value, row in zip(wanted, rows, strict=True) if row is None]
    beyond = [value for value in known if value not in set(wanted)]
    if len(without) == len(wanted):
        what = f"no id of the embeddings is in the labels, such as {without[0]!r}"
        raise PoolError(what, where, "give labels of these rows, or name the ids: --id NAME")
    unmatched = {
        "rows have no label in the labels file": without,
        "labels have an id that no row has, left out": beyond,
    }
    notes = [f"{len(i):,} {what}: {listed(i, NAMED)}" for what, i in unmatched.items() if i]
    return pa.array(rows, pa.int64()), notes


def _labels(found: Columns, options: ImportOptions, where: str) -> tuple[str, ...]:
    known_columns(options.labels, found, "--label", where)
    if options.labels:
        return options.labels
    named = [name for name in found if name.strip().lower() in LABEL_NAMES]
    others = [name for name in found if name != _id_name(found, options)]
    if not named and len(others) != 1:
        what = "which column holds the label is not clear"
        raise PoolError(what, where, f"name it: --label NAME; there is: {', '.join(found)}")
    return ((named or others)[0],)


def _id_name(found: Columns, options: ImportOptions) -> str | None:
    if options.id:
        return options.id if options.id in found else None
    for name, column in found.items():
        is_index = name.strip().lower() in INDEX_NAMES and len(column.unique()) == len(column)
        if is_index or name.strip().lower() in ID_NAMES:
            return name
    return None


def _read(path: Path, n: int, options: ImportOptions) -> dict[str, Any]:
    where = str(path)
    if path.suffix == ".npy":
        return {"label": label_column(load_npy(path), path.stem, where)}
    if path.suffix == ".parquet":
        source = open_source(path)
        found = source.table(source.readable)
        return {name: found.column(name).combine_chunks() for name in source.readable}
    try:
        text = path.read_text(encoding="utf-8-sig")
        if path.suffix in (".jsonl", ".ndjson"):
            return _from_json([json.loads(line) for line in text.splitlines() if line.strip()])
        if path.suffix == ".json":
            return _from_json(json.loads(text))
        return _from_text(text, n, options, where)
    except (
        OSError, ValueError, OverflowError, RecursionError, csv.Error, pa.ArrowException,
    ) as error:  # fmt: skip
        reason = error.strerror if isinstance(error, OSError) else error
        raise PoolError(f"the labels cannot be read ({reason})", where, FORMATS) from None


def _from_json(data: Any) -> dict[str, Any]:
    """Return the columns of a list of labels or records, of columns, or of labels by id."""
    if isinstance(data, dict):
        values = list(data.values())
        if values and all(isinstance(value, list) for value in values):
            return {str(name): pa.array(column) for name, column in data.items()}
        if values and all(isinstance(value, dict) for value in values):  # as pandas writes it
            return {str(name): pa.array(list(each.values())) for name, each in data.items()}
        return {"id": pa.array(list(data)), "label": pa.array(values)}
    if not isinstance(data, list) or not data:
        raise ValueError("neither a list nor an object")
    if all(isinstance(record, dict) for record in data):
        names = dict.fromkeys(name for record in data for name in record)
        return {name: pa.array([record.get(name) for record in data]) for name in names}
    return {"label": pa.array(data)}


def _from_text(text: str, n: int, options: ImportOptions, where: str) -> dict[str, Any]:
    lines = text.splitlines()
    while len(lines) > n and not lines[-1].strip():
        lines.pop()
    rows = _cells(text)
    if rows is None:
        name = "label"
        if len(lines) == n + 1:
            name, *lines = lines
        if not where.endswith(".txt"):
            name, *lines = map(_unquoted, [name, *lines])
        return {name.strip() or "label": pa.array([line.strip() or None for line in lines])}
    known = {*LABEL_NAMES, *ID_NAMES, "index", *options.labels, options.id}
    if len(rows) == n + 1 or any(name.lower() in known or name in known for name in rows[0]):
        names, *rows = rows
    else:
        names = _headless(rows)
    if names is None and where.endswith((".csv", ".tsv")):
        mend = "give it a first line with the names of its columns, label among them"
        raise PoolError("which column holds the label is not clear", where, mend)
    if names is None:
        return {"label": pa.array([line.strip() or None for line in lines])}
    columns = ([cell or None for cell in column] for column in zip(*rows, strict=True))
    return {n: texts_or_integers(cells) for n, cells in zip(names, columns, strict=True)}


def _unquoted(line: str) -> str:
    """Return the only cell of a line, as it is where there are several."""
    cells = next(csv.reader([line]), [])
    return cells[0] if len(cells) == 1 else line


def _cells(text: str) -> list[list[str]] | None:
    """Return the cells of a table with commas, tabs or semicolons, None of anything else."""
    for separator in "\t,;":
        rows = [row for row in csv.reader(io.StringIO(text), delimiter=separator) if row]
        if rows and len(rows[0]) > 1 and len({len(row) for row in rows}) == 1:
            return [[cell.strip() for cell in row] for row in rows]
    return None


def _headless(rows: Sequence[Sequence[str]]) -> list[str] | None:
    """Return names for two columns, of which one is different in each row: ids."""
    is_id = [len(set(column)) == len(rows) for column in zip(*rows, strict=True)]
    names = ["label", "id"] if is_id == [False, True] else ["id", "label"]
    return names if sorted(is_id) == [False, True] else None
