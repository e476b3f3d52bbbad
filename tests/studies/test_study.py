"""Complete runs: with real worker processes where they matter, else in this process."""

import os
import signal
from pathlib import Path

import pyarrow as pa
import pytest

import alsim
from alsim.errors import AlsimError, PoolError, RunError, StoreError, UsageError
from alsim.experiments.curves.records import StepRecord
from alsim.options.synthetic import VkOptions
from alsim.pool.roles import Roles, write_roles
from alsim.pool.synthetic import vk_pool
from alsim.store.curves import Run, read_run
from alsim.studies.watch import Watch

pytestmark = pytest.mark.process

POOL = vk_pool(VkOptions(n_rows=900, picture_width=16, text_width=8, n_classes=6))
TABLES = ("steps", "metrics", "queries", "items", "contributions")


def run(out: Path, watch: Watch | None = None, **options: object) -> Run:
    settings = {
        "strategy": "random,margin",
        "baseline": "none",
        "seeds": "0..1",
        "initial_size": 100,
        "query_size": 10,
        "steps": 3,
        "max_epochs": 3,
        "model": "auto(width=16)",
        "workers": 1,  # each takes seconds to start
        **options,
    }
    return alsim.run(POOL, out=out, watch=watch, **settings)


@pytest.fixture(scope="module")
def four(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run(tmp_path_factory.mktemp("runs") / "four", workers=4)


def test_the_tables_are_the_same_bytes_with_one_worker_as_with_four(
    four: Run, tmp_path: Path
) -> None:
    one = run(tmp_path / "one", workers=0)
    for name in TABLES:
        first, second = (r.folder / f"{name}.parquet" for r in (four, one))
        assert first.read_bytes() == second.read_bytes()


def test_a_seed_and_strategy_alone_give_the_same_numbers_to_the_bit(
    four: Run, tmp_path: Path
) -> None:
    alone = run(tmp_path / "alone", seeds="1..1", strategy="margin", workers=0)
    for name in TABLES:
        table: pa.Table = getattr(four, name)
        mine = [r for r in table.to_pylist() if r["seed"] == 1 and r["strategy"] == "margin"]
        assert getattr(alone, name).to_pylist() == mine


def test_the_folder_holds_the_documented_files_and_records(four: Run) -> None:
    names = {path.name for path in four.folder.iterdir()}
    assert names == {"run.json", *(f"{t}.parquet" for t in (*TABLES, "curves", "timings"))}
    assert four.status == "complete"
    assert four.steps.num_rows == 2 * 2 * 4
    assert four.queries.num_rows == 2 * 2 * (100 + 3 * 10)
    manifest = four.manifest
    assert manifest["evaluation_split"] == "test"
    assert manifest["machine"]["replicas"] == "direct"  # pyright: ignore[reportIndexIssue]
    assert manifest["versions"]["torch"]  # pyright: ignore[reportIndexIssue]
    assert manifest["configuration"]["model"]["width"] == 16  # pyright: ignore[reportIndexIssue]
    phases = set(four.timings.column("phase").to_pylist())
    assert phases == {"passive", "evaluate", "query", "train", "journal"}


def test_a_lockstep_run_is_recorded_as_such_and_has_the_same_initial_labels(
    four: Run, tmp_path: Path
) -> None:
    lockstep = run(tmp_path / "lockstep", replicas="lockstep")
    assert lockstep.manifest["machine"]["replicas"] == "lockstep"  # pyright: ignore[reportIndexIssue]
    assert lockstep.steps.num_rows == four.steps.num_rows
    first = [[r["id"] for r in x.queries.to_pylist() if r["step"] == 0] for x in (lockstep, four)]
    assert first[0] == first[1]


class Killer(Watch):
    """Kills every worker process at the first record."""

    def __init__(self) -> None:
        self.others = children()  # such as background processes of a shell

    def step(self, record: StepRecord) -> None:
        del record
        for worker in children() - self.others:
            os.kill(worker, signal.SIGKILL)


def children() -> set[int]:
    path = Path(f"/proc/self/task/{os.getpid()}/children")
    return {int(pid) for pid in path.read_text().split()}


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds its children in /proc")
def test_a_worker_that_dies_is_reported_with_its_seed_and_strategy(tmp_path: Path) -> None:
    killer = Killer()
    with pytest.raises(RunError, match=r"killed by signal 9[\s\S]*strategy \w+, seed 0"):
        run(tmp_path / "killed", killer, seeds="0..0", strategy="margin", workers=1, steps=50)
    left = read_run(tmp_path / "killed")
    assert left.status == "failed"
    assert left.steps.num_rows >= 1
    assert not (left.folder / "work").exists()
    assert children() <= killer.others


class Impatient(Watch):
    """Interrupts the run at its fifth record, like Ctrl-C."""

    def __init__(self) -> None:
        self.n = 0

    def step(self, record: StepRecord) -> None:
        del record
        self.n += 1
        if self.n == 5:
            raise KeyboardInterrupt


def test_an_interrupted_run_keeps_its_records_and_is_marked_interrupted(
    four: Run, tmp_path: Path
) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "stopped", Impatient(), seeds="0..0", strategy="margin", workers=0, steps=50)
    left = read_run(tmp_path / "stopped")
    assert left.status == "interrupted"
    kept = left.steps.to_pylist()
    assert [row["step"] for row in kept][:5] == [0, 1, 2, 3, 4]
    whole = [r for r in four.steps.to_pylist() if (r["seed"], r["strategy"]) == (0, "margin")]
    assert kept[:4] == whole
    assert {path.name for path in left.folder.iterdir()} == {"run.json", "journal", "checkpoints"}


def test_a_folder_that_holds_a_run_is_left_alone(four: Run) -> None:
    before = (four.folder / "steps.parquet").read_bytes()
    with pytest.raises(StoreError, match=r"other options:\s+--steps: 3 then, 4 now"):
        run(four.folder, steps=4)
    assert (four.folder / "steps.parquet").read_bytes() == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"strategy": "margn"}, "did you mean margin"),
        ({"model": "mpl"}, "did you mean mlp"),
        ({"model": "auto(encoder=pictur)"}, "did you mean picture"),
        ({"initial_size": 700}, "training rows cannot give"),
        ({"model": "mlp", "batch_norm": "frozen"}, "no batch norm to freeze"),
        ({"loss": "fixed", "head_weight": ["txt=1"]}, "did you mean text"),
        ({"initial_ids": ["no-such-row"], "initial_size": None}, "no train row has the id"),
        ({"mask_modality": ["pictur=0.5"]}, "picture"),
        ({"mask_modality": ["text=0.5"], "modality": ["picture"]}, "'text' is no modality in use"),
        ({"head_weight": ["text=2"]}, "need a fixed loss"),
        ({"initial_ids": ["1", "2"]}, "leave out --initial-size"),
        ({"initial_ids": ["1", "1"], "initial_size": None}, "'1' is named twice"),
        ({"strategy": "bald,bald( )"}, "'bald' is named twice"),
        ({"strategy": "bald", "model": "linear"}, "its members would all agree"),
        ({"strategy": "qbc-margin", "model": "auto(dropout=0)"}, "its members would all agree"),
        ({"strategy": "co-testing", "model": "auto(heads=mixed)"}, "there are not two of them"),
        ({"strategy": "random(batch-norm=frozen)", "model": "mlp"}, "no batch norm to freeze"),
        ({"strategy": "random(batch-norm=frozen)", "retrain": True}, "trained from scratch"),
        ({"strategy": "bold,marign"}, "2 options cannot be used"),
        ({"candidates": 0}, "0 is too small"),
        ({"candidates": 10}, "margin looks at 10 rows and a query takes up to 10"),
    ],
)
def test_an_option_that_does_not_fit_leaves_no_folder_behind(
    options: dict[str, object], message: str, tmp_path: Path
) -> None:
    with pytest.raises(AlsimError, match=message):
        run(tmp_path / "refused", workers=0, **options)
    assert not (tmp_path / "refused").exists()


def test_a_column_named_like_a_head_is_refused(tmp_path: Path) -> None:
    names = ["mixed" if name == "text" else name for name in POOL.column_names]
    renamed = POOL.rename_columns(names).replace_schema_metadata(None)
    with pytest.raises(UsageError, match="cannot be called 'mixed'"):
        alsim.run(renamed, workers=0, out=tmp_path / "refused")


@pytest.mark.slow
def test_several_label_columns_in_the_metadata_are_all_queried(tmp_path: Path) -> None:
    roles = Roles(
        modalities=("picture", "text"),
        labels={"label": "class", "true_label": "class"},
        task=None, split="split", id="id",
    )  # fmt: skip
    several = write_roles(POOL, roles)
    done = alsim.run(
        several, strategy="margin", seeds=1, initial_size=100, steps=1, max_epochs=1, workers=0,
        out=tmp_path / "several",
    )  # fmt: skip
    assert set(done.queries.column("task").to_pylist()) == {"label", "true_label"}


def test_a_target_accuracy_needs_validation_rows(tmp_path: Path) -> None:
    tiny = pa.table({"x": [[float(i), 1.0] for i in range(6)], "label": list("ababab")})
    with pytest.raises(PoolError, match="no validation rows"):
        alsim.run(
            tiny, until="accuracy=0.9", validation_size=0, workers=0, out=tmp_path / "refused"
        )
    assert not (tmp_path / "refused").exists()


@pytest.mark.slow
def test_a_run_can_start_from_given_labels(four: Run, tmp_path: Path) -> None:
    queries = four.queries.to_pylist()
    had = [
        str(r["id"]) for r in queries if (r["seed"], r["strategy"], r["step"]) == (1, "margin", 0)
    ]
    path = tmp_path / "ids.txt"
    path.write_text("\n".join(had) + "\n")
    again = run(tmp_path / "again", initial_size=None, initial_ids=path, seeds="0..0", workers=0)
    for strategy in ("random", "margin"):
        start = [
            str(r["id"])
            for r in again.queries.to_pylist()
            if r["strategy"] == strategy and r["step"] == 0
        ]
        assert start == had


def test_an_unreadable_list_of_ids_is_one_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        run(tmp_path / "x", initial_ids=tmp_path / "absent.txt")
    assert not (tmp_path / "x").exists()


@pytest.mark.slow
def test_a_passive_phase_that_ran_out_of_epochs_is_reported_and_recorded(tmp_path: Path) -> None:
    cut = run(tmp_path / "cut", seeds="0..0", strategy="random", steps=1, max_epochs=2)
    (note,) = [n for n in cut.manifest["notes"] if "--max-epochs" in n]
    assert note.startswith("1 of 1 passive phases were still learning when --max-epochs 2 ended")
    assert note.endswith("give them more: --max-epochs 4")
    assert cut.manifest["passive"] == [
        {"strategy": "random", "seed": 0, "best_epoch": 2, "epochs": 2}
    ]
    whole = run(
        tmp_path / "whole", seeds="0..0", strategy="random", steps=1, max_epochs=200, patience=1
    )
    assert not any("--max-epochs" in n for n in whole.manifest["notes"])


@pytest.mark.slow
def test_strategies_with_equal_training_share_the_passive_phase_of_a_seed(
    tmp_path: Path,
) -> None:
    done = run(
        tmp_path / "shared", strategy="random,bald(k=3,batch-norm=frozen),learning-loss,"
        "random(batch-rule=fixed)", seeds="0..0", steps=1, batch_size=24,
    )  # fmt: skip
    first = {r["strategy"]: r["nll"] for r in done.steps.to_pylist() if r["step"] == 0}
    # Frozen batch norm and a loss predictor that does not affect the net change nothing at first.
    assert first["random"] == first["bald(k=3,batch-norm=frozen)"] == first["learning-loss"]
    assert first["random"] != first["random(batch-rule=fixed)"]
    passives = [r for r in done.timings.to_pylist() if r["phase"] == "passive"]
    assert len(passives) == 3


@pytest.mark.slow
def test_rows_that_a_strategy_does_not_score_are_reported_and_recorded(tmp_path: Path) -> None:
    few = run(
        tmp_path / "few", strategy="random,margin(candidates=40),entropy", candidates=99,
        seeds="0..0", steps=1,
    )  # fmt: skip
    parameters = few.manifest["configuration"]["parameters"]
    assert parameters == {
        "random": {},
        "margin(candidates=40)": {"candidates": 40},
        "entropy": {"candidates": 99},
    }
    notes = [note for note in few.manifest["notes"] if "unlabelled rows" in note]
    assert [note.split(" of the ")[0] for note in notes] == [
        "margin(candidates=40) looks at 40",
        "entropy looks at 99",
    ]
