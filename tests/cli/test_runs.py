"""`alsim runs`, and the folder that a command takes where none is named."""

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_trainings import make_results, write_made_training
from pictures import make_steps, rising
from pools import make_table, write
from task_runs import write_task_run
from typer.testing import CliRunner, Result

import alsim
from alsim.analysis.curves.comparison import compare
from alsim.cli.main import app
from alsim.errors import UsageError
from alsim.experiments.correlation import CONTROL
from alsim.store.lock import RunLock
from alsim.store.manifest import write_manifest
from alsim.studies.correlation import answer as of_correlation
from alsim.studies.curves.answer import answer

NET: dict[str, Any] = {"seeds": 2, "max_epochs": 2, "model": "mlp(width=4)", "workers": 0}
CURVES: dict[str, Any] = {**NET, "initial_size": 30, "query_size": 5, "strategy": "margin,random"}


def invoke(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def listed(*arguments: str | Path) -> list[dict[str, Any]]:
    done = invoke("runs", *arguments, "--json")
    assert done.exit_code == 0, done.stderr
    return json.loads(done.stdout)


def age(*folders: str) -> None:
    """Let folders look as if they were written one after another."""
    for number, name in enumerate(folders):
        os.utime(f"runs/{name}/run.json", (1_700_000_000 + number, 1_700_000_000 + number))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder in which one study of each kind was made, and a second run."""
    place, before = tmp_path_factory.mktemp("place"), Path.cwd()
    os.chdir(place)
    try:
        pool = write(make_table(300), Path("posts.parquet"))
        alsim.run(pool, **CURVES, steps=2)
        alsim.run(pool, **CURVES, steps=1, learning_rate=0.01, standardise="none")
        sizes: dict[str, Any] = {"initial_size": 30, "sample_size": 60, "group_size": 20}
        alsim.correlate(pool, **NET, metric="margin", **sizes)
        alsim.train(pool, **{**NET, "model": "linear,mlp(width=4)"})
    finally:
        os.chdir(before)
    return place


@pytest.fixture
def place(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a copy of that folder."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    age("posts-margin", "posts-margin-2", "posts-correlation", "posts-training")
    return tmp_path


@pytest.mark.usefixtures("place")
def test_runs_are_listed_with_what_each_found_the_latest_first() -> None:
    found = listed()
    assert [(each["run"], each["kind"], each["compared"]) for each in found] == [
        ("runs/posts-training", "training", ["linear", "mlp(width=4)"]),
        ("runs/posts-correlation", "correlation", ["margin", "random"]),
        ("runs/posts-margin-2", "curves", ["margin", "random"]),
        ("runs/posts-margin", "curves", ["margin", "random"]),
    ]
    assert {(each["pool"], each["state"], *each["seeds"]) for each in found} == {
        ("posts", "complete", 0, 1)
    }
    assert all(each["answer"] for each in found)
    assert found[0]["answer"] == "cannot tell mlp(width=4) from linear"
    text = invoke("runs").stdout
    assert all(each["answer"] in text and each["date"] in text for each in found)
    alike = "runs/posts-margin-2 runs/posts-margin"
    assert f"in what two differ: alsim runs {alike}" not in text  # the latest is of another kind
    age("posts-correlation", "posts-training", "posts-margin", "posts-margin-2")
    assert f"in what two differ: alsim runs {alike}" in invoke("runs").stdout


@pytest.mark.usefixtures("place")
def test_an_answer_that_was_not_kept_is_computed_and_nothing_is_written() -> None:
    kept = [each["answer"] for each in listed()]
    for path in Path("runs").glob("*/run.json"):
        manifest = json.loads(path.read_text())
        del manifest["answer"]
        path.write_text(json.dumps(manifest))
    age("posts-margin", "posts-margin-2", "posts-correlation", "posts-training")
    before = {path: path.stat().st_mtime_ns for path in Path("runs").rglob("*")}
    assert [each["answer"] for each in listed()] == kept
    assert {path: path.stat().st_mtime_ns for path in Path("runs").rglob("*")} == before


@pytest.mark.usefixtures("place")
def test_settings_in_which_two_runs_differ_are_listed() -> None:
    one, two = "runs/posts-margin", "runs/posts-margin-2"
    done = invoke("runs", one, two, "--json")
    assert json.loads(done.stdout) == {
        "runs": [one, two],
        "differences": {
            "schedule.steps": ["2", "1"],
            "training.learning_rate": ["0.001", "0.01"],
            "pool.standardise": ['"auto"', '"none"'],
        },
    }
    assert "training.learning_rate  0.001" in invoke("runs", one, two).stdout
    shutil.copytree(one, "copy")
    assert "the same settings" in invoke("runs", one, "copy").stdout
    kinds = invoke("runs", one, "runs/posts-training").stdout
    assert "training" in kinds
    assert "schedule" not in kinds
    refused = invoke("runs", one, "absent")
    assert (refused.exit_code, refused.stdout) == (4, "")


def test_only_the_latest_twenty_are_listed_unless_all_are_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    nothing = invoke("runs")
    assert nothing.exit_code == 0
    assert "no runs in runs/ here; make one: alsim run" in nothing.stdout
    for number in range(22):
        write_manifest_only(Path(f"runs/posts-{number:02d}"), status="interrupted")
    (Path("runs") / "posts-03" / "run.json").write_text("{")
    age(*(f"posts-{number:02d}" for number in range(22)))
    names = [each["run"] for each in listed()]
    assert names == [f"runs/posts-{number:02d}" for number in range(21, 1, -1)]
    assert [each["run"] for each in listed() if each["state"] == "unreadable"] == ["runs/posts-03"]
    assert "and 2 more: alsim runs --all" in invoke("runs").stdout
    assert len(listed("--all")) == 22
    assert listed("runs/posts-07")[0]["state"] == "interrupted"


def write_manifest_only(folder: Path, **manifest: object) -> None:
    folder.mkdir(parents=True)
    write_manifest(folder, {"options": {"seeds": [3, 4], "strategy": ["bald"]}, **manifest})


@pytest.mark.parametrize(
    ("command", "folder", "wrote"),
    [
        (["plot"], "posts-training", "losses.png"),
        (["plot", "--kind", "scatter"], "posts-correlation", "scatter.png"),
        (["plot", "--kind", "wins"], "posts-margin-2", "wins.png"),
        (["compare"], "posts-training", ""),
    ],
)
def test_a_command_without_a_folder_takes_the_latest_that_suits(
    place: Path, command: list[str], folder: str, wrote: str
) -> None:
    write_manifest_only(Path("runs/empty"), status="interrupted")  # the latest holds nothing
    done = invoke(*command)
    assert done.exit_code == 0, done.stderr
    assert done.stderr.splitlines()[0] == f"runs/{folder}, the latest"
    if wrote:
        assert done.stdout == f"runs/{folder}/{wrote}\n"
        assert (place / "runs" / folder / wrote).exists()
    named = invoke(*command, f"runs/{folder}")
    assert (named.stdout, "the latest" in named.stderr) == (done.stdout, False)


def test_gates_takes_the_latest_study_that_has_gates(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    refused = invoke("gates")
    assert refused.exit_code == UsageError.exit_code
    assert "no study with gates in runs/" in refused.stderr
    p = np.full((3, 2, 2), 0.5)
    write_made_training(Path("runs/with"), make_results(["mmoe"], gates={"mmoe": p}))
    write_made_training(Path("runs/without"), make_results(["linear"]))
    write_task_run(Path("runs/curves"))
    age("with", "without", "curves")
    done = invoke("gates")
    assert done.stderr.splitlines()[0] == "runs/with, the latest"
    assert done.exit_code == 0


def test_resume_takes_the_latest_unfinished_run_that_nobody_works_on(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = invoke("resume")
    assert refused.exit_code == UsageError.exit_code
    assert "every run in runs/ is finished, or another process works on it" in refused.stderr
    path = Path("runs/posts-margin/run.json")
    manifest = {**json.loads(path.read_text()), "status": "running"}
    path.write_text(json.dumps(manifest))
    shutil.copytree(path.parent, "runs/held")
    with RunLock(Path("runs/held")):
        done = invoke("resume")
    assert done.exit_code == 0, done.stderr
    assert "runs/posts-margin, the latest" in done.stderr.splitlines()
    assert json.loads(path.read_text())["status"] == "complete"
    empty = place / "elsewhere"
    empty.mkdir()
    monkeypatch.chdir(empty)
    for command in ("resume", "compare", "plot"):
        refused = invoke(command)
        assert refused.exit_code == UsageError.exit_code
        assert "in runs/" in refused.stderr
        assert "FOLDER" in refused.stderr


AHEAD, BEHIND, EQUAL = rising(ahead=0.02), rising() - 0.1, rising(seed=7)
RANDOM = rising(ahead=0.001)


@pytest.mark.parametrize(
    ("curves", "expected"),
    [
        ({"margin": AHEAD}, r"margin saves \d+ labels, better"),
        ({"margin": AHEAD, "bald": rising(ahead=0.01)}, r"margin saves \d+ labels, better \(as 1"),
        ({"margin": BEHIND}, "margin worse than random"),
        ({"margin": EQUAL}, "cannot tell margin from random"),
        ({"margin": EQUAL, "bald": BEHIND}, "cannot tell that any of 2 beats random"),
    ],
)
def test_an_answer_is_the_verdict_in_a_few_words(
    curves: dict[str, np.ndarray], expected: str
) -> None:
    found = compare(make_steps({**curves, "random": RANDOM}))
    assert re.match(expected, answer(found)), answer(found)


def test_an_answer_without_a_comparison_is_where_the_curve_ends() -> None:
    found = compare(make_steps({"margin": np.array([[0.5, 0.75]])}))
    assert answer(found) == "margin ends at accuracy 0.750"
    one_seed = compare(make_steps({"margin": AHEAD[:1], "random": RANDOM[:1]}))
    assert answer(one_seed) == "cannot tell margin from random"


def test_the_control_of_a_correlation_study_has_the_name_that_answers_leave_out() -> None:
    assert of_correlation._CONTROL == CONTROL  # pyright: ignore[reportPrivateUsage]
