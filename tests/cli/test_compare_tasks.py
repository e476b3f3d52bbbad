"""`alsim compare` of runs of several tasks: by their mean, or by one of them."""

import json
from pathlib import Path

import numpy as np
import pytest
from task_runs import TASKS, value_of, write_task_run
from typer.testing import CliRunner, Result

import alsim
from alsim.cli.main import app
from alsim.errors import UsageError


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_task_run(tmp_path_factory.mktemp("place") / "clothes")


def invoke(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["compare", *map(str, arguments)])


def last(task: str, strategy: str) -> float:
    return float(np.mean([value_of(task, strategy, seed, 4) for seed in range(3)]))


def test_a_task_is_compared_by_its_own_curves_and_the_mean_by_that_of_all(run: Path) -> None:
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
    for task in ("season", None):
        with pytest.raises(UsageError, match="no metric is called 'auc'"):
            alsim.compare(run, task=task, metric="auc")


def test_the_command_says_which_task_and_of_how_many_rows(run: Path) -> None:
    told = invoke(run, "--task", "colour").stdout
    assert "colour: accuracy on 800 test rows, with a sampling error of" in told
    mean = invoke(run).stdout
    # The errors of several tasks on the same rows are no binomial one.
    assert "mean over 2 tasks: accuracy on 900 test rows\n" in mean
    assert "AUC on 800 test rows" in invoke(run, "--task", "colour", "--metric", "auc").stdout
    assert json.loads(invoke(run, "--task", "season", "--json").stdout)["task"] == "season"


def test_a_misspelt_task_is_refused_with_the_nearest(run: Path) -> None:
    refused = invoke(run, "--task", "colours")
    assert refused.exit_code == 2
    assert "no task 'colours'" in refused.stderr
    assert "did you mean colour?" in refused.stderr
