from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pools import doors, load, make_table, rows_by_id, write

from alsim.errors import PoolError
from alsim.pool.forms import WIDEST_SPARSE, as_plain, plain_type

SPARK = pa.struct(
    {
        "type": pa.int8(),
        "size": pa.int32(),
        "indices": pa.list_(pa.int32()),
        "values": pa.list_(pa.float64()),
    }
)
ROWS = [None if i % 5 == 0 else [i, -i, 0, i % 7] for i in range(80)]
F32 = pa.float32()


def tensors() -> pa.Array:
    type_ = pa.fixed_shape_tensor(F32, (2, 2))
    return pa.ExtensionArray.from_storage(type_, pa.array(ROWS, pa.list_(F32, 4)))


def dense(row: Any) -> Any:
    return row and {"type": 1, "values": row}


def sparse(row: Any) -> Any:
    if row is None:
        return None
    places = [place for place, value in enumerate(row) if value]
    return {"type": 0, "size": 4, "indices": places, "values": [row[place] for place in places]}


def squares(*types: pa.DataType) -> list[pa.Array]:
    rows = [row and [row[:2], row[2:]] for row in ROWS]
    return [pa.array(rows, type_) for type_ in types]


FORMS: dict[str, pa.Array] = {
    **{
        str(type_): pa.array(ROWS, type_)
        for value in (pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.float16(), pa.float64())
        for type_ in (pa.list_(value), pa.list_(value, 4))
    },
    **{
        str(type_): pa.array(ROWS, type_)
        for type_ in (pa.large_list(F32), pa.list_view(F32), pa.large_list_view(pa.int8()))
    },
    **{
        str(column.type): column
        for column in squares(
            pa.list_(pa.list_(F32)),
            pa.list_(pa.list_(F32, 2), 2),
            pa.large_list(pa.list_(pa.int16())),
            pa.list_view(pa.list_view(F32)),
        )
    },
    "dense vectors of Spark": pa.array(map(dense, ROWS), SPARK),
    "sparse vectors of Spark": pa.array(map(sparse, ROWS), SPARK),
    "both in one column": pa.array(
        [(dense if i % 2 else sparse)(row) for i, row in enumerate(ROWS)], SPARK
    ),
    "lists as BigQuery exports them": pa.array(
        [row and {"list": [{"element": value} for value in row]} for row in ROWS],
        pa.struct({"list": pa.list_(pa.struct({"element": pa.float64()}))}),
    ),
}


@pytest.mark.parametrize("column", [*FORMS.values(), tensors()], ids=[*FORMS, "tensors"])
def test_columns_that_flatten_without_loss_are_read_by_every_command(
    tmp_path: Path, column: pa.Array
) -> None:
    path = write(make_table(80, text=column), tmp_path / "pool.parquet", row_group_size=33)
    found = doors(path, tmp_path / "doors")
    for loaded in (found.loaded, found.imported):
        rows = rows_by_id(loaded)
        assert [rows[f"row-{i:04d}"]["text"] for i in range(80)] == ROWS
    assert not any(found.warnings())


def test_bits_in_lists_are_zeros_and_ones(tmp_path: Path) -> None:
    bits = [[i % 2 == 0, i % 3 == 0] for i in range(60)]
    table = make_table(text=pa.array(bits, pa.list_(pa.bool_())))
    rows = rows_by_id(load(table, tmp_path / "pool", standardise="none"))
    assert rows["row-0003"]["text"] == [0, 1]


@pytest.mark.long
@given(
    st.lists(st.none() | st.lists(st.integers(-9, 9), min_size=6, max_size=6), max_size=9),
    st.integers(0, 4),
    st.sampled_from([pa.list_, pa.large_list, pa.list_view]),
)
def test_a_slice_of_any_form_holds_the_slice_of_its_rows(rows: Any, start: int, kind: Any) -> None:
    nested = [row and [row[:3], row[3:]] for row in rows]
    for column in (
        pa.array(rows, kind(pa.int16())),
        pa.array(nested, kind(kind(F32))),
        pa.array(map(dense, rows), SPARK),
    ):
        plain = as_plain(column.slice(start))
        plain.validate(full=True)
        assert plain.type == plain_type(column.type)
        assert plain.to_pylist() == rows[start:]


@pytest.mark.parametrize(
    ("vector", "match"),
    [
        ({"type": 0, "size": 4, "indices": [4], "values": [1.0]}, "an index beyond their size"),
        ({"type": 0, "size": 4, "indices": [-1], "values": [1.0]}, "an index beyond their size"),
        ({"type": 0, "size": 4, "indices": [1, 2], "values": [1.0]}, "differ in number"),
        ({"type": 0, "size": WIDEST_SPARSE + 1, "indices": [], "values": []}, "sparse vectors wid"),
        ({"type": 0, "size": -1, "indices": [], "values": []}, "sparse vectors wider"),
        ({"type": 1, "values": None}, "differ in number"),
    ],
)
def test_an_invalid_vector_of_spark_is_one_clear_error(
    tmp_path: Path, vector: Any, match: str
) -> None:
    rows = [{"type": 1, "values": [1.0, 2.0, 3.0, 4.0]}] * 59
    path = write(make_table(text=pa.array([*rows, vector], SPARK)), tmp_path / "pool.parquet")
    with pytest.raises(PoolError, match=rf"'text' cannot be read: [^\n]*{match}[\s\S]*--modality"):
        load(path, tmp_path / "folder")
    assert load(path, tmp_path / "folder", modality=("picture",)).pool.widths == {"picture": 3}


def test_empty_lists_are_absent_whichever_row_is_first(tmp_path: Path) -> None:
    rows = [[] if i % 5 == 0 else [float(i), 1.0] for i in range(80)]
    for start in (0, 1):
        column = pa.array(rows[start:] + rows[:start], pa.list_(F32))
        path = write(make_table(80, text=column), tmp_path / f"{start}.parquet")
        found = doors(path, tmp_path / f"doors-{start}")
        sentence = "16 rows of 'text' with an empty list, read as absent: null"
        assert all(sentence in notes for notes in found.notes())
        assert found.info.modalities[0].share_present == 0.8
        for loaded in (found.loaded, found.imported):
            values = [row["text"] for row in rows_by_id(loaded).values()]
            assert sum(value is None for value in values) == 16


def test_tokens_and_boxes_are_not_inputs_unless_named_and_are_reported(tmp_path: Path) -> None:
    tokens = pa.array([[1] * (1 + i % 3) for i in range(60)], pa.list_(pa.int64()))
    boxes = pa.array([[[0.0, 1.0]] * (i % 4) for i in range(60)], pa.list_(pa.list_(F32)))
    odd = pa.array([[[0.0], [1.0, 2.0]]] * 60, pa.list_(pa.list_(F32)))
    path = write(make_table(80).slice(0, 60), tmp_path / "pool.parquet")
    table = make_table(60, tokens=tokens, boxes=boxes, odd=odd)
    found = doors(write(table, path), tmp_path / "doors")
    assert list(found.loaded.pool.widths) == ["text", "picture"]
    for warnings in found.warnings():
        for name in ("tokens", "boxes", "odd"):
            assert sum(f"{name!r}" in warning for warning in warnings) == 1
        assert "the column 'tokens' holds lists of int64 that differ in length" in str(warnings)
    with pytest.raises(PoolError, match="'tokens' is ragged"):
        load(path, tmp_path / "named", modality=("tokens",))


def test_lists_of_lists_of_another_shape_are_reported_in_any_file(tmp_path: Path) -> None:
    wide = [[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]] * 40
    high = [[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]] * 40
    for index, rows in enumerate((wide, high)):
        column = pa.array(rows, pa.list_(pa.list_(F32)))
        ids = pa.array(range(40 * index, 40 * index + 40))
        write(make_table(40, id=ids, text=column), tmp_path / f"{index}.parquet")
    said = "the column 'text' cannot be read: lists within lists that differ in length"
    with pytest.raises(PoolError, match=said):
        load(tmp_path, tmp_path / "folder")
    chosen = load(tmp_path, tmp_path / "folder", modality=("picture",))
    assert chosen.pool.widths == {"picture": 3}


def test_lists_of_wide_integers_are_noted_as_possible_tokens(tmp_path: Path) -> None:
    said = "the modality 'text' holds lists of int64: codes or token numbers"
    for type_, is_noted in ((pa.int64(), True), (pa.int16(), False)):
        table = make_table(80, text=pa.array([[i, 1] for i in range(80)], pa.list_(type_)))
        path = write(table, tmp_path / f"{type_}.parquet")
        for notes in doors(path, tmp_path / f"{type_}").notes():
            assert any(note.startswith(said) for note in notes) is is_noted


def test_float16_keeps_its_values(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=(60, 2)).astype(np.float16)
    table = make_table(text=pa.array(list(values), pa.list_(pa.float16())))
    path = write(table, tmp_path / "pool.parquet")
    rows = rows_by_id(load(path, tmp_path / "folder", standardise="none"))
    assert [rows[f"row-{i:04d}"]["text"] for i in range(60)] == values.astype(float).tolist()
