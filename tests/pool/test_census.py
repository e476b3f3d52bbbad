"""Census-Income from files of the original format."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from census import EDUCATION, line, text, write_files
from pools import load

from alsim.errors import AlsimError, PoolError, UsageError
from alsim.options.pool import PoolOptions
from alsim.pool.checking import check_pool
from alsim.pool.importers.build import read_notes
from alsim.pool.importers.census_files import COLUMNS, INCOMES
from alsim.pool.importers.dispatch import import_pool
from alsim.pool.importers.table import ImportOptions
from alsim.pool.roles import stored_roles
from alsim.pool.source import open_source
from alsim.pool.splits import FreeValidation


def convert(*paths: Path, group: Any = 1, **options: Any) -> pa.Table:
    return import_pool(paths, ImportOptions(group=group, **options))


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("by_folder", [True, False])
def test_files_of_the_original_format_become_two_tasks_and_their_inputs(
    tmp_path: Path, packed: bool, by_folder: bool
) -> None:
    rows = write_files(tmp_path, packed=packed)
    files = sorted(tmp_path.iterdir())
    table = convert(tmp_path) if by_folder else convert(*reversed(files))
    roles = stored_roles(table.schema, "here")
    assert roles is not None
    assert roles.labels == {"income_over_50k": "class", "never_married": "class"}
    out = {"education", "marital_status", "instance_weight"}
    assert roles.features == tuple(name for name in COLUMNS if name not in out)
    assert out.isdisjoint(table.column_names)
    assert table.num_rows == 90
    for index, row in enumerate(rows):
        found = {name: table.column(name)[index].as_py() for name in table.column_names}
        assert found["age"] == int(row["age"])
        assert found["race"] == row["race"]
        assert found["migration_msa"] == (None if index % 2 else "Nonmover")
        assert found["income_over_50k"] == int(index % 7 == 0)
        assert found["never_married"] == int(row["marital_status"] == "Never married")
        assert (found["split"] == "train") == (index < 60)
    assert table.column("split").to_pylist().count("validation") == 15
    assert check_pool(open_source(table), PoolOptions(), FreeValidation(5)).faults == ()
    pool = load(table, tmp_path / "pool").pool
    assert list(pool.modalities) == ["features"]
    assert list(pool.tasks) == ["income_over_50k", "never_married"]


def test_the_second_group_predicts_education_and_has_income_as_an_input(tmp_path: Path) -> None:
    rows = write_files(tmp_path)
    table = convert(tmp_path, group=2)
    roles = stored_roles(table.schema, "here")
    assert roles is not None
    assert list(roles.labels) == ["edu_associate_plus", "never_married"]
    assert roles.features[-1] == "income_over_50k"
    assert {"education", "marital_status"}.isdisjoint(table.column_names)
    at_least = {EDUCATION[1], EDUCATION[3], EDUCATION[4]}
    expected = [int(row["education"] in at_least) for row in rows]
    assert table.column("edu_associate_plus").to_pylist() == expected
    (note,) = [note for note in read_notes(table) if "Pearson" in note]
    never = [int(row["marital_status"] == "Never married") for row in rows]
    correlation = abs(np.corrcoef(expected, never)[0, 1])
    assert f"{correlation:.4f} (Ma et al. 2018: 0.2373)" in note


def test_validation_and_test_are_stratified_halves_of_the_test_file_and_reproducible(
    tmp_path: Path,
) -> None:
    rows = write_files(tmp_path, n=1200)
    # Sorted by label, so that plain halves of the file would have different labels.
    test = sorted(rows[800:], key=lambda row: (row["income"], row["marital_status"]))
    (tmp_path / "census-income.test").write_bytes(text(test))
    first, second = convert(tmp_path), convert(tmp_path)
    assert first.equals(second)
    split = np.array(first.column("split").to_pylist())
    assert (split[:800] == "train").all()
    for name in ("income_over_50k", "never_married"):
        values = first.column(name).to_numpy()
        shares = [values[split == part].mean() for part in ("validation", "test")]
        assert abs(shares[0] - shares[1]) < 0.02
    assert abs((split == "validation").sum() - 200) <= 2


def test_the_option_only_takes_one_file_and_splits_it(tmp_path: Path) -> None:
    rows = write_files(tmp_path, n=1200)
    table = convert(tmp_path / "census-income.test", only="test")
    assert table.num_rows == 400
    assert table.column("race").to_pylist() == [row["race"] for row in rows[800:]]
    split = table.column("split").to_pylist()
    sizes = [split.count(part) for part in ("train", "validation", "test")]
    assert np.abs(np.subtract(sizes, [200, 100, 100])).max() <= 2


def damaged(part: str, change: Callable[[dict[str, str]], Any], row: int = 7) -> Any:
    def build(folder: Path) -> None:
        rows = write_files(folder)
        some = rows[:60] if part == "data" else rows[60:]
        change(some[row])
        (folder / f"census-income.{part}").write_bytes(text(some))

    return build


def removed(name: str) -> Callable[[Path], None]:
    def build(folder: Path) -> None:
        write_files(folder)
        (folder / name).unlink()

    return build


def replaced(data: bytes) -> Callable[[Path], None]:
    def build(folder: Path) -> None:
        write_files(folder)
        (folder / "census-income.test").write_bytes(data)

    return build


@pytest.mark.parametrize(
    ("build", "match"),
    [
        (
            damaged("data", lambda row: row.pop("race")),
            "1 lines of .*data do not .* line 8 with 41",
        ),
        (damaged("test", lambda row: row.update(race="a, b")), "line 8 with 43"),
        (damaged("data", lambda row: row.update(age="x")), "1 values of age .* such as 'x'"),
        (damaged("data", lambda row: row.update(age="?")), "missing: age in 1 rows"),
        (damaged("data", lambda row: row.update(age="9" * 12)), "values of age"),
        (damaged("data", lambda row: row.update(age="4\0")), "values of age"),
        (damaged("test", lambda row: row.update(income="rich")), "another income .* as 'rich'"),
        (damaged("test", lambda row: row.update(income="?")), "another income"),
        (removed("census-income.data"), "no files like census-income.data"),
        (replaced(b""), r"census-income.test cannot be read"),
        (replaced(b"\xff\xfe" * 50), "no text in UTF-8"),
        (replaced(b"\0" * 100), "do not have 42 values"),
        (replaced(b"PAR1 and no more"), "do not have 42 values"),
        (replaced(gzip.compress(text([line(0)]))[:-20]), "cannot be read"),
        (replaced(text([line(row) for row in range(3)])[:-40]), "do not have 42 values"),
    ],
)
def test_files_not_in_the_format_of_uci_are_one_clear_error(
    tmp_path: Path, build: Callable[[Path], None], match: str
) -> None:
    build(tmp_path)
    with pytest.raises(PoolError, match=match):
        convert(tmp_path)


def test_all_faults_of_both_files_are_reported_at_once(tmp_path: Path) -> None:
    rows = write_files(tmp_path)
    rows[3]["age"], rows[4]["weeks_worked"], rows[70]["income"] = "old", "-", "rich"
    del rows[80]["sex"]
    (tmp_path / "census-income.data").write_bytes(text(rows[:60]))
    (tmp_path / "census-income.test").write_bytes(text(rows[60:]))
    with pytest.raises(PoolError, match="4 things are wrong") as caught:
        convert(tmp_path)
    for part in ("values of age", "values of weeks_worked", "another income", "line 21 with 41"):
        assert part in str(caught.value)


def test_a_label_that_is_the_same_in_every_row_is_refused(tmp_path: Path) -> None:
    rows = write_files(tmp_path)
    (tmp_path / "census-income.data").write_bytes(
        text([row for row in rows if "-" in row["income"]])
    )
    (tmp_path / "census-income.test").write_bytes(
        text([row for row in rows if "-" in row["income"]])
    )
    with pytest.raises(PoolError, match="income_over_50k is 0 in every row"):
        convert(tmp_path)


@pytest.mark.parametrize(
    ("options", "match"),
    [({"group": None}, "two pairs of tasks"), ({"only": "all"}, "--only is 'all'")],
)
def test_missing_options_of_the_census_are_requested(
    tmp_path: Path, options: dict[str, Any], match: str
) -> None:
    write_files(tmp_path)
    with pytest.raises(UsageError, match=match):
        convert(tmp_path, **options)


def test_options_of_the_census_are_refused_for_other_formats(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,label\n1,x\n")
    with pytest.raises(UsageError, match="--group is for Census-Income"):
        convert(tmp_path / "a.csv")


# Real rows


@pytest.mark.long
def test_labels_of_the_real_test_rows_correlate_as_in_the_paper(
    shared_data: Callable[[str], Path],
) -> None:
    path = shared_data("census_income")
    for group, correlation, width in ((1, ".1787", 38), (2, ".2376", 39)):
        table = import_pool([Path("census"), path], ImportOptions(group=group, only="test"))
        assert table.num_rows == 99_762
        assert f"labels: 0{correlation} " in read_notes(table)[1]
        assert f"{width} inputs; splits: train 49,881" in read_notes(table)[2]
    with pytest.raises(PoolError, match="missing: age in 199,523 rows"):
        import_pool([path], ImportOptions(group=1), "census")


@pytest.mark.long
def test_real_rows_written_in_the_format_of_uci_give_the_same_pool(
    shared_data: Callable[[str], Path], tmp_path: Path
) -> None:
    real = pq.read_table(shared_data("census_income"))
    real = real.filter(pc.equal(pc.cast(real.column("split"), pa.string()), "test")).slice(0, 3000)
    pq.write_table(real, tmp_path / "some.parquet")
    names = [*COLUMNS, "income_over_50k"]
    incomes = list(INCOMES)
    lines = [
        {
            name: incomes[row[name]] if name == names[-1] else "?" if row[name] is None
            else str(row[name])
            for name in names
        }
        for row in real.select(names).to_pylist()
    ]  # fmt: skip
    (tmp_path / "census-income.test").write_bytes(text(lines))
    first = import_pool([tmp_path / "some.parquet"], ImportOptions(group=1, only="test"), "census")
    second = convert(tmp_path / "census-income.test", only="test")
    assert first.equals(second)
    assert json.loads(first.schema.metadata[b"alsim"]) == json.loads(
        second.schema.metadata[b"alsim"]
    )


def test_a_parquet_file_with_other_columns_is_one_clear_error(tmp_path: Path) -> None:
    pq.write_table(pa.table({"age": [1], "split": ["test"]}), tmp_path / "a.parquet")
    with pytest.raises(PoolError, match="41 columns missing: class_of_worker"):
        import_pool([tmp_path / "a.parquet"], ImportOptions(group=1), "census")
    names = [*COLUMNS, "income_over_50k", "split"]
    odd = pa.table({name: [[1]] for name in names})
    pq.write_table(odd, tmp_path / "b.parquet")
    with pytest.raises(AlsimError, match="things are wrong"):
        import_pool([tmp_path / "b.parquet"], ImportOptions(group=1), "census")
