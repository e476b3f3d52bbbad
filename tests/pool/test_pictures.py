"""Pixels are distinguished from embeddings in eight bits, for any width and name."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from sklearn.datasets import load_digits

from alsim.pool.pictures import Picture, picture_in
from alsim.pool.source import open_source

RNG = np.random.default_rng(0)


def column(values: NDArray[np.uint8]) -> pa.Table:
    rows = values.reshape(len(values), -1)
    return pa.table({"x": pa.array(list(rows), pa.list_(pa.uint8(), rows.shape[1]))})


def in_bytes(values: NDArray[np.float64]) -> NDArray[np.uint8]:
    low, high = values.min(), values.max()
    return np.round((values - low) / (high - low) * 255).astype(np.uint8)


def clouds(n: int, side: int, channels: int) -> NDArray[np.uint8]:
    """Return smooth random pictures, `(n, side, side, channels)`."""
    noise = RNG.normal(size=(n, side, side, channels))
    return in_bytes(gaussian_filter(noise, (0, 3, 3, 0)))


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_smooth_squares_are_pictures_in_either_layout(channels: int) -> None:
    pictures = clouds(100, 16, channels)
    assert picture_in(open_source(column(pictures)), "x") == Picture(16, channels)
    planes = column(np.moveaxis(pictures, -1, 1))
    assert picture_in(open_source(planes), "x") == Picture(16, channels)


def test_digits_of_8_by_8_are_pictures() -> None:
    digits = load_digits().images.astype(np.uint8)
    assert picture_in(open_source(column(digits)), "x") == Picture(8, 1)


@pytest.mark.parametrize("width", [64, 256, 768, 784, 1024, 3072])
def test_embeddings_in_eight_bits_of_square_width_are_not_pictures(width: int) -> None:
    mixing = RNG.normal(size=(24, width))
    values = in_bytes(np.tanh(RNG.normal(size=(200, 24)) @ mixing / 5))
    assert picture_in(open_source(column(values)), "x") is None
    values[:, RNG.permutation(width)[: width // 3]] = 0  # also with many zeros
    assert picture_in(open_source(column(values)), "x") is None
    # Like the output of a PCA.
    falling = in_bytes(RNG.normal(size=(200, width)) * np.linspace(3, 0.1, width))
    assert picture_in(open_source(column(falling)), "x") is None


def test_repeated_pictures_blank_pictures_and_columns_without_rows_can_be_judged() -> None:
    blank = np.zeros((50, 64), np.uint8)
    assert picture_in(open_source(column(blank)), "x") is None
    assert picture_in(open_source(column(np.repeat(clouds(1, 16, 1), 50, 0))), "x") is not None
    absent = pa.table({"x": pa.nulls(5, pa.list_(pa.uint8(), 64))})
    assert picture_in(open_source(absent), "x") is None


@pytest.mark.long
@pytest.mark.parametrize(
    ("pool", "column", "picture"),
    [
        ("mnist", "image", Picture(28, 1)),
        ("cifar10_sample", "image", Picture(32, 3)),
        ("cifar10_sample", "image_emb", None),
    ],
)
def test_real_pictures_are_recognised(
    pool: str, column: str, picture: Picture | None, shared_data: Callable[[str], Path]
) -> None:
    assert picture_in(open_source(shared_data(pool)), column) == picture
