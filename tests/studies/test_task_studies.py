"""Runs that query several tasks: their options, worker processes, killing and resuming."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from asking import asked
from toy import make_pool
from toy_queries import make_queried_pool

import alsim
from alsim.analysis.curves.summary import aubc
from alsim.errors import AlsimError, PoolError, UsageError
from alsim.experiments.curves.records import StepRecord
from alsim.options.synthetic import VkOptions
from alsim.pool.pool import Pool
from alsim.pool.source import open_source
from alsim.pool.synthetic import vk_pool
from alsim.store.curves import Run
from alsim.studies.machine import Machine
from alsim.studies.start.fit_to_pool import Fitted, fit_study
from alsim.studies.start.prepare import Prepared, describe_study, prepare
from alsim.studies.watch import Watch

pytestmark = pytest.mark.process

QUERIED = make_queried_pool()
SIZES = {"initial_size": 40, "query_size": 10, "steps": 3}
MLP = "mlp(width=8)"


def make_table() -> pa.Table:
    """Return a pool with label columns of 6, 2 and 3 classes, some null, and a target."""
    table = vk_pool(VkOptions(n_rows=600, picture_width=8, text_width=4, n_classes=6))
    classes = sorted(set(table.column("label").to_pylist()))
    numbers = [classes.index(label) for label in table.column("label").to_pylist()]
    rng = np.random.default_rng(0)
    late = [None if rng.random() < 0.3 else str(number > 2) for number in numbers]
    third = [None if rng.random() < 0.2 else "xyz"[number % 3] for number in numbers]
    height = [number + 0.5 * rng.normal() for number in numbers]
    table = table.replace_schema_metadata(None)
    for name, values in (("late", late), ("third", third), ("height", height)):
        table = table.append_column(name, pa.array(values))
    return table.append_column("area", pa.array([f"area-{n // 3}" for n in numbers]))


TABLE = make_table()
LABELS = ("label", "late", "third")
CELLS: Mapping[str, Any] = {
    "label": LABELS, "strategy": "random,margin(combine=rrf)", "seeds": 1, "unit": "cell",
    "initial_size": 60, "query_size": 7, "steps": 5, "max_epochs": 2, "model": "auto(width=8)",
    "read_price": 2.0, "task_price": ["late=0.5"], "validation_size": "free",
}  # fmt: skip


class Impatient(Watch):
    """Interrupts the run at its n-th record, like Ctrl-C."""

    def __init__(self, n: int) -> None:
        self.left = n

    def step(self, record: StepRecord) -> None:
        del record
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


def tables_of(run: Run) -> dict[str, bytes]:
    names = ("steps", "metrics", "queries", "items", "contributions")
    return {name: (run.folder / f"{name}.parquet").read_bytes() for name in names}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Run:
    path = tmp_path_factory.mktemp("whole")
    pq.write_table(TABLE, path / "pool.parquet")
    return alsim.run(path / "pool.parquet", **CELLS, workers=2, out=path / "run")


def test_an_interrupted_run_by_cells_gives_the_same_bytes_when_resumed_with_one_worker(
    whole: Run, tmp_path: Path
) -> None:
    pool = whole.folder.parent / "pool.parquet"
    with pytest.raises(KeyboardInterrupt):
        alsim.run(pool, **CELLS, workers=0, out=tmp_path / "cut", watch=Impatient(4))
    assert tables_of(alsim.resume(tmp_path / "cut")) == tables_of(whole)


def test_the_records_add_up(whole: Run) -> None:
    truth = {
        (row["id"], name): row[name]
        for row in TABLE.select(["id", *LABELS]).to_pylist()
        for name in LABELS
    }
    for strategy in ("random", "margin(combine=rrf)"):
        queries = [q for q in whole.queries.to_pylist() if q["strategy"] == strategy]
        steps = [s for s in whole.steps.to_pylist() if s["strategy"] == strategy]
        assert [s["n_labelled"] for s in steps] == [60 + 7 * step for step in range(6)]
        assert len(queries) == 60 + 5 * 7
        assert len({(q["id"], q["task"]) for q in queries}) == len(queries)
        assert all(truth[q["id"], q["task"]] == q["answer"] for q in queries)
        n_read = len({q["id"] for q in queries})
        n_late = sum(q["task"] == "late" for q in queries)
        assert steps[-1]["cost"] == 2 * n_read + 0.5 * n_late + (len(queries) - n_late)


def test_the_manifest_records_the_tasks_the_unit_and_the_prices(whole: Run) -> None:
    manifest: Any = whole.manifest
    assert manifest["task"] == "label, late, third"
    assert list(manifest["tasks"]) == list(LABELS)
    for name, recorded in manifest["tasks"].items():
        assert sum(recorded["classes"].values()) == recorded["n_labels"] > 0
        assert len(recorded["classes"]) == {"label": 6, "late": 2, "third": 3}[name]
    recorded = manifest["configuration"]
    assert (recorded["unit"], recorded["combine"]) == ("cell", "mean")
    assert recorded["parameters"]["margin(combine=rrf)"]["combine"] == "rrf"
    assert recorded["oracle"]["read_price"] == 2
    assert recorded["oracle"]["task_prices"] == {"late": 0.5}
    assert manifest["machine"]["replicas"] == "direct"


def prepared(folder: Path, table: pa.Table = TABLE, **pool: Any) -> tuple[Prepared, dict[str, Any]]:
    folder.mkdir()
    options, strategies = asked(**SIZES, **pool, model=MLP)
    found = prepare(
        open_source(table), options, strategies, folder, Machine("cpu", "direct", 1, 1),
        several=True,
    )  # fmt: skip
    return found, describe_study(found, options)


def test_targets_among_the_labels_are_left_out_and_reported(tmp_path: Path) -> None:
    found, _ = prepared(tmp_path / "some", label=("late", "height"))
    assert found.assignment.tasks == ("late",)
    assert any("not used: height" in note for note in found.notes)
    trains = r"'height' is a regression target(.*\n)*.*; alsim train trains on targets"
    with pytest.raises(PoolError, match=trains):
        prepared(tmp_path / "none", label=("height",))


def with_labels(*splits: str) -> pa.Table:
    """Return the pool with a task that has labels only in some splits."""
    found = [
        "ab"[place % 2] if split in splits else None
        for place, split in enumerate(TABLE.column("split").to_pylist())
    ]
    return TABLE.append_column("c", pa.array(found))


def test_a_task_without_labels_for_evaluation_is_reported(tmp_path: Path) -> None:
    table = with_labels("train", "validation")
    found, manifest = prepared(tmp_path / "run", table, label=("late", "c"))
    note = "no test row has a label of 'c': it is trained (and paid for), not measured"
    assert note in found.notes
    assert note in manifest["notes"]
    found, _ = prepared(tmp_path / "all", with_labels("train", "test"), label=("late", "c"))
    assert not [note for note in found.notes if "not measured" in note]


@pytest.mark.parametrize("others", [("late",), ("height",)])
def test_a_task_without_labels_in_train_is_refused(others: tuple[str, ...], tmp_path: Path) -> None:
    table = with_labels("validation", "test")
    with pytest.raises(PoolError, match=r"no training row has a label of 'c'(.*\n)*.*--label"):
        prepared(tmp_path / "pool", table, label=(*others, "c"))


def test_all_labels_named_by_the_metadata_are_tasks(tmp_path: Path) -> None:
    roles = b'{"version": 1, "modalities": ["text"], "labels": {"late": null, "third": null}, '
    roles += b'"task": null, "split": "split", "id": "id"}'
    table = TABLE.replace_schema_metadata({b"alsim": roles})
    found, manifest = prepared(tmp_path / "pool", table)
    assert found.assignment.tasks == ("late", "third")
    assert manifest["pool"]["classes"] == {}
    known = [np.array(table.column(name).is_valid()) for name in ("late", "third")]
    assert found.loaded.pool.n == (known[0] | known[1]).sum() > known[0].sum()
    only, manifest = prepared(tmp_path / "one", table, label=("third",))
    assert only.assignment.tasks == ("third",)
    assert "tasks" not in manifest
    assert "unit" not in manifest["configuration"]


def test_tasks_by_a_column_are_disjoint_tasks(tmp_path: Path) -> None:
    found, manifest = prepared(tmp_path / "pool", label=("label",), task="area")
    assert found.assignment.tasks == ("area-0", "area-1")
    assert [len(task["classes"]) for task in manifest["tasks"].values()] == [3, 3]
    known = [task.labels >= 0 for task in found.loaded.pool.tasks.values()]
    assert not (known[0] & known[1]).any()


def fit(pool: Pool = QUERIED, **changes: Any) -> Fitted:
    options, strategies = asked(**{**SIZES, "model": MLP, **changes})
    return fit_study(strategies, options, pool, "pool.parquet")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"strategy": ("random", "core-set")}, "core-set picks rows together .* by mean"),
        ({"strategy": ("badge(combine=rrf)",)}, "combine=alternating or combine=quotas"),
        ({"oracle": "noisy", "noise": (0.1,)}, "the noisy oracle answers for one task"),
        ({"task_price": {"latte": 2.0}}, "did you mean late"),
        ({"task_price": {"late": 0.0}}, "--task-price late"),
        ({"read_price": -1.0}, "--read-price"),
        ({"strategy": ("bald",), "committee": "gates"}, "needs a model with stochastic gates"),
        ({"strategy": ("bald(committee=gates)",)}, "needs a model with stochastic gates"),
        ({"strategy": ("margin(committee=gates)",)}, "margin uses no committee"),
        ({"committee": "gates"}, r"no strategy asks a committee\n.*--committee gates"),
        ({"strategy": ("margin(combine=sum)",)}, "combine cannot be 'sum'"),
        ({"initial_size": 395}, r"\d+ training rows cannot give 395"),
    ],
)  # fmt: skip
def test_options_that_do_not_fit_several_tasks_are_one_clear_error(
    changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        fit(**changes)


@pytest.mark.parametrize(
    "changes",
    [{"unit": "cell"}, {"combine": "max"}, {"strategy": ("margin(combine=mean)",)}],
)
def test_options_without_meaning_for_one_task_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=r"with one task .*\n.*\n.*--label NAME, repeated"):
        fit(make_pool(), **changes)


def test_cells_in_lockstep_are_refused() -> None:
    assert asked(unit="cell")
    with pytest.raises(UsageError, match="--replicas lockstep --unit cell"):
        asked(unit="cell", replicas="lockstep")


def test_turns_allow_strategies_with_their_own_selector() -> None:
    assert fit(strategy=("core-set",), combine="quotas").schedule.steps == 3


def test_a_committee_by_gates_needs_no_dropout() -> None:
    gated = "multi-cluster(dropout=0)"
    assert fit(strategy=("bald",), committee="gates", model=gated).schedule.steps == 3
    with pytest.raises(UsageError, match="a committee by dropout needs a model with dropout"):
        fit(strategy=("bald",), model=gated)


def test_sizes_count_units() -> None:
    known = [QUERIED.tasks[name].labels[:400] >= 0 for name in QUERIED.tasks]
    n_objects = int((known[0] | known[1] | known[2]).sum())
    n_cells = int(sum(mine.sum() for mine in known))
    assert n_objects < 400
    for unit, n in (("object", n_objects), ("cell", n_cells)):
        with pytest.raises(UsageError, match=f"outside 41 … {n:,}"):
            fit(unit=unit, steps=None, until=f"labels={n + 1}")


def test_initial_ids_without_a_label_are_refused_and_cells_of_the_others_are_counted() -> None:
    ids = QUERIED.ids.to_pylist()
    known = sum((task.labels >= 0).int() for task in QUERIED.tasks.values())
    some = tuple(str(ids[row]) for row in range(20) if known[row] > 0)
    found = fit(initial_ids=some, initial_size=None, unit="cell")
    assert found.schedule.initial_size == sum(int(n) for n in known[:20])
    nothing = next(str(ids[row]) for row in range(400) if known[row] == 0)
    with pytest.raises(AlsimError, match=f"'{nothing}' has no label"):
        fit(initial_ids=(*some, nothing), initial_size=None)


def test_the_rows_of_each_step_add_up_to_its_scores_where_labels_are_unknown(whole: Run) -> None:
    measured = {
        (row["strategy"], row["step"], row["task"], row["metric"]): row["value"]
        for row in whole.metrics.to_pylist()
        if (row["head"], row["modalities"], row["label"]) == ("mixed", "all", None)
    }
    items, n_evaluated = whole.items.to_pylist(), whole.n_evaluated
    assert len(items) == whole.steps.num_rows * len(LABELS)
    by_task: dict[str, set[tuple[bool, ...]]] = {}
    for row in items:
        known = [each for each in row["correct"] if each is not None]
        by_task.setdefault(row["task"], set()).add(tuple(e is None for e in row["correct"]))
        value = measured[row["strategy"], row["step"], row["task"], "accuracy"]
        assert np.mean(known) == pytest.approx(value, abs=1e-12)
    # Rows are those of the file's test split by their ids, and null where the file has no label.
    test = TABLE.filter(pc.field("split") == "test").sort_by("id")
    for task in LABELS:
        (unknown,) = by_task[task]
        assert list(unknown) == test.column(task).is_null().to_pylist()
    assert n_evaluated == test.num_rows


def test_what_rows_contribute_is_the_area_and_the_end_of_each_score(whole: Run) -> None:
    steps = {(row["strategy"], row["step"]): row["n_labelled"] for row in whole.steps.to_pylist()}
    found = whole.contributions.to_pylist()
    of_classes = {(task, m) for task in LABELS for m in ("balanced_accuracy", "macro_f1")}
    scores = {*of_classes, ("late", "auc")}
    assert {(row["task"], row["metric"]) for row in found} == scores
    assert len(found) == 2 * 2 * len(scores)
    rows = whole.metrics.filter(
        (pc.field("head") == "mixed") & pc.field("label").is_null()
    ).to_pylist()
    unknown = {row["task"]: [e is None for e in row["correct"]] for row in whole.items.to_pylist()}
    for row in found:
        keys = ("strategy", "seed", "task", "metric")
        curve = {
            steps[each["strategy"], each["step"]]: each["value"]
            for each in rows
            if all(each[key] == row[key] for key in keys)
        }
        x, y = np.array(sorted(curve), np.float64), np.array([curve[n] for n in sorted(curve)])
        expected = aubc(x, y[None])[0] if row["part"] == "area" else y[-1]
        values = row["values"]
        assert [value is None for value in values] == unknown[row["task"]]
        known = [value for value in values if value is not None]
        assert np.mean(known) == pytest.approx(expected, abs=1e-6)
