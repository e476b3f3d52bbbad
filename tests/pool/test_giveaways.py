from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pools import doors, make_table, write

from alsim.options.pool import PoolOptions
from alsim.pool.checking import check_pool
from alsim.pool.giveaways import _determines  # pyright: ignore[reportPrivateUsage]
from alsim.pool.source import open_source
from alsim.pool.splits import FreeValidation

N = 1200
RNG = np.random.default_rng(0)
CODES = RNG.integers(0, 4, N)
ONE_HOT = np.eye(4)[CODES]
NOISE = RNG.normal(size=(N, 16))
FLIPPED = np.where(RNG.random(N) < 0.03, (CODES + 1) % 4, CODES)
SAYS = "the modality 'text' nearly determines 'label'"


def pool(values: Any, codes: Any = CODES) -> pa.Table:
    rows = pa.array(list(np.asarray(values, np.float32)))
    return make_table(len(codes), text=rows, label=pa.array([f"class-{code}" for code in codes]))


@pytest.mark.parametrize(
    "values",
    [
        ONE_HOT,
        -3 * ONE_HOT + 1,
        np.eye(4)[FLIPPED],
        CODES[:, None],
        np.column_stack([NOISE, ONE_HOT]),
        np.column_stack([NOISE, CODES]),
        RNG.normal(size=(4, 64))[CODES],
        RNG.normal(size=(12, 8))[3 * CODES + RNG.integers(0, 3, N)],
    ],
    ids=[
        "one-hot",
        "scaled",
        "noisy",
        "code",
        "one-hot beside",
        "code beside",
        "means",
        "12 means",
    ],
)
def test_every_command_warns_of_a_modality_that_holds_the_label(
    tmp_path: Path, values: Any
) -> None:
    found = doors(write(pool(values), tmp_path / "pool.parquet"), tmp_path / "doors")
    for warnings in found.warnings():
        assert [warning.startswith(SAYS) for warning in warnings] == [True]


@pytest.mark.long
def test_a_one_hot_column_of_a_thousand_classes_gives_a_warning() -> None:
    codes = np.arange(9000) % 1000
    found = check_pool(
        open_source(pool(np.eye(1000)[codes], codes)), PoolOptions(), FreeValidation(9)
    )
    assert any(warning.startswith(SAYS) for warning in found.warnings)


@pytest.mark.parametrize(
    "values",
    [
        NOISE,
        10 * ONE_HOT + 0.01 * RNG.normal(size=(N, 4)),  # easy to predict from, but not a copy
        np.repeat(NOISE[: N // 5], 5, 0),
        np.ones((N, 3)),
        np.eye(4)[RNG.permutation(CODES)],
        np.eye(4)[np.where(RNG.random(N) < 0.3, RNG.permutation(CODES), CODES)],
        (NOISE > 0).astype(float),
        np.column_stack([NOISE, RNG.integers(0, 2, (N, 3))]),
    ],
    ids=["noise", "easy", "copies", "constant", "shuffled", "weak", "bits", "noise and bits"],
)
def test_other_modalities_give_no_warning(values: Any) -> None:
    found = check_pool(open_source(pool(values)), PoolOptions(), FreeValidation(10))
    assert not any("determines" in warning for warning in found.warnings)


def test_an_encoded_column_that_holds_the_label_gives_a_warning() -> None:
    table = pool(NOISE).append_column("tag", pa.array([f"t{code}" for code in CODES]))
    table = table.append_column("age", pa.array(RNG.integers(0, 99, N)))
    chosen = PoolOptions(features=("tag", "age"))
    found = check_pool(open_source(table), chosen, FreeValidation(10))
    (warning,) = found.warnings
    assert warning.startswith("the column 'tag' nearly determines 'label'")


@pytest.mark.long
@pytest.mark.parametrize(
    "name", ["fashion_image_text", "cifar10_sample", "clinc150_minilm", "mnist"]
)
def test_no_real_pool_gives_a_warning(shared_data: Callable[[str], Path], name: str) -> None:
    found = check_pool(open_source(shared_data(name)), PoolOptions(), FreeValidation(2000))
    assert not any("determines" in warning for warning in found.warnings)


def test_a_signalling_nan_in_a_file_raises_no_warning() -> None:
    values = np.ones((40, 2), np.float32)
    values.view(np.uint32)[3, 1] = 0x7F8406A8
    assert not _determines(values, np.arange(40) % 2)
