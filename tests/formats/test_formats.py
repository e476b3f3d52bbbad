"""Every later version reads the runs that earlier versions wrote; `write.py` writes them."""

import re
import shutil
from hashlib import blake2b
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from journals import line_of

import alsim
from alsim.errors import StoreError
from alsim.experiments.curves.position import Position
from alsim.store.checkpoint import load_checkpoint
from alsim.store.curve_journal import read_journal
from alsim.store.curves import Run, read_run
from alsim.studies.same_again import refuse_differences
from alsim.studies.watch import Watch

HERE = Path(__file__).parent
V2, V3, V4 = HERE / "v2", HERE / "v3", HERE / "v4"
VERSIONS = pytest.mark.parametrize("folder", [V2, V3], ids=["v2", "v3"])
ALL = pytest.mark.parametrize("folder", [V2, V3, V4], ids=["v2", "v3", "v4"])
# By strategy, seed and step.
ACCURACIES = {
    ("margin", 0, 0): 0.0008424599831508003,
    ("margin", 0, 2): 0.15838247683235046,
    ("random", 0, 2): 0.2064026958719461,
    ("random", 1, 1): 0.14574557708508845,
}
QUERIED = {
    ("margin", 0, 1): [1030, 5552, 1048],
    ("margin", 0, 2): [2529, 4684, 3706],
    ("random", 0, 2): [4440, 3336, 2014],
    ("random", 1, 1): [5301, 4312, 1885],
}
CLASSES = [f"topic-{k:02}" for k in range(1, 51)]


def n_rows(run: Run) -> tuple[int, int, int, int]:
    tables = (run.steps, run.metrics, run.queries, run.timings)
    steps, metrics, queries, timings = (table.num_rows for table in tables)
    return steps, metrics, queries, timings


def assert_holds_what_was_found(run: Run) -> None:
    places = {(row["strategy"], row["seed"], row["step"]): row for row in run.steps.to_pylist()}
    assert {place: places[place]["accuracy"] for place in ACCURACIES} == ACCURACIES
    found: dict[tuple[str, int, int], list[int]] = {}
    for row in run.queries.to_pylist():
        found.setdefault((row["strategy"], row["seed"], row["step"]), []).append(row["id"])
    assert {place: found[place] for place in QUERIED} == QUERIED
    assert run.manifest["evaluation_split"] == "test"
    assert run.manifest["n_evaluated"] == 1187
    pool = run.manifest["pool"]
    assert isinstance(pool, dict)
    assert pool["rows"] == {"train": 4793, "validation": 20, "test": 1187}


def n_metrics(folder: Path, n_steps: int) -> int:
    """Return the number of metrics of n steps: 13 each, and since version 3 one for each class."""
    return n_steps * (13 if folder == V2 else 13 + len(CLASSES))


@VERSIONS
def test_a_complete_run_is_read(folder: Path) -> None:
    run = read_run(folder / "complete")
    assert run.status == "complete"
    assert n_rows(run) == (12, n_metrics(folder, 12), 104, 46)
    assert_holds_what_was_found(run)
    assert run.queries.to_pylist()[20] == {
        "strategy": "margin", "seed": 0, "step": 1, "rank": 0, "id": 1030, "task": "label",
        "score": -1.5720725059509277e-06, "cost": 1.0, "questions": 1, "answer": "topic-25",
    }  # fmt: skip
    (passive, *others) = [row for row in run.timings.to_pylist() if row["phase"] == "passive"]
    assert (passive["strategy"], passive["seed"], passive["step"]) == ("", 0, 0)
    assert [row["seed"] for row in others] == [1]


@VERSIONS
def test_an_interrupted_run_is_read_up_to_its_last_record(folder: Path) -> None:
    run = read_run(folder / "unfinished")
    assert run.status == "interrupted"
    assert n_rows(run) == (8, n_metrics(folder, 8), 75, 27)
    assert_holds_what_was_found(run)
    whole = read_run(folder / "complete")
    for name in ("steps", "metrics", "queries"):
        rows = getattr(whole, name).to_pylist()
        assert all(row in rows for row in getattr(run, name).to_pylist())


@pytest.mark.parametrize("name", ["complete", "unfinished"])
def test_the_metrics_of_version_2_equal_those_of_version_3_without_labels(name: str) -> None:
    then, now = (read_run(folder / name).metrics for folder in (V2, V3))
    assert then.schema.equals(now.schema, check_metadata=True)
    assert then.to_pylist() == [row for row in now.to_pylist() if row["label"] is None]


def test_version_3_has_recalls_of_the_evaluated_classes() -> None:
    run = read_run(V3 / "complete")
    recalls = [row for row in run.metrics.to_pylist() if row["label"] is not None]
    assert recalls[24] == {
        "strategy": "margin", "seed": 0, "step": 0, "task": "label", "head": "mixed",
        "modalities": "all", "metric": "recall", "label": "topic-25", "value": 0.0,
    }  # fmt: skip
    for step in run.steps.to_pylist():
        place = [step[name] for name in ("strategy", "seed", "step")]
        of_step = [
            r for r in recalls if [r[name] for name in ("strategy", "seed", "step")] == place
        ]
        assert [row["label"] for row in of_step] == CLASSES
        mean = sum(row["value"] for row in of_step) / len(CLASSES)
        assert mean == pytest.approx(step["balanced_accuracy"], abs=1e-12)


def test_a_manifest_of_version_3_records_the_number_of_rows_of_each_class() -> None:
    for name in ("complete", "unfinished"):
        pool = cast("dict[str, Any]", read_run(V3 / name).manifest["pool"])
        assert list(pool["classes"]) == CLASSES
        assert sum(pool["classes"].values()) == pool["rows"]["train"]


def items_of(run: Run) -> dict[tuple[str, int, int], list[bool]]:
    return {
        (row["strategy"], row["seed"], row["step"]): row["correct"] for row in run.items.to_pylist()
    }


@VERSIONS
@pytest.mark.parametrize("name", ["complete", "unfinished"])
def test_runs_before_version_4_have_nothing_of_each_test_row(folder: Path, name: str) -> None:
    run = read_run(folder / name)
    assert (run.items.num_rows, run.contributions.num_rows) == (0, 0)
    assert run.items.column_names == ["strategy", "seed", "step", "task", "correct"]


def test_version_4_has_the_test_rows_that_each_step_answers_correctly() -> None:
    whole, part = (read_run(V4 / name) for name in ("complete", "unfinished"))
    assert (n_rows(whole), n_rows(part)) == ((12, 756, 104, 46), (8, 504, 75, 27))
    found = items_of(whole)
    assert {place: sum(rows) for place, rows in found.items() if place[:2] == ("margin", 1)} == {
        ("margin", 1, 0): 12, ("margin", 1, 1): 116, ("margin", 1, 2): 187,
    }  # fmt: skip
    for step in whole.steps.to_pylist():
        rows = found[step["strategy"], step["seed"], step["step"]]
        assert len(rows) == 1187
        assert sum(rows) / 1187 == pytest.approx(step["accuracy"], abs=1e-12)
    assert [place for place, rows in items_of(part).items() if found[place] != rows] == []
    assert len(items_of(part)) == 8


def test_version_4_has_what_rows_contribute_to_the_curves_that_have_ended() -> None:
    whole, part = (read_run(V4 / name) for name in ("complete", "unfinished"))
    last = {(row["strategy"], row["seed"]): row["macro_f1"] for row in whole.steps.to_pylist()}
    rows = whole.contributions.to_pylist()
    assert len(rows) == 4 * 2 * 2
    for row in rows:
        if (row["metric"], row["part"]) == ("macro_f1", "last"):
            mean = sum(row["values"]) / 1187
            assert mean == pytest.approx(last[row["strategy"], row["seed"]], abs=1e-8)
    ended = part.contributions.to_pylist()
    assert {(row["strategy"], row["seed"]) for row in ended} == {("margin", 0), ("random", 0)}
    assert all(row in rows for row in ended)


@ALL
def test_journals_and_checkpoints_are_read(folder: Path) -> None:
    journals = [read_journal(path) for path in sorted((folder / "unfinished/journal").iterdir())]
    assert [
        (j.strategy, j.seed, len(j.entries), j.ending and j.ending.reason) for j in journals if j
    ] == [("random", 0, 3, "done"), ("random", 1, 2, None), ("margin", 0, 3, "done")]
    torn = folder / "unfinished/journal/0001.jsonl"
    assert journals[1] is not None
    assert journals[1].n_bytes < torn.stat().st_size
    found = load_checkpoint(folder / "unfinished/checkpoints/curve-0001.safetensors")
    assert found is not None
    tensors, facts = found
    assert facts.keys() == {"step", "chunk"}
    position = Position.from_tensors(facts["step"], tensors)
    assert position.step in (0, 1)
    n_labelled = {0: 20, 1: 23}[position.step]
    assert position.labelled.rows.shape == (1, n_labelled)
    n_validation = 20 if folder == V4 else 0  # by then they were paid for
    assert position.questions == (n_labelled + n_validation,)
    passive = load_checkpoint(folder / "unfinished/checkpoints/passive-001.safetensors")
    assert passive is not None
    if folder == V4:
        assert (passive[1]["best"], passive[1]["epochs"]) == ([1], [2])
    else:
        assert (passive[1]["alive"], passive[1]["epochs"]) == ([True], 2)


class Hearing(Watch):
    """Records all notes."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.fixture
def earlier(tmp_path: Path) -> Path:
    """Return a copy of both runs of version 2 for a test to resume."""
    return Path(shutil.copytree(V2, tmp_path / "v2"))


@VERSIONS
def test_an_unfinished_run_of_an_earlier_version_is_not_resumed_and_left_unchanged(
    folder: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(folder / "unfinished", tmp_path / "unfinished"))
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    for resume in (lambda: alsim.resume(folder), lambda: alsim.run(out=folder)):
        with pytest.raises(
            StoreError, match=r"begun in schema version [23](?s:.*)--force"
        ) as caught:
            resume()
        assert caught.value.args[1] == str(folder)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_a_finished_run_of_an_earlier_version_counts_as_finished(earlier: Path) -> None:
    watch = Hearing()
    assert alsim.resume(earlier / "complete", watch=watch).status == "complete"
    assert watch.notes == ["the run is finished: nothing is left to do"]


def test_a_pool_counts_as_equal_even_if_its_classes_were_not_recorded(earlier: Path) -> None:
    then, now = (dict(read_run(folder / "complete").manifest) for folder in (V2, V3))
    refuse_differences(earlier / "complete", {"pool": then["pool"]}, {"pool": now["pool"]})
    other = {**cast("dict[str, Any]", now["pool"]), "modalities": {"text": 32}}
    with pytest.raises(StoreError, match=r"pool\.modalities"):
        refuse_differences(earlier / "complete", {"pool": then["pool"]}, {"pool": other})


@pytest.fixture
def later(tmp_path: Path) -> Path:
    """Return a copy of both runs in which a test may change versions."""
    return Path(shutil.copytree(V3, tmp_path / "v3"))


def test_a_manifest_of_a_later_version_is_refused(later: Path) -> None:
    path = later / "complete" / "run.json"
    path.write_text(path.read_text().replace('"schema": 3', '"schema": 5'))
    with pytest.raises(StoreError, match=r"unknown schema version 5(?s:.*)reads versions 2 to 4"):
        read_run(later / "complete")


def test_a_table_of_a_later_version_is_refused(later: Path) -> None:
    path = later / "complete" / "steps.parquet"
    table: pa.Table = pq.read_table(path)
    pq.write_table(table.replace_schema_metadata({"alsim.schema": "5"}), path)
    with pytest.raises(StoreError, match=r"unknown schema version 5(?s:.*)steps.parquet"):
        _ = read_run(later / "complete").steps


def test_a_journal_of_a_later_version_is_refused(later: Path) -> None:
    path = later / "unfinished" / "journal" / "0000.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    lines[0] = line_of({"schema": 5, "strategy": "random", "seed": 0, "news": "some"})
    path.write_bytes(b"".join(lines))
    with pytest.raises(StoreError, match=r"unknown schema version 5(?s:.*)0000.jsonl"):
        _ = read_run(later / "unfinished").steps


def test_a_checkpoint_of_a_later_version_is_refused(later: Path) -> None:
    path = later / "unfinished" / "checkpoints" / "passive-000.safetensors"
    data = path.read_bytes().replace(rb"\"schema\": 3", rb"\"schema\": 5")
    digest = re.search(rb'"alsim":"([0-9a-f]{32}) ', data)
    assert digest is not None
    before, after = data[: digest.start(1)], data[digest.end(1) :]
    right = blake2b(before + b"0" * 32 + after, digest_size=16).hexdigest().encode()
    path.write_bytes(before + right + after)
    with pytest.raises(StoreError, match=r"unknown schema version 5(?s:.*)passive-000"):
        load_checkpoint(path)


@ALL
def test_the_files_are_small_and_reveal_nothing_of_the_machine_that_wrote_them(
    folder: Path,
) -> None:
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 250_000
    for path in files:
        assert not re.search(rb'"(/|[A-Z]:\\\\)|/home/|/root/|/tmp/', path.read_bytes()), path
    assert not list(folder.rglob("lock"))
    assert not list(folder.rglob("work"))
