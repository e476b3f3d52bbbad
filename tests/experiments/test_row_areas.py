"""The area under each row's contributions against the area under a whole curve."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from alsim.analysis.curves.summary import aubc
from alsim.experiments.curves.row_areas import (
    RowArea,
    RowAreas,
    areas_from_tensors,
    areas_to_tensors,
)


def area_of(n_labelled: Sequence[int], values: torch.Tensor) -> RowArea:
    """Return the area of a curve, `(p,)` counts and `(p, n)` values, step by step."""
    area = RowArea.begin(values[0], n_labelled[0])
    for n, each in zip(n_labelled[1:], values[1:], strict=True):
        area = area.then(each, n)
    return area


@given(st.lists(st.integers(0, 5), min_size=1, max_size=12), st.integers(0, 1000))
def test_it_is_the_trapezoid_rule_where_the_later_of_equal_counts_counts(
    steps: list[int], seed: int
) -> None:
    n_labelled = (20 + np.cumsum(steps)).tolist()
    g = torch.Generator().manual_seed(seed)
    values = torch.rand(len(steps), 4, generator=g, dtype=torch.float64)
    area = area_of(n_labelled, values)
    kept = dict(zip(n_labelled, values.numpy(), strict=True))
    expected = aubc(np.array([*kept], np.float64), np.stack([*kept.values()], 1))
    assert area.mean.numpy() == pytest.approx(expected, abs=1e-14)
    assert area.last.tolist() == values[-1].tolist()


def test_areas_in_tensors_go_on_to_the_bit() -> None:
    values = torch.rand(6, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    values[:, 2] = torch.nan
    counts = [20, 30, 40, 40, 55, 60]
    whole = area_of(counts, values)
    areas: tuple[RowAreas, ...] = (
        {},
        {("a/b", "macro_f1"): area_of(counts[:3], values[:3]), ("", "auc"): whole},
    )
    tensors = {**areas_to_tensors(areas), "labels/a": torch.zeros(1)}
    empty, read = areas_from_tensors(tensors, 2)
    assert empty == {}
    assert read.keys() == areas[1].keys()
    area = read["a/b", "macro_f1"]
    for n, each in zip(counts[3:], values[3:], strict=True):
        area = area.then(each, n)
    assert (area.first, area.before, area.now) == (20, 55, 60)
    for one, two in ((area.mean, whole.mean), (area.last, whole.last)):
        assert one.numpy().tobytes() == two.numpy().tobytes()
