from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pools import embeddings, load, make_table, write


def shuffled(table: pa.Table, seed: int = 0) -> pa.Table:
    return table.take(np.random.default_rng(seed).permutation(table.num_rows))


def put(table: pa.Table, name: str, column: "pa.Array[Any]") -> pa.Table:
    return table.set_column(table.column_names.index(name), name, column)


def changed(table: pa.Table, name: str, row: int, value: Any) -> pa.Table:
    values = table.column(name).to_pylist()
    values[row] = value
    return put(table, name, pa.array(values, table.schema.field(name).type))


def print_of(pool: pa.Table | Path, folder: Path, **options: Any) -> str:
    return load(pool, folder, **options).fingerprint


@pytest.mark.parametrize("split", ["split", None])
def test_shuffling_recompressing_regrouping_and_renaming_keep_the_fingerprint(
    tmp_path: Path, split: str | None
) -> None:
    table = make_table(200) if split else make_table(200, split=None)
    a = write(table, tmp_path / "a.parquet", compression="zstd")
    b = write(shuffled(table), tmp_path / "b.parquet", compression="none", row_group_size=30)
    first, second = (load(path, tmp_path / path.stem) for path in (a, b))
    assert first.fingerprint == second.fingerprint
    assert first.split_fingerprint == second.split_fingerprint
    assert len(first.fingerprint) == len(first.split_fingerprint) == 32
    assert first.fingerprint != first.split_fingerprint


@pytest.mark.parametrize("split", ["given", "drawn"])
def test_options_do_not_change_the_fingerprint(tmp_path: Path, split: str) -> None:
    table = make_table(200) if split == "given" else make_table(200, split=None)
    options: list[dict[str, Any]] = [
        {},
        {"mask_modality": {"text": 0.5}},
        {"standardise": "none"},
        {"initial_size": 3},
        {"split_seed": 5, "holdout": 0.4},
    ]
    loaded = [load(table, tmp_path / "pool", **some) for some in options]
    assert len({one.fingerprint for one in loaded}) == 1
    # Masks and scales move no row; a drawn split depends on the initial size and its own seed.
    assert len({one.split_fingerprint for one in loaded[:3]}) == 1
    assert len({one.split_fingerprint for one in loaded}) == (1 if split == "given" else 3)


def test_columns_without_a_role_and_rows_without_a_label_do_not_affect_the_fingerprint(
    tmp_path: Path,
) -> None:
    table = changed(make_table(), "label", 7, None)
    other = changed(table, "text", 7, [9.0] * 4).append_column("note", pa.array(["x"] * 60))
    assert print_of(table, tmp_path / "a") == print_of(other, tmp_path / "b")


@pytest.mark.parametrize(
    ("name", "row", "value"),
    [
        ("text", 1, [0.0, 0.0, 0.0, 1e-45]),
        ("text", 1, [0.0, 0.0, 0.0, -0.0]),
        ("text", 1, None),
        ("text", 0, [0.0, 0.0, 0.0, 0.0]),  # absent before: the same zeros, now present
        ("label", 1, "class-2"),
        ("label", 1, None),
        ("id", 1, "row-0001x"),
        ("split", 1, "val"),
    ],
)
def test_any_change_of_content_changes_the_fingerprint(
    tmp_path: Path, name: str, row: int, value: Any
) -> None:
    table = changed(make_table(), "text", 1, [0.0, 0.0, 0.0, 0.0])
    other = changed(table, name, row, value)
    assert print_of(table, tmp_path / "a") != print_of(other, tmp_path / "b")


@pytest.mark.long
@settings(max_examples=25)
@given(st.integers(0, 59), st.integers(0, 2), st.integers(0, 31))
def test_each_bit_of_an_embedding_affects_the_fingerprint(
    tmp_path_factory: pytest.TempPathFactory, row: int, column: int, bit: int
) -> None:
    values = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)
    flipped = values.copy()
    flipped.view(np.uint32)[row, column] ^= np.uint32(1 << bit)
    with np.errstate(all="ignore"):
        assume(bool(np.isfinite(np.square(flipped)).all()))  # others are refused
    folder = tmp_path_factory.mktemp("bit")
    prints = [
        print_of(make_table(picture=pa.array(list(some), pa.list_(pa.float32(), 3))), folder)
        for some in (values, flipped)
    ]
    assert prints[0] != prints[1]


def test_names_kinds_and_the_order_of_modalities_affect_the_fingerprint(tmp_path: Path) -> None:
    table = make_table(other=pa.array([i % 2 for i in range(60)]))
    renamed = {
        name: table.rename_columns({name: f"{name}s"}) for name in ("text", "label", "split", "id")
    }
    classes = pa.array([f"{name}!" for name in table.column("label").to_pylist()])
    pixels = pa.array([[i, 255 - i] for i in range(60)], pa.list_(pa.uint8(), 2))
    scaled = np.array(pixels.to_pylist(), np.float32) / np.float32(255)
    floats = pa.array(scaled.tolist(), pa.list_(pa.float32(), 2))
    prints = [
        print_of(pool, tmp_path / "pool", **options)
        for pool, options in [
            (table, {}),
            (renamed["text"], {}),
            (renamed["label"], {"label": ("labels",)}),
            (renamed["split"], {}),  # without the role its splits are drawn
            (renamed["id"], {}),
            (put(table, "label", classes), {}),
            (table, {"label": ("other",)}),
            (table, {"label": ("label", "other")}),
            (table, {"modality": ("picture", "text")}),
            (table, {"modality": ("text",)}),
            (put(table, "id", pa.array(range(1, 61))), {}),
            (put(table, "id", pa.array([f"{i:02d}" for i in range(60)])), {}),
            (put(table, "text", pixels), {}),
            (put(table, "text", floats), {}),  # the same values before standardising
        ]
    ]
    assert len(set(prints)) == len(prints)


def test_ids_are_hashed_with_their_boundaries(tmp_path: Path) -> None:
    names = [f"z{i:02d}" for i in range(58)]
    prints = {
        print_of(make_table(id=pa.array([*pair, *names])), tmp_path / "pool")
        for pair in (("a", "bc"), ("ab", "c"), ('a", "b', "c"))
    }
    assert len(prints) == 3


@pytest.mark.long
def test_a_pool_of_several_chunks_is_hashed_to_the_ends_of_each(tmp_path: Path) -> None:
    width, n = 2048, 700  # chunks of 4 MiB: rows 0 to 511, and the others
    values = np.random.default_rng(0).normal(size=(n, width)).astype(np.float32)

    def table(array: Any) -> pa.Table:
        column = pa.FixedSizeListArray.from_arrays(pa.array(array.ravel()), width)
        return make_table(n, picture=column, text=None)

    first = print_of(table(values), tmp_path / "pool")
    assert print_of(shuffled(table(values)), tmp_path / "pool") == first
    for row in (0, 511, 512, 699):
        other = values.copy()
        other[row, -1] += 1
        assert print_of(table(other), tmp_path / "pool") != first


def test_swapping_two_rows_between_splits_changes_both_fingerprints(tmp_path: Path) -> None:
    column = ["train", "test"] * 30
    swapped = ["test", "train", *column[2:]]
    first, second = (load(make_table(split=pa.array(c)), tmp_path) for c in (column, swapped))
    assert first.split_fingerprint != second.split_fingerprint
    assert first.fingerprint != second.fingerprint


def test_the_split_fingerprint_does_not_depend_on_the_content_of_rows(tmp_path: Path) -> None:
    first = load(make_table(), tmp_path)
    second = load(make_table(text=embeddings([[0.5]] * 60)), tmp_path)
    assert first.split_fingerprint == second.split_fingerprint
    assert first.fingerprint != second.fingerprint
