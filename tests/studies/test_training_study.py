"""Complete training studies: reproducible bytes, resuming, refusals and exports."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import torch
from things import HEIGHT, LATE, POOL, SPLIT, N, X

import alsim
from alsim.errors import PoolError, StoreError, UsageError
from alsim.experiments.progress import Progress
from alsim.experiments.training.labels import drawn_labels
from alsim.experiments.training.loop import train_tasks
from alsim.experiments.training.setting import make_tasks_setting
from alsim.options.model import ModelOptions
from alsim.options.pool import PoolOptions
from alsim.options.training import TrainingOptions
from alsim.pool.loading import load_pool
from alsim.pool.source import open_source
from alsim.pool.splits import FreeValidation
from alsim.store.curves import read_run
from alsim.store.exported_task import TaskModel
from alsim.store.layout import EXPORTS, JOURNALS
from alsim.store.training import TrainingStudy, load_results, read_training
from alsim.studies.watch import Unit, Watch

pytestmark = pytest.mark.process

LABELS = ("kind", "late", "height")
MODELS = "multi-cluster(experts=4,expert-width=8,density=0),mlp(width=8)"
OPTIONS: Mapping[str, Any] = {
    "model": MODELS, "label": LABELS, "features": "colour", "modality": ("x", "features"),
    "fractions": "0.4,1", "seeds": "0..1", "max_epochs": 4, "batch_size": 32,
    "workers": 0, "evaluation": "task-k,top-1,all", "export_task": "height,late",
}  # fmt: skip
TABLES = ("fits.parquet", "tasks.parquet", "gates.parquet")


class Hearing(Watch):
    """Records all events, and interrupts after a number of nets, like Ctrl-C."""

    def __init__(self, n: int = 10**9) -> None:
        self.left = n
        self.notes: list[str] = []
        self.n_planned = 0
        self.heard: dict[str, int] = {}

    def note(self, text: str) -> None:
        self.notes.append(text)

    def planned(self, unit: Unit, n: int, each: int | None = 1) -> None:
        assert unit == "nets"
        self.n_planned = n

    def progress(self, unit: Unit, key: str, n: int, seed: int | None = None) -> None:
        if unit == "nets":
            self.heard[key] = n
        if sum(self.heard.values()) >= self.left:
            raise KeyboardInterrupt


def go(out: Path, watch: Watch | None = None, **changed: Any) -> TrainingStudy:
    options: dict[str, Any] = {"pool": POOL, **OPTIONS, **changed}
    return alsim.train(**options, out=out, watch=watch)


def bytes_of(folder: Path) -> dict[str, bytes]:
    """Return what interruptions must not change: the tables and exports of a study."""
    paths = [*(folder / name for name in TABLES), *sorted((folder / EXPORTS).iterdir())]
    return {path.name: path.read_bytes() for path in paths}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("place")
    pq.write_table(POOL, place / "things.parquet")
    return place


@pytest.fixture(scope="module")
def whole(place: Path) -> tuple[TrainingStudy, Hearing]:
    """Return an uninterrupted study of two workers, and its events."""
    watch = Hearing()
    return go(place / "whole", watch, pool=place / "things.parquet", workers=2), watch


def test_a_study_leaves_its_tables_its_exports_and_its_manifest_and_nothing_else(
    whole: tuple[TrainingStudy, Hearing],
) -> None:
    study, watch = whole
    assert {path.name for path in study.folder.iterdir()} == {*TABLES, "run.json", EXPORTS}
    assert study.status == "complete"
    manifest: Any = study.manifest
    assert manifest["kind"] == "training"
    models = manifest["configuration"]["models"]
    modes = {name: model["evaluations"] for name, model in models.items()}
    names = ["multi-cluster(experts=4,expert-width=8,density=0)", "mlp(width=8)"]
    assert list(modes) == names
    assert list(modes.values()) == [["task-k", "top-1", "all"], []]
    assert manifest["machine"]["replicas"] == "direct"
    # Train has 150 rows; every fifth height and every seventh label of late is unknown.
    assert {n: t["n_labelled"] for n, t in manifest["tasks"].items()} == {
        "kind": 150,
        "late": sum(SPLIT[i] == "train" and LATE[i] is not None for i in range(N)),
        "height": 120,
    }
    nets = study.fits.select(["model", "fraction", "seed", "n_objects"]).to_pylist()
    assert [tuple(net.values()) for net in nets] == [
        (name, fraction, seed, round(150 * fraction))
        for name in sorted(names)
        for fraction in (0.4, 1.0)
        for seed in (0, 1)
    ]
    assert watch.n_planned == 8
    assert set(watch.heard.values()) == {1}
    assert len(watch.heard) == 8
    assert any("not of experts, so no task is cut out of: mlp" in note for note in watch.notes)


def test_measures_depend_on_the_kind_of_task_and_a_stochastic_net_has_each_evaluation(
    whole: tuple[TrainingStudy, Hearing],
) -> None:
    rows = whole[0].tasks.filter((pc.field("seed") == 0) & (pc.field("fraction") == 1)).to_pylist()
    found: dict[tuple[str, str], set[str]] = {}
    for row in rows:
        found.setdefault((row["model"][:3], row["evaluation"]), set()).add(row["metric"])
    measured = {"accuracy", "nll", "auc", "mse"}
    once = {"n_labelled", "train_loss", "validation_loss"}
    assert found == {
        ("mlp", ""): measured | once,
        ("mul", "task-k"): measured | once | {"density", "n_experts"},
        ("mul", "top-1"): measured | {"n_experts"},
        ("mul", "all"): measured | {"n_experts"},
    }
    n_experts = {
        (row["evaluation"], row["task"]): row["value"]
        for row in rows
        if row["metric"] == "n_experts"
    }
    assert {n_experts["top-1", task] for task in LABELS} == {1}
    assert {n_experts["all", task] for task in LABELS} == {4}
    assert whole[0].gates.num_rows == 4 * 3 * 4  # nets, tasks, experts


def test_the_numbers_equal_those_of_the_core(
    whole: tuple[TrainingStudy, Hearing], tmp_path: Path
) -> None:
    options = PoolOptions(
        label=LABELS, modality=("x", "features"), features=("colour",), rows_kept="any"
    )
    loaded = load_pool(open_source(POOL), options, tmp_path, FreeValidation(2000), queried=False)
    setting = make_tasks_setting(
        loaded.pool,
        model=ModelOptions(name="mlp", width=8, encoders=()),
        training=TrainingOptions(batch_size=32, max_epochs=4),
        way="direct",
        device=torch.device("cpu"),
    )
    (net,) = train_tasks(setting, [1], [drawn_labels(loaded.pool, 0.4, 1)], Progress())
    mine = {(r.task, r.metric): r.value for r in net.result.tasks}
    rows = whole[0].tasks.filter(
        (pc.field("model") == "mlp(width=8)")
        & (pc.field("seed") == 1)
        & (pc.field("fraction") == 0.4)
    )
    theirs = {(row["task"], row["metric"]): row["value"] for row in rows.to_pylist()}
    # The worker computes in MKL's reproducible mode; this process may not.
    assert theirs == pytest.approx(mine, rel=1e-4)


@pytest.mark.slow
def test_in_lockstep_the_seeds_of_a_model_and_fraction_are_one_unit_of_work(
    whole: tuple[TrainingStudy, Hearing], tmp_path: Path
) -> None:
    watch = Hearing()
    study = go(tmp_path / "study", watch, replicas="lockstep")
    assert set(watch.heard.values()) == {2}
    assert len(watch.heard) == 4
    assert [path.name for path in sorted((study.folder / EXPORTS).iterdir())] == [
        path.name for path in sorted((whole[0].folder / EXPORTS).iterdir())
    ]
    mine, theirs = (s.tasks["value"].to_pylist() for s in (study, whole[0]))
    assert mine == pytest.approx(theirs, rel=1e-3, abs=1e-3)


@pytest.fixture(scope="module")
def stopped(place: Path) -> Path:
    """Return the folder of the same study, interrupted, with one worker."""
    with pytest.raises(KeyboardInterrupt):
        go(place / "stopped", Hearing(3), pool=place / "things.parquet")
    return place / "stopped"


def test_a_study_resumed_with_one_worker_equals_an_uninterrupted_one_with_two(
    whole: tuple[TrainingStudy, Hearing], stopped: Path, tmp_path: Path
) -> None:
    left = Path(shutil.copytree(stopped, tmp_path / "left"))
    unfinished = read_training(left)
    assert unfinished.status == "interrupted"
    n_kept = len(list((left / JOURNALS).glob("*.json")))
    assert 3 <= n_kept < 8
    assert unfinished.fits.num_rows == n_kept
    watch = Hearing()
    study = alsim.resume(left, watch=watch)
    assert isinstance(study, TrainingStudy)
    assert bytes_of(left) == bytes_of(whole[0].folder)
    assert {path.name for path in left.iterdir()} == {*TABLES, "run.json", EXPORTS}
    assert watch.heard == whole[1].heard  # stored results are reported again


def test_damaged_results_are_one_error_that_names_the_file(stopped: Path, tmp_path: Path) -> None:
    left = Path(shutil.copytree(stopped, tmp_path / "left"))
    journal = sorted((left / JOURNALS).glob("*.json"))[0]
    assert load_results(journal)[0].fit.model
    journal.write_bytes(journal.read_bytes().replace(b'"kind"', b'"kinb"', 1))
    with pytest.raises(StoreError, match="does not match its digest") as caught:
        read_training(left)
    assert caught.value.args[1] == str(journal)


def test_repeating_the_call_shows_the_finished_study_and_other_options_are_refused(
    whole: tuple[TrainingStudy, Hearing], place: Path
) -> None:
    folder, pool = whole[0].folder, place / "things.parquet"
    watch = Hearing()
    assert go(folder, watch, pool=pool, workers=3).fits.equals(whole[0].fits)
    assert "the run is finished: nothing is left to do" in watch.notes
    for changed, expected in (
        ({"fractions": 1}, "--fractions: "),
        ({"model": "mlp,multi-cluster"}, "--model"),
        ({"export_task": ()}, "--export-task: "),
        ({"evaluation": "task-k"}, "--evaluation: "),
        ({"max_epochs": 5}, "--max-epochs: 4 then, 5 now"),
        ({"model": "multi-cluster(density=0.2),mlp"}, "--model"),
    ):
        with pytest.raises(StoreError, match=expected):
            go(folder, pool=pool, **changed)
    with pytest.raises(StoreError, match="holds passive training, not learning curves"):
        alsim.run(POOL, label="kind", strategy="margin", seeds=1, out=folder)
    with pytest.raises(StoreError, match="passive training, not learning curves") as caught:
        read_run(folder)
    assert f"alsim resume {folder}; to make learning curves" in caught.value.args[2]


def raw_inputs(task: TaskModel, rows: list[int]) -> dict[str, torch.Tensor]:
    """Return the values of some rows of the file, with the encoded column by hand."""
    names = task.configuration["inputs"]["features"]["columns"]
    assert names == ["colour=red", "colour is null"]
    colours = [POOL["colour"][row].as_py() for row in rows]
    return {
        "x": torch.from_numpy(X[rows]),
        "features": torch.tensor([[c == "red", c is None] for c in colours]).float(),
    }


@pytest.mark.parametrize("task", ["late", "height"])
def test_an_exported_task_has_the_outputs_of_the_full_model_on_rows_of_the_file(
    task: str, whole: tuple[TrainingStudy, Hearing], tmp_path: Path
) -> None:
    folder = whole[0].folder / EXPORTS
    assert len(list(folder.glob("*.safetensors"))) == len(list(folder.glob("*.json"))) == 8
    stem = "multi-cluster-experts=4,expert-width=8,density=0"
    cut = alsim.load_task(folder / f"{stem}-1-0-{task}.safetensors")
    assert cut.classes == {"late": ("no", "yes"), "height": ()}[task]
    density = {
        row["task"]: row["value"]
        for row in whole[0].tasks.to_pylist()
        if (row["seed"], row["fraction"], row["metric"]) == (0, 1.0, "n_experts")
        and row["evaluation"] == "task-k"
    }
    assert len(cut.configuration["experts"]) == density[task] < 4
    # Its outputs give exactly the metric measured for the full model.
    rows = [i for i in range(N) if SPLIT[i] == "test" and POOL[task][i].as_py() is not None]
    said = cut(raw_inputs(cut, rows))
    metric = {"late": "accuracy", "height": "mse"}[task]
    wanted = [
        row["value"]
        for row in whole[0].tasks.to_pylist()
        if row["model"].startswith("multi") and row["seed"] == 0 and row["fraction"] == 1
        and (row["task"], row["metric"], row["evaluation"]) == (task, metric, "task-k")
    ]  # fmt: skip
    if task == "late":
        truth = torch.tensor([LATE[i] == "yes" for i in rows]).long()
        found = (said.argmax(1) == truth).double().mean().item()
    else:
        truth = torch.tensor([HEIGHT[i].as_py() for i in rows], dtype=torch.float32)
        found = (said.squeeze(1) - truth).double().square().mean().item()
    assert wanted == [pytest.approx(found, rel=1e-5)]
    with pytest.raises(UsageError, match=r"the net reads x of \(rows, 6\), features of"):
        cut({"x": torch.zeros(1, 6)})
    # A table or a file has the columns as they are; what else it has is passed over.
    table = POOL.take(rows)
    assert torch.equal(cut(table), said)
    assert torch.equal(cut(table.select(["colour", "x"]).to_pandas()), said)
    pq.write_table(table, tmp_path / "new.parquet")
    assert torch.equal(cut(tmp_path / "new.parquet"), said)
    with pytest.raises(UsageError, match="have no column 'colour'"):
        cut(table.drop_columns(["colour"]))
    with pytest.raises(UsageError, match="a file or table alone"):
        cut(table, present=torch.ones(len(rows), 2))


def test_a_truncated_export_or_one_without_its_companion_file_is_one_error(
    whole: tuple[TrainingStudy, Hearing], tmp_path: Path
) -> None:
    first = sorted((whole[0].folder / EXPORTS).glob("*.safetensors"))[0]
    alone = Path(shutil.copy(first, tmp_path / first.name))
    with pytest.raises(StoreError, match=r"not a net that alsim train(?s:.*) beside it"):
        alsim.load_task(alone)
    shutil.copy(first.with_suffix(".json"), tmp_path)
    alsim.load_task(alone)
    alone.write_bytes(alone.read_bytes()[:-8])
    with pytest.raises(StoreError, match="not a net that alsim train"):
        alsim.load_task(alone)


def with_labels(*splits: str) -> pa.Table:
    """Return the pool with a task that has labels only in some splits."""
    labels = ["ab"[i // 4 % 2] if split in splits else None for i, split in enumerate(SPLIT)]
    return POOL.append_column("c", pa.array(labels))


def test_a_task_without_labels_for_evaluation_is_reported(tmp_path: Path) -> None:
    watch, labels = Hearing(), ("late", "c")
    pool = with_labels("train", "validation")
    small = {"label": labels, "model": "mlp", "export_task": (), "evaluation": "task-k"}
    study = go(tmp_path / "c", watch, pool=pool, **small, fractions=1, seeds="0..0", max_epochs=1)
    assert "no test row has a label of 'c': it is trained, not measured" in watch.notes
    measured = study.tasks.filter(pc.field("metric") == "accuracy").column("task").to_pylist()
    assert set(measured) == {"late"}


def test_a_task_without_labels_in_train_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PoolError, match=r"no training row has a label of 'c'(.*\n)*.*--label"):
        go(tmp_path / "c", pool=with_labels("validation", "test"), label=("late", "height", "c"))
    assert not (tmp_path / "c").exists()
