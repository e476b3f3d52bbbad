import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from alsim.cli.plot import plot
from alsim.errors import StoreError, UsageError
from alsim.experiments.records import Round, StepRecord
from alsim.store import create_run, write_manifest, write_tables

app = typer.Typer()
app.command()(plot)


def make_run(folder: Path, *, fingerprint: str = "abc", n_seeds: int = 2) -> Path:
    create_run(folder)
    write_tables(
        folder,
        [
            Round(
                StepRecord(
                    strategy=strategy,
                    seed=seed,
                    step=step,
                    n_labelled=200 + 20 * step,
                    cost=1.5 * (200 + 20 * step + seed),
                    n_questions=200 + 20 * step + seed,
                    batch_size=64,
                    accuracy=0.7 + 0.02 * step + 0.01 * seed,
                    balanced_accuracy=0.6,
                    macro_f1=0.5 + 0.02 * step,
                    nll=1.0,
                    ece=0.1,
                ),
                (),
                (),
            )
            for strategy in ("random", "margin")
            for seed in range(n_seeds)
            for step in range(5)
        ],
    )
    write_manifest(
        folder,
        {
            "status": "complete",
            "alsim": "0.1.0",
            "pool": {"name": "posts", "fingerprint": fingerprint},
            "evaluation_split": "test",
            "n_evaluated": 1000,
        },
    )
    return folder


def invoke(*arguments: str | Path) -> tuple[str, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception is not None:
        raise result.exception
    assert result.exit_code == 0
    return result.stdout, result.stderr


def test_one_run_is_drawn_into_its_own_folder_and_the_path_is_printed(tmp_path: Path) -> None:
    run = make_run(tmp_path / "posts")
    stdout, stderr = invoke(run)
    assert stdout == f"{run / 'curves.png'}\n"
    assert stderr == ""
    assert (run / "curves.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_the_picture_goes_where_it_was_asked_for(tmp_path: Path, suffix: str) -> None:
    run = make_run(tmp_path / "posts")
    before = sorted(run.iterdir())
    out = tmp_path / f"picture.{suffix}"
    stdout, _ = invoke(run, "--out", out, "--metric", "macro_f1", "--band", "none")
    assert stdout == f"{out}\n"
    assert out.stat().st_size > 1000
    assert sorted(run.iterdir()) == before


def test_the_axis_can_be_questions_or_cost_and_nothing_else(tmp_path: Path) -> None:
    run = make_run(tmp_path / "posts")
    pictures: set[bytes] = set()
    for x in ("labels", "questions", "cost"):
        _, stderr = invoke(run, "--x", x, "--out", tmp_path / f"{x}.svg")
        assert stderr == ""
        pictures.add((tmp_path / f"{x}.svg").read_bytes())
    assert len(pictures) == 3
    result = CliRunner().invoke(app, [str(run), "--x", "money"])
    assert result.exit_code == 2


def test_warnings_go_to_stderr_and_the_picture_is_drawn(tmp_path: Path) -> None:
    one = make_run(tmp_path / "one")
    two = make_run(tmp_path / "two", fingerprint="xyz")
    out = tmp_path / "both.svg"
    stdout, stderr = invoke(one, two, "--out", out, "--title", "two runs")
    assert stdout == f"{out}\n"
    assert stderr.startswith("warning: the runs use different pools")
    assert out.is_file()


def test_json_holds_the_path_and_the_warnings(tmp_path: Path) -> None:
    one = make_run(tmp_path / "one")
    two = make_run(tmp_path / "two", fingerprint="xyz")
    out = tmp_path / "both.svg"
    stdout, stderr = invoke(one, two, "--out", out, "--json")
    said = json.loads(stdout)
    assert said["path"] == str(out)
    assert "different pools" in said["warnings"][0]
    assert stderr == ""


def test_several_runs_need_a_name_for_their_picture(tmp_path: Path) -> None:
    one, two = make_run(tmp_path / "one"), make_run(tmp_path / "two")
    with pytest.raises(UsageError, match="--out"):
        invoke(one, two)


def test_a_wrong_suffix_is_refused_before_any_run_is_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="unknown kind of picture"):
        invoke(tmp_path / "absent", "--out", tmp_path / "curves.gif")


def test_a_misspelt_metric_is_refused_with_the_nearest(tmp_path: Path) -> None:
    run = make_run(tmp_path / "posts")
    with pytest.raises(UsageError, match=r"did you mean macro_f1\?"):
        invoke(run, "--metric", "macro-f1")
    assert not (run / "curves.png").exists()


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no run here"):
        invoke(tmp_path)


def test_a_table_cut_short_is_refused_and_nothing_is_drawn(tmp_path: Path) -> None:
    run = make_run(tmp_path / "posts")
    path = run / "steps.parquet"
    os.truncate(path, path.stat().st_size // 2)
    with pytest.raises(StoreError, match="ends early"):
        invoke(run)
    assert not (run / "curves.png").exists()


def test_the_command_alone_imports_nothing_slow() -> None:
    code = (
        "import sys, alsim.cli.plot\n"
        "slow = {'torch', 'numpy', 'pyarrow', 'matplotlib', 'scipy'} & set(sys.modules)\n"
        "sys.exit(', '.join(slow) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
