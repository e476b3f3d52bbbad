"""Temporary folders do not outlive their command for long."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from pools import make_table, write

from alsim.errors import StoreError
from alsim.options.pool import PoolOptions
from alsim.pool.checking import check_pool
from alsim.pool.scratch import scratch_folder
from alsim.pool.source import open_source
from alsim.pool.splits import FreeValidation
from alsim.pool.writing import write_pool

pytestmark = pytest.mark.skipif(os.name != "posix", reason="there are no locks")
HOLDING = """
import sys
from alsim.pool.scratch import scratch_folder
with scratch_folder() as folder:
    (folder / "modality-0.f32").write_bytes(b"tensors")
    print(folder, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder for temporary files of this test and its processes."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


@pytest.mark.process
def test_folders_of_killed_processes_are_removed_by_the_next_and_folders_in_use_are_not(
    temporary: Path, tmp_path: Path
) -> None:
    pool = write(make_table(60), tmp_path / "pool.parquet")
    command = [sys.executable, "-c", HOLDING]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        held = Path(other.stdout.readline().strip())
        check_pool(open_source(pool), PoolOptions(), FreeValidation(10))
        assert list(temporary.iterdir()) == [held]
        assert (held / "modality-0.f32").exists()
        other.send_signal(signal.SIGKILL)
    assert list(temporary.iterdir()) == [held]
    check_pool(open_source(pool), PoolOptions(), FreeValidation(10))
    assert list(temporary.iterdir()) == []


def test_other_files_with_similar_names_are_left_alone(temporary: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").touch()
    (temporary / "alsim-held-link").symlink_to(mine)
    (temporary / "alsim-notes").mkdir()
    os.mkfifo(temporary / "other")
    with scratch_folder():
        pass
    assert (mine / "thesis.txt").exists()
    assert {path.name for path in temporary.iterdir()} == {
        "alsim-held-link",
        "alsim-notes",
        "other",
    }


def test_a_missing_folder_for_temporary_files_is_one_error(
    temporary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary.rmdir()
    with (
        pytest.raises(StoreError, match=r"no temporary folder(?s:.*)TMPDIR=FOLDER"),
        scratch_folder(),
    ):
        pass


def test_a_full_temporary_folder_is_reported_with_a_way_to_choose_another(temporary: Path) -> None:
    with pytest.raises(StoreError) as refused, scratch_folder():
        raise StoreError("it cannot be written", "there", "name another: --out FOLDER")
    assert refused.value.args[2].endswith("TMPDIR=FOLDER alsim …")
    assert list(temporary.iterdir()) == []


def test_files_of_a_killed_import_are_removed_by_the_next(tmp_path: Path) -> None:
    (tmp_path / ".pool.parquet.77.partial").write_bytes(b"half")
    (tmp_path / ".other.parquet.77.partial").write_bytes(b"half")
    write_pool(make_table(30), tmp_path / "pool.parquet")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        ".other.parquet.77.partial",
        "pool.parquet",
    ]
