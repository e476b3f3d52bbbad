"""`alsim compare` for runs of several tasks: by the mean or by one task."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from task_runs import TASKS, value_of, write_task_run
from typer.testing import CliRunner, Result

import alsim
from alsim.cli.main import app
from alsim.errors import UsageError
from alsim.store.manifest import open_folder, write_manifest


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_task_run(tmp_path_factory.mktemp("place") / "clothes")


def invoke(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["compare", *map(str, arguments)])


def last(task: str, strategy: str) -> float:
    return float(np.mean([value_of(task, strategy, seed, 4) for seed in range(3)]))


def test_a_task_is_compared_by_its_own_curves_and_the_mean_by_the_mean_curves(run: Path) -> None:
    for task in (*TASKS, None):
        found = alsim.compare(run, task=task)
        for each in found.strategies:
            of = [task] if task else TASKS
            expected = np.mean([last(one, each.strategy) for one in of])
            assert each.last.mean == pytest.approx(expected)


def test_a_task_can_be_compared_by_an_auc_that_the_mean_does_not_have(run: Path) -> None:
    found = alsim.compare(run, task="colour", metric="auc")
    best = {each.strategy: each.last.mean for each in found.strategies}
    assert best["margin"] == pytest.approx(0.9 * last("colour", "margin"))
    with pytest.raises(UsageError, match=r"(?s)one task that has two classes.*--task colour"):
        alsim.compare(run, metric="auc")
    with pytest.raises(UsageError, match="no metric is called 'auc'"):  # as in older versions
        alsim.compare(run, task="season", metric="auc")


def test_the_auc_of_more_than_two_classes_is_refused_with_their_number(tmp_path: Path) -> None:
    run = write_task_run(tmp_path / "clothes", auc=())
    manifest = open_folder(run)[1]
    season = {"classes": dict.fromkeys("abcde", 8), "n_labels": 40, "n_evaluated": 800}
    tasks: Any = manifest["tasks"]
    write_manifest(run, {**manifest, "tasks": {**tasks, "season": season}})
    with pytest.raises(UsageError, match="auc is of tasks of two classes; season has 5"):
        alsim.compare(run, task="season", metric="auc")
    with pytest.raises(UsageError, match="two classes; the run has none"):
        alsim.compare(run, metric="auc")


# What is counted


@pytest.fixture(scope="module")
def by_cells(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = write_task_run(tmp_path_factory.mktemp("cells") / "cells")
    write_manifest(run, {**open_folder(run)[1], "configuration": {"unit": "cell"}})
    return run


def test_runs_by_objects_count_objects_and_runs_by_cells_count_labels(
    run: Path, by_cells: Path
) -> None:
    for folder, counts in ((run, "objects"), (by_cells, "labels")):
        output = invoke(folder).stdout
        assert f"{counts} to 95 %" in output
        assert f"strategy  {counts} saved" in output.replace("   ", "  ")
        assert f"curve from 100 to 300 {counts}\n" in output
        assert ("objects" in output) == (counts == "objects")
        assert json.loads(invoke(folder, "--json").stdout)["counts"] == counts
    assert "cost saved" in invoke(run, "--x", "cost").stdout


def test_counts_of_objects_and_of_single_labels_are_not_compared(run: Path, by_cells: Path) -> None:
    for more in ([], ["--force"]):
        refused = invoke(run, by_cells, *more)
        assert refused.exit_code == 2
        assert "one run asks for objects, the other for single labels" in refused.stderr
        assert "--x cost" in refused.stderr
    for x in ("cost", "questions"):
        assert invoke(run, by_cells, "--x", x).exit_code == 0


def test_a_note_says_that_the_price_of_a_label_is_that_of_an_object(
    run: Path, by_cells: Path
) -> None:
    for folder, is_noted in ((run, True), (by_cells, False)):
        notes = alsim.compare(folder, cost_per_label=0.1).notes
        assert any("that of an object" in note for note in notes) == is_noted


def test_the_command_names_the_task_and_its_number_of_rows(run: Path) -> None:
    output = invoke(run, "--task", "colour").stdout
    assert "colour: accuracy on 800 test rows; sampling error: " in output
    mean = invoke(run).stdout
    # The errors of several tasks on the same rows are not binomial.
    assert "mean over 2 tasks: accuracy on 900 test rows\n" in mean
    assert "AUC on 800 test rows" in invoke(run, "--task", "colour", "--metric", "auc").stdout
    assert json.loads(invoke(run, "--task", "season", "--json").stdout)["task"] == "season"


def test_a_task_without_a_labelled_test_row_is_reported_as_not_measured(
    tmp_path: Path,
) -> None:
    run = write_task_run(tmp_path / "clothes")
    manifest = open_folder(run)[1]
    tasks: Any = manifest["tasks"]
    more = {"usage": {"classes": {"old": 8, "new": 8}, "n_labels": 16, "n_evaluated": 0}}
    write_manifest(run, {**manifest, "tasks": {**tasks, **more}})
    refused = invoke(run, "--task", "usage")
    assert refused.exit_code == 2
    assert "no test row has a label of 'usage': it was not measured" in refused.stderr
    assert "name one of: colour, season" in refused.stderr


def test_a_misspelt_task_is_refused_with_the_nearest_name(run: Path) -> None:
    refused = invoke(run, "--task", "colours")
    assert refused.exit_code == 2
    assert "no task 'colours'" in refused.stderr
    assert "did you mean colour?" in refused.stderr
    # The beginning of a long name is less similar to it than most misspellings are.
    assert "did you mean colour?" in invoke(run, "--task", "co").stderr
