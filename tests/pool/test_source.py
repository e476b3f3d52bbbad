import os
import re
import resource
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from corpus.pools import Builder, claiming_rows, claiming_width, varint
from pools import make_table, write

from alsim.errors import PoolError
from alsim.options.pool import PoolOptions
from alsim.pool.checking import check_pool
from alsim.pool.decoding import n_threads
from alsim.pool.loading import load_pool
from alsim.pool.source import open_source
from alsim.pool.splits import FreeValidation


def test_a_missing_file_is_refused_with_similar_names(tmp_path: Path) -> None:
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
    with pytest.raises(PoolError, match="the file is empty"):
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


class Frame:
    """A table of another library that does not use pyarrow."""

    def __init__(self, table: pa.Table | None) -> None:
        self.table = table

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        if self.table is None:
            raise ValueError("a column of objects")
        return self.table.__arrow_c_stream__(requested_schema)


def test_any_object_with_arrows_stream_interface_is_read_as_a_table(tmp_path: Path) -> None:
    def print_of(given: Any) -> str:
        return load_pool(open_source(given), PoolOptions(), tmp_path, FreeValidation(9)).fingerprint

    table = make_table()
    assert print_of(Frame(table)) == print_of(table.to_reader()) == print_of(table)
    with pytest.raises(PoolError, match="cannot be given to Arrow: a column of objects"):
        open_source(Frame(None))


def test_a_folder_without_parquet_and_a_glob_without_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(PoolError, match="no Parquet files in this folder"):
        open_source(tmp_path)
    with pytest.raises(PoolError, match="no file matches"):
        open_source(tmp_path / "*.parquet")


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


def rewrite(path: Path) -> None:
    write(make_table(4000, seed=1), path)


CHANGES: dict[str, Callable[[Path], None]] = {
    "cut short": lambda path: os.truncate(path, path.stat().st_size // 2),
    "emptied": lambda path: os.truncate(path, 0),
    "deleted": Path.unlink,
    "written over": rewrite,
    "replaced": lambda path: write(make_table(4000, seed=1), path.with_name("new")).replace(path),
    "touched": lambda path: os.utime(path, ns=(0, 0)),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_file_changed_after_it_was_opened_is_one_clear_error(
    tmp_path: Path, change: Callable[[Path], None]
) -> None:
    path = write(make_table(4000), tmp_path / "pool.parquet")
    source = open_source(path)
    change(path)
    with pytest.raises(PoolError, match="changed while it was read"):
        load_pool(source, PoolOptions(), tmp_path, FreeValidation(4))
    with pytest.raises(PoolError, match="changed while it was read"):
        source.table(["label"])
    with pytest.raises(PoolError, match="changed while it was read"):
        list(source.parts[0].batches("text"))


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_file_changed_while_its_embeddings_are_decoded_is_one_clear_error(
    tmp_path: Path, change: Callable[[Path], None]
) -> None:
    # Small pages, so that a memory-mapped file would be read again after the change.
    layout = {"row_group_size": 1500, "data_page_size": 4096, "use_dictionary": False}
    path = write(make_table(4000), tmp_path / "pool.parquet", **layout)
    source = open_source(path)
    middle = source.parts[1]

    def batches(column: str) -> Iterator[Any]:
        values = middle.batches(column)
        yield next(values)
        if column == "text":
            change(path)
        yield from values

    parts = (source.parts[0], replace(middle, batches=batches), *source.parts[2:])
    with pytest.raises(PoolError, match="changed while it was read"):
        load_pool(replace(source, parts=parts), PoolOptions(), tmp_path, FreeValidation(4))


def test_a_file_left_alone_may_be_read_again_and_again(tmp_path: Path) -> None:
    source = open_source(write(make_table(400), tmp_path / "pool.parquet"))
    first, second = (list(source.parts[0].batches("text")) for _ in range(2))
    assert [batch.to_pylist() for batch in first] == [batch.to_pylist() for batch in second]


@pytest.mark.long
def test_wide_columns_are_read_in_smaller_batches(tmp_path: Path) -> None:
    wide = pa.FixedSizeListArray.from_arrays(pa.array(np.zeros(60 * 100_000, np.uint8)), 100_000)
    source = open_source(write(make_table(picture=wide), tmp_path / "pool.parquet"))
    lengths = {name: [len(b) for b in source.parts[0].batches(name)] for name in ("picture", "id")}
    assert lengths == {"picture": [41, 19], "id": [60]}  # 41 · 100,000 ≤ 4096 · 1024 < 42 · 100,000


def test_a_folder_named_like_a_file_is_searched(tmp_path: Path) -> None:
    folder = tmp_path / "posts.parquet"
    folder.mkdir()
    write(make_table(), folder / "part-00000.parquet")
    assert open_source(tmp_path).n == open_source(folder).n == 60


@pytest.mark.parametrize(
    ("builder", "match"),
    [
        (claiming_rows(2**60), "it claims 1,152,921,504,606,846,976 rows"),
        (claiming_rows(-9), "it claims -9 rows"),
        (claiming_rows(1, everywhere=False), "it claims 60 rows, and 1 in its row groups"),
        (claiming_width, "it claims 2,147,483,647 values in a row"),
    ],
)
def test_a_file_with_impossible_claims_is_refused_when_opened(
    tmp_path: Path, builder: Builder, match: str
) -> None:
    with pytest.raises(PoolError, match=match):
        open_source(builder(tmp_path)[1])


@pytest.mark.parametrize("column", ["label", "text", "picture"])
def test_rows_that_are_claimed_but_missing_are_detected(tmp_path: Path, column: str) -> None:
    source = open_source(claiming_rows(9_000_000)(tmp_path)[1])
    with pytest.raises(PoolError, match="cannot be decoded"):
        source.table([column])
    with pytest.raises(PoolError, match="cannot be decoded"):
        list(source.parts[0].batches(column))


def test_a_page_of_a_small_file_that_claims_2_gb_uses_no_memory(tmp_path: Path) -> None:
    path = write(make_table(), tmp_path / "pool.parquet", compression="none", use_dictionary=False)
    data = path.read_bytes()
    # The first page's header: a type (2 bytes), then both sizes, each a header byte and a varint.
    sizes = re.compile(rb"\x15[\x80-\xff]*[\x00-\x7f]" * 2).match(data, 6)
    assert sizes is not None
    claim = b"\x15" + varint(2**31 - 1)
    path.write_bytes(data[:6] + claim * 2 + data[sizes.end() :])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(PoolError, match="cannot be decoded"):
        list(open_source(path).parts[0].batches("id"))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kB


def test_two_columns_with_the_same_name_are_refused_in_files_and_tables(tmp_path: Path) -> None:
    table = make_table()
    names = [*table.column_names, "note", "note"]
    twice = pa.Table.from_arrays([*table.columns, table["id"], table["id"]], names=names)
    for pool in (twice, write(twice, tmp_path / "pool.parquet")):
        with pytest.raises(PoolError, match="2 columns are named 'note'"):
            open_source(pool)


def test_the_number_of_times_a_file_is_opened_does_not_depend_on_the_columns_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[object] = []

    class Counted(pq.ParquetFile):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            opened.append(arguments)
            super().__init__(*arguments, **options)

    monkeypatch.setattr("alsim.pool.parquet.pq.ParquetFile", Counted)
    counts: list[int] = []
    for n in (1, 60):
        more = {f"m{i}": make_table(40).column("picture") for i in range(n)}
        path = write(make_table(40, **more), tmp_path / f"{n}.parquet")
        opened.clear()
        check_pool(open_source(path), PoolOptions(), FreeValidation(4))
        counts.append(len(opened))
    n_most = 2 + n_threads()  # once for the footer, then once for each thread
    assert max(counts) <= n_most
