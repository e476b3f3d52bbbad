import base64
import io
import json
import math
import pickle
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pools import doors, load, make_table, rows_by_id, write

from alsim.errors import PoolError
from alsim.options.pool import PoolOptions
from alsim.pool.lookalikes import find_lookalikes, numbers_in
from alsim.pool.source import open_source
from alsim.pool.splits import FreeValidation
from alsim.pool.survey import survey_pool

X = np.random.default_rng(0).normal(size=(80, 16)).astype(np.float32)


def saved(row: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, row)
    return file.getvalue()


def printed(row: Any) -> str:
    return str(row)  # as pandas writes an array into a CSV file


UNREAD: dict[str, pa.Array] = {
    "bytes of float32": pa.array([row.tobytes() for row in X]),
    "bytes of float64": pa.array([row.astype(float).tobytes() for row in X], pa.binary(128)),
    "bytes of float16": pa.array([row.astype(np.float16).tobytes() for row in X]),
    "bytes of numpy.save": pa.array([saved(row) for row in X]),
    "bytes of pickle": pa.array([pickle.dumps(row) for row in X], pa.large_binary()),
    "JSON": pa.array([json.dumps(row.tolist()) for row in X]),
    "JSON, some null": pa.array(
        [None if i % 3 else json.dumps(row.tolist()) for i, row in enumerate(X)]
    ),
    "JSON in a dictionary": pa.array([json.dumps(row.tolist()) for row in X]).dictionary_encode(),
    "base64": pa.array([base64.b64encode(row.tobytes()).decode() for row in X]),
    "printed arrays": pa.array(map(printed, X), pa.large_string()),
    "numbers and spaces": pa.array([" ".join(map(str, row)) for row in X.tolist()]),
    "lists of text": pa.array([list(map(str, row)) for row in X.tolist()]),
    "lists of decimals": pa.array(
        [[Decimal(f"{value:.3f}") for value in row] for row in X.tolist()],
        pa.list_(pa.decimal128(9, 3)),
    ),
    "lists in structs": pa.array([{"name": "x", "vector": row} for row in X.tolist()]),
    "fields of structs": pa.array([{f"x{i}": v for i, v in enumerate(row)} for row in X.tolist()]),
}


@pytest.mark.parametrize("column", UNREAD.values(), ids=UNREAD.keys())
def test_an_unread_column_that_looks_like_an_embedding_is_reported_with_a_working_remedy(
    tmp_path: Path, column: pa.Array
) -> None:
    pandas = pytest.importorskip("pandas", reason="the cure uses pandas")
    path = write(make_table(80, text=column), tmp_path / "pool.parquet")
    found = doors(path, tmp_path / "doors")
    for warnings in found.warnings():
        (warning,) = warnings
        assert warning.startswith("the column 'text' holds ")
    lines = re.sub(r"NEW\.parquet", str(tmp_path / "new.parquet"), warning.split("convert it: ")[1])
    exec(
        lines,
        {"pandas": pandas, "numpy": np, "json": json, "io": io, "pickle": pickle, "base64": base64},
    )
    rows = rows_by_id(load(tmp_path / "new.parquet", tmp_path / "new", standardise="none"))
    for i, row in enumerate(X):
        values = rows[f"row-{i:04d}"]["text"]
        if column[i].is_valid:
            assert values == pytest.approx(row.tolist(), abs=1e-3)
        else:
            assert values is None


@pytest.mark.parametrize(
    "column",
    [
        pa.array([f"post number {i}" for i in range(80)]),
        pa.array([f"{i} 1 2" for i in range(80)]),
        pa.array([f"2024-01-{1 + i % 28}" for i in range(80)]),
        pa.array([np.random.default_rng(i).bytes(32) for i in range(80)]),  # hashes
        pa.array([np.random.default_rng(i).bytes(16) for i in range(80)], pa.binary(16)),
        pa.array([["red", "blue"]] * 80),
        pa.array([{"name": "x", "size": 1.5}] * 80),
        pa.array([[[i, 1], [2, 3]] for i in range(80)]),
        pa.array([f"{i:032x}" for i in range(80)]),
        pa.nulls(80, pa.binary()),
        pa.nulls(80),
    ],
)
def test_other_columns_give_no_warning(tmp_path: Path, column: pa.Array) -> None:
    path = write(make_table(80, other=column), tmp_path / "pool.parquet")
    assert not any(doors(path, tmp_path / "doors").warnings())


def test_arrays_printed_in_abbreviated_form_are_reported_as_lost() -> None:
    texts = pa.array(["[0.1 0.2 ... 0.3]"] * 60)
    (said,) = find_lookalikes(open_source(make_table(text=texts))).values()
    assert "whose numbers are lost" in said


def test_a_pool_with_only_lookalikes_is_refused_with_a_way_to_convert_them(tmp_path: Path) -> None:
    table = make_table(80, text=UNREAD["bytes of float32"], picture=None)
    with pytest.raises(PoolError, match=r"no embedding column[^\0]*bytes that look like float32"):
        load(table, tmp_path / "folder")


def test_a_pool_with_only_picture_files_is_refused_as_it_needs_embeddings(tmp_path: Path) -> None:
    pictures = pa.array([{"bytes": b"\x89PNG" + bytes(i % 7), "path": "x"} for i in range(60)])
    table = make_table(text=pictures, picture=None)
    with pytest.raises(PoolError, match="alsim needs embeddings, and 'text' holds bytes"):
        load(table, tmp_path / "folder")


def test_chosen_columns_give_no_warning() -> None:
    source = open_source(make_table(80, note=UNREAD["JSON"]))
    chosen = PoolOptions(modality=("text",))
    assert survey_pool(source, PoolOptions(), FreeValidation(10))[0].warnings
    assert not survey_pool(source, chosen, FreeValidation(10))[0].warnings


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("[0.5, -1e-3]", [0.5, -1e-3]),
        ("[ 0.5\n -1. ]", [0.5, -1.0]),
        ("1 2 3 4", [1, 2, 3, 4]),
        ("1;2;3;.5", [1, 2, 3, 0.5]),
        ("[]", None),
        ("1 2", None),
        ("1,234", None),
        ("[1, null]", pytest.approx([1, math.nan], nan_ok=True)),
        ("[1, two]", None),
        ("127.0.0.1", None),
    ],
)
def test_numbers_in_text_are_found(text: str, numbers: list[float] | None) -> None:
    assert numbers_in(text) == numbers
