"""The same rows written by six programs, read by every command and compared cell by cell."""

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pools import doors, load, rows_by_id

from alsim.errors import PoolError
from alsim.pool.source import open_source

N = 1200
RNG = np.random.default_rng(0)
CODES = RNG.integers(0, 4, N)
X = (RNG.normal(size=(4, 16))[CODES] + RNG.normal(size=(N, 16))).astype(np.float32)
IMAGE: list[list[float] | None] = [
    None if i % 5 == 0 else row for i, row in enumerate(RNG.normal(size=(N, 4)).tolist())
]
ROWS: dict[str, list[Any]] = {
    "id": [f"post-{i:04d}" for i in range(N)],
    "text": X.tolist(),
    "image": IMAGE,
    "label": [("alpha", "beta", "gamma", "delta")[code] for code in CODES],
    "split": (["train"] * 8 + ["test"] * 3 + ["validation"]) * 100,
}
WHY = "is of the extra `formats`"


def by_pyarrow(path: Path) -> None:
    pq.write_table(pa.table(ROWS), path)


def by_pandas(path: Path) -> None:
    pandas = pytest.importorskip("pandas", reason=f"pandas {WHY}")
    frame = pandas.DataFrame({**ROWS, "text": list(X)})
    frame["label"] = frame["label"].astype("category")
    frame.to_parquet(path)


def by_pandas_in_parts(path: Path) -> None:
    pandas = pytest.importorskip("pandas", reason=f"pandas {WHY}")
    pandas.DataFrame(ROWS).set_index("id").to_parquet(path, partition_cols=["split", "label"])


def by_polars(path: Path) -> None:
    polars = pytest.importorskip("polars", reason=f"polars {WHY}")
    arrays = polars.Series("text", X.tolist(), polars.Array(polars.Float32, 16))
    frame = polars.DataFrame(ROWS).with_columns(
        arrays, polars.col("label").cast(polars.Categorical)
    )
    frame.write_parquet(path)


def by_duckdb(path: Path) -> None:
    duckdb = pytest.importorskip("duckdb", reason=f"duckdb {WHY}")
    table = pa.table(ROWS)
    with duckdb.connect() as connection:
        connection.register("posts", table)
        connection.sql(
            "COPY (SELECT id, text::FLOAT[16] AS text, image::DOUBLE[] AS image, "
            "label::ENUM('alpha', 'beta', 'delta', 'gamma') AS label, split FROM posts) "
            f"TO '{path}' (FORMAT parquet)"
        )


def by_duckdb_in_parts(path: Path) -> None:
    duckdb = pytest.importorskip("duckdb", reason=f"duckdb {WHY}")
    table = pa.table(ROWS)
    with duckdb.connect() as connection:
        connection.register("posts", table)
        connection.sql(f"COPY posts TO '{path}' (FORMAT parquet, PARTITION_BY (split))")


def hugging_face() -> Any:
    """Return the package `datasets`, not the folder here that Python mistakes for it."""
    pytest.importorskip("datasets.arrow_dataset", reason=f"datasets {WHY}")
    return importlib.import_module("datasets")


def by_datasets(path: Path) -> None:
    datasets = hugging_face()
    path.mkdir()
    features = datasets.Features(
        {
            "id": datasets.Value("string"),
            "text": datasets.Sequence(datasets.Value("float32"), length=16),
            "image": datasets.Array2D((2, 2), "float64"),
            "label": datasets.ClassLabel(names=["gamma", "delta", "alpha", "beta"]),
        }
    )
    for split in ("train", "validation", "test"):
        kept = [i for i in range(N) if ROWS["split"][i] == split]
        columns = {name: [ROWS[name][i] for i in kept] for name in ("id", "text", "label")}
        image = [IMAGE[i] and [IMAGE[i][:2], IMAGE[i][2:]] for i in kept]
        data = datasets.Dataset.from_dict({**columns, "image": image}, features=features)
        data.to_parquet(path / f"{split}-00000-of-00001.parquet")


def by_lance(path: Path) -> None:
    lance = pytest.importorskip("lance", reason=f"pylance {WHY}")
    table = pa.table({**ROWS, "text": pa.array(ROWS["text"], pa.list_(pa.float32(), 16))})
    folder = path.with_suffix(".lance")
    lance.write_dataset(table, folder)
    with pytest.raises(PoolError, match="this is a Lance data set") as caught:
        open_source(folder)
    cure = str(caught.value).partition("write it out: ")[2].replace("pool.parquet", str(path))
    exec(cure, {"pyarrow": pa, "lance": lance})


WRITERS: list[Callable[[Path], None]] = [
    by_pyarrow,
    by_pandas,
    by_pandas_in_parts,
    by_polars,
    by_duckdb,
    by_duckdb_in_parts,
    by_datasets,
    by_lance,
]


@pytest.mark.long
@pytest.mark.filterwarnings("ignore")  # of the writing libraries
@pytest.mark.parametrize("writer", WRITERS)
def test_the_same_rows_are_read_whatever_program_wrote_them(
    tmp_path: Path, writer: Callable[[Path], None]
) -> None:
    path = tmp_path / "posts.parquet"
    writer(path)
    found = doors(path, tmp_path / "doors", id_column="id")
    expected = rows_by_id(load(pa.table(ROWS), tmp_path / "expected", standardise="none"))
    assert expected["post-0007"]["text"] == X[7].tolist()
    for loaded in (found.loaded, found.imported):
        got = rows_by_id(loaded)
        assert got == expected
    assert not any(found.warnings())


def test_null_in_an_array_of_duckdb_is_reported_with_the_column_and_a_working_remedy(
    tmp_path: Path,
) -> None:
    duckdb = pytest.importorskip("duckdb", reason=f"duckdb {WHY}")
    path = tmp_path / "pool.parquet"
    select = (
        "SELECT i AS id, i % 3 AS label, "
        "CASE WHEN i % 5 > 0 THEN [i, 1]::FLOAT[2] END AS emb FROM range(90) AS r(i)"
    )
    duckdb.sql(f"COPY ({select}) TO '{path}' (FORMAT parquet)")
    with pytest.raises(PoolError, match="the column 'emb' cannot be read: DuckDB") as caught:
        load(path, tmp_path / "folder")
    cast = str(caught.value).partition("SELECT ")[2].partition(",")[0]
    duckdb.sql(f"COPY (SELECT id, label, {cast} FROM ({select})) TO '{path}' (FORMAT parquet)")
    rows = rows_by_id(load(path, tmp_path / "cured", standardise="none"))
    assert [rows[i]["emb"] for i in (4, 5)] == [[4, 1], None]


def test_a_data_set_saved_to_disk_by_hugging_face_is_reported_with_a_working_remedy(
    tmp_path: Path,
) -> None:
    datasets = hugging_face()
    datasets.disable_progress_bars()
    data = datasets.Dataset.from_dict({"emb": X.tolist(), "label": ROWS["label"]})
    data.save_to_disk(tmp_path / "saved")
    with pytest.raises(PoolError, match="save_to_disk") as caught:
        open_source(tmp_path / "saved")
    path = tmp_path / "pool.parquet"
    cure = str(caught.value).partition("write it out: ")[2].partition(", each")[0]
    exec(cure.replace("pool.parquet", str(path)), {"datasets": datasets})
    assert load(path, tmp_path / "folder").pool.n == N


def test_the_stored_file_of_duckdb_with_a_null_array_is_reported_with_its_column(
    shared_data: Callable[[str], Path], tmp_path: Path
) -> None:
    path = shared_data("mnist").parents[1] / "cases" / "duckdb_null_array.parquet"
    if not path.is_file():
        pytest.skip("the case is not in ../shared/cases")
    with pytest.raises(PoolError, match=r"'emb'[\s\S]*SELECT emb::FLOAT\[\] AS emb"):
        load(path, tmp_path / "folder")
