"""The end of every import: unknown labels become null, and the pool is checked."""

from dataclasses import replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from alsim.errors import PoolError
from alsim.options.faults import Faults
from alsim.options.pool import PoolOptions
from alsim.pool.checking import check_pool
from alsim.pool.columns import is_discrete, plain_column
from alsim.pool.importers.build import known_columns, read_notes, write_notes
from alsim.pool.importers.table import ImportOptions
from alsim.pool.labels import without_unknown
from alsim.pool.roles import stored_roles, write_roles
from alsim.pool.source import open_source
from alsim.pool.splits import as_in_file

NEARLY_EACH = 0.9  # classes by rows, beyond which a column is no label
FEWEST = 20  # rows, below which that is not checked


def finish(table: pa.Table, options: ImportOptions, where: str) -> pa.Table:
    """Return the table of an importer as it is written, warnings added to its notes.

    Raises:
        PoolError: If `alsim pool check` would refuse it, or nearly every row is a class.
    """
    roles = stored_roles(table.schema, where)
    assert roles is not None
    if options.pictures:
        known_columns(options.pictures, roles.modalities, "--picture", where)
        table = write_roles(table, replace(roles, pictures=options.pictures))
    for name, kind in roles.labels.items():
        values: Any = plain_column(table.column(name), name, where)
        if options.unknown:
            values = without_unknown(values, options.unknown)
            index = table.column_names.index(name)
            table = table.set_column(index, pa.field(name, values.type), values)
        if not options.unique_labels and kind != "target":
            _refuse_unique(values, name, where)
    given = PoolOptions(modality=roles.modalities)
    found = check_pool(open_source(table, name=where), given, as_in_file())
    faults = Faults()
    faults.kept += found.faults
    faults.raise_all("things are wrong with the imported pool", where)
    notes = read_notes(table)
    return write_notes(table, [*notes, *(f"warning: {each}" for each in found.warnings)])


def _refuse_unique(values: Any, name: str, where: str) -> None:
    n = len(values) - values.null_count
    n_classes = len(pc.drop_null(pc.unique(values))) if is_discrete(values.type) else 0
    if n < FEWEST or n_classes <= NEARLY_EACH * n:
        return
    first = pc.drop_null(values)[0].as_py()
    raise PoolError(
        f"the label {name!r} has {n_classes:,} classes in {n:,} rows, such as {first!r}: nearly "
        "every row would be a class of its own",
        where,
        "name the column of labels: --label NAME; if this is meant, add --unique-labels",
    )
