"""`curves.parquet` against the plain formula, and in every folder that holds curves."""

import shutil
from math import sqrt
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import pyarrow.parquet as pq
import pytest
from scipy import stats
from task_runs import N_STEPS, TASKS, value_of, write_task_run

from alsim.errors import StoreError
from alsim.plots import draw_curves
from alsim.store.curves import read_run

V3 = Path(__file__).parents[1] / "formats" / "v3"
COLUMNS = [
    "strategy", "task", "step", "n_labelled", "cost", "metric", "mean", "low", "high", "band",
]  # fmt: skip


def rows_of(folder: Path, **where: object) -> list[dict[str, Any]]:
    rows = read_run(folder).curves.to_pylist()
    return [row for row in rows if where.items() <= row.items()]


@pytest.fixture(scope="module")
def clothes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_task_run(tmp_path_factory.mktemp("runs") / "clothes")


@pytest.mark.parametrize("task", TASKS)
def test_a_band_is_the_t_interval_of_the_mean_over_seeds(clothes: Path, task: str) -> None:
    found = rows_of(clothes, strategy="margin", task=task, metric="accuracy")
    assert [row["step"] for row in found] == list(range(N_STEPS))
    steps = read_run(clothes).steps.to_pylist()
    for row in found:
        values = [value_of(task, "margin", seed, row["step"]) for seed in range(3)]
        half = float(stats.t.ppf(0.975, 2)) * stdev(values) / sqrt(3)
        assert row["mean"] == pytest.approx(fmean(values))
        assert (row["low"], row["high"]) == pytest.approx((row["mean"] - half, row["mean"] + half))
        here = [s for s in steps if (s["strategy"], s["step"]) == ("margin", row["step"])]
        assert {row["n_labelled"]} == {step["n_labelled"] for step in here}
        assert row["cost"] == pytest.approx(fmean(step["cost"] for step in here))


def test_the_mean_over_the_tasks_has_no_task_and_the_only_task_none_either(
    clothes: Path, tmp_path: Path
) -> None:
    both = rows_of(clothes, strategy="margin", task=None, metric="accuracy")
    each = [rows_of(clothes, strategy="margin", task=t, metric="accuracy") for t in TASKS]
    for mean, one, two in zip(both, *each, strict=True):
        assert mean["mean"] == pytest.approx((one["mean"] + two["mean"]) / 2)
    alone = write_task_run(tmp_path / "alone", tasks=["colour"])
    assert {row["task"] for row in rows_of(alone)} == {None}


def test_the_written_band_is_the_one_that_is_drawn(clothes: Path) -> None:
    run = read_run(clothes)
    assert run.curves.column_names == COLUMNS
    (axes,) = draw_curves([run]).figure.axes
    bands = {str(patch.get_label()): patch.get_paths()[0].vertices for patch in axes.collections}
    edges = {tuple(map(float, each)) for corners in bands.values() for each in corners}
    for row in rows_of(clothes, task=None, metric="accuracy"):
        assert (row["n_labelled"], row["low"]) in edges
        assert (row["n_labelled"], row["high"]) in edges


def test_one_seed_has_a_mean_and_no_band(tmp_path: Path) -> None:
    rows = rows_of(write_task_run(tmp_path / "one", n_seeds=1))
    assert rows
    assert {(row["low"], row["high"]) for row in rows} == {(None, None)}


@pytest.mark.parametrize("folder", ["complete", "unfinished"])
def test_a_folder_without_the_table_gives_it_all_the_same(folder: str) -> None:
    run = read_run(V3 / folder)
    assert not (V3 / folder / "curves.parquet").exists()
    assert run.curves.column_names == COLUMNS
    assert {row["metric"] for row in run.curves.to_pylist()} == {
        "accuracy", "balanced_accuracy", "ece", "macro_f1", "nll",
    }  # fmt: skip


def test_the_table_is_read_where_there_is_one(clothes: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(clothes, tmp_path / "copy"))
    path = copy / "curves.parquet"
    table = pq.read_table(path)
    pq.write_table(table.slice(0, 3), path)
    assert read_run(copy).curves.num_rows == 3
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(StoreError, match="ends early"):
        _ = read_run(copy).curves
