import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pools import embeddings, load, make_table, write

from alsim.errors import PoolError, UsageError
from alsim.options.pool import PoolOptions
from alsim.pool.loading import load_pool
from alsim.pool.mapping import open_mapped
from alsim.pool.pool import Pool
from alsim.pool.roles import Roles, write_roles
from alsim.pool.source import open_source
from alsim.pool.splits import FreeValidation
from alsim.seeding import stream


def assert_equal(a: Pool, b: Pool) -> None:
    assert list(a.modalities) == list(b.modalities)
    for name, tensor in a.modalities.items():
        assert torch.equal(tensor, b.modalities[name])
    assert torch.equal(a.present, b.present)
    assert a.tasks.keys() == b.tasks.keys()
    for name, task in a.tasks.items():
        assert task.classes == b.tasks[name].classes
        assert torch.equal(task.labels, b.tasks[name].labels)
    assert a.splits == b.splits
    assert a.ids.equals(b.ids)


def shuffled(table: pa.Table, seed: int = 0) -> pa.Table:
    return table.take(np.random.default_rng(seed).permutation(table.num_rows))


def test_rows_are_ordered_by_split_and_id_and_values_follow_them(tmp_path: Path) -> None:
    table = shuffled(make_table())
    pool = load(table, tmp_path / "pool", standardise="none").pool
    rows = {row["id"]: row for row in table.to_pylist()}
    ids = pool.ids.to_pylist()
    assert sorted(ids) == sorted(rows)
    for split, file_value in (("train", "train"), ("validation", "val"), ("test", "test")):
        members = [ids[row] for row in pool.splits[split]]
        assert members == sorted(id_ for id_, row in rows.items() if row["split"] == file_value)
    for position, id_ in enumerate(ids):
        text = rows[id_]["text"]
        expected = torch.zeros(4) if text is None else torch.tensor(text)
        assert torch.equal(pool.modalities["text"][position], expected)
        assert pool.present[position].tolist() == [text is not None, True]
        task = pool.tasks["label"]
        assert task.classes[int(task.labels[position])] == rows[id_]["label"]


@pytest.mark.long
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000), group=st.integers(1, 200), has_split=st.booleans())
def test_no_bit_depends_on_the_order_of_rows_or_on_row_groups(
    tmp_path_factory: pytest.TempPathFactory, seed: int, group: int, has_split: bool
) -> None:
    folder = tmp_path_factory.mktemp("order")
    table = make_table(120) if has_split else make_table(120, split=None)
    path = write(shuffled(table, seed), folder / "pool.parquet", row_group_size=group)
    masks = {"picture": 0.3}
    first = load(table, folder / "first", mask_modality=masks).pool
    assert_equal(first, load(path, folder / "second", mask_modality=masks).pool)


@pytest.mark.parametrize("fixed", [True, False])
@pytest.mark.parametrize("type_", [pa.float16(), pa.float32(), pa.float64(), pa.uint8()])
def test_values_under_nulls_and_in_slices_never_reach_the_pool(
    tmp_path: Path, type_: pa.DataType, fixed: bool
) -> None:
    whole = [None if i % 3 == 0 else [i, i + 1, 2 * i] for i in range(64)]
    lists = pa.list_(type_, 3) if fixed else pa.list_(type_)
    cast = np.float16 if pa.types.is_float16(type_) else int
    column = pa.array([row and [cast(x) for x in row] for row in whole], lists).slice(4, 60)
    pool = load(make_table(60, text=column, split=None), tmp_path / "pool", standardise="none").pool
    scale = 255 if pa.types.is_uint8(type_) else 1
    for position, id_ in enumerate(pool.ids.to_pylist()):
        row = whole[4 + int(id_.removeprefix("row-"))]
        expected = torch.tensor(row or [0, 0, 0], dtype=torch.float32) / scale
        assert torch.equal(pool.modalities["text"][position], expected)


def test_values_stored_under_null_rows_are_ignored(tmp_path: Path) -> None:
    values = pa.array(np.full(180, np.nan, np.float32))
    absent = np.ones(60, bool)
    absent[::2] = False
    values = pa.array(np.where(np.repeat(absent, 3), np.nan, 1.5).astype(np.float32))
    column = pa.FixedSizeListArray.from_arrays(values, 3, mask=pa.array(absent))
    pool = load(make_table(text=column), tmp_path / "pool", standardise="none").pool
    assert pool.modalities["text"].isfinite().all()
    assert pool.present[:, 0].sum() == 30


@pytest.mark.parametrize("standardise", ["auto", "all"])
def test_present_train_rows_are_standardised_by_embedding_or_with_all_by_column(
    tmp_path: Path, standardise: Any
) -> None:
    table = make_table(1200)
    raw = load(table, tmp_path / "raw", standardise="none").pool
    pool = load(table, tmp_path / "pool", standardise=standardise).pool
    train = slice(0, pool.splits["train"].stop)
    for index, name in enumerate(pool.modalities):
        present = pool.present[:, index]
        values, before = pool.modalities[name], raw.modalities[name].double()
        rows = before[train][present[train]]
        variances = rows.var(0, correction=0)
        scale = variances.sqrt() if standardise == "all" else variances.mean().sqrt()
        expected = (before - rows.mean(0)) / scale
        torch.testing.assert_close(values[present].double(), expected[present], rtol=0, atol=1e-5)
        assert (values[~present] == 0).all()


def test_a_constant_column_becomes_zero_rather_than_infinite(tmp_path: Path) -> None:
    column = pa.array([[0.1, float(i)] for i in range(60)], pa.list_(pa.float32()))
    pool = load(make_table(text=column), tmp_path / "pool").pool
    assert (pool.modalities["text"][:, 0] == 0).all()


def test_no_scaled_value_overflows_float32(tmp_path: Path) -> None:
    split = pa.array(["train"] * 59 + ["test"])
    # Nearly constant in train, and as large as possible in test.
    column = embeddings([[(i % 2) * 1e-25, 1e18] for i in range(59)] + [[-1.8e19, 1.8e19]])
    pool = load(make_table(text=column, split=split), tmp_path / "pool").pool
    assert pool.modalities["text"].isfinite().all()


def test_a_large_mean_does_not_distort_the_deviation(tmp_path: Path) -> None:
    column = pa.array([[1e5 + i % 2] for i in range(60)], pa.list_(pa.float64()))
    pool = load(make_table(text=column, picture=None), tmp_path / "pool").pool
    assert pool.modalities["text"].abs().max() < 2


def test_bytes_are_divided_by_255_where_nothing_is_standardised(tmp_path: Path) -> None:
    values = pa.array([[i, 255 - i] for i in range(60)], pa.list_(pa.uint8(), 2))
    pool = load(make_table(text=values), tmp_path / "pool", standardise="none").pool
    assert pool.modalities["text"].sum(1).tolist() == pytest.approx([1.0] * pool.n)


def test_an_embedding_in_eight_bits_equals_its_float_original_except_for_rounding(
    tmp_path: Path,
) -> None:
    floats = torch.randn(300, 16, generator=stream(0, "floats")).numpy()
    low, high = floats.min(), floats.max()
    coded = np.round((floats - low) / (high - low) * 255).astype(np.uint8)
    columns = {"floats": embeddings(list(floats)), "bytes": pa.array(list(coded))}
    original, found = (
        load(make_table(300, text=column), tmp_path / name).pool.modalities["text"]
        for name, column in columns.items()
    )
    # Rounding errors are uniform over a step, so their deviation is a step / √12.
    step = float(high - low) / 255 / float(floats.std())
    assert (original - found).std().item() == pytest.approx(step / 12**0.5, rel=0.1)


def test_a_direction_with_little_variance_keeps_little_variance(tmp_path: Path) -> None:
    spread = np.array([3.0, 1.0, 0.1], np.float32)
    values = torch.randn(300, 3, generator=stream(0, "pca")).numpy() * spread
    pool = load(make_table(300, text=embeddings(list(values))), tmp_path / "pool").pool
    found = pool.modalities["text"][: pool.splits["train"].stop]
    assert found.square().mean().item() == pytest.approx(1, rel=1e-5)
    assert (found.std(0) / found.std(0)[0]).tolist() == pytest.approx(spread / 3, rel=0.2)


@pytest.mark.parametrize("names", [("text", "clip"), ("text", "img_clip"), ("photo", "picture")])
def test_metadata_and_not_column_names_decide_what_is_a_picture(
    names: tuple[str, str], tmp_path: Path
) -> None:
    table = make_table().rename_columns({"text": names[0], "picture": names[1]})
    assert load(table, tmp_path / "bare").pool.pictures == ()
    roles = Roles(names, {"label": None}, None, "split", "id", pictures=names[1:])
    pool = load(write_roles(table, roles), tmp_path / "with-roles").pool
    assert pool.pictures == names[1:]
    options = PoolOptions(modality=names[:1])  # a picture that is not used is not listed
    source = open_source(write_roles(table, roles))
    (tmp_path / "one").mkdir()
    assert load_pool(source, options, tmp_path / "one", FreeValidation(10)).pool.pictures == ()


def masked_ids(table: pa.Table, folder: Path, name: str, **options: Any) -> set[str]:
    """Return the ids of the rows in which masking hid the modality `name`."""
    before = load(table, folder / "before", **{**options, "mask_modality": {}}).pool
    after = load(table, folder / "after", **options).pool
    column = list(after.modalities).index(name)
    gone = before.present[:, column] & ~after.present[:, column]
    assert (after.modalities[name][gone] == 0).all()
    return {before.ids[int(row)].as_py() for row in gone.nonzero()}


def test_masking_hides_a_share_of_the_present_rows_in_all_splits(tmp_path: Path) -> None:
    table = make_table(500)
    some, more = (
        masked_ids(table, tmp_path, "text", mask_modality={"text": p}) for p in (0.2, 0.5)
    )
    assert (len(some), len(more)) == (80, 200)  # of 400 present
    assert some < more
    split = dict(zip(*(table.column(name).to_pylist() for name in ("id", "split")), strict=True))
    assert {split[id_] for id_ in some} == {"train", "val", "test"}


def test_masking_one_modality_keeps_the_others_and_two_are_masked_independently(
    tmp_path: Path,
) -> None:
    table = make_table(500)
    assert not masked_ids(table, tmp_path, "picture", mask_modality={"text": 0.5})
    both = {"text": 0.5, "picture": 0.5}
    text, picture = (masked_ids(table, tmp_path, name, mask_modality=both) for name in both)
    # Of 200 rows without a text, half should lack a picture, with a deviation of 5.
    assert 70 < len(text & picture) < 130


def test_masking_does_not_depend_on_the_splits(tmp_path: Path) -> None:
    table = make_table(200, split=None)
    first, second = (
        masked_ids(table, tmp_path, "text", mask_modality={"text": 0.3}, split_seed=seed)
        for seed in (0, 5)
    )
    assert first == second


def test_rows_without_a_label_are_left_out_and_counted(tmp_path: Path) -> None:
    labels = [None if i % 10 == 0 else f"c{i % 3}" for i in range(60)]
    loaded = load(make_table(label=pa.array(labels)), tmp_path / "pool")
    assert loaded.report.n_unknown == 6
    assert loaded.pool.n == 54
    assert "6 rows without a label, left out" in loaded.report.notes


def test_a_second_label_column_keeps_its_unknown_rows(tmp_path: Path) -> None:
    other = pa.array([None if i % 2 else i % 3 for i in range(60)])
    pool = load(make_table(other=other), tmp_path / "pool", label=("label", "other")).pool
    assert list(pool.tasks) == ["label", "other"]
    assert pool.n == 60
    assert int((pool.tasks["other"].labels == -1).sum()) == 30


def test_without_a_validation_split_some_train_rows_become_one_at_no_cost(
    tmp_path: Path,
) -> None:
    split = pa.array(["train" if i < 50 else "test" for i in range(60)])
    loaded = load(make_table(split=split), tmp_path / "pool", initial_size=4)
    assert loaded.report.n_unpaid == len(loaded.pool.splits["validation"]) == 4
    assert len(loaded.pool.splits["train"]) == 46
    assert len(loaded.pool.splits["test"]) == 10


def test_without_a_split_column_a_fifth_is_test(tmp_path: Path) -> None:
    loaded = load(make_table(100, split=None), tmp_path / "pool", initial_size=100)
    assert {split: len(rows) for split, rows in loaded.pool.splits.items()} == {
        "train": 72,
        "validation": 8,
        "test": 20,
    }


def test_without_test_rows_the_test_split_is_empty_and_reported(tmp_path: Path) -> None:
    split = pa.array(["train" if i < 50 else "dev" for i in range(60)])
    loaded = load(make_table(split=split), tmp_path / "pool")
    assert len(loaded.pool.splits["test"]) == 0
    assert len(loaded.pool.splits["validation"]) == 10
    assert "no test rows: accuracy is measured on validation" in loaded.report.notes


def test_without_an_id_column_ids_are_row_numbers(tmp_path: Path) -> None:
    pool = load(make_table(id=None), tmp_path / "pool").pool
    assert pool.ids.type == pa.int64()
    assert sorted(pool.ids.to_pylist()) == list(range(60))


def test_a_row_without_any_modality_is_kept_and_counted(tmp_path: Path) -> None:
    picture = pa.array(
        [None if i == 5 else [1.0, float(i)] for i in range(60)], pa.list_(pa.float32(), 2)
    )
    loaded = load(make_table(picture=picture), tmp_path / "pool")
    assert loaded.report.n_empty == 1
    assert loaded.pool.n == 60


def test_a_class_only_outside_train_is_a_warning(tmp_path: Path) -> None:
    labels = ["a", "b"] * 30
    labels[4] = "stray"
    loaded = load(make_table(label=pa.array(labels)), tmp_path / "pool")
    assert "stray" in loaded.pool.tasks["label"].classes
    assert any("only outside train, so never learnt: stray" in w for w in loaded.report.warnings)


def test_the_first_fault_is_raised_and_the_others_are_counted(tmp_path: Path) -> None:
    table = make_table(id=pa.array(["x"] * 60), label=pa.array(["one"] * 60))
    with pytest.raises(PoolError, match=r"duplicate ids[^\n]*and 1 more: alsim pool check"):
        load(table, tmp_path / "pool")


@pytest.mark.parametrize(
    ("columns", "match"),
    [
        ({"label": None}, "no label column"),
        ({"label": pa.nulls(60, pa.string())}, "null in every row"),
        ({"label": pa.array(["a"] * 60)}, "a single class, 'a'"),
        ({"label": pa.array([float(i % 2) for i in range(60)])}, "classes or targets"),
        ({"label": pa.array([i / 7 for i in range(60)])}, "is a regression target"),
        ({"text": None, "picture": None}, "no embedding column"),
        ({"text": embeddings([[1.0]] * 59 + [[1.0, 2.0]])}, "ragged: 1 rows .* row 59 with 2"),
        ({"text": embeddings([[1.0]] * 58 + [[float("nan")], [float("inf")]])}, "2 NaN.* row 58"),
        ({"text": embeddings([[1.0]] * 59 + [[None]])}, "1 NaN, infinite or null.* row 59"),
        ({"text": embeddings([[1e300]] * 60, type_=pa.list_(pa.float64()))}, "60 NaN, infinite"),
        ({"text": embeddings([[1e10, 1e19, -1e20]] * 60)}, r"60 NaN, .*\(or beyond 1\.8e19\)"),
        ({"text": embeddings([None] * 60)}, "'text' is null or an empty list in every row"),
        ({"text": embeddings([[]] * 60)}, "'text' is null or an empty list in every row"),
        ({"split": pa.array(["train"] * 59 + ["fold-3"])}, "unknown values in 1 rows: 'fold-3'"),
        ({"split": pa.array(["test"] * 60)}, "no training rows"),
        ({"id": pa.array([0, 0, *range(2, 60)])}, "duplicate ids .* the first is 0"),
        ({"id": pa.array([None, *range(1, 60)])}, "null in 1 rows"),
        ({"id": pa.array([i / 2 for i in range(60)])}, "'id' holds double"),
    ],
)
def test_each_fault_is_one_clear_error(tmp_path: Path, columns: dict[str, Any], match: str) -> None:
    path = write(make_table(**columns), tmp_path / "pool.parquet", row_group_size=25)
    with pytest.raises(PoolError, match=match):
        load(path, tmp_path / "folder")


def test_a_pool_too_small_to_measure_on_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PoolError, match="no rows are left to measure on beside 2 to train on"):
        load(make_table(2, split=None), tmp_path / "pool")


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"label": ("lable",)}, "did you mean label"),
        ({"mask_modality": {"txt": 0.2}}, "did you mean text"),
        ({"mask_modality": {"label": 0.5}}, "--mask-modality 'label' is no modality in use"),
        (
            {"mask_modality": {"text": 0.5}, "modality": ("picture",)},
            "'text' is no modality in use",
        ),
        ({"mask_modality": {"text": 1.0}}, "≥ 0 and < 1"),
        ({"holdout": -0.1}, "held-out share is -0.1"),
    ],
)
def test_an_option_that_cannot_be_used_is_a_usage_error(
    tmp_path: Path, options: dict[str, Any], match: str
) -> None:
    with pytest.raises(UsageError, match=match):
        load(make_table(), tmp_path / "pool", **options)


def test_labels_local_to_a_task_are_refused_if_requested_and_give_a_warning_otherwise(
    tmp_path: Path,
) -> None:
    table = make_table(task=pa.array(["x", "y"] * 30))
    assert "'task' is not used" in load(table, tmp_path / "pool").report.warnings[0]
    with pytest.raises(PoolError, match="local to the tasks"):
        load(table, tmp_path / "pool", task="task")


@pytest.mark.process
def test_another_process_maps_the_same_pool_and_cannot_change_it(tmp_path: Path) -> None:
    pool = load(make_table(500), tmp_path / "pool", mask_modality={"text": 0.1}).pool
    assert_equal(pool, open_mapped(tmp_path / "pool"))
    script = (
        "import json, sys; from pathlib import Path; from alsim.pool.mapping import open_mapped;"
        "p = open_mapped(Path(sys.argv[1])); t = p.modalities['text'];"
        "print(json.dumps([t.double().sum().item(), p.present.sum().item(), p.ids.to_pylist()]));"
        "t.fill_(7.0)"
    )
    out = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "pool")],
        capture_output=True,
        text=True,
        check=True,
    )
    total, present, ids = json.loads(out.stdout)
    assert total == pool.modalities["text"].double().sum().item()
    assert present == pool.present.sum().item()
    assert ids == pool.ids.to_pylist()
    assert not (open_mapped(tmp_path / "pool").modalities["text"] == 7).any()


def test_a_folder_without_a_complete_pool_is_refused(tmp_path: Path) -> None:
    load(make_table(), tmp_path / "pool")
    (tmp_path / "pool" / "modality-0.f32").unlink()
    with pytest.raises(PoolError, match="no whole decoded pool"):
        open_mapped(tmp_path / "pool")


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "widths", "n_classes", "n_validation"),
    [
        ("mnist", {"image": 784}, 10, 2000),
        ("clinc150_minilm", {"text_emb": 384}, 151, 3100),
        ("fashion_image_text", {"image_emb": 256, "text_emb": 384}, 143, 2000),
    ],
)
def test_real_pools_load_to_the_values_that_pyarrow_reads(
    shared_data: Callable[[str], Path],
    tmp_path: Path,
    name: str,
    widths: dict[str, int],
    n_classes: int,
    n_validation: int,
) -> None:
    path = shared_data(name)
    loaded = load(path, tmp_path / "pool", initial_size=2000, standardise="none")
    pool = loaded.pool
    assert pool.widths == widths
    assert len(pool.tasks["label"].classes) == n_classes
    assert len(pool.splits["validation"]) == n_validation
    table = pq.read_table(path, columns=["id", "label", *widths])
    order = np.argsort(table.column("id").to_numpy())
    ours = np.argsort(pool.ids.to_numpy())
    task = pool.tasks["label"]
    labels = [task.classes[code] for code in task.labels.numpy()[ours]]
    assert labels == [str(label) for label in table.column("label").take(order).to_pylist()]
    for name_, tensor in pool.modalities.items():
        column = table.column(name_).take(order[:500]).to_pylist()
        scale = 255 if name == "mnist" else 1
        expected = [row if row is not None else [0] * widths[name_] for row in column]
        torch.testing.assert_close(
            tensor[torch.from_numpy(ours[:500])],
            torch.tensor(expected, dtype=torch.float32) / scale,
            rtol=0,
            atol=0,
        )


def test_an_initial_size_in_labels_sets_aside_as_many_validation_rows_as_one_in_objects(
    tmp_path: Path,
) -> None:
    twice = [None if i % 9 == 0 else f"sort-{i % 2}" for i in range(400)]
    height = [float(i) + 0.5 for i in range(400)]
    table = make_table(400, split=None, sort=pa.array(twice), height=pa.array(height))
    options = PoolOptions(label=("label", "sort", "height"), rows_kept="any")

    def splits(n: int, options: PoolOptions = options, **how: bool) -> str:
        folder = tmp_path / "pool"
        folder.mkdir(exist_ok=True)
        source = open_source(table)
        return load_pool(
            source, options, folder, FreeValidation(n, **how), several=True
        ).split_fingerprint

    assert splits(24, in_cells=True) == splits(12)  # two class labels for each object
    assert splits(23, in_cells=True) == splits(12)
    assert splits(24, in_cells=True) != splits(24)
    disjoint = PoolOptions(label=("label",), task="sort", rows_kept="any")
    assert splits(12, disjoint, in_cells=True) == splits(12, disjoint)
