"""The folder of a training study: read back as written, or one clear error."""

import json
import math
import os
from dataclasses import asdict, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from alsim.errors import StoreError
from alsim.experiments.training.records import FitRecord, GateRecord, TaskRecord, TasksResult
from alsim.store.correlation import read_correlation
from alsim.store.layout import JOURNALS, MANIFEST
from alsim.store.manifest import write_manifest
from alsim.store.training import (
    keep_results,
    kept_results,
    load_results,
    read_training,
    write_training,
)

MANIFEST_OF: dict[str, Any] = {
    "kind": "training", "status": "complete", "evaluation_split": "test", "n_evaluated": 7,
}  # fmt: skip


def make_result(seed: int, fraction: float = 1.0, *, loss: float | None = 1 / 3) -> TasksResult:
    who = (seed, "mmoe", "random", fraction)
    return TasksResult(
        FitRecord(*who, 10, 20, 99, 88, 5 if loss else 0, loss, None),
        (
            TaskRecord(*who, 10, 20, "b", "", "auc", 0.1 + 0.2),
            TaskRecord(*who, 10, 20, "a", "", "auc", 0.7 / (1 + seed)),
        ),
        (GateRecord(*who, 10, 20, "a", 0, "weight", 2 / 3),),
    )


RESULTS = [make_result(1), make_result(0, 0.5, loss=None), make_result(0)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder of a complete study."""
    write_manifest(tmp_path, MANIFEST_OF)
    write_training(tmp_path, RESULTS)
    return tmp_path


@pytest.fixture
def unfinished(tmp_path: Path) -> Path:
    """Return the folder of an interrupted study."""
    write_manifest(tmp_path, {**MANIFEST_OF, "status": "interrupted"})
    (tmp_path / JOURNALS).mkdir()
    keep_results(tmp_path / JOURNALS / "0000.json", RESULTS[:2])
    keep_results(tmp_path / JOURNALS / "0001.json", RESULTS[2:])
    return tmp_path


def test_the_tables_hold_the_records_sorted_by_model_labels_and_seed(folder: Path) -> None:
    study = read_training(folder)
    order = [RESULTS[1], RESULTS[2], RESULTS[0]]
    assert study.fits.to_pylist() == [asdict(result.fit) for result in order]
    by_task = [asdict(record) for result in order for record in reversed(result.tasks)]
    assert study.tasks.to_pylist() == by_task
    assert study.gates.to_pylist() == [asdict(gate) for r in order for gate in r.gates]
    assert (study.evaluation_split, study.n_evaluated) == ("test", 7)


def test_the_order_of_the_results_does_not_affect_the_bytes(folder: Path, tmp_path: Path) -> None:
    before = {path.name: path.read_bytes() for path in folder.glob("*.parquet")}
    assert set(before) == {"fits.parquet", "tasks.parquet", "gates.parquet"}
    write_training(folder, reversed(RESULTS))
    assert {path.name: path.read_bytes() for path in folder.glob("*.parquet")} == before
    with pytest.raises(StoreError, match="share the key"):
        write_training(folder, [*RESULTS, RESULTS[0]])


def test_an_unfinished_study_is_read_exactly_up_to_its_last_record(unfinished: Path) -> None:
    assert list(kept_results(unfinished)) == RESULTS
    study = read_training(unfinished)
    assert study.status == "interrupted"
    assert study.fits.num_rows == 3
    assert study.tasks.to_pylist()[1]["value"] == 0.1 + 0.2


@pytest.mark.parametrize("at", range(0, 400, 57))
def test_any_changed_byte_is_one_error(unfinished: Path, at: int) -> None:
    path = unfinished / JOURNALS / "0000.json"
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)
    with pytest.raises(StoreError, match="does not match its digest") as caught:
        read_training(unfinished)
    assert f"alsim resume {unfinished}" in caught.value.args[2]


def test_a_result_cut_short_or_kept_twice_is_refused(unfinished: Path) -> None:
    path = unfinished / JOURNALS / "0001.json"
    whole = path.read_bytes()
    os.truncate(path, len(whole) - 5)
    with pytest.raises(StoreError, match="does not match its digest"):
        load_results(path)
    path.write_bytes((unfinished / JOURNALS / "0000.json").read_bytes())
    with pytest.raises(StoreError, match="do not fit together"):
        read_training(unfinished)


@pytest.mark.parametrize("ascii_only", [True, False])
def test_a_journal_is_read_with_its_text_escaped_or_not(tmp_path: Path, ascii_only: bool) -> None:
    fit = replace(RESULTS[0].fit, model="mmoe · обувь", train_loss=math.inf)
    kept = [asdict(TasksResult(fit, (), ()))]
    record = {"schema": 4, "results": kept}
    body = json.dumps(record, ensure_ascii=ascii_only).encode()
    path = tmp_path / "0000.json"
    path.write_bytes(blake2b(body, digest_size=16).hexdigest().encode() + b" " + body + b"\n")
    assert load_results(path) == [TasksResult(fit, (), ())]


def test_a_table_that_is_missing_or_cut_is_refused(folder: Path) -> None:
    os.truncate(folder / "gates.parquet", (folder / "gates.parquet").stat().st_size - 1)
    with pytest.raises(StoreError, match="ends early"):
        read_training(folder)
    (folder / "gates.parquet").unlink()
    with pytest.raises(StoreError, match=r"no gates.parquet"):
        read_training(folder)


def test_another_kind_of_folder_is_refused_both_ways(folder: Path) -> None:
    with pytest.raises(StoreError, match="passive training, not a correlation study"):
        read_correlation(folder)
    manifest = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps({**manifest, "kind": "correlation"}))
    with pytest.raises(StoreError, match="a correlation study, not passive training") as caught:
        read_training(folder)
    assert "alsim train --out FOLDER" in caught.value.args[2]


def test_the_tables_are_plain_parquet(folder: Path) -> None:
    table = pq.read_table(folder / "tasks.parquet")
    assert table.column_names == list(TaskRecord.__dataclass_fields__)


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        (("fit", "n_objects"), -1, "n_objects cannot be -1"),
        (("fit", "fraction"), 2.0, "fraction cannot be 2.0"),
        (("fit", "seed"), 2**63, "<= 9223372036854775807"),
        (("fit", "seed"), "0", "Expected `int`, got `str`"),
        (("tasks", 0, "value"), math.nan, "the value of auc cannot be nan"),
        (("tasks", 0, "value"), 2**62, "the value of auc cannot be 4.6"),
        (("tasks", 0, "model"), "cgc", "what is not of the net"),
        (("gates", 0, "value"), -1e308, "value cannot be -1e"),
        (("gates", 0, "expert"), None, "Expected `int`, got `null`"),
        (("gates",), {}, "Expected `array`, got `object`"),
        (("fit",), [], "Expected `object`, got `array`"),
        (("fit", "colour"), "red", "unknown field `colour`"),
        (("gates", 0, "fact"), "colour", "Invalid enum value"),
        (("colour",), "red", "unknown field `colour`"),
    ],
)
def test_impossible_results_are_refused_though_their_digest_is_right(
    unfinished: Path, path: tuple[Any, ...], value: object, expected: str
) -> None:
    file = unfinished / JOURNALS / "0001.json"
    record = json.loads(file.read_bytes().partition(b" ")[2])
    inner = record["results"][0]
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = value
    body = json.dumps(record).encode()
    file.write_bytes(blake2b(body, digest_size=16).hexdigest().encode() + b" " + body + b"\n")
    with pytest.raises(StoreError, match=expected) as caught:
        read_training(unfinished)
    assert caught.value.args[1] == str(file)
