"""`alsim resume` as a user types it, two processes on one run, and curves that diverge."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

import alsim
from alsim.cli.main import app
from alsim.errors import RunError
from alsim.options.synthetic import VkOptions
from alsim.pool.synthetic import vk_pool
from alsim.store.curves import Run, read_run

ALSIM = [sys.executable, "-m", "alsim"]
POOL = vk_pool(VkOptions(n_rows=600, picture_width=8, text_width=4, n_classes=4))
TINY: dict[str, Any] = {
    "initial_size": 60, "query_size": 3, "max_epochs": 2, "model": "auto(width=8)", "workers": 0,
}  # fmt: skip


def invoke(*arguments: str | Path) -> Result:
    """Run a command in this process, which is quick."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def alsim_process(*arguments: str | Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [*ALSIM, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pools") / "posts.parquet"
    pq.write_table(POOL, path)
    return path


def command(pool: Path, out: Path) -> list[str | Path]:
    """Return the command of a run that takes longer than a test."""
    options = [f"--{name.replace('_', '-')}={value}" for name, value in TINY.items()]
    return ["run", "--pool", pool, "--strategy", "random", "--seeds", "1", "--out", out, *options,
            "--query-size=1", "--steps=300"]  # fmt: skip


@pytest.fixture
def working(pool: Path, tmp_path: Path) -> Generator["subprocess.Popen[str]"]:
    """Yield a process that works on the run in `tmp_path / "run"` and has recorded steps."""
    process = alsim_process(*command(pool, tmp_path / "run"))
    assert process.stderr is not None
    for line in process.stderr:
        if "10 %" in line:
            break
    process.send_signal(signal.SIGSTOP)  # it keeps its lock and does not finish in the meantime
    yield process
    process.kill()
    process.communicate()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there are no locks")
def test_a_second_process_is_refused_and_the_run_of_a_killed_one_is_resumed(
    working: "subprocess.Popen[str]", pool: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    since = json.loads((folder / "lock").read_text())["since"]
    for arguments in (
        command(pool, folder),
        ["resume", folder],
        [*command(pool, folder), "--force"],
    ):
        began = time.monotonic()
        refused = invoke(*arguments)
        assert time.monotonic() - began < 8
        assert refused.exit_code == 4
        assert "another process works on this run" in refused.stderr
        assert f"process {working.pid} on " in refused.stderr
        assert since in refused.stderr
        assert refused.stdout == ""
    assert [path.name for path in tmp_path.iterdir()] == ["run"]  # nothing was moved aside

    drawn = invoke("plot", folder, "--out", tmp_path / "curves.png")
    assert drawn.exit_code == 0, drawn.stderr
    assert "marked running: drawn as far as it was recorded" in drawn.stderr
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert read_run(folder).status == "running"

    working.kill()
    working.wait()
    deadline = time.monotonic() + 30
    while read_run(folder).status == "running" and time.monotonic() < deadline:
        time.sleep(0.05)  # until its workers have ended too
    assert read_run(folder).status == "killed"
    assert read_run(folder).steps.num_rows >= 31
    resumed = alsim_process("resume", folder, "--json")
    printed, errors = resumed.communicate(timeout=120)
    assert resumed.returncode == 0, errors
    assert f"process {working.pid}, which worked here, is gone: going on" in errors
    output = json.loads(printed)
    assert output["status"] == "complete"
    assert output["strategies"]["random"]["n_labelled"] == 360
    assert read_run(folder).steps.num_rows == 301

    again = invoke("resume", folder)
    assert again.exit_code == 0
    assert "the run is finished: nothing is left to do" in again.stderr
    assert "last accuracy" in again.stdout


def test_a_folder_that_cannot_be_resumed_gives_one_message(tmp_path: Path) -> None:
    for folder, message in ((tmp_path / "none", "no such run"), (tmp_path, "no run here")):
        refused = invoke("resume", folder)
        assert refused.exit_code == 4
        assert message in refused.stderr
        assert "Traceback" not in refused.stderr


# Its output overflows where an input is above 88.
EXPONENTIAL = '''
import torch
from torch import nn

from alsim.models import MIXED, Inputs, ModelOptions, Outputs, Shape


class Exponential(nn.Module):
    """a linear layer on the exponentials of the inputs"""

    def __init__(self, shape: Shape, options: ModelOptions) -> None:
        super().__init__()
        self.layer = nn.Linear(sum(shape.widths.values()), *shape.n_classes.values())
        (self.task,) = shape.n_classes

    def forward(self, inputs: Inputs) -> Outputs:
        hidden = torch.exp(torch.cat(list(inputs.modalities.values()), 1))
        return Outputs({self.task: {MIXED: self.layer(hidden)}}, hidden)
'''


def poisoned(rows: set[int]) -> pa.Table:
    """Return the pool with pictures that make every loss infinite once labelled."""
    pictures: list[Any] = POOL["picture"].to_pylist()
    for row in rows:
        pictures[row] = [1000.0] * 8
    column = pa.array(pictures, POOL.schema.field("picture").type)
    return POOL.set_column(POOL.column_names.index("picture"), "picture", column)


@pytest.fixture(scope="module")
def diverged(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Return a run of three seeds: seed 0 diverges at step 2, seed 1 in the passive phase."""
    folder = tmp_path_factory.mktemp("runs")
    (folder / "mine.py").write_text(EXPONENTIAL)
    settings: dict[str, Any] = {
        **TINY, "strategy": "random", "seeds": 3, "steps": 4, "standardise": "none",
        "model": f"{folder / 'mine.py'}:Exponential",
    }  # fmt: skip
    # With random, the same objects are queried whatever their content.
    queries = alsim.run(POOL, **settings, out=folder / "sound").queries.to_pylist()
    by_seed = {
        seed: {q["id"]: q["step"] for q in queries if q["seed"] == seed} for seed in range(3)
    }
    at_step_2 = {i for i, step in by_seed[0].items() if step == 2} - {*by_seed[1], *by_seed[2]}
    at_first = {i for i, step in by_seed[1].items() if step == 0} - {*by_seed[0], *by_seed[2]}
    pq.write_table(poisoned({min(at_step_2), min(at_first)}), folder / "poisoned.parquet")
    return alsim.run(folder / "poisoned.parquet", **settings, out=folder / "run")


@pytest.mark.long
def test_a_curve_that_diverges_ends_there_and_the_others_continue(diverged: Run) -> None:
    assert diverged.status == "complete"
    steps = [(row["seed"], row["step"]) for row in diverged.steps.to_pylist()]
    assert steps == [(0, 0), (0, 1), *((2, step) for step in range(5))]
    assert diverged.manifest["diverged"] == [
        {"strategy": "random", "seed": 0, "step": 2},
        {"strategy": "random", "seed": 1, "step": 0},
    ]


@pytest.mark.parametrize("flags", [[], ["--json"]])
def test_a_diverged_curve_fails_the_command_after_its_summary_and_resuming_changes_nothing(
    diverged: Run, flags: list[str]
) -> None:
    before = {path: path.stat().st_mtime_ns for path in diverged.folder.rglob("*")}
    resumed = invoke("resume", diverged.folder, *flags)
    assert resumed.exit_code == RunError.exit_code == 5
    assert "nothing is left to do" in resumed.stderr
    assert "2 of the learning curves diverged" in resumed.stderr
    assert "random with seed 0 at step 2, random with seed 1 " in resumed.stderr
    assert "Traceback" not in resumed.stderr
    if flags:
        assert json.loads(resumed.stdout)["strategies"]["random"]["n_seeds"] == 2
    else:
        assert "last accuracy" in resumed.stdout
    assert {path: path.stat().st_mtime_ns for path in diverged.folder.rglob("*")} == before


@pytest.mark.slow
def test_the_run_fails_if_all_curves_diverge_at_once(pool: Path, tmp_path: Path) -> None:
    options: dict[str, Any] = {**TINY, "strategy": "random", "seeds": 1, "steps": 2}
    with pytest.raises(RunError, match="every training diverged"):
        alsim.run(pool, **options, learning_rate=1e30, out=tmp_path / "run")
    assert read_run(tmp_path / "run").status == "failed"
