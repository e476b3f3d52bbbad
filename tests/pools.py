"""Small tables for the tests of pools."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from alsim.pool.loading import LoadedPool, load_pool
from alsim.pool.options import PoolOptions
from alsim.pool.source import open_source


def embeddings(rows: Any, *, type_: pa.DataType | None = None) -> pa.Array:
    return pa.array(rows, type_ or pa.list_(pa.float32()))


def make_table(n: int = 60, *, n_classes: int = 3, seed: int = 0, **columns: Any) -> pa.Table:
    """Return a pool of two modalities, one absent in every fifth row, over all three splits."""
    rng = np.random.default_rng(seed)
    text = [None if i % 5 == 0 else list(rng.normal(3, 2, 4)) for i in range(n)]
    split = ["test" if i % 4 == 0 else "val" if i % 7 == 0 else "train" for i in range(n)]
    table = {
        "id": pa.array([f"row-{i:04d}" for i in range(n)]),
        "text": embeddings(text),
        "picture": pa.array(
            [list(row) for row in rng.normal(size=(n, 3))], pa.list_(pa.float32(), 3)
        ),
        "label": pa.array([f"class-{i % n_classes}" for i in range(n)]),
        "split": pa.array(split),
    }
    table.update(columns)
    return pa.table({name: column for name, column in table.items() if column is not None})


def write(table: pa.Table, path: Path, **options: Any) -> Path:
    pq.write_table(table, path, **options)
    return path


def load(
    pool: Path | pa.Table, folder: Path, *, initial_size: int = 10, **options: Any
) -> LoadedPool:
    folder.mkdir(exist_ok=True)
    return load_pool(open_source(pool), PoolOptions(**options), folder, initial_size=initial_size)
