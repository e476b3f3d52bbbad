"""Small tables for the tests of pools."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from alsim.options.pool import PoolOptions
from alsim.pool.checking import Check, check_pool
from alsim.pool.importers.dispatch import import_pool
from alsim.pool.importers.table import ImportOptions
from alsim.pool.loading import LoadedPool, load_pool
from alsim.pool.source import open_source
from alsim.pool.splits import FreeValidation
from alsim.pool.summary import PoolSummary, summarise


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
    folder.mkdir(exist_ok=True, parents=True)
    return load_pool(
        open_source(pool), PoolOptions(**options), folder, FreeValidation(initial_size)
    )


@dataclass(frozen=True)
class Doors:
    """One pool as every command reads it: runs, `info` and `check`, and as `import` writes it."""

    loaded: LoadedPool
    info: PoolSummary
    check: Check
    imported: LoadedPool

    def warnings(self) -> list[tuple[str, ...]]:
        """Return the warnings of runs, `info` and `check`."""
        return [self.loaded.report.warnings, self.info.warnings, self.check.warnings]

    def notes(self) -> list[tuple[str, ...]]:
        return [self.loaded.report.notes, self.info.notes, self.check.notes]


def doors(pool: Path, folder: Path, **options: Any) -> Doors:
    """Return a pool as read by every command; all must agree on the rows of each split."""
    chosen = PoolOptions(**options)
    table = import_pool([pool], ImportOptions(labels=chosen.label, unknown=chosen.unknown))
    found = Doors(
        load(pool, folder / "loaded", standardise="none", **options),
        summarise(open_source(pool), chosen, FreeValidation(10)),
        check_pool(open_source(pool), chosen, FreeValidation(10)),
        load(
            write(table, folder.with_name(folder.name + "-imported.parquet")),
            folder / "imported",
            standardise="none",
        ),
    )
    assert not found.check.faults
    assert not found.info.faults
    assert found.info.n_split == found.loaded.report.n_split == found.imported.report.n_split
    assert found.info.n_rows == found.loaded.report.n_rows
    for loaded in (found.loaded, found.imported):
        assert list(loaded.pool.widths) == [modality.name for modality in found.info.modalities]
    return found


def rows_by_id(loaded: LoadedPool) -> dict[Any, dict[str, Any]]:
    """Return the label, split and values of each row by id; absent values are None."""
    pool = loaded.pool
    task = next(iter(pool.tasks.values()))
    found: dict[Any, dict[str, Any]] = {}
    for row, id_ in enumerate(pool.ids.to_pylist()):
        label = int(task.labels[row])
        found[id_] = {
            "label": task.classes[label] if label >= 0 else None,
            "split": next(name for name, rows in pool.splits.items() if row in rows),
            **{
                name: values[row].tolist() if bool(pool.present[row, index]) else None
                for index, (name, values) in enumerate(pool.modalities.items())
            },
        }
    return found
