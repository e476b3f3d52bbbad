from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pools import make_table
from scipy import stats

from alsim.errors import PoolError
from alsim.options.faults import Faults
from alsim.options.pool import PoolOptions
from alsim.pool.checking import check_pool
from alsim.pool.source import open_source
from alsim.pool.splits import (
    UNUSED,
    FreeValidation,
    PaidValidation,
    draw_validation,
    hold_out_test,
    hold_out_validation,
    read_splits,
    stratified,
)
from alsim.shuffling import twister


@given(
    st.lists(st.integers(0, 6), min_size=1, max_size=200),
    st.integers(0, 200),
    st.integers(0, 10),
)
def test_a_stratified_sample_leaves_every_class_a_row(
    codes: list[int], size: int, seed: int
) -> None:
    rows = stratified(np.array(codes), min(size, len(codes)), twister(seed, "test"))
    assert len(set(rows.tolist())) == len(rows) <= size
    assert rows.tolist() == sorted(rows.tolist())
    left = Counter(codes)
    left.subtract(Counter(codes[row] for row in rows))
    assert min(left.values()) >= 1


@given(st.integers(1, 90), st.integers(0, 5))
def test_a_stratified_sample_is_proportional_to_within_a_row(size: int, seed: int) -> None:
    codes = np.repeat([0, 1, 2], [200, 80, 20])
    rows = stratified(codes, size, twister(seed, "test"))
    assert len(rows) == size
    for code, n in enumerate((200, 80, 20)):
        assert abs((codes[rows] == code).sum() - size * n / 300) < 1


def test_every_row_of_a_class_is_drawn_equally_often() -> None:
    codes = np.repeat([0, 1], [40, 10])
    n_draws = 500
    counts = np.zeros(50)
    for seed in range(n_draws):
        counts[stratified(codes, 10, twister(seed, "test"))] += 1
    # Each of 40 rows is one of 8 drawn, each of 10 one of 2: p = 0.2. Five sigmas for 50 rows.
    assert np.abs(counts - 0.2 * n_draws).max() < 5 * (0.16 * n_draws) ** 0.5


def test_synonyms_are_understood_in_any_case() -> None:
    values = pa.chunked_array([["train", "VAL", "dev", "valid", "eval", "validation", " Test "]])
    splits = read_splits(values, "split", "here", faults := Faults())
    assert splits.tolist() == [0, 1, 1, 1, 1, 1, 2]
    assert not faults.kept


def test_unknown_split_values_are_counted_and_named() -> None:
    values = pa.chunked_array([pa.array(["train", "holdout", None, "holdout"])])
    splits = read_splits(values, "split", "here", faults := Faults())
    assert splits.tolist() == [0, -1, -1, -1]
    (fault,) = faults.kept
    assert isinstance(fault, PoolError)
    assert "3 rows: 'holdout', None" in fault.args[0]


def test_splits_that_are_not_strings_are_one_fault() -> None:
    for values in (pa.array([0, 1]), pa.array([["train"], ["test"]])):
        splits = read_splits(pa.chunked_array([values]), "split", "here", faults := Faults())
        assert splits.tolist() == [-1, -1]
        (fault,) = faults.kept
        assert f"'split' holds {values.type}" in fault.args[0]


def test_a_fifth_of_each_class_is_held_out_and_a_lone_row_stays_in_train() -> None:
    codes = np.array([0] * 50 + [1] * 10 + [2])
    splits = hold_out_test(codes, 0.2, seed=0)
    assert (splits[:50] == 2).sum() == 10
    assert (splits[50:60] == 2).sum() == 2
    assert splits[60] == 0


def test_validation_is_a_tenth_of_train_and_at_most_the_initial_size() -> None:
    codes = np.zeros(1000, np.int64)
    splits = np.repeat(np.array([0, 2], np.int8), [800, 200])
    for initial_size, expected in ((2000, 80), (50, 50)):
        drawn = hold_out_validation(codes, splits, initial_size, seed=0)
        assert (drawn == 1).sum() == expected
        assert (drawn[800:] == 2).all()


def test_only_the_split_seed_changes_the_draw() -> None:
    codes = np.arange(300) % 3
    assert (hold_out_test(codes, 0.2, 0) == hold_out_test(codes, 0.2, 0)).all()
    assert (hold_out_test(codes, 0.2, 0) != hold_out_test(codes, 0.2, 1)).any()


def test_the_share_is_taken_of_rows_whose_class_has_another_row() -> None:
    codes = np.concatenate([np.arange(600), 600 + np.arange(400) % 4])
    splits = hold_out_test(codes, 0.2, seed=0)
    assert np.bincount(codes[splits == 2])[600:].tolist() == [20] * 4
    drawn = hold_out_validation(codes, splits, 2000, seed=0)
    assert np.bincount(codes[drawn == 1])[600:].tolist() == [8] * 4


@pytest.mark.long
@given(st.lists(st.integers(2, 9), min_size=2, max_size=9), st.integers(1, 60))
def test_without_classes_of_one_row_the_share_is_taken_of_all_rows(
    counts: list[int], initial_size: int
) -> None:
    codes = np.repeat(np.arange(len(counts)), counts)
    splits = hold_out_test(codes, 0.2, seed=0)
    rows = stratified(codes, round(0.2 * len(codes)), twister(0, "pool", "test"))
    assert np.flatnonzero(splits).tolist() == rows.tolist()
    train = np.flatnonzero(splits == 0)
    size = min(int(0.1 * len(train)), initial_size)
    drawn = hold_out_validation(codes, splits, initial_size, seed=0)
    rows = stratified(codes[train], size, twister(0, "pool", "validation"))
    assert np.flatnonzero(drawn == 1).tolist() == train[rows].tolist()


@pytest.mark.long
@pytest.mark.parametrize(
    ("labels", "warnings"),
    [
        (
            [f"rare{i:04d}" for i in range(600)] + list("ABCD") * 100,
            ["test holds 4 of 604 classes of 'label'"],
        ),
        (
            [f"r{i:04d}" for i in range(990)] + ["A"] * 10,
            [
                "test holds 1 of 991 classes of 'label'",
                "test holds 2 rows: too few to compare strategies by accuracy",
            ],
        ),
        (list("ABCD") * 100, []),
    ],
)
def test_a_test_split_with_few_rows_or_classes_is_a_warning(
    labels: list[str], warnings: list[str]
) -> None:
    table = make_table(len(labels), label=pa.array(labels), split=None)
    found = check_pool(open_source(table), PoolOptions(), FreeValidation(60))
    assert [each for each in found.warnings if "test holds" in each] == warnings


def draw(splits: list[int], size: int, seed: int, labelled: set[int] = frozenset()) -> list[int]:  # pyright: ignore[reportArgumentType]
    """Return the splits after `size` validation rows are drawn, and 3 for unused ones."""
    mine = PaidValidation(lambda answers, rows, is_given: size)
    is_labelled = np.array([i in labelled for i in range(len(splits))])
    rows = np.arange(len(splits))
    return draw_validation(
        mine, (), rows, np.array(splits, np.int8), is_labelled, seed
    ).tolist()  # fmt: skip


def test_validation_labels_to_pay_for_are_drawn_from_the_split_and_its_others_are_unused() -> None:
    drawn = draw([0] * 20 + [1] * 10 + [2] * 5, 4, seed=0)
    assert drawn[:20] == [0] * 20
    assert sorted(drawn[20:30]) == [1] * 4 + [UNUSED] * 6
    assert drawn[30:] == [2] * 5


def test_without_a_split_they_are_drawn_from_train_and_never_from_labels_one_has() -> None:
    drawn = draw([0] * 20 + [2] * 5, 15, seed=0, labelled=set(range(5)))
    assert drawn == [0] * 5 + [1] * 15 + [2] * 5


@pytest.mark.parametrize("splits", [[0] * 12, [0] * 3 + [1] * 12])
def test_each_row_and_each_pair_is_drawn_as_often_as_any_other(splits: list[int]) -> None:
    # By chance: a sample without replacement, whatever the classes are.
    n_draws, rows, size = 4000, 12, 3
    drawn = np.array([draw(splits, size, seed) for seed in range(n_draws)])[:, -rows:] == 1
    assert (drawn.sum(1) == size).all()
    p = size / rows
    z = (drawn.mean(0) - p) / np.sqrt(p * (1 - p) / n_draws)
    assert (z**2).sum() < stats.chi2.isf(1e-4, rows - 1) * rows / (rows - 1)
    together = (drawn.T.astype(int) @ drawn)[np.triu_indices(rows, 1)] / n_draws
    p = size * (size - 1) / (rows * (rows - 1))
    assert np.abs(together - p).max() < 5 * np.sqrt(p * (1 - p) / n_draws)
