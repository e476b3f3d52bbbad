"""`alsim correlate` as a user types it."""

import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

from alsim.analysis.correlation import Correlation
from alsim.cli.main import app
from alsim.cli.screens.correlation import answer
from alsim.options.synthetic import VkOptions
from alsim.pool.synthetic import vk_pool
from alsim.store.correlation import CorrelationStudy, read_correlation

pytestmark = pytest.mark.process

SMALL = [
    *("--metric", "margin", "--seeds", "2", "--initial-size", "60", "--group-size", "20"),
    *("--max-epochs", "2", "--model", "auto(width=8)", "--workers", "0"),
]


def invoke(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a pool, a finished study of it, and the output of the command."""
    place = tmp_path_factory.mktemp("place")
    pool = vk_pool(VkOptions(n_rows=600, picture_width=8, text_width=4, n_classes=4))
    pq.write_table(pool, place / "posts.parquet")
    done = subprocess.run(
        [sys.executable, "-m", "alsim", "correlate", "--pool", "posts.parquet", *SMALL, "--out",
         "study", "--plot", "groups.png"],
        capture_output=True, text=True, cwd=place, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (place / "stdout.txt").write_text(done.stdout)
    (place / "stderr.txt").write_text(done.stderr)
    return place


def test_a_pipe_gets_the_table_with_its_explanation_and_stderr_the_progress(place: Path) -> None:
    printed, errors = ((place / f"{name}.txt").read_text() for name in ("stdout", "stderr"))
    assert "\x1b" not in printed + errors
    assert not set("━│╭▁█") & set(printed)
    answered, _, *lines = printed.splitlines()
    study = read_correlation(place / "study")
    assert answered == answer(study)
    assert lines[0].split() == [
        "metric", "mean", "ρ", "over", "seeds", "p", "over", "groups", "p", "within", "ρ", "by",
        "seed",
    ]  # fmt: skip
    assert [line.split("  ")[0] for line in lines[1:4]] == ["margin", "margin (raw)", "random"]
    for line, found in zip(lines[1:], study.correlations, strict=False):
        assert found.mean is not None
        assert f"{found.mean:+z.3f}" in line
        assert f"{found.rhos[0]:+z.2f} {found.rhos[1]:+z.2f}" in line
        assert f"  {found.p:.2g}  " in line
        assert f"  {found.p_within:.2g}  " in line
    n = study.groups.num_rows // 4
    assert f"{n} groups of 20 rows a metric and seed; the start knew 60 labels" in printed
    assert "copies were trained for 1 epoch: with more the signs can turn" in printed
    assert "a strategy with ρ < 0 may still save labels: a copy is trained on" in printed
    command = f"alsim run --pool {place / 'posts.parquet'} --strategy margin"
    assert f"which one saves labels: {command}" in lines
    assert "null band: groups at random have a ρ in " in printed
    assert "the mean of 2 in " in printed
    assert "nan" not in printed.lower()
    assert f"60 initial labels; {n} groups of 20 rows\n" in errors
    assert f"{4 * n} copies" in errors
    assert f"100 %  {4 * n} of {4 * n} copies" in errors


def test_the_picture_is_written_to_the_requested_path(place: Path) -> None:
    assert (place / "groups.png").read_bytes().startswith(b"\x89PNG")
    assert "figure: groups.png" in (place / "stdout.txt").read_text()
    drawn = invoke("plot", place / "study", "--kind", "scatter", "--out", place / "again.png")
    assert drawn.exit_code == 0, drawn.output


def test_resume_shows_a_finished_study_again_as_text_and_as_json(place: Path) -> None:
    shown = invoke("resume", place / "study")
    assert shown.exit_code == 0
    assert "the run is finished: nothing is left to do" in shown.stderr
    table = (place / "stdout.txt").read_text().splitlines()[:6]
    assert shown.stdout.splitlines()[:6] == table
    output = json.loads(
        invoke("resume", place / "study", "--json").stdout, parse_constant=pytest.fail
    )
    study = read_correlation(place / "study")
    assert list(output["correlations"]) == ["margin", "margin (raw)", "random"]
    for found in study.correlations:
        mine = output["correlations"][found.metric]
        assert mine["rhos"] == {str(seed): rho for seed, rho in found.rhos.items()}
        assert mine["mean"] == found.mean
        assert mine["over_seeds"] == list(found.fisher or ())
        assert (mine["p"], mine["p_within"]) == (found.p, found.p_within)
        assert mine["null_band_of_mean"] == list(found.null_mean or ())
        assert mine["is_within_null_band"] == found.is_within_null
    assert (output["status"], output["epochs"], output["initial_size"]) == ("complete", 1, 60)


def test_the_answer_sorts_scores_by_the_sign_that_other_seeds_would_have(tmp_path: Path) -> None:
    def found(metric: str, low: float, high: float) -> Correlation:
        return Correlation(metric, {0: low, 1: high}, (low + high) / 2, (low, high))

    scores = [
        found("loss", 0.1, 0.4), found("bald", -0.5, -0.1), found("bald (raw)", 0.1, 0.5),
        found("entropy", -0.1, 0.3), Correlation("margin", {0: 0.9}, 0.9, p_within=0.001),
        found("random", 0.1, 0.2),
    ]  # fmt: skip
    study = CorrelationStudy(tmp_path, {}, pa.table({}), tuple(scores))
    asked = "do rows that are queried first teach a copy more than the last? "
    more = "more by loss (ρ > 0); less by bald (ρ < 0); cannot tell by entropy, margin"
    assert answer(study) == asked + more


@pytest.mark.slow
def test_undefined_values_are_explained_in_the_text_and_null_in_json(
    place: Path, tmp_path: Path
) -> None:
    # At this rate, a copy without batch norm learns nothing in one epoch: all accuracies are equal.
    options: list[str | Path] = [
        *SMALL, "--learning-rate", "1e-30", "--model", "mlp", "--seeds", "1",
        *("--out", tmp_path / "study"),
    ]  # fmt: skip
    output = json.loads(
        invoke("correlate", "--pool", place / "posts.parquet", *options, "--json").stdout,
        parse_constant=pytest.fail,
    )
    assert output["correlations"]["margin"] == {
        "rhos": {"0": None}, "mean": None, "over_seeds": None, "over_groups": None, "p": None,
        "sign": 0, "p_within": None,
        "null_band_of_mean": None, "null_band_of_one_seed": None, "is_within_null_band": None,
    }  # fmt: skip
    shown = invoke("resume", tmp_path / "study").stdout
    (margin, _, control) = shown.splitlines()[3:6]
    assert margin.split() == ["margin", "undefined", "–", "–", "–", "–", "undefined"]
    assert control.split()[0] == "random"
    assert "undefined: all groups score the same, or all copies are equally accurate" in shown
    assert "one start, so no p and no interval over seeds: add --seeds 5" in shown
    assert "nan" not in shown.lower()


REFUSED = {
    "an option of learning curves": (["--query-size", "20"], "No such option"),
    "a metric that there is not": (["--metric", "margn"], "did you mean margin"),
    "a strategy whose query is not by its scores": (["--metric", "badge"], "no metric to sort"),
    "a metric twice, by both its names": (["--metric", "loss,ideal-learning-loss"], "named twice"),
    "candidates": (["--metric", "margin(candidates=50)"], "candidates have no meaning"),
    "a parameter that there is not": (["--metric", "loss(k=3)"], "no parameter 'k=3'"),
    "no rows": (["--sample-size", "0"], "--sample-size"),
    "groups below zero": (["--group-size", "-1"], "--group-size"),
    "a group size that is a word": (["--group-size", "many"], "--group-size"),
    "more rows than there are": (["--sample-size", "999999"], "--sample-size"),
    "two groups": (["--sample-size", "40"], "too few to correlate"),
    "more initial labels than rows": (["--initial-size", "99999"], "--initial-size"),
    "no seeds": (["--seeds", "0"], "names no seeds"),
    "no epochs": (["--epochs", "0"], "--epochs"),
    "a committee without dropout": (["--metric", "bald", "--model", "linear"], "--metric bald"),
    "a picture of no kind": (["--plot", "groups.doc"], "groups.doc"),
    "a picture in no folder": (["--plot", "absent/groups.png"], "no such folder"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_unusable_options_give_one_message_and_leave_no_folder(
    name: str, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    options, expected = REFUSED[name]
    done = invoke(
        "correlate", "--pool", place / "posts.parquet", *SMALL, *options, "--out", "study"
    )
    assert done.exit_code == 2, (done.output, done.exception)
    assert isinstance(done.exception, SystemExit)
    assert expected in done.stderr
    assert done.stdout == ""
    assert not Path("study").exists()


def test_all_faults_are_reported_at_once(tmp_path: Path) -> None:
    done = invoke(
        "correlate", "--metric", "margn,badge", "--seeds", "x", "--group-size", "0", "--epochs",
        "0", "--out", tmp_path / "study",
    )  # fmt: skip
    assert done.exit_code == 2
    assert "5 options cannot be used" in done.stderr
    assert "alsim correlate" in done.stderr


def test_help_imports_nothing_slow() -> None:
    code = (
        "import sys\nfrom alsim.cli.main import app\n"
        "try: app(['correlate', '--help-all'])\nexcept SystemExit: pass\n"
        "slow = {'torch', 'numpy', 'pyarrow', 'scipy', 'matplotlib', 'rich'} & set(sys.modules)\n"
        "sys.exit(str(sorted(slow)) if slow else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for flag in ("--metric", "--sample-size", "--group-size", "--mask-modality", "--plot"):
        assert flag in done.stdout
    assert "--query-size" not in done.stdout
