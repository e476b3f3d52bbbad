"""Pools to Parquet, whole or not at all."""

import glob
import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from alsim.errors import PoolError, UsageError
from alsim.paths import place
from alsim.pool.roles import is_embedding
from alsim.pool.scratch import hold, remove_abandoned

ROW_GROUP_ROWS = 16_384  # so that several threads can decode one file


def check_target(path: Path, *, overwrite: bool) -> None:
    """Raise a UsageError if `path` exists without `overwrite`, or its folder does not."""
    found = place(path)
    if found == "folder":
        raise UsageError("this is a folder", str(path), "name a file: --out POOL.parquet")
    if found and not overwrite:
        raise UsageError("the file exists already", str(path), "name another, or add --force")
    if place(path.parent) != "folder":
        raise UsageError("no such folder", str(path.parent), "create it first")
    if path.exists() and not path.is_file():  # as root, --force would replace /dev/null
        raise UsageError("this is a device, a pipe or a socket", str(path), "name a file")


def write_pool(table: pa.Table, path: Path, *, overwrite: bool = False) -> None:
    """Write `table` to `path` (zstd), through a temporary file beside it.

    Raises:
        UsageError: If `check_target` refuses `path`.
        PoolError: If it cannot be written.
    """
    check_target(path, overwrite=overwrite)
    # Embeddings hardly repeat, so a dictionary of them costs time and saves nothing.
    small: Any = [field.name for field in table.schema if not is_embedding(field.type)]
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        name = glob.escape(path.name)
        remove_abandoned(path.parent.glob(f".{name}.*.partial"))
        with partial.open("xb") as file:  # a link put there is not followed
            hold(file.fileno())
            pq.write_table(
                table,
                file,
                compression="zstd",
                use_dictionary=small or False,
                row_group_size=ROW_GROUP_ROWS,
            )
        partial.replace(path)
    except UnicodeEncodeError:
        raise UsageError("the name is not UTF-8", str(path), "name another") from None
    except OSError as error:
        what = f"the pool cannot be written ({error.strerror or error})"
        raise PoolError(what, str(path), "check the space and your rights there") from None
    finally:
        partial.unlink(missing_ok=True)
