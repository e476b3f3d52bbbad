import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from made_trainings import write_made_training
from typer.testing import CliRunner

from alsim.cli.commands.plot import plot
from alsim.errors import StoreError, UsageError
from alsim.experiments.correlation import GroupRecord
from alsim.experiments.curves.records import MetricRecord, QueryRecord, Round, StepRecord
from alsim.plots import KINDS
from alsim.store.correlation import build_groups, write_correlation
from alsim.store.curves import read_run, write_tables
from alsim.store.folder import create_run
from alsim.store.manifest import write_manifest

METRIC = ("--metric", "accuracy")
app = typer.Typer()
app.command()(plot)


def _metrics(strategy: str, seed: int, step: int) -> tuple[MetricRecord, ...]:
    of = (strategy, seed, step, "topic")
    return (
        *(
            MetricRecord(*of, head, "all", metric, None, 0.5 + 0.02 * step + 0.01 * seed)
            for head in ("mixed", "text")
            for metric in ("accuracy", "sigma")
        ),
        *(MetricRecord(*of, "mixed", "all", "recall", name, 0.1 * step) for name in ("a", "b")),
    )


def _queries(strategy: str, seed: int, step: int) -> tuple[QueryRecord, ...]:
    return tuple(
        QueryRecord(strategy, seed, step, rank, 100 * step + rank, "topic", None, 1.0, 1, answer)
        for rank, answer in enumerate("aab" if seed else "abb")
    )


def make_run(
    folder: Path,
    *,
    fingerprint: str = "abc",
    n_seeds: int = 2,
    strategies: tuple[str, ...] = ("random", "margin"),
) -> Path:
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
                _metrics(strategy, seed, step),
                _queries(strategy, seed, step),
            )
            for strategy in strategies
            for seed in range(n_seeds)
            for step in range(5)
        ],
    )
    write_manifest(
        folder,
        {
            "status": "complete",
            "alsim": "0.1.0",
            "pool": {"name": "posts", "fingerprint": fingerprint, "classes": {"a": 20, "b": 10}},
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


@pytest.mark.long
def test_one_run_is_drawn_into_its_own_folder_and_the_path_is_printed(tmp_path: Path) -> None:
    run = make_run(tmp_path / "posts")
    stdout, stderr = invoke(run)
    assert stdout == f"{run / 'decision.png'}\n"
    assert stderr == ""
    assert (run / "decision.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.long
@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_the_picture_is_written_to_the_requested_path(tmp_path: Path, suffix: str) -> None:
    run = make_run(tmp_path / "posts")
    before = sorted(run.iterdir())
    out = tmp_path / f"picture.{suffix}"
    stdout, _ = invoke(run, "--out", out, "--metric", "macro_f1", "--band", "none")
    assert stdout == f"{out}\n"
    assert out.stat().st_size > 1000
    assert sorted(run.iterdir()) == before


@pytest.mark.long
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


@pytest.mark.long
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


@pytest.mark.long
@pytest.mark.parametrize("kind", [kind for kind, entry in KINDS.items() if entry.of == "curves"])
def test_each_kind_is_drawn_into_the_folder_under_its_own_name(tmp_path: Path, kind: str) -> None:
    run = make_run(tmp_path / "posts")
    stdout, stderr = invoke(run, "--kind", kind, "--title", "a title")
    picture = run / ("curves.png" if kind == "curve" else f"{kind}.png")
    assert stdout == f"{picture}\n"
    assert stderr == ""
    assert picture.read_bytes().startswith(b"\x89PNG")
    rows = list(csv.DictReader(invoke(run, "--kind", kind, "--csv")[0].splitlines()))
    assert {row["strategy"] for row in rows} <= {"random", "margin"}
    assert {"margin"} <= {row["strategy"] for row in rows}
    assert all(any(row.values()) for row in rows)


def test_what_a_picture_shows_is_printed_as_csv_or_written(tmp_path: Path) -> None:
    run = make_run(tmp_path / "posts")
    before = sorted(run.iterdir())
    curve = ("--kind", "curve")
    stdout, stderr = invoke(run, *curve, "--csv")
    assert (stderr, sorted(run.iterdir())) == ("", before)
    rows = list(csv.DictReader(stdout.splitlines()))
    kept = [row for row in read_run(run).curves.to_pylist() if row["metric"] == "accuracy"]
    assert [(row["strategy"], int(row["n_labelled"])) for row in rows] == [
        (row["strategy"], row["n_labelled"]) for row in kept
    ]
    for name in ("mean", "low", "high"):
        assert [float(row[name]) for row in rows] == [row[name] for row in kept]
    table = tmp_path / "table.csv"
    for options in (("--csv",), ()):
        assert invoke(run, *curve, *options, "--out", table)[0] == f"{table}\n"
        assert table.read_text() == stdout
        table.unlink()
    two = make_run(tmp_path / "two")
    both = invoke(run, two, *curve, "--csv")[0].splitlines()
    assert len(both) == 2 * len(rows) + 1
    with pytest.raises(UsageError, match=r"unknown table format '\.png'"):
        invoke(run, "--csv", "--out", tmp_path / "table.png")
    with pytest.raises(UsageError, match="only one format"):
        invoke(run, "--csv", "--json")


@pytest.mark.long
def test_the_options_of_a_kind_reach_it(tmp_path: Path) -> None:
    run = make_run(tmp_path / "posts")
    pictures: set[bytes] = set()
    for options in ((), ("--relative",), ("--baseline", "margin")):
        out = tmp_path / "classes.svg"
        invoke(run, "--kind", "classes", *options, "--out", out)
        pictures.add(out.read_bytes())
    for band in ("t", "bootstrap", "sd", "seeds", "none"):
        out = tmp_path / "difference.svg"
        invoke(run, "--kind", "difference", "--band", band, "--out", out)
        pictures.add(out.read_bytes())
    assert len(pictures) == 8


@pytest.mark.parametrize(
    ("options", "what"),
    [
        (("--kind", "difference"), "no random to compare with"),
        (("--kind", "savings"), "no random to compare with"),
        (("--kind", "wins"), "only one strategy"),
        (("--kind", "classes", "--relative"), "no random to compare with"),
        (("--kind", "queries", "--metric", "nll"), "--metric has no meaning here"),
    ],
)
def test_a_kind_without_data_in_the_run_is_refused_and_nothing_is_written(
    tmp_path: Path, options: tuple[str, ...], what: str
) -> None:
    run = make_run(tmp_path / "posts", strategies=("margin",))
    before = sorted(run.iterdir())
    with pytest.raises(UsageError, match=what):
        invoke(run, *options)
    assert sorted(run.iterdir()) == before


def test_learning_curves_have_no_scatter(tmp_path: Path) -> None:
    run = make_run(tmp_path / "posts")
    with pytest.raises(StoreError, match="not a correlation study"):
        invoke(run, "--kind", "scatter")


@pytest.mark.long
def test_a_correlation_study_has_a_scatter_and_no_curves(tmp_path: Path) -> None:
    folder = tmp_path / "study"
    create_run(folder)
    groups = [
        GroupRecord(metric, seed, group, 100, 0.1 * group, 0.5 + 0.01 * group * seed, 1.0)
        for metric in ("margin", "random")
        for seed in range(2)
        for group in range(5)
    ]
    write_correlation(folder, build_groups(groups))
    write_manifest(folder, {"status": "complete", "kind": "correlation"})
    stdout, stderr = invoke(folder, "--kind", "scatter")
    assert stdout == f"{folder / 'scatter.png'}\n"
    assert stderr == ""
    assert len(invoke(folder, "--csv")[0].splitlines()) == len(groups) + 1
    assert invoke(folder)[0] == stdout  # what such a folder calls for
    with pytest.raises(StoreError, match="correlation study"):
        invoke(folder, "--kind", "curve")


@pytest.mark.long
def test_a_training_study_has_its_own_pictures_and_no_curves(tmp_path: Path) -> None:
    folder = write_made_training(tmp_path / "study")
    run = make_run(tmp_path / "posts")
    for kind in (kind for kind, entry in KINDS.items() if entry.of == "training"):
        stdout, stderr = invoke(folder, "--kind", kind, "--task", "all", *METRIC)
        assert stdout == f"{folder / f'{kind}.png'}\n"
        assert stderr == ""
        rows = csv.DictReader(invoke(folder, "--kind", kind, *METRIC, "--csv")[0].splitlines())
        assert {row["net"] for row in rows} == {"mmoe", "multi-cluster"}
        with pytest.raises(StoreError, match="holds learning curves"):
            invoke(run, "--kind", kind)
    assert invoke(folder)[0] == f"{folder / 'losses.png'}\n"  # what such a folder calls for
    with pytest.raises(
        StoreError, match=r"(?s)holds passive training.*alsim plot .* --kind losses"
    ):
        invoke(folder, "--kind", "curve")


@pytest.mark.long
def test_the_fraction_and_the_metric_of_a_training_study_reach_its_picture(tmp_path: Path) -> None:
    folder = write_made_training(tmp_path / "study")
    pictures: set[bytes] = set()
    for options in ((), ("--fraction", "0.5"), ("--metric", "train_loss")):
        invoke(folder, "--kind", "losses", *options, "--out", tmp_path / "picture.svg")
        pictures.add((tmp_path / "picture.svg").read_bytes())
    assert len(pictures) == 3


@pytest.mark.long
def test_a_task_is_drawn_alone_or_all_in_panels(tmp_path: Path) -> None:
    run = make_run(tmp_path / "posts")
    pictures: set[bytes] = set()
    for options in ((), ("--task", "topic"), ("--task", "all"), ("--task", "all", "--x", "cost")):
        _, stderr = invoke(run, *options, "--out", tmp_path / "picture.svg")
        assert stderr == ""
        pictures.add((tmp_path / "picture.svg").read_bytes())
    assert len(pictures) == 4
    with pytest.raises(UsageError, match=r"(?s)no task 'topics'.*did you mean topic\?"):
        invoke(run, "--task", "topics")


def test_an_unknown_kind_is_refused(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, [str(tmp_path), "--kind", "pie"])
    assert result.exit_code == 2


def test_several_runs_need_a_name_for_their_picture(tmp_path: Path) -> None:
    one, two = make_run(tmp_path / "one"), make_run(tmp_path / "two")
    with pytest.raises(UsageError, match="--out"):
        invoke(one, two)


def test_a_wrong_suffix_is_refused_before_any_run_is_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="unknown picture format"):
        invoke(tmp_path / "absent", "--out", tmp_path / "curves.gif")


def test_a_misspelt_metric_is_refused_with_the_nearest_name(tmp_path: Path) -> None:
    run = make_run(tmp_path / "posts")
    with pytest.raises(UsageError, match=r"did you mean macro_f1\?"):
        invoke(run, "--metric", "macro-f1")
    assert not (run / "curves.png").exists()


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no run here"):
        invoke(tmp_path)


@pytest.mark.parametrize("kind", ["curve", "difference", "classes"])
def test_a_run_killed_before_its_first_step_is_refused_with_advice_to_resume(
    tmp_path: Path, kind: str
) -> None:
    folder = create_run(tmp_path / "posts")
    write_manifest(folder, {"status": "running"})
    with pytest.raises(StoreError, match="the run has no step yet") as caught:
        invoke(folder, "--kind", kind)
    assert f"alsim resume {folder}" in caught.value.args[2]
    assert not list(folder.glob("*.png"))


def test_a_table_cut_short_is_refused_and_nothing_is_drawn(tmp_path: Path) -> None:
    run = make_run(tmp_path / "posts")
    path = run / "steps.parquet"
    os.truncate(path, path.stat().st_size // 2)
    with pytest.raises(StoreError, match="ends early"):
        invoke(run)
    assert not (run / "curves.png").exists()


@pytest.mark.process
def test_the_command_alone_imports_nothing_slow() -> None:
    code = (
        "import sys, alsim.cli.commands.plot\n"
        "slow = {'torch', 'numpy', 'pyarrow', 'matplotlib', 'scipy'} & set(sys.modules)\n"
        "sys.exit(', '.join(slow) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
