"""`alsim train` as a user types it."""

import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from made_trainings import make_results
from things import POOL
from tiny_runs import write_tiny_run
from typer.testing import CliRunner, Result

from alsim.cli.main import app
from alsim.cli.screens.training import print_training
from alsim.errors import RunError
from alsim.store.manifest import write_manifest
from alsim.store.training import read_training, write_training

pytestmark = pytest.mark.process

SMALL = [
    *("--label", "late", "--label", "height", "--modality", "x", "--seeds", "2"),
    *("--max-epochs", "3", "--workers", "0", "--match-parameters"),
]


def invoke(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a pool, a finished study of it, and the output of the command."""
    place = tmp_path_factory.mktemp("place")
    pq.write_table(POOL, place / "things.parquet")
    done = subprocess.run(
        [sys.executable, "-m", "alsim", "train", "--pool", "things.parquet", *SMALL, "--out",
         "study"],
        capture_output=True, text=True, cwd=place, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (place / "stdout.txt").write_text(done.stdout)
    (place / "stderr.txt").write_text(done.stderr)
    return place


def test_the_answer_comes_first_and_the_progress_goes_to_stderr(place: Path) -> None:
    printed, errors = ((place / f"{name}.txt").read_text() for name in ("stdout", "stderr"))
    assert "\x1b" not in printed + errors
    lines = printed.splitlines()
    # A class and a target are not averaged together, but have a verdict each.
    assert ": cannot tell" in lines[0] or " is better than " in lines[0]
    assert lines[0].index("AUC of late") < lines[0].index("R² of height")
    tables = [i for i, line in enumerate(lines) if line.startswith("model ")]
    assert [lines[i - 1] for i in tables] == ["AUC of late", "R² of height"]
    for i in tables:
        assert {line.split()[0] for line in lines[i + 1 : i + 3]} == {"shared-bottom", "mmoe"}
    assert "difference: to shared-bottom, by a paired t-test over the seeds" in printed
    assert "R²: 1 − MSE / the target's variance" in printed
    assert f"task by task: alsim compare {Path('study')} --details" in lines
    assert len(lines) < 25
    assert "exports" not in lines[-1]
    assert "4 nets to train" in errors
    assert "100 %  4 of 4 nets" in errors
    assert "note: parameters matched to those of shared-bottom: shared-bottom " in errors


def test_compare_shows_each_task_of_a_training_study_with_details(place: Path) -> None:
    printed = invoke("compare", place / "study", "--details").stdout
    lines = printed.splitlines()
    assert [line for line in lines if line.endswith(" on test")] == [
        "height: MSE on test", "late: AUC on test",
    ]  # fmt: skip
    first = lines.index("height: MSE on test")
    assert lines[first + 1].split() == ["model", "MSE", "difference", "experts"]
    assert [line.split()[0] for line in lines[first + 2 : first + 4]] == ["shared-bottom", "mmoe"]
    assert "parameters  FLOPs  epochs  validation loss" in printed
    study = read_training(place / "study")
    for row in study.fits.to_pylist():
        assert f"{row['n_parameters']:,}" in printed
    values = [
        row["value"] for row in study.tasks.to_pylist()
        if (row["model"], row["task"], row["metric"]) == ("mmoe", "late", "auc")
    ]  # fmt: skip
    assert f"{sum(values) / 2:.4f} ± {12.7062 * abs(values[0] - values[1]) / 2:.4f}" in printed
    assert "±: 95 % t-interval over 2 seeds" in printed
    assert "difference: to shared-bottom, in pairs by seed" in printed
    assert "effective number of a softmax gate's mean weights" in printed
    assert "nan" not in printed.lower()


def test_compare_takes_training_studies_in_every_format(place: Path) -> None:
    study = place / "study"
    answer = (place / "stdout.txt").read_text().splitlines()[0]
    output = json.loads(invoke("compare", study, "--json").stdout, parse_constant=pytest.fail)
    assert output["studies"] == [str(study)]
    assert output["answer"] == answer
    assert [(v["score"]["metric"], v["second"]) for v in output["verdicts"]] == [
        ("auc", "shared-bottom"), ("r2", "shared-bottom"),
    ]  # fmt: skip
    rows = list(csv.DictReader(invoke("compare", study, "--csv").stdout.splitlines()))
    assert [row["metric"] for row in rows] == ["auc", "auc", "r2", "r2"]
    pairs = list(csv.DictReader(invoke("compare", study, "--csv", "--pairs").stdout.splitlines()))
    means = {(v["score"]["metric"]): v["difference"]["mean"] for v in output["verdicts"]}
    assert {row["metric"]: float(row["difference"]) for row in pairs} == means
    assert invoke("compare", study, "--latex").stdout.count("tabular") == 4
    assert invoke("compare", study, "--markdown").stdout.count("| model |") == 3
    one = invoke("compare", study, "--metric", "mse", "--baseline", "mmoe").stdout
    assert "MSE of height" in one
    assert "difference: to mmoe" in one


def test_compare_refuses_what_is_about_labels_saved_and_studies_beside_runs(
    place: Path, tmp_path: Path
) -> None:
    done = invoke("compare", place / "study", "--share", "0.9")
    assert done.exit_code == 2
    assert "--share is about labels saved" in done.stderr
    run = write_tiny_run(tmp_path / "run")
    mixed = invoke("compare", run, place / "study")
    assert mixed.exit_code == 4
    assert "the folder holds learning curves, not passive training" in mixed.stderr


def test_resume_shows_a_finished_study_again_as_text_and_as_json(place: Path) -> None:
    shown = invoke("resume", place / "study")
    assert shown.exit_code == 0
    assert shown.stdout.splitlines()[:9] == (place / "stdout.txt").read_text().splitlines()[:9]
    output = json.loads(
        invoke("resume", place / "study", "--json").stdout, parse_constant=pytest.fail
    )
    assert output["compared_with"] == output["baseline"] == "shared-bottom"
    assert output["answer"] == shown.stdout.splitlines()[0]
    assert [(row["task"], row["metric"], row["model"]) for row in output["tasks"]] == [
        (task, metric, model)
        for task, metric in (("height", "mse"), ("late", "auc"))
        for model in ("shared-bottom", "mmoe")
    ]
    assert output["nets"][1]["n_seeds"] == 2
    assert output["tasks"][1]["difference"]["n"] == 2


def test_the_last_line_counts_the_exported_nets(place: Path, tmp_path: Path) -> None:
    Path(shutil.copytree(place / "study", tmp_path / "study") / "exports").mkdir()
    for name in ("one", "two"):
        (tmp_path / f"study/exports/{name}.safetensors").touch()
    line = invoke("resume", tmp_path / "study").stdout.splitlines()[-1]
    assert line.endswith("(.parquet), exports (2 nets: alsim.load_task)")


def test_plot_reports_what_kind_of_folder_it_is(place: Path) -> None:
    done = invoke("plot", "--kind", "curve", place / "study")
    assert done.exit_code == 4
    assert "the folder holds passive training, not learning curves" in done.stderr
    assert f"alsim resume {place / 'study'}" in done.stderr


REFUSED = {
    "an option of learning curves": (["--query-size", "20"], "No such option"),
    "a model that there is not": (["--model", "mmo"], "did you mean mmoe"),
    "a parameter that it has not": (["--model", "mmoe,omoe(density=1)"], "no parameter"),
    "a baseline that is not trained": (["--baseline", "cgc"], "is not one of the models"),
    "a model twice": (["--model", "mmoe,mmoe"], "mmoe is named twice"),
    "no fraction": (["--fractions", "0"], "0 is no share"),
    "a fraction twice": (["--fractions", "0.5,0.50"], "0.5 is named twice"),
    "less than a row": (["--fractions", "0.001,1"], "is less than one row"),
    "no seeds": (["--seeds", "0"], "names no seeds"),
    "an evaluation that there is not": (["--evaluation", "best"], "no evaluation 'best'"),
    "no stochastic gates": (["--evaluation", "task-k,all"], "no model has stochastic gates"),
    "more experts than there are": (
        ["--model", "mmoe,multi-cluster(experts=4)", "--evaluation", "top-5"],
        "top-5 asks for more experts than the 4 of multi-cluster(experts=4)",
    ),
    "a task that there is not": (["--export-task", "lat"], "did you mean late"),
    "nothing to cut out of": (
        ["--model", "mlp,three-head", "--export-task", "late"], "no model is one of experts",
    ),
    "nothing to match": (["--model", "shared-bottom,linear"], "no width by which"),
    "a label that there is not": (["--label", "heigt"], "did you mean height"),
    "a label twice": (["--label", "late"], "'late' is named twice"),
    "no epochs": (["--max-epochs", "0"], "--max-epochs"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_unusable_options_give_one_message_and_leave_no_folder(
    name: str, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    options, expected = REFUSED[name]
    done = invoke("train", "--pool", place / "things.parquet", *SMALL, *options, "--out", "study")
    assert done.exit_code == 2, (done.output, done.exception)
    assert expected in done.stderr
    assert done.stdout == ""
    assert not Path("study").exists()


def test_a_missing_run_is_refused(place: Path, tmp_path: Path) -> None:
    done = invoke("train", "--pool", place / "things.parquet", "--queries", tmp_path / "no")
    assert done.exit_code == 4
    assert "no such run" in done.stderr


def test_help_imports_nothing_slow() -> None:
    code = (
        "import sys\nfrom alsim.cli.main import app\n"
        "try: app(['train', '--help-all'])\nexcept SystemExit: pass\n"
        "slow = {'torch', 'numpy', 'pyarrow', 'scipy', 'matplotlib', 'rich'} & set(sys.modules)\n"
        "sys.exit(str(sorted(slow)) if slow else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for flag in ("--model", "--fractions", "--match-parameters", "--queries", "--export-task"):
        assert flag in done.stdout


def test_diverged_nets_are_named_after_the_results_of_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lost = {"model": "mmoe", "chosen_by": "random", "fraction": 0.5, "seed": 1}
    manifest = {
        "kind": "training", "status": "complete", "evaluation_split": "validation",
        "n_evaluated": 9, "diverged": [lost],
        "configuration": {
            "models": {
                "mmoe": {"evaluations": []},
                "multi-cluster": {"evaluations": ["task-k", "all", "top-1", "top-2"]},
            }
        },
    }  # fmt: skip
    write_manifest(tmp_path, manifest)
    write_training(tmp_path, make_results(diverged=[("mmoe", 1)]))
    study = read_training(tmp_path)
    assert list(study.models) == ["mmoe", "multi-cluster"]
    with pytest.raises(RunError, match=r"mmoe with seed 1 at fraction 0\.5"):
        print_training(study, as_json=False, with_details=True)
    printed = capsys.readouterr().out
    assert "mean of the 2 tasks, fraction 0.5: accuracy on validation" in printed
    assert printed.count("top-2") == 6
    assert "these rows also ended the training" in printed
    _, _, details = printed.partition("mean of the 2 tasks, ")
    tables = [line for line in details.splitlines() if line.startswith(("m", " "))]
    assert max(map(len, tables)) <= 80
