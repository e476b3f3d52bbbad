"""Greedy k-centre against slow twins and the optimum."""

from itertools import combinations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from torch import Tensor

from alsim.seeding import stream
from alsim.strategies.badge import squared_distances_to, squared_norms
from alsim.strategies.core_set import blocks_of_groups, core_set
from alsim.strategies.geometry import nearest
from alsim.strategies.selectors import Candidates


def select(points: Tensor, centres: Tensor, k: int, seed: int = 0) -> list[int]:
    candidates = Candidates(torch.zeros(len(points)), {"hidden": points}, {"hidden": centres})
    return core_set().select(candidates, k, generator=stream(seed, "query")).tolist()


def points_of(n: int, seed: int, name: str = "points", h: int = 3) -> Tensor:
    return torch.randn(n, h, generator=stream(seed, name), dtype=torch.float64)


def radius(points: Tensor, centres: Tensor) -> float:
    """Return the largest distance to a nearest centre."""
    return float(torch.cdist(points, centres).amin(1).max())


@pytest.mark.long
@given(st.integers(0, 999), st.integers(0, 3), st.integers(1, 4))
def test_the_radius_is_at_most_twice_the_optimum(seed: int, m: int, k: int) -> None:
    points, labelled = points_of(8, seed), points_of(m, seed, "labelled")
    picked = select(points, labelled, k, seed)
    reached = radius(points, torch.cat([labelled, points[picked]]))
    best = min(
        radius(points, torch.cat([labelled, points[list(rows)]]))
        for rows in combinations(range(8), k)
    )
    assert reached <= 2 * best + 1e-9


@pytest.mark.long
@given(st.integers(0, 999), st.integers(1, 5))
def test_each_pick_is_the_row_farthest_from_every_centre(seed: int, m: int) -> None:
    points, centres = points_of(30, seed), points_of(m, seed, "labelled")
    for row in select(points, centres, 10, seed):
        assert row == int(torch.cdist(points, centres).amin(1).argmax())
        centres = torch.cat([centres, points[row : row + 1]])


@pytest.mark.parametrize("m", [2, 700])
def test_many_rows_in_float32_far_from_the_origin_agree_with_the_twin(m: int) -> None:
    points = (points_of(3000, 0, h=8) + 500).float()
    labelled = (points_of(m, 0, "labelled", h=8) + 500).float()
    chosen = select(points, labelled, 20)
    centres = labelled.double()
    for row in chosen:
        distances = torch.cdist(
            points.double(), centres, compute_mode="donot_use_mm_for_euclid_dist"
        )
        assert row == int(distances.amin(1).argmax())
        centres = torch.cat([centres, points[row : row + 1].double()])


def test_on_a_line_the_far_end_is_picked_then_the_other_end_then_the_middle() -> None:
    line = torch.tensor([[0.0], [1.0], [4.1], [9.0], [10.0]])
    assert select(line, torch.tensor([[1.5]]), 3) == [4, 2, 0]


def test_the_first_pick_without_labels_is_any_row() -> None:
    points, nothing = points_of(7, 0), torch.empty(0, 3, dtype=torch.float64)
    counts = torch.zeros(7)
    for seed in range(700):
        counts[select(points, nothing, 1, seed)] += 1
    assert stats.chisquare(counts.numpy()).pvalue > 0.001


@pytest.mark.long
def test_rows_equally_far_are_picked_at_random_and_copies_come_last() -> None:
    ends = torch.tensor([[0.0, 0], [3, 0], [-3, 0], [0, 3], [0, -3]])
    counts = torch.zeros(5)
    for seed in range(600):
        counts[select(ends, ends[:1], 1, seed)] += 1
    assert counts[0] == 0
    assert stats.chisquare(counts[1:].numpy()).pvalue > 0.001
    assert select(ends, ends[:1], 5)[-1] == 0


def test_identical_rows_are_picked_once_each_and_equally_often() -> None:
    rows = torch.rand(1, 64, generator=stream(0, "row")).repeat(9, 1)
    counts = torch.zeros(9)
    for seed in range(600):
        picked = select(rows, rows[:0], 3, seed)
        assert len(set(picked)) == 3
        counts[picked] += 1
    assert stats.chisquare(counts.numpy()).pvalue > 0.001
    assert sorted(select(rows, rows[:2], 9)) == list(range(9))


def test_distance_is_measured_in_the_space_of_the_parameter() -> None:
    hidden, embeddings = torch.tensor([[1.0], [2], [9]]), torch.tensor([[5.0], [1], [2]])
    candidates = Candidates(
        torch.zeros(3),
        {"hidden": hidden, "embeddings": embeddings},
        {"hidden": torch.zeros(1, 1), "embeddings": torch.zeros(1, 1)},
    )
    picked = [
        core_set(space).select(candidates, 1, generator=stream(0, "query")).item()
        for space in ("hidden", "embeddings")
    ]
    assert picked == [2, 0]
    assert core_set("embeddings").keeps == core_set("embeddings").labelled == {"embeddings"}


@pytest.mark.parametrize("kind", ["normal", "grid", "copies"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_picks_equal_those_of_comparing_every_row_with_every_pick(
    kind: str, dtype: torch.dtype
) -> None:
    points = points_of(3301, 5, h=24).to(dtype)
    if kind == "grid":  # many rows are equally far
        points = points[:, :3].round()
    elif kind == "copies":
        points = points[torch.arange(3301) % 40]
    for m, k in ((0, 200), (7, 200), (2000, 150)):
        order = torch.randperm(3301, generator=stream(0, "query"))
        moved = points[order] - points.mean(0)
        norms = squared_norms([moved])
        far = torch.full((3301,), torch.inf, dtype=torch.float64)
        if m:
            far = nearest(moved, points[:m] - points.mean(0))[0].double()
        picked: list[int] = []
        for _ in range(k):
            picked.append(int(far.argmax()))
            far = far.minimum(squared_distances_to(picked[-1], [moved], norms))
            far[picked[-1]] = -1
        assert select(points, points[:m], k) == order[picked].tolist()


@pytest.mark.skipif(not torch.backends.mkl.is_available(), reason="MKL's way of taking rows")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_products_in_blocks_have_the_bits_of_one_product(dtype: torch.dtype) -> None:
    points = points_of(3301, 5, h=784).to(dtype)
    whole = points @ points[7]
    parts = [points[span] @ points[7] for span in blocks_of_groups(points)]
    assert len(parts) > 1
    assert torch.equal(torch.cat(parts), whole)
