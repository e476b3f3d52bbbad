"""The tasks of a correlation study, in this process: shared starts, stored results, memory."""

from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import torch
from toy import make_toy_setting

from alsim.errors import RunError, StoreError
from alsim.experiments.correlation import CorrelationOptions, copies_at_once
from alsim.experiments.jobs import Job
from alsim.options.engine import Way
from alsim.options.model import ModelOptions
from alsim.options.training import TrainingOptions
from alsim.store.checkpoint import load_checkpoint
from alsim.store.correlation import build_groups, collect_groups
from alsim.store.layout import CHECKPOINTS, JOURNALS
from alsim.strategies import find_strategy
from alsim.studies.correlation.work import run_correlate
from alsim.studies.messages import Copies, Correlate, Report
from alsim.studies.start.plan import Plan, plan_correlation
from alsim.studies.start.work import Study, run_passive

NAMES = ("margin", "learning-loss", "entropy(batch-norm=frozen)", "random")
SIZES = CorrelationOptions(sample_size=240, group_size=40)


def make_study(way: Way = "lockstep") -> Study:
    training = TrainingOptions(batch_size=32, max_epochs=2, precision="float64")
    setting = make_toy_setting(
        way, model=ModelOptions(name="three-head", width=8), training=training
    )
    named = {name: find_strategy(name) for name in NAMES}
    strategies = {name: each.strategy for name, each in named.items()}
    return Study(replace(setting, strategies=strategies), named)


def plan_of(folder: Path, *seeds: int) -> Plan[Correlate]:
    study = make_study()
    return plan_correlation(seeds, study.strategies, study.setting.training, SIZES, folder)


def run(study: Study, plan: Plan[Correlate], folder: Path) -> list[Report]:
    """Do all tasks of a plan and return what was sent."""
    sent: list[Report] = []
    (folder / JOURNALS).mkdir(exist_ok=True)
    (folder / CHECKPOINTS).mkdir(exist_ok=True)
    for task in plan.passives:
        run_passive(study, task.message, lambda message: None)
    for task in plan.actives:
        run_correlate(study, task.message, sent.append)
    return sent


def copies_of(sent: list[Report]) -> list[Copies]:
    return [message for message in sent if isinstance(message, Copies)]


def test_metrics_with_equal_training_share_a_task_and_those_of_one_passive_phase_a_start(
    tmp_path: Path,
) -> None:
    plan = plan_of(tmp_path, 3, 5)
    assert [(t.message.seeds, t.message.like) for t in plan.passives] == [
        ((3,), "margin"), ((5,), "margin"), ((3,), "learning-loss"), ((5,), "learning-loss"),
    ]  # fmt: skip
    alike = ["margin", "random"]
    frozen, predicted = ["entropy(batch-norm=frozen)"], ["learning-loss"]
    expected = [(3, alike), (3, frozen), (5, alike), (5, frozen), (3, predicted), (5, predicted)]
    jobs = [task.message.jobs for task in plan.actives]
    assert [(js[0].seed, [job.strategy for job in js]) for js in jobs] == expected
    starts = {task.name: task.message.state for task in plan.passives}
    for task in plan.actives:
        (name,) = task.after
        assert starts[name] == task.message.state
    journals = [path for task in plan.actives for path in task.message.journals]
    assert len(set(journals)) == 8


def test_finished_jobs_and_unneeded_starts_are_left_out_of_the_plan(
    tmp_path: Path,
) -> None:
    plan = plan_of(tmp_path, 3)
    assert plan.without({Job(3, name) for name in NAMES}).tasks == ()
    left = plan.without({Job(3, name) for name in NAMES if name != "learning-loss"})
    assert [type(task.message).__name__ for task in left.tasks] == ["Passive", "Correlate"]
    assert left.passives[0].message.like == "learning-loss"
    # A partly finished task continues with the rest.
    assert len(plan.without({Job(3, "margin")}).actives) == 3


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Report]]:
    folder = tmp_path_factory.mktemp("made")
    return folder, run(make_study(), plan_of(folder, 3), folder)


@pytest.mark.long
def test_each_metric_is_reported_and_kept_in_its_own_file(
    made: tuple[Path, list[Report]],
) -> None:
    folder, sent = made
    reported = [(m.metric, m.seed, m.n) for m in copies_of(sent)]
    assert reported == [(n, 3, 6) for n in ("margin", "random", "entropy(batch-norm=frozen)",
                                        "learning-loss")]  # fmt: skip
    kept = sorted((folder / JOURNALS).iterdir())
    assert [path.name for path in kept] == ["0000.parquet", "0001.parquet", "0002.parquet",
                                            "0003.parquet"]  # fmt: skip
    assert [pq.read_table(path)["metric"][0].as_py() for path in kept] == list(NAMES)
    assert collect_groups(folder).num_rows == 24


@pytest.mark.long
def test_kept_results_are_not_computed_again_and_the_rest_is_equal(
    made: tuple[Path, list[Report]], tmp_path: Path
) -> None:
    plan = plan_of(tmp_path, 3)
    (tmp_path / JOURNALS).mkdir()
    theirs, mine = made[0] / JOURNALS / "0000.parquet", tmp_path / JOURNALS / "0000.parquet"
    mine.write_bytes(theirs.read_bytes())
    stamp = mine.stat().st_mtime_ns
    sent = run(make_study(), plan, tmp_path)
    assert "margin" not in {m.metric for m in copies_of(sent)}
    assert mine.stat().st_mtime_ns == stamp
    assert collect_groups(tmp_path).equals(collect_groups(made[0]))


@pytest.mark.long
def test_copies_trained_one_after_another_equal_those_in_lockstep(
    made: tuple[Path, list[Report]], tmp_path: Path
) -> None:
    sent = run(make_study("direct"), plan_of(tmp_path, 3), tmp_path)
    assert [m.n for m in copies_of(sent) if m.metric == "margin"] == [1, 2, 3, 4, 5, 6]
    direct, lockstep = collect_groups(tmp_path), collect_groups(made[0])
    for name in ("mean_score", "nll"):
        assert direct[name].to_pylist() == pytest.approx(lockstep[name].to_pylist(), abs=1e-9)
    assert direct["accuracy"].equals(lockstep["accuracy"])
    # The start is trained alone, whether or not copies are trained in lockstep.
    first, second = (sorted((f / CHECKPOINTS).iterdir()) for f in (tmp_path, made[0]))
    for mine, other in zip(first, second, strict=True):
        nets, others = load_checkpoint(mine), load_checkpoint(other)
        assert nets is not None
        assert others is not None
        assert all(torch.equal(nets[0][name], tensor) for name, tensor in others[0].items())


@pytest.mark.long
def test_training_fewer_copies_at_once_than_groups_changes_nothing(
    made: tuple[Path, list[Report]], tmp_path: Path
) -> None:
    study = replace(make_study(), copies=copies_at_once(4))
    sent = run(study, plan_of(tmp_path, 3), tmp_path)
    assert [m.n for m in copies_of(sent) if m.metric == "random"] == [4, 6]
    mine, other = collect_groups(tmp_path), collect_groups(made[0])
    assert mine["nll"].to_pylist() == pytest.approx(other["nll"].to_pylist(), abs=1e-9)


def test_a_diverged_or_missing_start_is_an_error(tmp_path: Path) -> None:
    study, plan = make_study(), plan_of(tmp_path, 3)
    (tmp_path / JOURNALS).mkdir()
    with pytest.raises(StoreError, match="the nets of the passive phase are gone"):
        run_correlate(study, plan.actives[0].message, lambda message: None)
    wild = replace(study.setting.training, learning_rate=1e300, optimiser="sgd")
    study = replace(study, setting=replace(study.setting, training=wild))
    with pytest.raises(RunError, match="the passive phase of seed 3"):
        run(study, plan, tmp_path)
    assert build_groups([]).equals(collect_groups(tmp_path))
