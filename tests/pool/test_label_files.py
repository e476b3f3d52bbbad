import csv
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pools import load, make_table, write

from alsim.errors import AlsimError, PoolError, UsageError
from alsim.pool.importers.build import read_notes
from alsim.pool.importers.dispatch import import_pool
from alsim.pool.importers.table import ImportOptions
from alsim.pool.roles import stored_roles

N = 120
X = np.random.default_rng(0).normal(size=(N, 3)).astype(np.float32)
LABELS = [("alpha", "beta", "gamma, delta")[i % 3] for i in range(N)]
IDS = [i + 100 for i in range(N)]
RECORDS = [{"id": id_, "label": label} for id_, label in zip(IDS, LABELS, strict=True)]


def rows(path: Path, cells: Sequence[Sequence[Any]], **options: Any) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file, **options).writerows(cells)


def pairs() -> list[list[Any]]:
    return [[id_, label] for id_, label in zip(IDS, LABELS, strict=True)]


FILES: dict[str, tuple[str, Callable[[Path], object], bool]] = {
    "a label a line": ("l.txt", lambda p: p.write_text("\n".join(LABELS)), False),
    "a label a line under a header": (
        "l.csv",
        lambda p: rows(p, [["label"], *([label] for label in LABELS)]),
        False,
    ),
    "blank lines at the end": ("l.txt", lambda p: p.write_text("\n".join(LABELS) + "\n\n"), False),
    "ids and a header": ("l.csv", lambda p: rows(p, [["id", "label"], *pairs()]), True),
    "the label first": (
        "l.csv",
        lambda p: rows(p, [["label", "id"], *(pair[::-1] for pair in pairs())]),
        True,
    ),
    "as pandas writes an index": (
        "l.csv",
        lambda p: rows(p, [["", "label"], *pairs()]),
        True,
    ),
    "no header": ("l.csv", lambda p: rows(p, pairs()), True),
    "tabs": ("l.tsv", lambda p: rows(p, [["id", "label"], *pairs()], delimiter="\t"), True),
    "semicolons": ("l.csv", lambda p: rows(p, [["id", "label"], *pairs()], delimiter=";"), True),
    "a byte order mark": (
        "l.csv",
        lambda p: p.write_text("label\n" + "\n".join(f'"{x}"' for x in LABELS), "utf-8-sig"),
        False,
    ),
    "JSON": ("l.json", lambda p: p.write_text(json.dumps(LABELS)), False),
    "JSON of records": ("l.json", lambda p: p.write_text(json.dumps(RECORDS)), True),
    "JSON of columns": (
        "l.json",
        lambda p: p.write_text(json.dumps({"id": IDS, "label": LABELS})),
        True,
    ),
    "JSON as pandas writes it": (
        "l.json",
        lambda p: p.write_text(
            json.dumps({"id": dict(enumerate(IDS)), "label": dict(enumerate(LABELS))})
        ),
        True,
    ),
    "JSON of labels by id": (
        "l.json",
        lambda p: p.write_text(json.dumps(dict(zip(IDS, LABELS, strict=True)))),
        True,
    ),
    "lines of records": (
        "l.jsonl",
        lambda p: p.write_text("\n".join(json.dumps(record) for record in RECORDS)),
        True,
    ),
    "lines of labels": (
        "l.ndjson",
        lambda p: p.write_text("\n".join(json.dumps(label) for label in LABELS)),
        False,
    ),
    "Parquet": ("l.parquet", lambda p: write(pa.table({"id": IDS, "label": LABELS}), p), True),
    "NumPy": ("l.npy", lambda p: np.save(p, np.array(LABELS)), False),
    "bytes of NumPy": ("l.npy", lambda p: np.save(p, np.array(LABELS, "S")), False),
}


def convert(folder: Path, file: Path, *more: Path, **options: Any) -> pa.Table:
    np.save(folder / "emb.npy", X)
    return import_pool([folder / "emb.npy", *more], ImportOptions(labels_file=file, **options))


@pytest.mark.parametrize(("name", "make", "has_ids"), FILES.values(), ids=FILES.keys())
def test_labels_are_read_from_files_of_any_format(
    tmp_path: Path, name: str, make: Callable[[Path], object], has_ids: bool
) -> None:
    make(tmp_path / name)
    table = convert(tmp_path, tmp_path / name)
    roles = stored_roles(table.schema, "here")
    assert roles is not None
    assert list(roles.labels) == ["label"]
    assert table.column("label").to_pylist() == LABELS
    assert (roles.id is not None) is has_ids
    if roles.id is not None:
        assert list(map(int, table.column(roles.id).to_pylist())) == IDS
    assert not read_notes(table)


@pytest.mark.parametrize(("name", "make", "has_ids"), FILES.values(), ids=FILES.keys())
def test_labels_are_matched_by_id_where_the_embeddings_have_ids(
    tmp_path: Path, name: str, make: Callable[[Path], object], has_ids: bool
) -> None:
    make(tmp_path / name)
    order = np.random.default_rng(1).permutation(N)
    np.save(tmp_path / "ids.npy", np.array(IDS)[order])
    table = convert(tmp_path, tmp_path / name, tmp_path / "ids.npy")
    expected = [LABELS[row] for row in order] if has_ids else LABELS
    assert table.column("label").to_pylist() == expected
    assert table.column("ids").to_pylist() == np.array(IDS)[order].tolist()


def test_ids_of_labels_and_embeddings_may_have_different_column_names(
    tmp_path: Path,
) -> None:
    rows(tmp_path / "l.csv", [["key", "label"], *pairs()])
    order = np.random.default_rng(1).permutation(N)
    ids = np.array(IDS)[order]
    np.save(tmp_path / "ids.npy", ids)
    np.savez(tmp_path / "x.npz", emb=X, ids=ids)
    options = ImportOptions(labels_file=tmp_path / "l.csv", id="key")
    npy = convert(tmp_path, tmp_path / "l.csv", tmp_path / "ids.npy", id="key")
    for found in (npy, import_pool([tmp_path / "x.npz"], options)):
        assert found.column("label").to_pylist() == [LABELS[row] for row in order]
    with pytest.raises(UsageError, match="no column 'code' for --id"):
        convert(tmp_path, tmp_path / "l.csv", id="code")


def test_labels_are_matched_by_id_for_embeddings_of_any_format(tmp_path: Path) -> None:
    rows(tmp_path / "l.csv", [["id", "label"], *pairs()])
    order = np.random.default_rng(1).permutation(N)
    table = pa.table({"id": np.array(IDS)[order], "emb": list(X)})
    write(table, tmp_path / "emb.parquet")
    options = ImportOptions(labels_file=tmp_path / "l.csv")
    found = import_pool([tmp_path / "emb.parquet"], options)
    assert found.column("label").to_pylist() == [LABELS[row] for row in order]
    rows(tmp_path / "x.csv", [["id", "a", "b"], *([IDS[row], *X[row, :2]] for row in order)])
    found = import_pool([tmp_path / "x.csv"], options)
    assert found.column("label").to_pylist() == [LABELS[row] for row in order]
    np.savez(tmp_path / "x.npz", emb=X[order], id=np.array(IDS)[order])
    found = import_pool([tmp_path / "x.npz"], options)
    assert found.column("label").to_pylist() == [LABELS[row] for row in order]


def test_ids_without_a_match_are_reported(tmp_path: Path) -> None:
    rows(tmp_path / "l.csv", [["id", "label"], *pairs()[:-2], [7, "alpha"]])
    np.save(tmp_path / "ids.npy", np.array(IDS))
    table = convert(tmp_path, tmp_path / "l.csv", tmp_path / "ids.npy")
    assert table.column("label").to_pylist() == [*LABELS[:-2], None, None]
    assert read_notes(table) == [
        "2 rows have no label in the labels file: 218, 219",
        "1 labels have an id that no row has, left out: 7",
    ]


def test_a_column_called_index_with_repeated_values_is_not_used_as_ids(tmp_path: Path) -> None:
    rows(tmp_path / "l.csv", [["index", "label"], *((i % 7, x) for i, x in enumerate(LABELS))])
    roles = stored_roles(convert(tmp_path, tmp_path / "l.csv").schema, "here")
    assert roles is not None
    assert roles.id is None


def test_ids_that_number_the_rows_in_another_order_are_reported(tmp_path: Path) -> None:
    order = np.random.default_rng(1).permutation(N).tolist()
    rows(tmp_path / "l.csv", [["id", "label"], *zip(order, LABELS, strict=True)])
    table = convert(tmp_path, tmp_path / "l.csv")
    assert table.column("label").to_pylist() == LABELS
    (note,) = read_notes(table)
    assert "labels were matched by order, not by id" in note


def test_other_columns_of_the_file_are_kept(tmp_path: Path) -> None:
    split = ["test" if i % 4 == 0 else "train" for i in range(N)]
    text = [f"post {i}" for i in range(N)]
    rows(tmp_path / "l.csv", [["text", "y", "split"], *zip(text, LABELS, split, strict=True)])
    table = convert(tmp_path, tmp_path / "l.csv")
    roles = stored_roles(table.schema, "here")
    assert roles is not None
    assert (list(roles.labels), roles.split) == (["y"], "split")
    assert table.column("text").to_pylist() == text


@pytest.mark.parametrize(
    ("name", "text", "match"),
    [
        ("l.txt", "\n".join(LABELS[:-1]), r"l\.txt has 119, the embeddings 120"),
        ("l.txt", "\n".join([*LABELS, "x", "y"]), r"l\.txt has 122, the embeddings 120"),
        ("l.json", "[1, 2", "cannot be read"),
        ("l.json", "7", "cannot be read"),
        ("l.json", json.dumps([10**30] * N), "cannot be read"),
        ("l.json", json.dumps([1, "a"] * 60), "cannot be read"),
        ("l.csv", "x" * 200_000 + ",y\n", "cannot be read"),
        ("l.json", "[" * 9999, "cannot be read"),
        ("l.jsonl", '{"label": 1}\nx', "cannot be read"),
        ("l.csv", "\n".join(f"{i},x,{i % 3}" for i in range(N)), "not clear"),
        ("l.csv", "\n".join(f"{i},{i}" for i in range(N)), "not clear"),
        ("l.csv", "id,a,b\n" + "\n".join(f"{i},x,{i % 3}" for i in range(N)), "not clear"),
        ("l.txt", "\n".join(f"row {i}" for i in range(N)), "120 classes in 120 rows"),
        ("l.json", json.dumps([[1], [2]] * 60), "several labels a row"),
    ],
)
def test_a_labels_file_with_too_little_information_is_one_clear_error(
    tmp_path: Path, name: str, text: str, match: str
) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(PoolError, match=match):
        convert(tmp_path, tmp_path / name)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"\0" * 99, b'{"a": {"b": []}}', b"[{}]"])
@pytest.mark.parametrize("suffix", ["npy", "json", "jsonl", "csv", "parquet", "txt"])
def test_any_faulty_labels_file_gives_one_clear_error(
    tmp_path: Path, content: bytes, suffix: str
) -> None:
    (tmp_path / f"l.{suffix}").write_bytes(content)
    with pytest.raises(AlsimError):
        convert(tmp_path, tmp_path / f"l.{suffix}")


def test_a_label_column_missing_from_the_file_is_refused_with_the_nearest_name(
    tmp_path: Path,
) -> None:
    rows(tmp_path / "l.csv", [["id", "label"], *pairs()])
    with pytest.raises(UsageError, match="did you mean label"):
        convert(tmp_path, tmp_path / "l.csv", labels=("lable",))
    rows(tmp_path / "l.csv", [["id", "label"], *pairs()[:-1], pairs()[0]])
    np.save(tmp_path / "ids.npy", np.array(IDS))
    with pytest.raises(PoolError, match="the id 100 has two labels"):
        convert(tmp_path, tmp_path / "l.csv", tmp_path / "ids.npy")


def test_an_import_with_nearly_a_class_for_each_row_is_refused_unless_confirmed(
    tmp_path: Path,
) -> None:
    (tmp_path / "l.txt").write_text("\n".join(f"row {i}" for i in range(115)) + "\nx" * 5)
    with pytest.raises(PoolError, match="--unique-labels"):
        convert(tmp_path, tmp_path / "l.txt")
    table = convert(tmp_path, tmp_path / "l.txt", unique_labels=True)
    assert len(set(table.column("label").to_pylist())) == 116


def test_text_without_embeddings_is_refused_with_working_instructions_to_embed_it(
    tmp_path: Path,
) -> None:
    path = tmp_path / "posts.csv"
    rows(path, [["text", "label"], *([f"text {i}", LABELS[i]] for i in range(N))])
    with pytest.raises(PoolError, match="alsim needs embeddings") as caught:
        import_pool([path], ImportOptions())
    first, second, last = str(caught.value).splitlines()[-3:]
    assert "read_csv" in first
    assert "sentence_transformers" in second  # is not available: X replaces its output
    words = last.split()
    assert words[:4] == ["alsim", "pool", "import", "emb.npy"]
    table = convert(tmp_path, Path(words[words.index("--labels") + 1]))
    assert table.column("label").to_pylist() == LABELS
    write(make_table(text=pa.array(["x"] * 60), picture=None), tmp_path / "posts.parquet")
    with pytest.raises(PoolError, match=r"'text' is text[\s\S]*read_parquet"):
        load(tmp_path / "posts.parquet", tmp_path / "folder")


@pytest.mark.parametrize("show", [lambda row: json.dumps(row.tolist()), str])
def test_embeddings_stored_as_text_in_a_csv_are_read(
    tmp_path: Path, show: Callable[[Any], str]
) -> None:
    cells = [["emb", "label"], *([show(X[i]) if i % 5 else "", LABELS[i]] for i in range(N))]
    rows(tmp_path / "pool.csv", cells)
    table = import_pool([tmp_path / "pool.csv"], ImportOptions())
    found = table.column("emb").to_pylist()
    assert found[::5] == [None] * (N // 5)
    assert found[1] == pytest.approx(X[1].tolist(), rel=1e-5)


def test_python_objects_in_numpy_files_are_reported_with_a_working_remedy(tmp_path: Path) -> None:
    objects = np.array(LABELS, object)
    np.savez(tmp_path / "pool.npz", embeddings=X, labels=objects)
    with pytest.raises(
        PoolError, match=r"'labels' holds Python objects[\s\S]*labels\.astype\(str\)"
    ):
        import_pool([tmp_path / "pool.npz"], ImportOptions())
    np.savez(tmp_path / "pool.npz", embeddings=X, labels=objects.astype(str))
    table = import_pool([tmp_path / "pool.npz"], ImportOptions())
    assert table.column("labels").to_pylist() == LABELS
    np.save(tmp_path / "labels.npy", objects)
    with pytest.raises(PoolError, match=r"labels\.astype\(str\)"):
        convert(tmp_path, tmp_path / "labels.npy")


def test_an_import_writes_no_pool_that_check_refuses(tmp_path: Path) -> None:
    for column, match in (
        ({"id": pa.array([i / 2 for i in range(60)])}, "'id' holds double"),
        ({"label": pa.array([0.0, 1.0] * 30)}, "classes or targets"),
        ({"label": pa.array([["a", "b"]] * 60)}, "several labels a row"),
        ({"split": pa.array(["train", "fold"] * 30)}, "unknown values"),
    ):
        path = write(make_table(**column), tmp_path / "pool.parquet")
        with pytest.raises(PoolError, match=match):
            import_pool([path], ImportOptions())
    write(make_table(label=pa.array([0.0, 1.0] * 30)), path)
    table = import_pool([path], ImportOptions(label_type="class"))
    assert load(table, tmp_path / "folder").pool.tasks["label"].classes == ("0", "1")
