"""Distances and k-means against slow twins and SciPy."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial.distance import cdist
from sklearn.cluster import KMeans

from alsim.seeding import stream
from alsim.strategies.geometry import (
    BLOCK,
    blocks,
    distances_among,
    draw,
    k_means,
    means,
    nearest,
    squared_distances,
)

SIZES = st.integers(1, 12)


def normal(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(*shape, generator=stream(seed, "points"), dtype=dtype)


def blobs(n_each: int, centres: torch.Tensor, spread: float = 0.05) -> torch.Tensor:
    rows = centres.repeat_interleave(n_each, 0)
    return rows + spread * normal(*rows.shape, seed=7, dtype=rows.dtype)


@given(SIZES, SIZES, SIZES, st.integers(0, 99))
def test_squared_distances_equal_those_of_scipy(n: int, m: int, d: int, seed: int) -> None:
    a, b = normal(n, d, seed=seed), normal(m, d, seed=seed + 100)
    twin = torch.from_numpy(cdist(a.numpy(), b.numpy(), "sqeuclidean"))
    torch.testing.assert_close(squared_distances(a, b), twin)


@given(SIZES, SIZES, st.integers(0, 99))
def test_distances_among_rows_equal_those_of_scipy_with_a_zero_diagonal(
    n: int, d: int, seed: int
) -> None:
    points = normal(n, d, seed=seed)
    rows = torch.randperm(n, generator=stream(seed, "rows"))[:5]
    found = distances_among(points)(rows)
    twin = torch.from_numpy(cdist(points[rows].numpy(), points.numpy(), "sqeuclidean"))
    torch.testing.assert_close(found, twin, atol=1e-12, rtol=1e-9)
    assert (found[torch.arange(len(rows)), rows] == 0).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("d", [3, 64, 768, 4096])
def test_coinciding_rows_have_distance_0_despite_rounding(d: int, dtype: torch.dtype) -> None:
    some = normal(150, d, dtype=dtype)
    points = torch.cat([some, some, some[:7]])
    twins = torch.arange(300).roll(150)
    assert (squared_distances(points, points)[torch.arange(300), twins] == 0).all()
    assert (distances_among(points)(torch.arange(300))[torch.arange(300), twins] == 0).all()
    distances, which = nearest(points, points)
    assert (distances == 0).all()
    assert which.tolist() == [*range(150), *range(150), *range(7)]


def test_a_common_offset_costs_no_precision_in_float32() -> None:
    points = normal(50, 8, dtype=torch.float32)
    far = points + 1000
    exact = torch.from_numpy(cdist(far.numpy(), far.numpy(), "sqeuclidean")).float()
    torch.testing.assert_close(squared_distances(far, far), exact, atol=1e-3, rtol=1e-4)
    everyone = distances_among(far)(torch.arange(50))
    torch.testing.assert_close(everyone, exact, atol=1e-3, rtol=1e-4)


def test_blocks_cover_every_row_once_and_stay_within_the_bound() -> None:
    parts = blocks(10_000, 700, 3000)
    assert torch.equal(torch.cat(parts), torch.arange(10_000))
    assert max(len(part) for part in parts) * 3000 <= BLOCK
    assert len(parts) > 1


def test_the_nearest_centre_over_several_blocks_equals_that_over_all_distances() -> None:
    points, centres = normal(3000, 4), normal(1000, 4, seed=1)
    assert BLOCK < 3000 * 1000  # so more than one block
    distances, which = nearest(points, centres)
    twin = cdist(points.numpy(), centres.numpy(), "sqeuclidean")
    assert which.tolist() == twin.argmin(1).tolist()
    torch.testing.assert_close(distances, torch.from_numpy(twin.min(1)))


def test_k_means_finds_well_separated_clusters() -> None:
    corners = torch.tensor([[0.0, 0], [0, 5], [5, 0], [5, 5], [9, 9]])
    points = blobs(30, corners)
    for seed in range(20):
        centres, found = k_means(points, 5, generator=stream(seed, "k"))
        groups = found.view(5, 30)
        assert (groups == groups[:, :1]).all()
        assert groups[:, 0].unique().numel() == 5
        torch.testing.assert_close(centres[groups[:, 0]], corners, atol=0.05, rtol=0)


def test_every_row_belongs_to_its_nearest_centre_and_the_spread_equals_scikit_learns() -> None:
    points = normal(2000, 6, dtype=torch.float32)
    centres, found = k_means(points, 20, generator=stream(0, "k"))
    twin = cdist(points.numpy(), centres.numpy())
    assert found.tolist() == twin.argmin(1).tolist()
    reference = KMeans(20, random_state=0).fit(points.numpy())
    assert (twin.min(1) ** 2).sum() < 1.03 * -reference.score(points.numpy())


def test_many_rows_are_clustered_from_a_sample_without_losing_quality() -> None:
    centres = 6 * normal(40, 8, seed=3, dtype=torch.float32)
    points = blobs(500, centres, spread=1.0)  # 20,000 rows, 4,096 of them sampled
    found = k_means(points, 40, generator=stream(0, "k"))[0]
    spread = nearest(points, found)[0].mean()
    ideal = nearest(points, centres)[0].mean()
    assert spread < 1.6 * ideal
    assert spread > 0.95 * ideal


@pytest.mark.long
@given(st.integers(1, 30), st.integers(1, 30), st.integers(0, 99))
def test_k_means_has_k_centres_even_if_all_rows_coincide(n: int, k: int, seed: int) -> None:
    k = min(n, k)
    for points in (torch.ones(n, 3), normal(n, 3, seed=seed), torch.zeros(n, 3)):
        centres, found = k_means(points, k, generator=stream(seed, "k"))
        assert centres.shape == (k, 3)
        assert torch.isfinite(centres).all()
        assert found.min() >= 0
        assert found.max() < k
        assert len(found) == n


@pytest.mark.parametrize("k", [0, 6])
def test_more_clusters_than_rows_or_none_are_refused(k: int) -> None:
    with pytest.raises(ValueError, match="clusters of 5 rows"):
        k_means(normal(5, 2), k, generator=stream(0, "k"))


def test_with_as_many_clusters_as_distinct_rows_each_row_has_its_own() -> None:
    points = normal(25, 3)
    found = k_means(points, 25, generator=stream(0, "k"))[1]
    assert found.unique().numel() == 25


def test_k_means_is_equal_for_equal_streams_and_differs_between_streams() -> None:
    points = normal(500, 5, dtype=torch.float32)
    runs = [k_means(points, 7, generator=stream(s, "k"))[0] for s in (1, 1, 2)]
    assert torch.equal(runs[0], runs[1])
    assert not torch.equal(runs[0], runs[2])


def test_a_cluster_moves_to_its_mean_and_an_empty_one_does_not_move() -> None:
    points = torch.tensor([[1.0, 1], [3, 1], [8, 8]])
    centres = torch.tensor([[0.0, 0], [7, 7], [9, 9]])
    found = means(points, torch.tensor([0, 0, 2]), centres)
    assert found.tolist() == [[2, 1], [7, 7], [8, 8]]


@pytest.mark.long
def test_rows_are_drawn_in_proportion_to_their_weights() -> None:
    weights = torch.tensor([0.0, 1, 2, 0, 5, 0])
    generator = stream(0, "draw")
    counts = torch.zeros(6)
    for _ in range(4000):
        counts[draw(weights, generator=generator)] += 1
    assert counts[[0, 3, 5]].sum() == 0
    assert stats.chisquare(counts[[1, 2, 4]], [500, 1000, 2500]).pvalue > 0.001


def test_rows_with_zero_weights_are_drawn_equally_often() -> None:
    generator = stream(0, "draw")
    counts = torch.zeros(4)
    for _ in range(2000):
        counts[draw(torch.zeros(4), generator=generator)] += 1
    assert stats.chisquare(counts).pvalue > 0.001
