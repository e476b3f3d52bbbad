import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from census import write_files
from pools import make_table, write
from typer.testing import CliRunner, Result

from alsim.cli.commands.pool import app
from alsim.errors import PoolError, UsageError
from alsim.options.synthetic import MmoeOptions, VkOptions
from alsim.pool.synthetic import vk_pool
from alsim.pool.synthetic_mmoe import mmoe_pool


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def pool(tmp_path: Path) -> Path:
    return write(make_table(), tmp_path / "posts.parquet")


def test_info_describes_the_pool_for_a_newcomer(pool: Path) -> None:
    result = run("info", pool)
    assert result.exit_code == 0
    for part in (
        "rows: 60",
        "splits: train 39, validation 6, test 15",
        "modality text: width 4, float32, present 80.00 %",
        "label label: 3 classes",
        "class-0  █",
    ):
        assert part in result.stdout


def test_info_in_a_pipe_has_no_escape_sequences(pool: Path) -> None:
    assert "\x1b" not in run("info", pool).stdout


def test_info_shows_the_most_frequent_classes_and_counts_the_others(tmp_path: Path) -> None:
    labels = pa.array([f"topic-{i % 40 if i < 100 else 7}" for i in range(200)])
    path = write(make_table(200, label=labels), tmp_path / "pool.parquet")
    lines = run("info", path).stdout.splitlines()
    bars = [line.strip() for line in lines if "█" in line]
    assert len(bars) == 25
    assert bars[0].startswith("topic-7 ")
    assert any(line.split()[:2] == ["15", "more"] for line in lines)
    assert max(map(len, bars)) <= 80


def test_info_as_json_prints_only_json(pool: Path) -> None:
    data = json.loads(run("info", pool, "--json").stdout)
    assert data["n_rows"] == 60
    assert data["labels"][0]["counts"] == {"class-0": 20, "class-1": 20, "class-2": 20}


def test_check_passes_a_sound_pool(pool: Path) -> None:
    result = run("check", pool)
    assert result.exit_code == 0
    assert result.stdout.endswith("no faults\n")


def test_check_prints_every_fault_and_exits_with_3(tmp_path: Path) -> None:
    table = make_table(id=pa.array(["twin"] * 60), label=pa.array(["one"] * 60))
    path = write(table, tmp_path / "bad.parquet")
    result = run("check", path)
    assert result.exit_code == 3
    assert result.stdout.count("fault: ") == 2
    found = json.loads(run("check", path, "--json").stdout)
    assert len(found["faults"]) == 2


def test_a_missing_pool_is_a_pool_error(tmp_path: Path) -> None:
    result = run("info", tmp_path / "absent.parquet")
    assert isinstance(result.exception, PoolError)


def test_synth_vk_writes_the_pool_of_vk_pool(tmp_path: Path) -> None:
    path = tmp_path / "vk.parquet"
    arguments = ("--rows", "300", "--picture-width", "6", "--text-width", "5", "--seed", "9")
    result = run("synth", "vk", "--out", path, *arguments)
    assert result.exit_code == 0
    assert "300 rows" in result.stdout
    assert pq.read_table(path).equals(vk_pool(VkOptions(300, 6, 5, seed=9)))
    again = run("synth", "vk", "--out", path, *arguments)
    assert isinstance(again.exception, UsageError)
    assert run("synth", "vk", "--out", path, *arguments, "--force").exit_code == 0


def test_an_imported_pool_passes_the_check(tmp_path: Path) -> None:
    csv = tmp_path / "pool.csv"
    rows = [f"{i},{i * i},c{i % 3}" for i in range(60)]
    csv.write_text("\n".join(["a,b,kind", *rows]))
    path = tmp_path / "pool.parquet"
    result = run("import", csv, "--label", "kind", "--out", path)
    assert result.exit_code == 0
    assert run("check", path).exit_code == 0
    info = json.loads(run("info", path, "--json").stdout)
    assert info["modalities"][0]["name"] == "features"


def test_importing_over_an_existing_file_is_refused_before_anything_is_read(pool: Path) -> None:
    result = run("import", "absent.csv", "--out", pool)
    assert isinstance(result.exception, UsageError)


def test_synth_mmoe_writes_the_pool_of_mmoe_pool_and_check_says_what_it_is_not_for(
    tmp_path: Path,
) -> None:
    path = tmp_path / "mmoe.parquet"
    arguments = ("--correlation", "0.25", "--rows", "240", "--width", "7", "--seed", "3")
    assert run("synth", "mmoe", "--out", path, *arguments).exit_code == 0
    expected = mmoe_pool(MmoeOptions(0.25, 240, 7, seed=3))
    assert pq.read_table(path).equals(expected)
    assert pq.read_schema(path).metadata == expected.schema.metadata
    assert "label y1: a regression target, mean " in run("info", path).stdout
    result = run("check", path)
    assert result.exit_code == 0
    assert "warning: not for alsim run: the label column 'y1' is a regression" in result.stdout
    assert isinstance(run("synth", "mmoe", "--out", path, "--rows", "3").exception, UsageError)


def test_info_shows_encoded_columns_with_their_positions(tmp_path: Path) -> None:
    table = make_table(
        age=pa.array([None if i == 1 else i for i in range(60)]),
        sex=pa.array([["f", "m"][i % 2] for i in range(60)]),
    )
    path = write(table, tmp_path / "pool.parquet")
    result = run("info", path, "--features", "sex,age")
    assert result.exit_code == 0
    assert "modality features: width 4, encoded, present 100 %" in result.stdout
    places = "  sex: category, features[0:2]\n  age: number, features[2:4]\n"
    assert places in result.stdout
    data = json.loads(run("info", path, "--features", "sex,age", "--json").stdout)
    assert [feature["columns"] for feature in data["features"]] == [
        ["sex=f", "sex=m"],
        ["age", "age is null"],
    ]


def test_info_shows_a_line_for_each_task_of_a_task_column(tmp_path: Path) -> None:
    task = pa.array(["cats" if i < 40 else "dogs" for i in range(60)])
    path = write(make_table(kind=task), tmp_path / "pool.parquet")
    result = run("info", path, "--task", "kind")
    assert "task cats: 3 classes, 40 rows\ntask dogs: 3 classes, 20 rows\n" in result.stdout
    assert run("check", path, "--task", "kind").exit_code == 0


def test_importing_a_named_data_set_reports_what_was_found(tmp_path: Path) -> None:
    path = tmp_path / "census.parquet"
    write_files(tmp_path / "files")
    result = run("import", "census", tmp_path / "files", "--group", "2", "--out", path)
    assert result.exit_code == 0
    assert "|Pearson| of their labels: " in result.stdout
    assert run("check", path).stdout.endswith("no faults\n")
    again = run("import", tmp_path / "files", "--out", path, "--force")
    assert isinstance(again.exception, UsageError)


def test_info_check_and_import_share_the_option_for_unknown_labels(tmp_path: Path) -> None:
    labels = [-1 if i % 10 == 0 else i % 3 for i in range(80)]
    path = write(make_table(80, label=pa.array(labels)), tmp_path / "pool.parquet")
    assert "add --unknown -1" in run("check", path).stdout
    assert "8 rows without a label, left out" in run("check", path, "--unknown", "-1").stdout
    assert "3 classes" in run("info", path, "--unknown", "-1").stdout
    out = tmp_path / "new.parquet"
    assert run("import", path, "--unknown", "-1", "--out", out).exit_code == 0
    assert pq.read_table(out).column("label").null_count == 8


def test_an_import_prints_its_warnings_and_refuses_pools_that_check_refuses(tmp_path: Path) -> None:
    texts = pa.array([f"[{i}, 0.5, 1]" for i in range(80)])
    path = write(make_table(80, text=texts), tmp_path / "pool.parquet")
    out = tmp_path / "new.parquet"
    assert (
        "warning: the column 'text' holds numbers written as text"
        in run("import", path, "--out", out).stdout
    )
    rows = [f"row {i}" for i in range(80)]
    write(make_table(80, label=pa.array(rows)), path)
    for flags, code in (((), PoolError), (("--unique-labels",), None)):
        result = run("import", path, "--out", tmp_path / f"{len(flags)}.parquet", *flags)
        assert type(result.exception) is code or result.exit_code == 0
        assert (tmp_path / f"{len(flags)}.parquet").exists() is (code is None)


def test_whole_floats_are_imported_with_the_given_label_type(tmp_path: Path) -> None:
    path = write(make_table(80, label=pa.array([0.0, 1.0] * 40)), tmp_path / "pool.parquet")
    out = tmp_path / "new.parquet"
    assert isinstance(run("import", path, "--out", out).exception, PoolError)
    assert run("import", path, "--label-type", "class", "--out", out).exit_code == 0
    assert run("check", out).exit_code == 0
