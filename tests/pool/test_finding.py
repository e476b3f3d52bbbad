from pathlib import Path

import pyarrow as pa
import pytest
from pools import doors, load, make_table, rows_by_id, write

from alsim.errors import PoolError
from alsim.pool.finding import HIVE_NULL, find_files
from alsim.pool.source import open_source


def spread(table: pa.Table, column: str, folder: Path, name: str) -> None:
    """Write the rows of each value of a column to a separate file, without the column."""
    values = table.column(column).to_pylist()
    for value in set(values):
        rows = [row for row, found in enumerate(values) if found == value]
        path = folder / name.format(value=HIVE_NULL if value is None else value)
        path.parent.mkdir(parents=True, exist_ok=True)
        write(table.take(rows).drop_columns([column]), path)


def assert_same_rows(pool: Path, table: pa.Table, folder: Path) -> None:
    """Assert that every command reads the rows of a table from a pool."""
    expected = rows_by_id(load(table, folder / "expected", standardise="none"))
    found = doors(pool, folder / "doors")
    assert rows_by_id(found.loaded) == expected
    assert rows_by_id(found.imported) == expected


@pytest.mark.parametrize("column", ["split", "label"])
def test_names_of_hive_folders_give_split_and_label(tmp_path: Path, column: str) -> None:
    table = make_table(80)
    spread(table, column, tmp_path / "pool", column + "={value}/part-0.parquet")
    assert_same_rows(tmp_path / "pool", table, tmp_path)


def test_names_of_hive_folders_give_numbers_nulls_and_escaped_text(tmp_path: Path) -> None:
    labels = [("a b/c", "x%y", None)[i % 3] for i in range(60)]
    table = make_table(label=pa.array(labels), year=pa.array([2000 + i % 2 for i in range(60)]))
    folder = tmp_path / "pool"
    for label, escaped in (("a b/c", "a%20b%2Fc"), ("x%y", "x%25y"), (None, HIVE_NULL)):
        rows = [i for i in range(60) if labels[i] == label]
        rest = table.take(rows).drop_columns(["label"])
        spread(rest, "year", folder, f"label={escaped}/year={{value}}/a.parquet")
    source = open_source(folder)
    assert source.schema.field("year").type == pa.int64()
    found = source.table(["id", "label", "year"]).sort_by("id").to_pydict()
    assert found["label"] == labels
    assert found["year"] == [2000 + i % 2 for i in range(60)]


def test_numbers_with_leading_zeros_in_folder_names_stay_text(tmp_path: Path) -> None:
    spread(
        make_table(label=pa.array(["007", "7"] * 30)), "label", tmp_path, "label={value}/a.parquet"
    )
    assert set(open_source(tmp_path).table(["label"]).column("label").to_pylist()) == {"007", "7"}


def test_the_name_of_the_given_folder_itself_gives_no_columns(tmp_path: Path) -> None:
    spread(make_table(80), "split", tmp_path, "split={value}/a.parquet")
    for pool in (tmp_path / "split=train", tmp_path / "split=train" / "a.parquet"):
        assert "split" not in open_source(pool).schema.names
    assert "split" in open_source(tmp_path / "split=t*" / "a.parquet").schema.names


def test_a_column_of_the_files_overrides_the_folder_names(tmp_path: Path) -> None:
    table = make_table(label=pa.array(["x", "y"] * 30))
    for half in (0, 1):
        (tmp_path / f"label={half}").mkdir()
        write(table.slice(30 * half, 30), tmp_path / f"label={half}" / "a.parquet")
    assert set(open_source(tmp_path).table(["label"]).column("label").to_pylist()) == {"x", "y"}


@pytest.mark.parametrize(
    "name",
    [
        "{value}-00000-of-00001.parquet",
        "{value}.parquet",
        "posts_{value}.parquet",
        "{value}/part-0.parquet",
        "data/{value}/0000.parquet",
    ],
)
def test_names_of_files_and_folders_give_the_split(tmp_path: Path, name: str) -> None:
    table = make_table(80)
    spread(table, "split", tmp_path / "pool", name)
    assert_same_rows(tmp_path / "pool", table, tmp_path)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("train", "validation", "test"), ["train", "validation", "test"]),
        (("training", "valid", "testing"), ["train", "validation", "test"]),
        (("TRAIN-1", "Val-1", "dev2"), ["train", "validation", "validation"]),
        (("a", "b", "latest"), None),
        (("train-0", "train-1", "train-2"), None),  # only part of a pool, split like any other
        (("train", "test", "extra"), None),
        (("train", "test", "train-test"), None),
        (("tag=train/x", "tag=test/x", "tag=bus/x"), None),
    ],
)
def test_a_split_is_read_from_names_only_if_all_files_have_one(
    tmp_path: Path, names: tuple[str, ...], expected: list[str] | None
) -> None:
    table = make_table(60, split=None)
    for index, name in enumerate(names):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        write(table.slice(20 * index, 20), tmp_path / f"{name}.parquet")
    source = open_source(tmp_path)
    assert ("split" in source.schema.names) is (expected is not None)
    if expected is not None:
        rows = source.table(["id", "split"]).sort_by("id").column("split").to_pylist()
        assert rows[::20] == expected
    is_half = names[:2] == ("train", "test")
    assert any("names of files state a split" in each for each in source.warnings) is is_half


@pytest.mark.parametrize(
    "name",
    ["._a.parquet", "_b.parquet", ".cache/c.parquet", "_delta_log/1.checkpoint.parquet"],
)
def test_names_that_begin_with_a_dot_or_underscore_are_skipped(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "pool"
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(b"\0\5\x16\7")
    good = write(make_table(80), folder / "part-0.parquet")
    for pool in (folder, folder / "*.parquet", folder / "**" / "*.parquet"):
        assert find_files(pool).files == (good,)
    assert_same_rows(folder, make_table(80), tmp_path)


def test_a_file_that_the_user_names_is_read_whatever_its_name(tmp_path: Path) -> None:
    folder = tmp_path / "_pools"
    folder.mkdir()
    path = write(make_table(), folder / "_a.parquet")
    for pool in (path, folder / "_*.parquet", tmp_path / "_pools" / "_a.par*"):
        assert find_files(pool).files == (path,)
    with pytest.raises(PoolError, match=r"all 1 files here[\s\S]*name one: .*_a\.parquet"):
        open_source(folder)


def test_skipped_files_are_reported(tmp_path: Path) -> None:
    write(make_table(40), tmp_path / "a.parquet")
    write(make_table(40), tmp_path / "_old.parquet")
    found = doors(tmp_path / "*.parquet", tmp_path / "doors")
    sentence = "1 file skipped, with . or _ at the start of a name: _old.parquet"
    assert all(sentence in notes for notes in found.notes())


@pytest.mark.parametrize(
    ("mark", "kind"),
    [
        ("_delta_log/0.json", "Delta table"),
        ("metadata/v1.metadata.json", "Iceberg table"),
        (".hoodie/hoodie.properties", "Hudi table"),
    ],
)
def test_a_table_of_another_program_is_reported_with_the_command_to_export_it(
    tmp_path: Path, mark: str, kind: str
) -> None:
    folder = tmp_path / "pool"
    (folder / mark).parent.mkdir(parents=True)
    (folder / mark).touch()
    write(make_table(80), folder / "part-0.parquet")
    found = doors(folder, tmp_path / "doors")
    for warnings in found.warnings():
        (warning,) = warnings
        assert kind in warning
        assert "write it out: " in warning


def test_a_table_of_another_program_inside_the_folder_is_reported(tmp_path: Path) -> None:
    (tmp_path / "pool" / "posts" / "_delta_log").mkdir(parents=True)
    write(make_table(80), tmp_path / "pool" / "posts" / "part-0.parquet")
    (warning,) = find_files(tmp_path / "pool").warnings
    assert f'DeltaTable("{tmp_path / "pool" / "posts"}")' in warning


@pytest.mark.parametrize(
    ("mark", "cure"),
    [
        ("_versions/1.manifest", "lance.dataset"),
        ("state.json", "load_from_disk"),
        ("dataset_dict.json", "load_from_disk"),
    ],
)
def test_a_folder_without_parquet_in_a_known_format_is_named(
    tmp_path: Path, mark: str, cure: str
) -> None:
    (tmp_path / mark).parent.mkdir(exist_ok=True)
    (tmp_path / mark).touch()
    with pytest.raises(PoolError, match=cure):
        open_source(tmp_path)
