"""Runs with the control and the ceiling: their folders, and what is refused."""

from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pytest
from pools import make_table, write
from typer.testing import CliRunner

import alsim
from alsim.cli.main import app
from alsim.errors import UsageError
from alsim.options.training import TrainingOptions
from alsim.store.curves import Run, read_run
from alsim.store.layout import CHECKPOINTS
from alsim.strategies import find_strategy
from alsim.studies.curves.run import dry_run
from alsim.studies.start.plan import plan_tasks
from alsim.studies.watch import Watch

pytestmark = pytest.mark.process

TABLES = ("steps", "metrics", "queries", "curves")
PLUGIN = """
from alsim.strategies import Strategy


def peek() -> Strategy:
    return Strategy(frozenset({"true_loss"}), lambda signals: signals.true_loss)
"""
OPTIONS: dict[str, Any] = {
    "seeds": 2, "initial_size": 30, "max_epochs": 3, "model": "mlp(width=8)", "batch_size": 16,
    "query_size": 5, "steps": 2, "workers": 0, "strategy": "margin,control", "ceiling": True,
}  # fmt: skip


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(make_table(300), tmp_path_factory.mktemp("pool") / "pool.parquet")


@pytest.fixture(scope="module")
def done(pool: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("run")
    (folder / "mine.py").write_text(PLUGIN)
    strategies = f"margin,control,{folder / 'mine.py'}:peek"
    return alsim.run(pool, **{**OPTIONS, "strategy": strategies}, out=folder / "run")


def bytes_of(run: Run) -> dict[str, bytes]:
    return {name: (run.folder / f"{name}.parquet").read_bytes() for name in TABLES}


class Impatient(Watch):
    """Interrupts the run once the first ceiling is there; keeps the trainings told of."""

    def __init__(self, *, ends: bool) -> None:
        self.ends = ends
        self.trained_: list[str] = []

    def trained(self, key: str) -> None:
        self.trained_.append(key)
        if self.ends and key.startswith("ceiling"):
            raise KeyboardInterrupt


def test_the_control_has_the_steps_of_the_others_and_the_labels_of_the_start(done: Run) -> None:
    steps = done.steps.filter(pc.field("strategy") == "control").to_pylist()
    assert [(row["seed"], row["step"]) for row in steps] == [
        (s, k) for s in (0, 1) for k in range(3)
    ]
    assert len({(row["n_labelled"], row["cost"], row["n_questions"]) for row in steps}) == 1
    queried = done.queries.filter((pc.field("strategy") == "control") & (pc.field("step") > 0))
    assert queried.num_rows == 0
    mine = (pc.field("strategy") == "control") & (pc.field("metric") == "nll")
    assert done.curves.filter(mine).column("step").to_pylist() == [0, 1, 2]


def test_who_stands_outside_is_recorded_plug_ins_too(done: Run) -> None:
    found: Any = done.manifest["configuration"]
    assert {name.rpartition(":")[2]: why for name, why in found["outside"].items()} == {
        "control": "queries nothing",
        "peek": "reads the hidden labels",
    }


def test_the_ceiling_is_rows_of_the_metrics_and_of_nothing_else(done: Run) -> None:
    rows = done.metrics.filter(pc.field("strategy") == "").to_pylist()
    assert {(row["seed"], row["step"], row["task"]) for row in rows} == {
        (0, 0, "label"), (1, 0, "label")
    }  # fmt: skip
    assert {"accuracy", "nll", "recall"} <= {row["metric"] for row in rows}
    for table in (done.steps, done.curves, done.queries):
        assert "" not in table.column("strategy").to_pylist()
    found: Any = done.manifest["ceiling"]
    n_train = done.manifest["pool"]["rows"]["train"]  # type: ignore[index]
    assert found["n_labelled"] == n_train
    assert [each["seed"] for each in found["trainings"]] == [0, 1]
    assert any("trainings on all labels were still learning" in n for n in done.manifest["notes"])  # type: ignore[union-attr]
    phases = done.timings.filter(pc.field("strategy") == "").column("phase").to_pylist()
    assert {"ceiling", "evaluate ceiling", "passive"} <= set(phases)


def test_it_moves_no_number_of_the_strategies(done: Run, pool: Path, tmp_path: Path) -> None:
    without = alsim.run(
        pool, **{**OPTIONS, "ceiling": False, "strategy": "margin"}, out=tmp_path / "run"
    )
    for name in ("steps", "metrics", "queries"):
        kept = pc.field("strategy").isin(["margin", "random"])
        assert getattr(done, name).filter(kept).equals(getattr(without, name))
    assert "ceiling" not in without.manifest


def test_interrupted_between_two_ceilings_it_goes_on_to_the_same_bytes(
    pool: Path, tmp_path: Path
) -> None:
    whole = alsim.run(pool, **OPTIONS, out=tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        alsim.run(pool, **OPTIONS, out=tmp_path / "cut", watch=Impatient(ends=True))
    kept = sorted(path.name for path in (tmp_path / "cut" / CHECKPOINTS).glob("ceiling-*"))
    assert kept == ["ceiling-000.safetensors"]
    watch = Impatient(ends=False)
    resumed = alsim.resume(tmp_path / "cut", watch=watch)
    assert watch.trained_ == ["ceiling, seed 1"]
    assert bytes_of(read_run(resumed.folder)) == bytes_of(whole)


def test_nets_trained_on_the_queries_of_a_run_pass_over_the_control(
    done: Run, pool: Path, tmp_path: Path
) -> None:
    study = alsim.train(
        pool, queries=done.folder, model="mlp(width=8)", max_epochs=2, workers=0, out=tmp_path / "t"
    )
    assert "control" not in study.fits.column("chosen_by").to_pylist()
    notes: Any = study.manifest["notes"]
    assert "control queried nothing, so it has no labels to train on" in notes


def test_a_trial_counts_the_ceilings(pool: Path) -> None:
    found = dry_run(pool, **OPTIONS)
    assert found.n_ceilings == 2
    assert found.ceiling_epoch_seconds > found.epoch_seconds
    assert found.ceiling_seconds == pytest.approx(2 * 3 * found.ceiling_epoch_seconds)
    line = f"run --dry-run --pool {pool} --workers 0 --initial-size 30 --seeds 1 --ceiling"
    assert (
        "on all labels: 1 training of at most 500 epochs"
        in CliRunner().invoke(app, line.split()).stdout
    )


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"baseline": "control"}, "control queries nothing, so no labels are saved against it"),
        ({"strategy": "control", "baseline": "none"}, "there is no strategy that does"),
        ({"until": "accuracy=0.9", "steps": None}, "by an accuracy it might never end"),
        ({"strategy": "margin,control(candidates=5)"}, "control queries nothing"),
        (
            {"strategy": "margin", "oracle": "hierarchical", "max_questions": 1},
            "where answers may leave classes open",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(options: dict[str, Any], words: str, pool: Path) -> None:
    with pytest.raises(UsageError, match=words):
        alsim.run(pool, **{**OPTIONS, **options})


def test_no_rows_can_be_sorted_by_it(pool: Path) -> None:
    with pytest.raises(UsageError, match="control scores no row: it queries nothing"):
        alsim.correlate(pool, metric="margin,control")


def test_in_lockstep_the_control_goes_apart_from_those_that_query(tmp_path: Path) -> None:
    named = {name: find_strategy(name) for name in ("margin", "control", "random")}
    plan = plan_tasks([0, 1], named, TrainingOptions(), "lockstep", tmp_path)
    together = [[job.strategy for job in task.message.jobs] for task in plan.actives]
    assert together == [["margin", "margin", "random", "random"], ["control", "control"]]
    assert len(plan.passives) == 1
