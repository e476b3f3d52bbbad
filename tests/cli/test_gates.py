"""`alsim gates` on training studies with made-up numbers."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import typer
from made_trainings import make_results, write_made_training
from typer.testing import CliRunner

from alsim.cli.commands.gates import gates
from alsim.errors import StoreError, UsageError
from alsim.store.folder import create_run
from alsim.store.manifest import write_manifest

app = typer.Typer()
app.command()(gates)

P = np.array([[[0.9, 0.001, 0.5], [0.1, 0.2, 0.9]], [[0.8, 0.3, 0.6], [0.2, 0.2, 0.9]]])
WEIGHTS = np.array([[[0.5, 0.5], [1.0, 0.0]], [[0.5, 0.5], [1.0, 0.0]]])


def invoke(*arguments: str | Path) -> tuple[str, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception is not None:
        raise result.exception
    assert result.exit_code == 0
    return result.stdout, result.stderr


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    results = make_results(
        ["mmoe", "multi-cluster", "shared-bottom"],
        n_seeds=2,
        gates={"multi-cluster": P, "mmoe": WEIGHTS},
    )
    return write_made_training(tmp_path_factory.mktemp("place") / "study", results)


@pytest.mark.long
def test_the_table_shows_density_likeliest_experts_and_the_most_similar_task(study: Path) -> None:
    stdout, stderr = invoke(study)
    assert stderr == ""
    lines = stdout.splitlines()
    # Σp of the seeds: 1.401 and 1.7 for colour, 1.2 and 1.3 for season; t₁(.975) = 12.7, so that
    # for colour the interval covers none to all three.
    r = float(np.mean([np.corrcoef(p)[0, 1] for p in P]))
    like = f"{r:+.2f}".replace("0.", ".")
    assert lines[1].split(maxsplit=3)[:3] == ["colour", "1.6", "[0,"]
    assert re.split(r" {2,}", lines[1])[2:] == ["0 (.90) 2 (.50)", f"season ({like})"]
    assert lines[2].startswith("season   1.2 ± 0.6  2 (.90) 1 (.20) 0 (.10)  colour")
    assert "multi-cluster, all labels; 3 experts" in lines
    assert any(line.endswith("[ ] where that would go beyond what can be") for line in lines)
    assert "other models with gates: mmoe: --model NAME" in lines
    assert lines[-1] == f"figure: {study / 'gates.png'}"
    assert (study / "gates.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.long
def test_json_holds_the_map_of_the_chosen_seed_and_the_numbers_of_all(
    study: Path, tmp_path: Path
) -> None:
    out = tmp_path / "map.svg"
    stdout, stderr = invoke(study, "--json", "--seed", "1", "--out", out, "--fraction", "0.5")
    said = json.loads(stdout)
    assert stderr == ""
    assert (said["model"], said["fraction"], said["fact"]) == ("multi-cluster", 0.5, "probability")
    colour, season = P[1].tolist()
    assert said["map"] == {"seed": 1, "tasks": {"colour": colour, "season": season}}
    assert said["experts_used"]["season"]["mean"] == pytest.approx(1.25)
    assert said["experts_used"]["season"]["n"] == 2
    r = np.mean([np.corrcoef(p)[0, 1] for p in P])
    assert said["correlations"]["colour"]["season"] == pytest.approx(r)
    assert said["figure"] == str(out)
    assert out.is_file()


@pytest.mark.long
def test_weights_give_an_effective_number_and_undefined_values_are_null(study: Path) -> None:
    said = json.loads(invoke(study, "--json", "--model", "mmoe")[0])
    assert said["experts_used"]["colour"]["mean"] == pytest.approx(2)
    assert said["experts_used"]["season"]["mean"] == pytest.approx(1)
    assert said["correlations"]["colour"]["season"] is None
    assert said["others"] == ["multi-cluster"]
    stdout, _ = invoke(study, "--model", "mmoe")
    assert "season  1.0 ± 0.0  0 (1.00)" in stdout
    assert "exp of the entropy" in stdout


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (("--model", "shared-bottom"), "shared-bottom has no gates"),
        (("--model", "mmo"), r"no model 'mmo' in the study(?s:.*)did you mean mmoe"),
        (("--fraction", "0.7"), "no training on 0.7"),
        (("--seed", "5"), r"no seed 5 of multi-cluster(?s:.*)there is: 0, 1"),
        (("--out", "map.gif"), "unknown picture format"),
    ],
)
def test_a_map_that_cannot_be_shown_is_one_clear_error(
    study: Path, asked: tuple[str, ...], expected: str
) -> None:
    with pytest.raises(UsageError, match=expected):
        invoke(study, *asked)


def test_other_folders_and_studies_without_gates_are_refused(tmp_path: Path) -> None:
    create_run(tmp_path / "curves")
    write_manifest(tmp_path / "curves", {"status": "complete"})
    with pytest.raises(StoreError, match="holds learning curves"):
        invoke(tmp_path / "curves")
    plain = write_made_training(tmp_path / "plain", make_results(["mlp"]))
    with pytest.raises(StoreError, match="no model of the study has gates"):
        invoke(plain)
    assert not (plain / "gates.png").exists()


def test_unrecorded_gates_and_untrained_models_give_different_errors(
    tmp_path: Path,
) -> None:
    models = {name: {"evaluations": []} for name in ("mmoe", "cgc", "omoe")}
    manifest = {"configuration": {"models": models}, "status": "interrupted"}
    write_made_training(
        tmp_path / "part", make_results(["mmoe", "cgc"], n_seeds=2, gates={"mmoe": WEIGHTS}),
        **{**manifest, "status": "complete"},
    )  # fmt: skip
    with pytest.raises(UsageError, match=r"cgc's gates are not recorded(?s:.*)there is: mmoe"):
        invoke(tmp_path / "part", "--model", "cgc")
    unfinished = tmp_path / "unfinished"
    create_run(unfinished)
    write_manifest(unfinished, {"kind": "training", "evaluation_split": "test", **manifest})
    (unfinished / "journal").mkdir(exist_ok=True)
    for asked in (("--model", "omoe"), ()):
        with pytest.raises(StoreError, match=r"is trained yet(?s:.*)alsim resume"):
            invoke(unfinished, *asked)
    alone = write_made_training(tmp_path / "cgc", make_results(["cgc"]))
    with pytest.raises(StoreError, match="cgc's gates are not recorded"):
        invoke(alone)


@pytest.mark.long
def test_labels_chosen_by_a_strategy_are_named_and_the_options_are_in_the_picture_s_name(
    tmp_path: Path,
) -> None:
    results = make_results(
        ["multi-cluster(density=0.1)"], n_seeds=2, chosen_by=["random", "margin"],
        gates={"multi-cluster(density=0.1)": P},
    )  # fmt: skip
    folder = write_made_training(tmp_path / "study", results, configuration={"queries": "7d3f"})
    stdout, _ = invoke(folder)
    assert "the 2,000 labels that random chose; 3 experts" in stdout
    assert "labels were also chosen by: margin: --chosen-by NAME" in stdout
    model = "multi-cluster(density=0.1)"
    asked = ("--model", model, "--fraction", "0.5", "--chosen-by", "margin")
    stdout, _ = invoke(folder, *asked)
    assert "the first 1,000 labels that margin chose; 3 experts" in stdout
    assert (folder / "gates-multi-cluster-density=0.1-margin-0.5.png").is_file()


@pytest.mark.process
def test_the_command_alone_imports_nothing_slow() -> None:
    code = (
        "import sys, alsim.cli.commands.gates\n"
        "slow = {'torch', 'numpy', 'pyarrow', 'matplotlib', 'scipy'} & set(sys.modules)\n"
        "sys.exit(', '.join(slow) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
