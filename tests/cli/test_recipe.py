"""`alsim recipe` as a user types it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from alsim.store import read_run

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
    assert [line.split()[0] for line in lines[1:]][:2] == ["vk-fig05", "vk-fig06"]
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
    counts = sorted(set(run.steps.column("n_labelled").to_pylist()))
    assert counts == [60 + step for step in range(101)]
    told = json.loads((folder / "result.json").read_text())
    assert told["pool"]["n_rows"] == 600
    lines = done.stdout.splitlines()
    for claim in told["claims"]:
        (line,) = (line for line in lines if line.endswith(claim["says"]))
        assert line.startswith(claim["outcome"])
        assert any(claim["numbers"] in line for line in lines)
    assert len(told["claims"]) == 2
    assert "60 initial labels, 1 a query" in done.stdout
    assert "100 %" in done.stderr


@pytest.mark.slow
def test_several_recipes_get_a_folder_each_and_json_stands_alone(tmp_path: Path) -> None:
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
    told = json.loads(done.stdout)
    assert [report["recipe"] for report in told] == ["one", "two"]
    for report in told:
        assert (tmp_path / "both" / report["recipe"] / "result.json").exists()
        assert report["claims"][0]["outcome"] == "cannot tell"


def test_faults_are_told_before_anything_is_run(tmp_path: Path) -> None:
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
