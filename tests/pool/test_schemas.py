import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pools import doors, load, make_table, rows_by_id, write

from alsim.errors import PoolError
from alsim.pool.importers.build import read_notes
from alsim.pool.importers.dispatch import import_pool
from alsim.pool.importers.table import ImportOptions
from alsim.pool.schemas import class_names, common_type
from alsim.pool.source import open_source

F32 = pa.float32()
TEXT = [None if i % 5 == 0 else [i / 4, 1.0, -2.0] for i in range(80)]
LABELS = [f"class-{i % 3}" for i in range(80)]


def column(rows: list[Any], type_: pa.DataType) -> pa.Array:
    if pa.types.is_dictionary(type_):
        return pa.array(rows).dictionary_encode().cast(type_)
    return pa.array(rows, type_)


SPELLINGS: dict[str, tuple[str, list[Any], tuple[pa.DataType, pa.DataType]]] = {
    f"{first} and {second}": (name, rows, (first, second))
    for name, rows, types in (
        ("text", TEXT, (pa.list_(F32), pa.list_(F32, 3), pa.large_list(pa.float64()))),
        ("text", TEXT, (pa.list_view(F32), pa.list_(pa.float16()), pa.list_(F32))),
        (
            "label",
            LABELS,
            (pa.string(), pa.large_string(), pa.string_view(), pa.binary(),
             pa.dictionary(pa.int32(), pa.string())),
        ),
        ("label", [i % 3 for i in range(80)], (pa.int8(), pa.int64(), pa.uint16(), pa.uint64())),
        ("id", list(range(80)), (pa.int32(), pa.int64(), pa.uint8(), pa.decimal128(9, 0))),
    )
    for first in types
    for second in types
    if first != second
}  # fmt: skip


@pytest.mark.parametrize(("name", "rows", "types"), SPELLINGS.values(), ids=SPELLINGS.keys())
def test_shards_with_equivalent_types_agree(
    tmp_path: Path, name: str, rows: list[Any], types: tuple[pa.DataType, pa.DataType]
) -> None:
    folder = tmp_path / "pool"
    folder.mkdir()
    for index, type_ in enumerate(types):
        whole = make_table(80, **{"text": column(TEXT, pa.list_(F32)), name: column(rows, type_)})
        write(whole.slice(40 * index, 40), folder / f"{index}.parquet")
    plain = make_table(80, **{"text": column(TEXT, pa.list_(F32)), name: pa.array(rows)})
    expected = rows_by_id(load(plain, tmp_path / "expected", standardise="none"))
    found = doors(folder, tmp_path / "doors")
    assert rows_by_id(found.loaded) == expected
    assert rows_by_id(found.imported) == expected


def test_a_shard_of_nulls_or_without_the_column_is_absent_there(tmp_path: Path) -> None:
    for name, change in (
        ("null", lambda table: table.set_column(1, "text", pa.nulls(40))),
        ("without", lambda table: table.drop_columns(["text"])),
    ):
        folder = tmp_path / name
        folder.mkdir()
        write(make_table(40), folder / "a.parquet")
        write(change(make_table(80).slice(40)), folder / "b.parquet")
        found = doors(folder, tmp_path / f"doors-{name}")
        assert found.loaded.pool.present[:, 0].sum() == 32
        said = "the column 'text' is absent in b.parquet: null there"
        assert all((said in notes) is (name == "without") for notes in found.notes())


def test_rows_of_a_shard_without_labels_are_unknown_and_reported(tmp_path: Path) -> None:
    folder = tmp_path / "pool"
    folder.mkdir()
    write(make_table(80).slice(0, 60), folder / "a.parquet")
    write(make_table(80).slice(60).drop_columns(["label"]), folder / "b.parquet")
    notes = load(folder, tmp_path / "folder").report.notes
    assert "the column 'label' is absent in b.parquet: null there" in notes
    assert "20 rows without a label, left out" in notes


@pytest.mark.parametrize("unused", [pa.array(["x"] * 40), pa.array([{"a": 1, "b": "x"}] * 40)])
def test_a_column_that_no_one_uses_does_not_matter(tmp_path: Path, unused: pa.Array) -> None:
    folder = tmp_path / "pool"
    folder.mkdir()
    write(make_table(80, note=pa.array(range(80))).slice(0, 40), folder / "a.parquet")
    write(make_table(80).slice(40).append_column("note", unused), folder / "b.parquet")
    found = doors(folder, tmp_path / "doors")
    assert found.loaded.pool.n == 80
    assert not any(found.warnings())
    (note,) = read_notes(import_pool([folder], ImportOptions()))
    assert note.startswith("warning: left out: the files have differing types: column 'note' is")


@pytest.mark.parametrize(
    ("name", "first", "second"),
    [
        ("label", pa.array(["x", "y"] * 20), pa.array([0, 1] * 20)),
        ("label", pa.array([True, False] * 20), pa.array([0, 1] * 20)),
        ("text", pa.array([[1, 2]] * 40, pa.list_(pa.uint8())), pa.array([[0.1, 0.2]] * 40)),
        ("text", pa.array(["words"] * 40), pa.array([[0.1, 0.2]] * 40)),
        ("id", pa.array(range(40)), pa.array(map(str, range(40)))),
    ],
)
def test_a_column_in_use_that_differs_between_files_is_one_clear_error(
    tmp_path: Path, name: str, first: pa.Array, second: pa.Array
) -> None:
    write(make_table(40, **{name: first}), tmp_path / "a.parquet")
    write(make_table(40, **{name: second}), tmp_path / "b.parquet")
    match = rf"differing types: column '{name}' is .* in b\.parquet"
    with pytest.raises(PoolError, match=match):
        load(tmp_path, tmp_path / "folder")
    with pytest.raises(PoolError, match=match):
        import_pool([tmp_path], ImportOptions())


def test_numbers_that_no_common_type_holds_are_one_clear_error(tmp_path: Path) -> None:
    write(make_table(40, id=pa.array(range(40), pa.int64())), tmp_path / "a.parquet")
    ids = pa.array(range(2**63, 2**63 + 40), pa.uint64())
    write(make_table(40, id=ids), tmp_path / "b.parquet")
    with pytest.raises(PoolError, match="'id' cannot be read"):
        load(tmp_path, tmp_path / "folder")


def test_the_common_type_of_a_type_and_null_is_the_type() -> None:
    for type_ in (pa.string(), pa.list_(F32, 3), pa.dictionary(pa.int8(), pa.string())):
        assert common_type(pa.null(), type_) == common_type(type_, pa.null()) == type_


# Hugging Face


def hugging_face(table: pa.Table, **features: Any) -> pa.Table:
    text = json.dumps({"info": {"features": features}})
    return table.replace_schema_metadata({b"huggingface": text.encode()})


CLASSES = {"names": ["cat", "dog", "eel"], "_type": "ClassLabel"}


def test_class_names_of_hugging_face_are_read_by_every_command(tmp_path: Path) -> None:
    codes = [-1 if i == 7 else i % 3 for i in range(80)]
    names = [None if code < 0 else CLASSES["names"][code] for code in codes]
    path = write(
        hugging_face(make_table(80, label=pa.array(codes)), label=CLASSES), tmp_path / "a.parquet"
    )
    expected = rows_by_id(
        load(make_table(80, label=pa.array(names)), tmp_path / "expected", standardise="none")
    )
    found = doors(path, tmp_path / "doors")
    assert rows_by_id(found.loaded) == rows_by_id(found.imported) == expected
    assert found.loaded.report.n_unknown == 1


def test_files_that_number_the_classes_differently_are_joined_by_class_name(tmp_path: Path) -> None:
    for index, names in enumerate((["cat", "dog", "eel"], ["eel", "dog", "cat"])):
        table = make_table(30, label=pa.array([names.index("cat")] * 10 + [0, 1] * 10))
        write(
            hugging_face(table, label={"names": names, "_type": "ClassLabel"}),
            tmp_path / f"{index}.parquet",
        )
    labels = open_source(tmp_path).table(["label"]).column("label").to_pylist()
    assert labels == ["cat"] * 10 + ["cat", "dog"] * 10 + ["cat"] * 10 + ["eel", "dog"] * 10


@pytest.mark.parametrize(
    "feature",
    [
        {"feature": CLASSES, "_type": "Sequence"},
        {"feature": CLASSES, "_type": "List"},
        [CLASSES],
    ],
)
def test_lists_of_classes_are_labels_and_not_an_embedding(tmp_path: Path, feature: Any) -> None:
    tags = pa.array([[i % 3, 2] for i in range(60)], pa.list_(pa.int64()))
    path = write(hugging_face(make_table(tags=tags), tags=feature), tmp_path / "pool.parquet")
    assert open_source(path).table(["tags"]).column("tags").to_pylist()[1] == ["dog", "eel"]
    assert list(load(path, tmp_path / "folder").pool.widths) == ["text", "picture"]
    with pytest.raises(PoolError, match=r"several labels a row.*\n.*\n.*--label cat --label eel"):
        load(path, tmp_path / "folder", label=("tags",))


@pytest.mark.parametrize("text", [b"no JSON", b"[]", b'{"info": {"features": [1]}}', b"\xff"])
def test_invalid_metadata_of_hugging_face_is_ignored(text: bytes) -> None:
    table = make_table().replace_schema_metadata({b"huggingface": text})
    assert class_names(table.schema) == {}
