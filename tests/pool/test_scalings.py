"""The report of how loading a pool computes its inputs from the values of the file."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from alsim.options.pool import PoolOptions, Standardise
from alsim.pool.loading import load_pool
from alsim.pool.source import open_source
from alsim.pool.splits import FreeValidation
from alsim.pool.standardising import Scaling

N = 40
RNG = np.random.default_rng(1)
X = RNG.normal(5, 3, (N, 3)).astype(np.float32)
PIXELS = RNG.integers(0, 256, (N, 4)).astype(np.uint8)
AGE = [None if i % 5 == 0 else float(20 + i) for i in range(N)]
SEX = [None if i % 9 == 0 else "f" if i % 2 else "m" for i in range(N)]
POOL = pa.table(
    {
        "x": pa.array(list(X), pa.list_(pa.float32())),
        "pixels": pa.array(list(PIXELS), pa.list_(pa.uint8())),
        "age": AGE,
        "sex": SEX,
        "label": [f"c{i % 2}" for i in range(N)],
        "split": ["train" if i % 4 else "test" for i in range(N)],
    }
)


@pytest.mark.parametrize("standardise", ["auto", "all", "none"])
def test_each_input_is_the_value_of_the_file_with_the_reported_mean_and_scale(
    standardise: Standardise, tmp_path: Path
) -> None:
    options = PoolOptions(
        modality=("x", "pixels", "features"), features=("age", "sex"), standardise=standardise
    )
    loaded = load_pool(open_source(POOL), options, tmp_path, FreeValidation(8))
    names = [name for columns in loaded.report.features.values() for name in columns]
    assert names == ["age", "age is null", "sex=f", "sex=m", "sex is null"]
    scalings = loaded.report.scalings
    assert list(scalings) == ["x", "pixels", "features"]
    # By hand; a null number becomes the mean of the others.
    mean = scalings["features"].mean[0] if standardise != "none" else 0.0
    columns = [
        [mean if a is None else a for a in AGE], [a is None for a in AGE],
        [s == "f" for s in SEX], [s == "m" for s in SEX], [s is None for s in SEX],
    ]  # fmt: skip
    raw = {"x": X, "pixels": PIXELS, "features": np.array(columns, np.float64).T}
    rows = [int(str(id_)) for id_ in loaded.pool.ids.to_pylist()]
    for name, values in raw.items():
        scaling = scalings[name]
        made = (values[rows].astype(np.float64) - scaling.mean) * scaling.scale
        found = loaded.pool.modalities[name].numpy()
        np.testing.assert_allclose(found, made, rtol=1e-5, atol=1e-5)
    assert np.unique(scalings["pixels"].scale).size == (4 if standardise == "all" else 1)


def test_two_scalings_in_a_row_are_one_scaling() -> None:
    one, other = Scaling((2.0, 0.0), (0.5, 3.0)), Scaling((1.0, -4.0), (10.0, 2.0))
    both = one.then(other)
    x = np.array([7.0, 5.0])
    by_hand = ((x - [2, 0]) * [0.5, 3] - [1, -4]) * [10, 2]
    assert (x - both.mean) * both.scale == pytest.approx(by_hand)
