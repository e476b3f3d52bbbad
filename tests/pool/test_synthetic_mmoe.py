"""The synthetic pool of two regression tasks with a chosen correlation."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from alsim.errors import UsageError
from alsim.options.pool import PoolOptions
from alsim.options.synthetic import MmoeOptions
from alsim.pool.loading import load_pool
from alsim.pool.source import open_source
from alsim.pool.splits import FreeValidation
from alsim.pool.synthetic import ORIGIN_KEY
from alsim.pool.synthetic_mmoe import mmoe_pool, signal, sine_parameters, task_weights


def inputs(table: pa.Table) -> torch.Tensor:
    return torch.tensor(np.stack(table.column("x").to_numpy(zero_copy_only=False)))


def targets(table: pa.Table) -> np.ndarray[Any, Any]:
    return np.stack([table.column(name).to_numpy() for name in ("y1", "y2")], 1)


@given(st.floats(-1, 1), st.integers(2, 200), st.floats(0.01, 10), st.integers(0, 99))
def test_the_cosine_of_the_weights_is_the_correlation_and_their_length_the_scale(
    p: float, width: int, scale: float, seed: int
) -> None:
    w = task_weights(MmoeOptions(p, width=width, scale=scale, seed=seed)).double()
    lengths = w.norm(dim=1)
    torch.testing.assert_close(lengths, torch.full((2,), scale, dtype=w.dtype), rtol=1e-9, atol=0)
    assert float(w[0] @ w[1] / lengths.prod()) == pytest.approx(p, abs=1e-9)


def test_a_target_without_noise_equals_the_formula_term_by_term() -> None:
    options = MmoeOptions(correlation=0.3, width=4, n_sines=3, seed=5)
    w, (alpha, beta) = task_weights(options).tolist(), sine_parameters(options)
    x = [[0.5, -1.0, 2.0, 0.25], [1.0, 1.0, 0.0, -3.0]]
    expected: list[list[float]] = []
    for row in x:
        expected.append([])
        for k in range(2):
            linear = sum(w[k][i] * row[i] for i in range(4))
            sines = (math.sin(float(alpha[i]) * linear + float(beta[i])) for i in range(3))
            expected[-1].append(linear + sum(sines))
    torch.testing.assert_close(
        signal(torch.tensor(x), options), torch.tensor(expected, dtype=torch.float64)
    )


def test_noise_has_the_variance_0_01_and_is_independent_of_task_and_input() -> None:
    options = MmoeOptions(n_rows=24_000)
    table = mmoe_pool(options)
    x = inputs(table)
    noise = targets(table) - signal(x, options).numpy()
    # A sample variance of n normal values has the deviation σ²·√(2/n); the bound is 4 of them.
    bound = 4 * 0.01 * math.sqrt(2 / 24_000)
    assert np.abs(noise.var(0) - 0.01).max() < bound
    assert np.abs(noise.mean(0)).max() < 4 * 0.1 / math.sqrt(24_000)
    correlations = np.corrcoef(np.column_stack([noise, x[:, :5]]).T)[:2]
    assert np.abs(np.where(correlations > 0.99, 0, correlations)).max() < 4 / math.sqrt(24_000)


def test_inputs_are_standard_normal() -> None:
    x = inputs(mmoe_pool(MmoeOptions(n_rows=12_000))).double()
    assert abs(float(x.mean())) < 4 / math.sqrt(1.2e6)
    assert abs(float(x.var()) - 1) < 4 * math.sqrt(2 / 1.2e6)


def test_the_correlation_of_the_targets_rises_with_that_of_the_weights() -> None:
    found = [
        np.corrcoef(targets(mmoe_pool(MmoeOptions(p, n_rows=6000, width=20))).T)[0, 1]
        for p in (-1, 0, 0.25, 0.5, 0.75, 0.9, 1)
    ]
    assert found == sorted(found)
    assert abs(found[1]) < 4 / math.sqrt(6000)
    # With the same signal for both tasks, their difference is noise.
    options = MmoeOptions(1, n_rows=6000, width=20)
    variance = signal(inputs(mmoe_pool(options)), options)[:, 0].var().item()
    assert found[-1] == pytest.approx(variance / (variance + 0.01), abs=0.03)


def test_the_correlation_does_not_affect_inputs_noise_and_the_first_task() -> None:
    first, second = (mmoe_pool(MmoeOptions(p, n_rows=120)) for p in (0.2, 0.9))
    assert first.column("x").equals(second.column("x"))
    assert first.column("y1").equals(second.column("y1"))
    assert not first.column("y2").equals(second.column("y2"))
    assert mmoe_pool(MmoeOptions(0.2, n_rows=120)).equals(first)
    assert not mmoe_pool(MmoeOptions(0.2, n_rows=120, seed=1)).column("x").equals(first.column("x"))
    assert json.loads(first.schema.metadata[ORIGIN_KEY])["correlation"] == 0.2


def test_the_pool_has_two_targets_and_splits_in_the_ratio_ten_to_one_to_one(tmp_path: Path) -> None:
    table = mmoe_pool(MmoeOptions(n_rows=1200, width=10))
    options = PoolOptions(rows_kept="any")
    pool = load_pool(open_source(table), options, tmp_path, FreeValidation(10), queried=False).pool
    assert {name: task.kind for name, task in pool.tasks.items()} == {
        "y1": "target",
        "y2": "target",
    }
    assert {name: len(rows) for name, rows in pool.splits.items()} == {
        "train": 1000,
        "validation": 100,
        "test": 100,
    }
    by_id = np.argsort(pool.ids.to_numpy())
    for index, task in enumerate(pool.tasks.values()):
        assert task.labels.numpy()[by_id].tolist() == targets(table)[:, index].tolist()


def test_all_unusable_options_are_reported_at_once() -> None:
    with pytest.raises(UsageError) as caught:
        mmoe_pool(MmoeOptions(1.5, n_rows=5, width=1, scale=math.nan, n_sines=-1))
    for name in ("correlation", "n_rows", "width", "scale", "n_sines"):
        assert name in str(caught.value)
