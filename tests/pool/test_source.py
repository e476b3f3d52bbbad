import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pools import make_table, write

from alsim.errors import PoolError
from alsim.pool.source import open_source


def test_a_missing_file_is_refused_and_its_neighbours_are_named(tmp_path: Path) -> None:
    write(make_table(), tmp_path / "posts.parquet")
    with pytest.raises(PoolError, match=r"no such file[\s\S]*posts\.parquet"):
        open_source(tmp_path / "post.parquet")


def test_a_file_that_is_not_parquet_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "pool.parquet"
    path.write_text("id,label\n1,a\n")
    with pytest.raises(PoolError, match="not a Parquet file"):
        open_source(path)


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "pool.parquet"
    path.touch()
    with pytest.raises(PoolError, match="not a Parquet file"):
        open_source(path)


@pytest.mark.parametrize("cut", [1, 4, 100, 2000])
def test_a_file_cut_short_is_refused(tmp_path: Path, cut: int) -> None:
    path = write(make_table(), tmp_path / "pool.parquet")
    os.truncate(path, path.stat().st_size - cut)
    with pytest.raises(PoolError, match="ends early"):
        open_source(path)


def test_a_file_damaged_in_the_middle_is_one_clear_error(tmp_path: Path) -> None:
    path = write(make_table(400), tmp_path / "pool.parquet", compression="zstd")
    data = bytearray(path.read_bytes())
    data[200:1200] = bytes(1000)
    path.write_bytes(data)
    source = open_source(path)
    with pytest.raises(PoolError, match="cannot be decoded"):
        source.table(source.schema.names)


def test_a_damaged_footer_is_one_clear_error(tmp_path: Path) -> None:
    path = write(make_table(), tmp_path / "pool.parquet")
    data = bytearray(path.read_bytes())
    data[-200:-8] = bytes(192)
    path.write_bytes(data)
    with pytest.raises(PoolError, match="cannot be decoded"):
        open_source(path)


def test_a_folder_a_glob_and_a_table_give_the_rows_of_the_file(tmp_path: Path) -> None:
    table = make_table(50)
    (tmp_path / "deep").mkdir()
    write(table.slice(0, 20), tmp_path / "a.parquet", row_group_size=7)
    write(table.slice(20), tmp_path / "deep" / "b.parquet")
    assert open_source(tmp_path / "deep").name == "deep"
    assert open_source(tmp_path / "deep" / "*.parquet").name == "deep"
    assert open_source(tmp_path / "a.parquet").name == "a"
    for pool in (tmp_path, str(tmp_path / "**" / "*.parquet"), table):
        source = open_source(pool)
        assert source.n == 50
        assert source.table(["id"]).column("id").to_pylist() == table.column("id").to_pylist()
        values = [
            row
            for part in source.parts
            for batch in part.batches("text")
            for row in batch.to_pylist()
        ]
        assert values == table.column("text").to_pylist()


def test_a_folder_without_parquet_and_a_glob_without_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(PoolError, match="no Parquet files in this folder"):
        open_source(tmp_path)
    with pytest.raises(PoolError, match="no file matches"):
        open_source(tmp_path / "*.parquet")


def test_files_with_differing_schemas_are_refused_with_the_column(tmp_path: Path) -> None:
    table = make_table(10)
    write(table, tmp_path / "a.parquet")
    write(table.drop_columns(["split"]), tmp_path / "b.parquet")
    with pytest.raises(PoolError, match=r"column .split. is absent here, string in a\.parquet"):
        open_source(tmp_path)


def test_files_whose_dictionaries_differ_are_read_together(tmp_path: Path) -> None:
    for name, labels in (("a", ["x", "y"]), ("b", ["y", "z"])):
        column = pa.array(labels * 5).dictionary_encode()
        write(make_table(10, label=column), tmp_path / f"{name}.parquet")
    labels = open_source(tmp_path).table(["label"]).column("label").to_pylist()
    assert labels == ["x", "y"] * 5 + ["y", "z"] * 5


def test_a_pool_without_rows_is_refused(tmp_path: Path) -> None:
    path = write(make_table().slice(0, 0), tmp_path / "pool.parquet")
    with pytest.raises(PoolError, match="no rows"):
        open_source(path)
    with pytest.raises(PoolError, match="no rows"):
        open_source(make_table().slice(0, 0))


def test_the_schema_keeps_its_metadata(tmp_path: Path) -> None:
    table = make_table().replace_schema_metadata({b"alsim": b"x"})
    path = write(table, tmp_path / "pool.parquet")
    assert open_source(path).schema.metadata[b"alsim"] == b"x"
    assert pq.read_schema(path).metadata[b"alsim"] == b"x"
