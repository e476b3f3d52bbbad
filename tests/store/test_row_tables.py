"""Tables that hold something of each evaluated row."""

import os
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from journals import make_entry, write_journal, write_run

from alsim.errors import StoreError
from alsim.experiments.curves.records import ContributionRecord, ItemRecord, RowBits, RowNumbers
from alsim.store.curve_lines import Entry, entry_line
from alsim.store.curves import read_run, write_tables
from alsim.store.manifest import write_manifest
from alsim.store.tables import CONTRIBUTIONS, ITEMS, read_table, row_table, write_table

Rows = list[bool | None]


def bits(rows: Rows) -> RowBits:
    """Return rows as bits, one by one."""
    ones, known = bytearray((len(rows) + 7) // 8), bytearray((len(rows) + 7) // 8)
    for place, row in enumerate(rows):
        ones[place // 8] |= bool(row) << place % 8
        known[place // 8] |= (row is not None) << place % 8
    return RowBits(len(rows), bytes(ones), bytes(known) if None in rows else None)


def made_items(n_rows: int) -> tuple[list[ItemRecord], dict[tuple[str, int, int, str], Rows]]:
    """Return records of two curves of four steps and two tasks, and the rows of each."""
    draw = np.random.default_rng(n_rows)
    rows: dict[tuple[str, int, int, str], Rows] = {
        (strategy, 3, step, task): [
            None if task == "late" and row % 3 == 1 else draw.random() < 0.5
            for row in range(n_rows)
        ]
        for strategy in ("margin", "bald(k=20)")
        for step in range(4)
        for task in ("label", "late")
    }
    return [ItemRecord(*key, bits(each)) for key, each in rows.items()], rows


@pytest.mark.parametrize("n_rows", [1, 7, 8, 9, 100])
@pytest.mark.parametrize("part", [1, 300, 1 << 24])
def test_items_are_read_as_they_were_written_whatever_the_parts(
    tmp_path: Path, n_rows: int, part: int
) -> None:
    records, rows = made_items(n_rows)
    table = row_table(ITEMS, records, part)
    write_table(tmp_path / "items.parquet", table)
    read = read_table(tmp_path / "items.parquet", ITEMS, "mend")
    assert read.equals(table)
    found = {tuple(list(row.values())[:-1]): row["correct"] for row in read.to_pylist()}
    assert found == rows
    assert list(found) == sorted(rows)
    n_parts = -(-len(records) // max(1, part // n_rows))
    assert pq.read_metadata(tmp_path / "items.parquet").num_row_groups == n_parts


def test_items_in_any_order_give_the_same_bytes(tmp_path: Path) -> None:
    records, _ = made_items(50)
    for name, ordered in (("one", records), ("two", records[::-1])):
        write_table(tmp_path / name, row_table(ITEMS, ordered, 300))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_two_items_of_one_step_and_task_are_refused() -> None:
    records, _ = made_items(5)
    with pytest.raises(ValueError, match="two records of items share the key"):
        row_table(ITEMS, [*records, records[0]])


def test_no_items_are_an_empty_table(tmp_path: Path) -> None:
    write_table(tmp_path / "items.parquet", row_table(ITEMS, []))
    read = read_table(tmp_path / "items.parquet", ITEMS, "mend")
    assert read.num_rows == 0
    assert read.schema.field("correct").type == pa.list_(pa.bool_())


def test_contributions_are_read_to_the_bit_with_null_where_they_are_unknown(
    tmp_path: Path,
) -> None:
    values = [1 / 3, -2.5, float("nan"), 1e30, 0.0]
    packed = RowNumbers(struct.pack("<5f", *values))
    whole = RowNumbers(struct.pack("<5f", *[0.1] * 5))
    records = [
        ContributionRecord("margin", 0, "late", "auc", "last", packed),
        ContributionRecord("margin", 0, "label", "auc", "area", whole),
    ]
    write_table(tmp_path / "c.parquet", row_table(CONTRIBUTIONS, records))
    read = read_table(tmp_path / "c.parquet", CONTRIBUTIONS, "mend")
    first, second = read.column("values").to_pylist()
    assert first == [float(np.float32(0.1))] * 5
    assert second == [None if value != value else float(np.float32(value)) for value in values]
    assert read.schema.field("values").type == pa.list_(pa.float32())
    assert read.column("task").to_pylist() == ["label", "late"]


def test_items_that_do_not_fit_their_rows_cannot_be_made() -> None:
    for n, ones, known in (
        (9, b"\1", None), (8, b"\1\0", None), (3, b"\x08", None), (3, b"\1", b"\x07"),
        (3, b"\1", b"\2"), (3, b"\1", b"\x0b"), (3, b"\1", b""),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=r"rows"):
            RowBits(n, ones, known)


def test_an_unfinished_run_has_the_items_of_its_journals_and_the_contributions_of_ended_curves(
    tmp_path: Path,
) -> None:
    run = read_run(write_run(tmp_path / "run", {"status": "running"}))
    assert run.items.num_rows == 2 * (3 + 2)
    first = run.items.to_pylist()[1]
    assert first == {
        "strategy": "margin", "seed": 0, "step": 0, "task": "late",
        "correct": [None, False, None, True, *[None] * 6, False],
    }  # fmt: skip
    assert [row["seed"] for row in run.contributions.to_pylist()] == [0, 0]


def write_complete(folder: Path) -> Path:
    folder.mkdir()
    write_manifest(folder, {"status": "complete"})
    write_tables(folder, [make_entry(step).round for step in range(3)])
    return folder


def test_a_folder_without_the_tables_of_rows_has_empty_ones(tmp_path: Path) -> None:
    folder = write_complete(tmp_path / "run")
    assert read_run(folder).items.num_rows == 6
    for name in ("items", "contributions"):
        (folder / f"{name}.parquet").unlink()
    run = read_run(folder)
    assert (run.items.num_rows, run.contributions.num_rows, run.steps.num_rows) == (0, 0, 3)


def test_a_damaged_table_of_rows_is_one_clear_error(tmp_path: Path) -> None:
    path = write_complete(tmp_path / "run") / "items.parquet"
    whole = path.read_bytes()
    path.write_bytes(whole[:30] + bytes([whole[30] ^ 0xFF]) + whole[31:])
    with pytest.raises(StoreError, match="cannot be read"):
        _ = read_run(tmp_path / "run").items
    path.write_bytes(whole)
    os.truncate(path, len(whole) - 1)
    with pytest.raises(StoreError, match="ends early"):
        _ = read_run(tmp_path / "run").items
    table = row_table(ITEMS, made_items(5)[0])
    at = table.schema.get_field_index("correct")
    write_table(path, table.set_column(at, "correct", pa.array([[1]] * table.num_rows)))
    with pytest.raises(StoreError, match="of another type: correct"):
        _ = read_run(tmp_path / "run").items


def test_a_journal_holds_a_row_in_less_than_a_fifth_of_a_byte(tmp_path: Path) -> None:
    done = make_entry(0)
    record = ItemRecord("margin", 7, 0, "label", RowBits(80_000, bytes(10_000)))
    large = entry_line(Entry(replace(done.round, items=(record,)), {}))
    assert len(large) < 80_000 / 5
    assert write_journal(tmp_path / "0000.jsonl").stat().st_size < 4000
