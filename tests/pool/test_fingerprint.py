from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pools import load, make_table, write

from alsim.pool.fingerprint import fingerprint


def test_a_shuffled_recompressed_renamed_file_has_the_same_fingerprint(tmp_path: Path) -> None:
    table = make_table(200)
    a = write(table, tmp_path / "a.parquet", compression="zstd")
    rows = np.random.default_rng(0).permutation(200)
    b = write(table.take(rows), tmp_path / "b.parquet", compression="none", row_group_size=30)
    prints = [fingerprint(load(path, tmp_path / path.stem).pool) for path in (a, b)]
    assert prints[0] == prints[1]
    assert len(prints[0]) == 32


def changed(table: pa.Table, name: str, row: int, value: Any) -> pa.Table:
    column = table.column(name).to_pylist()
    column[row] = value
    index = table.column_names.index(name)
    return table.set_column(index, name, pa.array(column, table.schema.field(name).type))


@pytest.mark.parametrize(
    ("name", "row", "value"),
    [
        ("text", 1, [0.0, 0.0, 0.0, 1e-7]),
        ("text", 1, None),
        ("label", 1, "class-2"),
        ("id", 1, "row-0001x"),
        ("split", 1, "val"),
    ],
)
def test_any_change_of_content_changes_the_fingerprint(
    tmp_path: Path, name: str, row: int, value: Any
) -> None:
    table = changed(make_table(), "text", 1, [0.0, 0.0, 0.0, 0.0])
    other = changed(table, name, row, value)
    prints = [
        fingerprint(load(pool, tmp_path / str(i), standardise="none").pool)
        for i, pool in enumerate((table, other))
    ]
    assert prints[0] != prints[1]


def test_the_roles_count_too(tmp_path: Path) -> None:
    table = make_table()
    prints = {
        fingerprint(load(table, tmp_path / f"{i}", modalities=modalities).pool)
        for i, modalities in enumerate([("text", "picture"), ("picture", "text"), ("text",)])
    }
    assert len(prints) == 3
