import os
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from pools import make_table

from alsim.errors import PoolError, UsageError
from alsim.pool.writing import write_pool


def test_a_pool_is_written_completely_and_no_other_file_is_left(tmp_path: Path) -> None:
    path = tmp_path / "pool.parquet"
    write_pool(make_table(), path)
    assert pq.read_table(path).equals(make_table())
    assert [file.name for file in tmp_path.iterdir()] == ["pool.parquet"]


def test_an_existing_file_is_kept_unless_it_may_be_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "pool.parquet"
    path.write_text("mine")
    with pytest.raises(UsageError, match="exists already"):
        write_pool(make_table(), path)
    assert path.read_text() == "mine"
    write_pool(make_table(), path, overwrite=True)
    assert pq.read_table(path).num_rows == 60


def test_a_folder_or_a_path_in_a_missing_folder_is_refused_as_target(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="this is a folder"):
        write_pool(make_table(), tmp_path, overwrite=True)
    with pytest.raises(UsageError, match="no such folder"):
        write_pool(make_table(), tmp_path / "absent" / "pool.parquet")


def test_a_target_that_is_not_a_file_is_not_replaced_even_with_force(tmp_path: Path) -> None:
    path = tmp_path / "pool.parquet"
    os.mkfifo(path)  # such as /dev/null, which root could replace
    with pytest.raises(UsageError, match="a device, a pipe or a socket"):
        write_pool(make_table(), path, overwrite=True)
    assert path.is_fifo()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_one_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "pool.parquet"
    (tmp_path / f".{path.name}.{os.getpid()}.partial").symlink_to("/dev/full")
    with pytest.raises(PoolError, match="cannot be written"):
        write_pool(make_table(), path)
    assert list(tmp_path.iterdir()) == []
