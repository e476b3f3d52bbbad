"""Passive training killed in real processes: the same bytes."""

import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from survival import Command, refuse_halves, until
from things import POOL

from alsim.store.layout import EXPORTS, JOURNALS
from alsim.store.training import read_training

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc"),
]

OPTIONS = (
    *(
        "--model",
        "mmoe(width=8),multi-cluster(width=8,experts=5)",
        "--label",
        "late",
        "--label",
        "kind",
    ),
    *("--modality", "x", "--fractions", "0.5,1", "--seeds", "3", "--max-epochs", "6"),
    *("--batch-size", "16", "--export-task", "late"),
)
TABLES = ("fits.parquet", "tasks.parquet", "gates.parquet")


def bytes_of(folder: Path) -> dict[str, bytes]:
    paths = [*(folder / name for name in TABLES), *(folder / EXPORTS).iterdir()]
    return {path.name: path.read_bytes() for path in paths}


def n_kept(folder: Path) -> int:
    return len(list((folder / JOURNALS).glob("[0-9]*.json")))


@pytest.mark.slow
def test_a_study_killed_repeatedly_gives_the_same_bytes(tmp_path: Path) -> None:
    pool, whole, out = tmp_path / "things.parquet", tmp_path / "whole", tmp_path / "study"
    pq.write_table(POOL, pool)
    begin = ["train", "--pool", pool, *OPTIONS]
    first = Command([*begin, "--workers", "1", "--out", whole], tmp_path / "log.txt")
    assert first.wait() == 0, first.output
    for n in (1, 4, 7):
        again = ["resume", out] if (out / "run.json").exists() else [*begin, "--out", out]
        command = Command([*again, "--workers", "2"], tmp_path / "log.txt")
        until(lambda: n_kept(out) >= n or command.code is not None)  # noqa: B023
        assert command.code is None, command.output
        command.kill()
        refuse_halves(out)
        until(lambda: read_training(out).status == "killed")  # its workers die a moment later
        assert read_training(out).fits.num_rows == n_kept(out) >= n
    last = Command(["resume", out], tmp_path / "log.txt")
    assert last.wait() == 0, last.output
    assert bytes_of(out) == bytes_of(whole)
    assert {path.name for path in out.iterdir()} == {*TABLES, EXPORTS, "run.json"}
