"""The folder of a correlation study: read back as written, or one clear error."""

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from alsim.analysis.correlation import Correlation
from alsim.errors import StoreError
from alsim.experiments.correlation import GroupRecord
from alsim.store.correlation import (
    build_groups,
    correlations_of,
    keep_groups,
    read_correlation,
    write_correlation,
)
from alsim.store.curves import read_run, write_tables
from alsim.store.layout import JOURNALS, MANIFEST
from alsim.store.manifest import write_manifest

MANIFEST_OF: dict[str, Any] = {
    "kind": "correlation",
    "status": "complete",
    "evaluation_split": "test",
    "n_evaluated": 7,
    "configuration": {"initial_size": 20, "training": {"epochs": 3}},
}


def make_groups(
    metric: str, seed: int, n: int = 6, *, is_constant: bool = False
) -> list[GroupRecord]:
    """Return groups with accuracies that vary with the seed."""

    def accuracy(i: int) -> float:
        return 0.5 if is_constant else (i * (seed + 2)) % 7 / 7

    return [GroupRecord(metric, seed, i, 10, i / n, accuracy(i), 0.7) for i in range(n)]


CONSTANT = "reverse-ideal-learning-loss"  # after the control by name
GROUPS = [
    *make_groups("random", 0),
    *make_groups("random", 1),
    *make_groups("margin", 0),
    *make_groups("margin", 1),
    *make_groups(CONSTANT, 0, is_constant=True),
    *make_groups(CONSTANT, 1),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder of a complete study."""
    write_manifest(tmp_path, MANIFEST_OF)
    write_correlation(tmp_path, build_groups(GROUPS[::-1]))
    return tmp_path


@pytest.fixture
def unfinished(tmp_path: Path) -> Path:
    """Return the folder of an interrupted study with three of six jobs finished."""
    write_manifest(tmp_path, {**MANIFEST_OF, "status": "interrupted"})
    (tmp_path / JOURNALS).mkdir()
    for number, start in enumerate((0, 12, 18)):
        keep_groups(tmp_path / JOURNALS / f"{number:04d}.parquet", GROUPS[start : start + 6])
    return tmp_path


def test_a_study_is_read_as_it_was_written(folder: Path) -> None:
    study = read_correlation(folder)
    assert study.status == "complete"
    assert study.name == folder.name
    assert (study.evaluation_split, study.n_evaluated) == ("test", 7)
    assert (study.initial_size, study.epochs) == (20, 3)
    rows = [GroupRecord(**row) for row in study.groups.to_pylist()]
    assert rows == sorted(GROUPS, key=lambda g: (g.metric, g.seed, g.group))
    # The stored table equals the analysis, including undefined values.
    assert study.correlations == correlations_of(build_groups(GROUPS))
    assert [found.metric for found in study.correlations] == [
        "margin", "margin (raw)", CONSTANT, "random",
    ]  # fmt: skip
    assert study.correlations[2].rhos[0] is None
    assert study.correlations[2].fisher is None
    assert study.correlations[0].fisher is not None
    assert all(isinstance(found, Correlation) for found in study.correlations)


def test_the_tables_hold_null_and_never_nan(folder: Path) -> None:
    table = pq.read_table(folder / "correlations.parquet")
    assert table.column_names == [
        "metric", "seeds", "rhos", "mean", "fisher_low", "fisher_high", "bootstrap_low",
        "bootstrap_high", "p", "p_within", "null_mean_low", "null_mean_high", "null_seed_low",
        "null_seed_high",
    ]  # fmt: skip
    (_, _, constant, _) = table.to_pylist()
    assert constant["seeds"] == [0, 1]
    assert constant["rhos"][0] is None
    assert constant["rhos"][1] == pytest.approx(constant["mean"])
    assert constant["fisher_low"] is None
    assert "nan" not in repr(table.to_pylist())


def test_the_order_in_which_groups_arrive_changes_no_byte(tmp_path: Path) -> None:
    found: list[tuple[bytes, bytes]] = []
    for name, groups in (("one", GROUPS), ("other", GROUPS[::-1])):
        folder = tmp_path / name
        folder.mkdir()
        write_correlation(folder, build_groups(groups))
        first, second = (folder / f"{table}.parquet" for table in ("groups", "correlations"))
        found.append((first.read_bytes(), second.read_bytes()))
    assert found[0] == found[1]


def test_an_unfinished_study_is_read_up_to_its_last_record(unfinished: Path) -> None:
    study = read_correlation(unfinished)
    assert study.status == "interrupted"
    assert study.groups.num_rows == 18
    (margin, raw, control) = study.correlations
    assert (margin.metric, raw.metric, control.metric) == ("margin", "margin (raw)", "random")
    assert list(margin.rhos) == [0, 1]
    assert list(control.rhos) == [0]


def test_a_study_without_any_result_has_empty_tables(tmp_path: Path) -> None:
    write_manifest(tmp_path, {**MANIFEST_OF, "status": "failed"})
    study = read_correlation(tmp_path)
    assert study.groups.num_rows == 0
    assert study.correlations == ()


def test_duplicate_groups_are_refused(unfinished: Path) -> None:
    journal = unfinished / JOURNALS
    (journal / "0007.parquet").write_bytes((journal / "0000.parquet").read_bytes())
    with pytest.raises(StoreError, match="do not fit together"):
        read_correlation(unfinished)


def test_each_kind_of_folder_names_the_command_for_it(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="holds a correlation study, not learning curves") as it:
        read_run(folder)
    assert f"alsim plot {folder} --kind scatter" in str(it.value)
    curves = tmp_path / "curves"
    curves.mkdir()
    write_manifest(curves, {"status": "complete"})
    write_tables(curves, [])
    with pytest.raises(StoreError, match="holds learning curves, not a correlation study") as it:
        read_correlation(curves)
    assert "alsim correlate --out FOLDER" in str(it.value)


@pytest.mark.parametrize("kind", ["curve", 3, ["correlation"], {}, None])
def test_an_unknown_kind_is_refused(kind: object, folder: Path) -> None:
    manifest = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps({**manifest, "kind": kind}))
    with pytest.raises(StoreError, match="unknown kind of run"):
        read_correlation(folder)


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1)


def garble(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[40] ^= 0xFF
    path.write_bytes(data)


def other_columns(path: Path) -> None:
    table = pq.read_table(path)
    pq.write_table(table.drop_columns(["seed" if "seed" in table.column_names else "mean"]), path)


def test_a_folder_written_when_p_was_that_of_permutations_reads_as_if_written_now(
    folder: Path,
) -> None:
    expected, path = read_correlation(folder).correlations, folder / "correlations.parquet"
    table = pq.read_table(path).drop_columns(["p"])
    names = ["p" if name == "p_within" else name for name in table.column_names]
    pq.write_table(table.rename_columns(names), path)
    assert read_correlation(folder).correlations == expected


@pytest.mark.parametrize("name", ["groups.parquet", "correlations.parquet"])
@pytest.mark.parametrize("damage", [cut, garble, Path.unlink, other_columns])
def test_a_damaged_table_is_one_error(
    name: str, damage: Callable[[Path], object], folder: Path
) -> None:
    damage(folder / name)
    with pytest.raises(StoreError) as caught:
        read_correlation(folder)
    assert name in caught.value.args[1]


@pytest.mark.parametrize("damage", [cut, garble])
def test_a_damaged_part_of_an_unfinished_study_is_reported_with_a_remedy(
    damage: Callable[[Path], object], unfinished: Path
) -> None:
    damage(unfinished / JOURNALS / "0001.parquet")
    with pytest.raises(StoreError, match=r"delete that file; then .*alsim resume") as caught:
        read_correlation(unfinished)
    assert "0001.parquet" in caught.value.args[1]


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("evaluation_split", None, "evaluation_split is missing"),
        ("n_evaluated", "7", "n_evaluated cannot be '7'"),
        ("configuration", {}, "configuration.initial_size is missing"),
        ("configuration", [], "configuration.initial_size is missing"),
    ],
)
def test_an_edited_manifest_is_reported(
    key: str, value: object, expected: str, folder: Path
) -> None:
    manifest = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps({**manifest, key: value}))
    study = read_correlation(folder)
    with pytest.raises(StoreError, match=expected):
        _ = (study.evaluation_split, study.n_evaluated, study.initial_size)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"accuracy": float("nan")}, "accuracy cannot be nan"),
        ({"accuracy": 1.5}, "accuracy cannot be 1.5"),
        ({"n": -1}, "n cannot be -1"),
        ({"nll": -2.0}, "nll cannot be -2.0"),
        ({"group": 7}, "group 7 stands where 5 should"),
        ({"group": -1}, "group cannot be -1"),
    ],
)
def test_impossible_groups_are_refused_though_their_file_is_intact(
    unfinished: Path, changed: dict[str, Any], expected: str
) -> None:
    groups = make_groups("margin", 0)
    keep_groups(
        unfinished / JOURNALS / "0001.parquet", [*groups[:5], replace(groups[5], **changed)]
    )
    with pytest.raises(StoreError, match=expected) as refused:
        read_correlation(unfinished)
    assert "0001.parquet" in refused.value.args[1]
