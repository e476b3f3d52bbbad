"""`alsim recipe` as a user types it."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from alsim.recipes.file import recipe_names
from alsim.store.curves import read_run

pytestmark = pytest.mark.process

ALSIM = [sys.executable, "-m", "alsim", "recipe"]
PNG = b"\x89PNG"


def recipe(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*ALSIM, *map(str, arguments)], capture_output=True, text=True, cwd=cwd, check=False
    )


def test_the_list_shows_every_recipe_with_its_finding(tmp_path: Path) -> None:
    done = recipe("list", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].split("  ")[0] == "recipe"
    names = [line.split()[0] for line in lines[1:-2]]
    assert names == recipe_names()
    assert "200 runs per model" in lines[1 + names.index("mmoe-synthetic")]
    assert "sized for two cores" in lines[-1]
    assert "helps only at first" in done.stdout


@pytest.mark.slow
def test_a_figure_leaves_its_run_its_picture_and_its_verdicts(tmp_path: Path) -> None:
    done = recipe("run", "vk-fig10", "--scale", "0.03", "--seeds", "1", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "runs" / "vk-fig10"
    assert {path.name for path in folder.iterdir()} == {"run", "vk-fig10.png", "result.json"}
    assert (folder / "vk-fig10.png").read_bytes().startswith(PNG)
    run = read_run(folder / "run")
    assert run.status == "complete"
    counts = sorted({int(str(n)) for n in run.steps.column("n_labelled").to_pylist()})
    assert counts == [60 + step for step in range(101)]
    result = json.loads((folder / "result.json").read_text())
    assert result["pool"]["n_rows"] == 600
    lines = done.stdout.splitlines()
    for claim in result["claims"]:
        (line,) = (line for line in lines if line.endswith(claim["says"]))
        assert line.startswith(claim["outcome"])
        assert any(claim["numbers"] in line for line in lines)
    assert len(result["claims"]) == 2
    assert "60 initial labels, 1 a query" in done.stdout
    assert "100 %" in done.stderr


@pytest.mark.slow
def test_several_recipes_get_a_folder_each_and_json_is_the_only_output(tmp_path: Path) -> None:
    text = """
    title = "t"
    finding = "f"
    source = "s"
    [pool]
    default = "vk"
    n_rows = 500
    picture_width = 6
    text_width = 4
    n_classes = 3
    [study]
    strategy = ["random", "margin"]
    initial_size = 50
    query_size = 5
    steps = 2
    max_epochs = 2
    [[claim]]
    says = "c"
    kind = "not-above"
    strategy = "margin"
    than = "random"
    """
    for name in ("one", "two"):
        (tmp_path / f"{name}.toml").write_text(text)
    done = recipe(
        "run", "one.toml", "two.toml", "--seeds", "1", "--out", "both", "--json", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    output = json.loads(done.stdout)
    assert [report["recipe"] for report in output] == ["one", "two"]
    for report in output:
        assert (tmp_path / "both" / report["recipe"] / "result.json").exists()
        assert report["claims"][0]["outcome"] == "cannot tell"


TRAINING = """
title = "t"
finding = "f"
source = "s"
[pool]
default = "disjoint-tasks"
[training]
model = ["multi-cluster", "cross-stitch"]
parameters = { experts = 2, expert-width = 4 }
max_epochs = 2
[published]
says = "theirs"
metric = "accuracy"
values = { cross-stitch = { cities = [0.5, 0.25] } }
[[claim]]
says = "c"
kind = "better"
model = "multi-cluster"
than = "cross-stitch"
[full]
about = "two seeds"
seeds = 2
"""


@pytest.mark.slow
def test_passive_training_prints_a_table_and_accepts_columns_and_the_full_size(
    tmp_path: Path,
) -> None:
    (tmp_path / "mine.toml").write_text(TRAINING)
    some = np.random.default_rng(0).normal(size=(120, 4)).astype(np.float32)
    columns = {
        "vectors": pa.FixedSizeListArray.from_arrays(pa.array(some.ravel()), 4),
        "name": [f"name-{row % 6}" for row in range(120)],
        "kind": ["cities", "rivers"] * 60,
        "part": ["train"] * 80 + ["validation"] * 20 + ["test"] * 20,
    }
    pq.write_table(pa.table(columns), tmp_path / "pool.parquet")
    done = recipe(
        *("run", "mine.toml", "--pool", "pool.parquet", "--label", "name", "--task", "kind"),
        *("--split", "part", "--full", "--out", "r"),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert "at full size: two seeds" in lines
    assert "pool: path pool.parquet, label name, task kind, split part" in lines
    (header,) = (line for line in lines if line.startswith("model "))
    assert header.split() == ["model", "cities", "source", "rivers", "source"]
    (row,) = (line for line in lines if line.startswith("cross-stitch "))
    assert "0.5000/0.2500" in row
    assert row.endswith("–")
    assert any(line.endswith("; source: theirs") for line in lines)
    assert not any(line.startswith("figure") for line in lines)
    result = json.loads((tmp_path / "r" / "result.json").read_text())
    assert (result["seeds"], result["size"]) == (2, "at full size: two seeds")


def test_faults_are_reported_before_anything_runs(tmp_path: Path) -> None:
    done = recipe("run", "vk-fig07", "vk-fig99", cwd=tmp_path)
    assert done.returncode == 2
    assert "no recipe 'vk-fig99'" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_recipe_that_needs_mnist_says_how_to_get_it(tmp_path: Path) -> None:
    done = recipe("run", "vk-fig15", cwd=tmp_path)
    assert done.returncode == 2
    assert "alsim pool import" in done.stderr
    assert "--pool mnist.parquet" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_help_imports_nothing_slow(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom alsim.cli.main import app\n"
        "try: app(['recipe', 'run', '--help'])\nexcept SystemExit: pass\n"
        "slow = {'torch', 'numpy', 'pyarrow', 'scipy', 'matplotlib', 'rich'} & set(sys.modules)\n"
        "sys.exit(str(sorted(slow)) if slow else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "--scale" in done.stdout
