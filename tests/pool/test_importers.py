import gzip
import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pools import load, make_table, write

from alsim.errors import AlsimError, PoolError, UsageError
from alsim.pool.importers.dispatch import import_pool
from alsim.pool.importers.idx import read_idx
from alsim.pool.importers.table import ImportOptions
from alsim.pool.pool import Pool
from alsim.pool.roles import Roles, stored_roles

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 5))
Y = np.arange(40) % 4


def convert(*paths: Path, **options: Any) -> pa.Table:
    return import_pool(paths, ImportOptions(**options))


def roles_of(table: pa.Table) -> Roles:
    roles = stored_roles(table.schema, "here")
    assert roles is not None
    return roles


def pool_of(table: pa.Table, tmp_path: Path) -> Pool:
    return load(table, tmp_path / "folder", standardise="none").pool


def test_npz_arrays_become_modalities_and_a_label(tmp_path: Path) -> None:
    path = tmp_path / "pool.npz"
    pixels = (np.arange(40 * 6) % 251).astype(np.uint8).reshape(40, 2, 3)
    np.savez(path, text=X, image=pixels, labels=Y.astype(str), year=np.arange(40))
    table = convert(path)
    assert roles_of(table) == Roles(("text", "image"), {"labels": None})
    assert table.schema.field("image").type == pa.list_(pa.uint8(), 6)
    assert table.schema.field("text").type == pa.list_(pa.float32(), 5)
    assert table.column("year").to_pylist() == list(range(40))
    pool = pool_of(table, tmp_path)
    row = pool.ids.to_pylist().index(7)
    assert pool.modalities["text"][row].tolist() == X[7].astype(np.float32).tolist()
    assert pool.tasks["labels"].classes == ("0", "1", "2", "3")


def test_npz_arrays_named_by_split_are_joined(tmp_path: Path) -> None:
    path = tmp_path / "mnist.npz"
    np.savez(path, x_train=X[:30], y_train=Y[:30], x_test=X[30:], y_test=Y[30:])
    table = convert(path)
    assert roles_of(table) == Roles(("x",), {"y": None}, None, "split")
    assert table.column("split").to_pylist() == ["train"] * 30 + ["test"] * 10
    assert table.column("y").to_pylist() == Y.tolist()


def test_each_npy_file_is_a_modality_with_labels_in_another_file(tmp_path: Path) -> None:
    np.save(tmp_path / "text.npy", X)
    np.save(tmp_path / "image.npy", X[:, :2].astype(np.float16))
    (tmp_path / "labels.txt").write_text("\n".join(["a", "b", "", "c"] * 10))
    table = convert(
        tmp_path / "text.npy", tmp_path / "image.npy", labels_file=tmp_path / "labels.txt"
    )
    assert roles_of(table).modalities == ("text", "image")
    assert table.column("label").to_pylist()[:4] == ["a", "b", None, "c"]


@pytest.mark.parametrize(
    ("arrays", "match"),
    [
        ({"text": X}, "no array of labels"),
        ({"y": Y}, "no array of embeddings"),
        ({"text": X[:30], "y": Y}, "rows differ: text has 30, y has 40"),
        ({"text": np.where(X > 2, np.nan, X), "y": Y}, "'text' has 1 NaN, infinite or null values"),
        ({"text": X.astype(str), "y": Y}, "not numbers"),
        ({"x_train": X, "y_train": Y, "x_test": X}, "no array 'y_test'"),
        ({"x": X, "y": Y.astype(object)}, r"y\.astype\(str\)"),
    ],
)
def test_a_broken_npz_is_one_clear_error(tmp_path: Path, arrays: Any, match: str) -> None:
    path = tmp_path / "pool.npz"
    np.savez(path, **arrays)
    with pytest.raises(PoolError, match=match):
        convert(path)


@pytest.mark.parametrize("suffix", [".npz", ".npy", ".csv", ".parquet"])
@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut", bytes(range(256))])
def test_files_with_a_misleading_suffix_are_one_clear_error(
    tmp_path: Path, suffix: str, content: bytes
) -> None:
    path = tmp_path / f"pool{suffix}"
    path.write_bytes(content)
    labels = tmp_path / "labels.txt"
    labels.write_text("a\nb\n")
    with pytest.raises(AlsimError):
        convert(path, labels_file=labels)


def idx(array: np.ndarray[Any, Any]) -> bytes:
    header = struct.pack(">BBBB", 0, 0, 8, array.ndim)
    return header + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def write_idx(folder: Path, *, packed: bool) -> None:
    folder.mkdir()
    for split, n in (("train", 30), ("t10k", 10)):
        images = RNG.integers(0, 256, (n, 4, 4)).astype(np.uint8)
        labels = (np.arange(n) % 3).astype(np.uint8)
        for kind, array in (("images-idx3", images), ("labels-idx1", labels)):
            data = idx(array)
            path = folder / f"{split}-{kind}-ubyte{'.gz' if packed else ''}"
            path.write_bytes(gzip.compress(data) if packed else data)


@pytest.mark.parametrize("packed", [True, False])
def test_idx_files_become_train_and_test_pixels(tmp_path: Path, packed: bool) -> None:
    write_idx(tmp_path / "mnist", packed=packed)
    table = convert(tmp_path / "mnist")
    roles = Roles(("image",), {"label": "class"}, None, "split", "id", pictures=("image",))
    assert roles_of(table) == roles
    assert table.schema.field("image").type == pa.list_(pa.uint8(), 16)
    assert table.column("split").to_pylist() == ["train"] * 30 + ["test"] * 10
    source = next(path for path in (tmp_path / "mnist").iterdir() if "t10k-images" in path.name)
    assert table.column("image").to_pylist()[30:] == read_idx(source).reshape(10, 16).tolist()


@pytest.mark.long
def test_idx_files_of_mnist_give_the_pixels_of_the_real_pool(
    shared_data: Callable[[str], Path], tmp_path: Path
) -> None:
    real = pq.read_table(shared_data("mnist")).slice(0, 200)
    pixels = np.array(real.column("image").to_pylist(), np.uint8).reshape(-1, 28, 28)
    labels = real.column("label").to_numpy().astype(np.uint8)
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(pixels)))
    (tmp_path / "train-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(labels)))
    table = convert(tmp_path)
    assert table.column("image").to_pylist() == real.column("image").to_pylist()
    assert table.column("label").to_pylist() == real.column("label").to_pylist()


@pytest.mark.parametrize(
    ("name", "change", "match"),
    [
        ("train-images-idx3-ubyte", lambda data: data[:-1], "its header says"),
        ("train-images-idx3-ubyte", lambda data: data[:6], "not an idx file"),
        ("train-images-idx3-ubyte", lambda data: data[:10], "ends early"),
        ("train-images-idx3-ubyte", lambda data: gzip.compress(data)[:-20], "cannot be read"),
        ("train-labels-idx1-ubyte", lambda _: idx(np.zeros(29, np.uint8)), "30 images and 29"),
        ("t10k-labels-idx1-ubyte", lambda _: None, "no file of test labels"),
    ],
)
def test_broken_idx_files_are_one_clear_error(
    tmp_path: Path, name: str, change: Callable[[bytes], bytes | None], match: str
) -> None:
    write_idx(tmp_path / "mnist", packed=False)
    path = tmp_path / "mnist" / name
    data = change(path.read_bytes())
    if data is None:
        path.unlink()
    else:
        path.write_bytes(data)
    with pytest.raises(PoolError, match=match):
        convert(tmp_path / "mnist")


def test_numeric_columns_of_a_csv_are_encoded_separately(tmp_path: Path) -> None:
    path = tmp_path / "census.csv"
    path.write_text(
        "age,name,wage,label,split\n"
        "30,x,1.5,yes,train\n40,,2,,test\n50,z,3,no,train\n60,x,4,no,test\n"
    )
    table = convert(path)
    roles = Roles((), {"label": None}, None, "split", features=("age", "wage"))
    assert roles_of(table) == roles
    assert table.column("wage").to_pylist() == [1.5, 2, 3, 4]
    assert table.column("label").to_pylist() == ["yes", None, "no", "no"]
    assert table.column("name").to_pylist() == ["x", None, "z", "x"]
    chosen = convert(path, features=("wage",), labels=("name",))
    assert roles_of(chosen).features == ("wage",)


@pytest.mark.parametrize(
    ("text", "options", "match"),
    [
        ("a,b\n1,2\n", {}, "no label column"),
        ("a,label\nx,1\n", {}, "alsim needs embeddings, and 'a' is text"),
        ("a,label\n1,x\n2\n", {}, "cannot be read"),
        ("a,label\n", {}, "no rows"),
        ("a,label\n1,x\n", {"labels": ("lable",)}, "did you mean label"),
        ("a,b,label\n1,x,y\n", {"features": ("c",)}, "no column 'c' for --feature"),
        ("a,label\n1e300,x\n" + "1,x\n2,y\n" * 9, {}, "1 infinite values"),
    ],
)
def test_a_broken_csv_is_one_clear_error(
    tmp_path: Path, text: str, options: dict[str, Any], match: str
) -> None:
    path = tmp_path / "pool.csv"
    path.write_text(text)
    with pytest.raises((PoolError, UsageError), match=match):
        convert(path, **options)


def test_parquet_of_hugging_face_keeps_class_names_and_takes_splits_from_file_names(
    tmp_path: Path,
) -> None:
    info = {"info": {"features": {"label": {"names": ["cat", "dog"], "_type": "ClassLabel"}}}}
    for split, n in (("train", 20), ("test", 10)):
        table = pa.table(
            {
                "emb": pa.array([[float(i), 1.0] for i in range(n)]),
                "label": pa.array([-1 if i == 0 else i % 2 for i in range(n)]),
            }
        )
        table = table.replace_schema_metadata({b"huggingface": json.dumps(info).encode()})
        write(table, tmp_path / f"{split}-00000-of-00001.parquet")
    table = convert(tmp_path)
    assert roles_of(table) == Roles(("emb",), {"label": None}, None, "split")
    assert table.schema.field("emb").type == pa.list_(pa.float32(), 2)
    by_split = list(zip(table["split"].to_pylist(), table["label"].to_pylist(), strict=True))
    assert by_split[:3] == [("test", None), ("test", "dog"), ("test", "cat")]
    assert by_split.count(("train", "dog")) == 10


def test_absent_rows_stay_absent_through_an_import(tmp_path: Path) -> None:
    path = write(make_table(), tmp_path / "pool.parquet")
    table = convert(path)
    assert table.column("text").null_count == 12
    assert pool_of(table, tmp_path).present[:, 0].sum() == 48


@pytest.mark.parametrize(
    ("rows", "match"),
    [
        ([[1.0], [1.0, 2.0]], "ragged: 1 rows .* row 1 with 2"),
        ([[1.0], [None]], "1 NaN, infinite or null values"),
        ([[1.0], [float("nan")]], "1 NaN, infinite or null values"),
        ([[], []], "null or an empty list in every row"),
    ],
)
def test_broken_lists_are_one_clear_error(tmp_path: Path, rows: Any, match: str) -> None:
    table = pa.table({"emb": pa.array(rows, pa.list_(pa.float64())), "label": ["a", "b"]})
    with pytest.raises(PoolError, match=match):
        convert(write(table, tmp_path / "pool.parquet"))


def test_an_import_reports_all_faults_of_the_pool_at_once(tmp_path: Path) -> None:
    rows = [[1.0, float(i)] for i in range(40)]
    table = pa.table(
        {
            "ragged": pa.array([*rows[:39], [1.0]], pa.list_(pa.float64())),
            "wild": pa.array([*rows[:39], [1.0, float("inf")]], pa.list_(pa.float64())),
            "label": ["a", "b"] * 20,
        }
    )
    with pytest.raises(PoolError, match="2 things are wrong with the imported pool") as caught:
        convert(write(table, tmp_path / "pool.parquet"))
    for part in ("'ragged' is ragged: 1 rows", "'wild' has 1 NaN, infinite or null values"):
        assert part in str(caught.value)


@pytest.mark.long
def test_parquet_with_numbers_only_is_treated_like_csv(
    shared_data: Callable[[str], Path],
) -> None:
    census = shared_data("census_income")
    features = ("industry_code", "occupation_code", "year")
    table = convert(census, labels=("income_over_50k",), features=features)
    assert roles_of(table).features == features
    with pytest.raises(PoolError, match="'age' is null in every training row"):
        convert(census, labels=("income_over_50k",))


def test_a_format_that_cannot_be_guessed_is_requested(tmp_path: Path) -> None:
    path = tmp_path / "pool.dat"
    path.write_bytes(b"")
    with pytest.raises(UsageError, match="--format"):
        convert(path)
    with pytest.raises(PoolError, match="no such file"):
        convert(tmp_path / "absent.csv")
