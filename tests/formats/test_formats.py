"""Runs that were written once are read by every later version; `write.py` writes them."""

import re
import shutil
from hashlib import blake2b
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from journals import line_of

from alsim.errors import StoreError
from alsim.experiments.position import Position
from alsim.store import Run, load_checkpoint, read_journal, read_run

HERE = Path(__file__).parent
V2 = HERE / "v2"
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


def test_a_complete_run_of_version_2_is_read() -> None:
    run = read_run(V2 / "complete")
    assert run.status == "complete"
    assert n_rows(run) == (12, 156, 104, 46)
    assert_holds_what_was_found(run)
    assert run.queries.to_pylist()[20] == {
        "strategy": "margin", "seed": 0, "step": 1, "rank": 0, "id": 1030, "task": "label",
        "score": -1.5720725059509277e-06, "cost": 1.0, "questions": 1, "answer": "topic-25",
    }  # fmt: skip
    (passive, *others) = [row for row in run.timings.to_pylist() if row["phase"] == "passive"]
    assert (passive["strategy"], passive["seed"], passive["step"]) == ("", 0, 0)
    assert [row["seed"] for row in others] == [1]


def test_a_run_of_version_2_that_was_cut_short_is_read_as_far_as_it_went() -> None:
    run = read_run(V2 / "unfinished")
    assert run.status == "interrupted"
    assert n_rows(run) == (8, 104, 75, 27)
    assert_holds_what_was_found(run)
    whole = read_run(V2 / "complete")
    for name in ("steps", "metrics", "queries"):
        rows = getattr(whole, name).to_pylist()
        assert all(row in rows for row in getattr(run, name).to_pylist())


def test_journals_and_checkpoints_of_version_2_are_read() -> None:
    journals = [read_journal(path) for path in sorted((V2 / "unfinished/journal").iterdir())]
    assert [
        (j.strategy, j.seed, len(j.entries), j.ending and j.ending.reason) for j in journals if j
    ] == [("random", 0, 3, "done"), ("random", 1, 2, None), ("margin", 0, 3, "done")]
    torn = V2 / "unfinished/journal/0001.jsonl"
    assert journals[1] is not None
    assert journals[1].n_bytes < torn.stat().st_size
    found = load_checkpoint(V2 / "unfinished/checkpoints/curve-0001.safetensors")
    assert found is not None
    tensors, facts = found
    assert facts.keys() == {"step", "chunk"}
    position = Position.from_tensors(facts["step"], tensors)
    assert position.step in (0, 1)
    n_labelled = {0: 20, 1: 23}[position.step]
    assert position.labelled.rows.shape == (1, n_labelled)
    assert position.questions == (n_labelled,)
    passive = load_checkpoint(V2 / "unfinished/checkpoints/passive-001.safetensors")
    assert passive is not None
    assert passive[1]["alive"] == [True]
    assert passive[1]["epochs"] == 2


@pytest.fixture
def later(tmp_path: Path) -> Path:
    """Return a folder of both runs, for a test to change their versions in."""
    return Path(shutil.copytree(V2, tmp_path / "v2"))


def test_a_manifest_of_a_later_version_is_refused(later: Path) -> None:
    path = later / "complete" / "run.json"
    path.write_text(path.read_text().replace('"schema": 2', '"schema": 3'))
    with pytest.raises(StoreError, match=r"unknown schema version 3(?s:.*)reads version 2"):
        read_run(later / "complete")


def test_a_table_of_a_later_version_is_refused(later: Path) -> None:
    path = later / "complete" / "steps.parquet"
    table: pa.Table = pq.read_table(path)
    pq.write_table(table.replace_schema_metadata({"alsim.schema": "3"}), path)
    with pytest.raises(StoreError, match=r"unknown schema version 3(?s:.*)steps.parquet"):
        _ = read_run(later / "complete").steps


def test_a_journal_of_a_later_version_is_refused(later: Path) -> None:
    path = later / "unfinished" / "journal" / "0000.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    lines[0] = line_of({"schema": 3, "strategy": "random", "seed": 0, "news": "some"})
    path.write_bytes(b"".join(lines))
    with pytest.raises(StoreError, match=r"unknown schema version 3(?s:.*)0000.jsonl"):
        _ = read_run(later / "unfinished").steps


def test_a_checkpoint_of_a_later_version_is_refused(later: Path) -> None:
    path = later / "unfinished" / "checkpoints" / "passive-000.safetensors"
    data = path.read_bytes().replace(rb"\"schema\": 2", rb"\"schema\": 3")
    digest = re.search(rb'"alsim":"([0-9a-f]{32}) ', data)
    assert digest is not None
    before, after = data[: digest.start(1)], data[digest.end(1) :]
    right = blake2b(before + b"0" * 32 + after, digest_size=16).hexdigest().encode()
    path.write_bytes(before + right + after)
    with pytest.raises(StoreError, match=r"unknown schema version 3(?s:.*)passive-000"):
        load_checkpoint(path)


def test_the_files_are_small_and_tell_nothing_of_the_machine_that_wrote_them() -> None:
    files = [path for path in V2.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 150_000
    for path in files:
        assert not re.search(rb'"(/|[A-Z]:\\\\)|/home/|/root/|/tmp/', path.read_bytes()), path
    assert not list(V2.rglob("lock"))
    assert not list(V2.rglob("work"))
