"""Columns of numbers and categories as inputs, with an encoding fitted on train."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pools import load, make_table
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from alsim.errors import AlsimError
from alsim.options.pool import PoolOptions
from alsim.pool.checking import check_pool
from alsim.pool.roles import Roles, stored_roles, write_roles
from alsim.pool.source import open_source
from alsim.pool.splits import FreeValidation
from alsim.pool.summary import summarise

N = 60
SPLIT = ["train" if i % 3 else "test" for i in range(N)]
AGE = [float(i * i % 17) for i in range(N)]
TRADE = ["cook" if i % 3 == 0 and i % 2 else "baker" if i % 5 else "smith" for i in range(N)]


def people(**columns: Any) -> pa.Table:
    """Return a pool without embeddings; `cook` occurs only in test."""
    table = {
        "id": pa.array([f"row-{i:04d}" for i in range(N)]),
        "age": pa.array(AGE),
        "trade": pa.array(TRADE).dictionary_encode(),
        "label": pa.array(["ab"[i % 2] for i in range(N)]),
        "split": pa.array(SPLIT),
        **columns,
    }
    return pa.table({name: column for name, column in table.items() if column is not None})


def encoded(table: pa.Table, folder: Path, **options: Any) -> tuple[list[str], np.ndarray]:
    """Return the names of the encoded columns and their values, in the order of the file."""
    loaded = load(table, folder, initial_size=1, **{"features": ("age", "trade"), **options})
    names = [name for some in loaded.report.features.values() for name in some]
    values = loaded.pool.modalities["features"].numpy()
    order = np.argsort(loaded.pool.ids.to_numpy(zero_copy_only=False))
    train = loaded.pool.splits["train"]
    assert len(names) == values.shape[1] == loaded.pool.widths["features"]
    assert train.stop <= loaded.pool.n
    return names, values[order]


def with_validation(split: list[str]) -> "pa.Array[Any]":
    """Return splits with the last row as validation, so that no row is drawn from train."""
    return pa.array([*split[:-1], "val"])


def test_numbers_are_standardised_and_categories_one_hot_as_fitted_on_train(
    tmp_path: Path,
) -> None:
    names, values = encoded(people(split=with_validation(SPLIT)), tmp_path)
    assert names == ["age", "trade=baker", "trade=smith"]
    train = np.array([*SPLIT[:-1], "val"]) == "train"
    ages, trades = np.array(AGE)[:, None], np.array(TRADE)[:, None]
    scaler = StandardScaler().fit(ages[train])
    one_hot = OneHotEncoder(handle_unknown="ignore", sparse_output=False).fit(trades[train])
    expected = np.hstack([scaler.transform(ages), one_hot.transform(trades)])
    np.testing.assert_allclose(values, expected, rtol=0, atol=1e-6)
    assert (values[[i for i in range(N) if TRADE[i] == "cook"], 1:] == 0).all()


def test_null_becomes_zero_and_has_an_indicator_column_if_it_occurs_in_train(
    tmp_path: Path,
) -> None:
    split = with_validation(SPLIT)
    age = [None if i in (1, 3) else float("nan") if i == 4 else AGE[i] for i in range(N)]
    rank = [None if i == 3 else i for i in range(N)]  # row 3 is test
    trade = [None if i in (1, 3) else TRADE[i] for i in range(N)]
    table = people(age=pa.array(age), trade=pa.array(trade), rank=pa.array(rank), split=split)
    names, values = encoded(table, tmp_path, features=("age", "trade", "rank"))
    assert names == ["age", "age is null", "trade=baker", "trade=smith", "trade is null", "rank"]
    np.testing.assert_array_equal(values[[1, 3, 4], 0], 0)
    assert np.flatnonzero(values[:, 1]).tolist() == [1, 3, 4]
    assert np.flatnonzero(values[:, 4]).tolist() == [1, 3]
    assert (values[[1, 3], 2:4] == 0).all()
    known = [AGE[i] for i in range(N - 1) if i % 3 and i not in (1, 4)]
    expected = (AGE[2] - np.mean(known)) / np.std(known)
    assert values[2, 0] == pytest.approx(expected, abs=1e-6)
    assert values[3, 5] == 0


@pytest.mark.long
@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(st.sampled_from([None, "a", "b", "é", ""]), st.sampled_from(["train", "test"])),
        min_size=8,
        max_size=30,
    )
)
def test_one_hot_columns_equal_a_loop_over_the_rows(
    tmp_path_factory: pytest.TempPathFactory, cells: list[tuple[str | None, str]]
) -> None:
    values, split = map(list, zip(*cells, strict=True))
    n = len(cells)
    split[:3] = ["train", "train", "val"]
    values[0] = "z"
    table = pa.table(
        {"id": pa.array(range(n)), "trade": pa.array(values), "split": pa.array(split),
         "label": pa.array([i % 2 for i in range(n)])}
    )  # fmt: skip
    folder = tmp_path_factory.getbasetemp() / "loop"
    names, found = encoded(table, folder, features=("trade",))
    trained = {value for value, part in zip(values, split, strict=True) if part == "train"}
    seen: list[str | None] = sorted(value for value in trained if value is not None)
    seen += [None] if None in trained else []
    assert names == ["trade is null" if value is None else f"trade={value}" for value in seen]
    expected = [[float(value == column) for column in seen] for value in values]
    assert found.tolist() == expected


def test_booleans_and_dictionaries_are_categories_and_integers_are_numbers(
    tmp_path: Path,
) -> None:
    table = people(
        member=pa.array([i % 2 == 0 for i in range(N)]),
        code=pa.array([(i % 3 + 9) for i in range(N)]).dictionary_encode(),
        year=pa.array([94 + i % 2 for i in range(N)], pa.int16()),
        split=pa.array(["train"] * 40 + ["val"] * 20),
    )
    names, values = encoded(table, tmp_path, features=("member", "code", "year"))
    assert names == ["member=False", "member=True", "code=9", "code=10", "code=11", "year"]
    assert set(values[:, 5].tolist()) == {-1.0, 1.0}


@pytest.mark.parametrize(
    ("standardise", "age", "trade"),
    [("auto", True, False), ("all", True, True), ("none", False, False)],
)
def test_standardising_can_be_switched_off_or_extended_to_one_hot_columns(
    tmp_path: Path, standardise: Any, age: bool, trade: bool
) -> None:
    split = with_validation(["train"] * N)
    _, values = encoded(people(split=split), tmp_path, standardise=standardise)
    train = values[:-1]
    assert bool(abs(train[:, 0].std() - 1) < 1e-5) is age
    assert bool(abs(train[:, 1].std() - 1) < 1e-5) is trade
    if not age:
        assert values[:, 0].tolist() == AGE


def test_features_can_be_combined_with_embeddings_and_masked(tmp_path: Path) -> None:
    table = make_table(age=pa.array(AGE), trade=pa.array(TRADE))
    options: dict[str, Any] = {"features": ("age", "trade"), "mask_modality": {"features": 0.5}}
    loaded = load(table, tmp_path, **options)
    pool = loaded.pool
    assert list(pool.modalities) == ["text", "picture", "features"]
    absent = ~pool.present[:, 2]
    assert absent.sum() == 30
    assert (pool.modalities["features"][absent] == 0).all()
    train = slice(0, pool.splits["train"].stop)
    ages = pool.modalities["features"][train, 0][~absent[train]]
    assert ages.mean().item() == pytest.approx(0, abs=1e-6)
    assert ages.std(correction=0).item() == pytest.approx(1, abs=1e-6)
    alone = load(table, tmp_path, features=("age",), modality=("text",)).pool
    assert list(alone.modalities) == ["text", "features"]


def test_every_cell_of_the_source_columns_affects_the_fingerprint_but_splits_do_not(
    tmp_path: Path,
) -> None:
    features = ("age", "trade")

    def print_of(table: pa.Table, **options: Any) -> str:
        return load(table, tmp_path, **{"features": features, **options}).fingerprint

    table = people(split=None)
    ages, trades = [*AGE], [*TRADE]
    ages[7] += 0.5
    trades[7] = "smith" if TRADE[7] == "baker" else "baker"
    shuffled = table.take(np.random.default_rng(0).permutation(N))
    plain = people(trade=pa.array(TRADE), split=None)
    first = print_of(table)
    assert print_of(shuffled) == print_of(plain) == first
    assert (
        print_of(table, split_seed=4) == print_of(table, mask_modality={"features": 0.2}) == first
    )
    others = {
        print_of(people(age=pa.array(ages), split=None)),
        print_of(people(age=pa.array([None, *AGE[1:]]), split=None)),
        print_of(people(trade=pa.array(trades), split=None)),
        print_of(table, features=("trade", "age")),
        print_of(table, features=("age",)),
    }
    assert len(others | {first}) == 6


@pytest.mark.parametrize(
    ("columns", "features", "match"),
    [
        ({}, ("agee",), "no column 'agee' for --features"),
        ({}, ("label",), "'label' cannot be an input: it is a label"),
        ({}, ("split",), "'split' cannot be an input"),
        ({"emb": pa.array([[1.0]] * N)}, ("emb",), "'emb' holds embeddings"),
        ({"features": pa.array([[1.0]] * N)}, ("age",), "has the name that encoded columns get"),
        ({"day": pa.array([0] * N, pa.date32())}, ("day",), "'day' holds date32"),
        ({"name": pa.array([f"n{i}" for i in range(N)])}, ("name", "day"), "no column 'day'"),
        ({"wage": pa.array([1e300] * N)}, ("wage",), r"60 infinite values .* first is row 1\b"),
        ({"wage": pa.array([1.0 if s == "test" else None for s in SPLIT])}, ("wage",), "null in"),
        ({"wage": pa.nulls(N)}, ("wage",), "'wage' holds null"),
    ],
)
def test_a_column_that_cannot_be_an_input_is_one_clear_error(
    tmp_path: Path, columns: dict[str, Any], features: tuple[str, ...], match: str
) -> None:
    with pytest.raises(AlsimError, match=match):
        load(people(**columns), tmp_path, features=features)


def test_text_with_very_many_values_is_not_a_category(tmp_path: Path) -> None:
    table = make_table(2000, name=pa.array([f"name {i}" for i in range(2000)]))
    with pytest.raises(AlsimError, match=r"'name' has 1,\d+ values, more than 1,000"):
        load(table, tmp_path, features=("name",))


def test_all_faults_of_features_are_reported_at_once() -> None:
    table = people(day=pa.array([0] * N, pa.date32()), wage=pa.array([1e300] * N))
    options = PoolOptions(features=("age", "day", "wage", "label", "nothing"))
    found = check_pool(open_source(table), options, FreeValidation(4))
    whats = "\n".join(fault.args[0] for fault in found.faults)
    for part in ("'nothing'", "'label' cannot be", "'day' holds", "'wage' has 60 infinite"):
        assert part in whats
    assert len(found.faults) == 4


def test_roles_in_the_metadata_name_features_and_flags_override_them(tmp_path: Path) -> None:
    roles = Roles((), {"label": "class"}, None, "split", "id", ("age", "trade"))
    table = write_roles(people(), roles)
    assert stored_roles(table.schema, "here") == roles
    assert list(load(table, tmp_path).report.features) == ["age", "trade"]
    assert list(load(table, tmp_path, features=("age",)).report.features) == ["age"]
    loaded = load(table, tmp_path, label=("trade",))
    assert list(loaded.report.features) == ["age"]
    assert any("'trade' is no input here" in note for note in loaded.report.notes)


def test_the_modality_features_selects_the_encoded_columns_and_another_leaves_them_out(
    tmp_path: Path,
) -> None:
    table = make_table(age=pa.array(AGE))
    roles = Roles(("text", "picture"), {"label": "class"}, None, "split", "id", ("age",))
    table = write_roles(table, roles)
    for wanted, expected in (
        ((), ["text", "picture", "features"]),
        (("text",), ["text"]),
        (("features",), ["features"]),
        (("picture", "features"), ["picture", "features"]),
    ):
        assert list(load(table, tmp_path, modality=wanted).pool.modalities) == expected


def test_a_summary_names_the_encoded_columns(tmp_path: Path) -> None:
    table = people(split=with_validation(SPLIT))
    summary = summarise(
        open_source(table), PoolOptions(features=("age", "trade")), FreeValidation(1)
    )
    names = [feature.columns for feature in summary.features]
    assert names == [("age",), ("trade=baker", "trade=smith")]
    assert summary.modalities[-1].width == 3
    assert summary.memory_bytes == 3 * 4 * N
    assert not summary.other_columns
    assert not summary.faults
    pool = load(table, tmp_path, features=("age", "trade")).pool
    assert torch.is_floating_point(pool.modalities["features"])
