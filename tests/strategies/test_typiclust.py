"""Typiclust against a slow twin, and cases with few clusters."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial.distance import cdist

from alsim.seeding import stream
from alsim.strategies.geometry import k_means
from alsim.strategies.selectors import Candidates
from alsim.strategies.typiclust import mean_distances, order_of_clusters, typiclust


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=stream(seed, "points"), dtype=torch.float64)


def make(points: torch.Tensor, labelled: torch.Tensor, space: str = "embeddings") -> Candidates:
    return Candidates(
        torch.zeros(len(points)),
        {space: points},  # pyright: ignore[reportArgumentType] -- a signal's name
        {space: labelled},  # pyright: ignore[reportArgumentType] -- a signal's name
        torch.full((len(labelled),), -1),
        3,
    )


def select(points: torch.Tensor, labelled: torch.Tensor, k: int, seed: int = 0) -> torch.Tensor:
    return typiclust().select(make(points, labelled), k, generator=stream(seed, "q"))


def group(n: int, x: float, spread: float = 0.1) -> torch.Tensor:
    """Return n rows around (x, 0) with density highest in the middle and falling outwards."""
    places = torch.linspace(-1, 1, n, dtype=torch.float64)
    return torch.stack([x + spread * places * places.abs(), torch.zeros_like(places)], 1)


def test_the_densest_row_of_each_uncovered_cluster_is_picked_the_largest_cluster_first() -> None:
    points = torch.cat([group(21, 0), group(31, 10), group(11, 20), group(41, 30)])
    labelled = torch.tensor([[30.0, 0]], dtype=torch.float64)
    for seed in range(10):
        # One label and three queries make four clusters: the largest is covered.
        rows = select(points, labelled, 3, seed)
        assert rows.tolist() == [21 + 15, 10, 52 + 5]


@settings(max_examples=30)
@given(st.integers(1, 60), st.integers(1, 25), st.integers(0, 99))
def test_mean_distances_to_the_nearest_others_equal_a_slow_twin(
    n: int, neighbours: int, seed: int
) -> None:
    points = normal(n, 3, seed=seed)
    twin = np.sort(cdist(points.numpy(), points.numpy()), 1)[:, 1 : neighbours + 1]
    expected = torch.from_numpy(twin.mean(1)) if n > 1 else torch.zeros(1, dtype=torch.float64)
    torch.testing.assert_close(mean_distances(points, neighbours), expected)


def twin_order(labelled: list[int], unlabelled: list[int], n_clusters: int, k: int) -> list[object]:
    """Return the deciding key of each turn, by searching all clusters every time."""
    counts = [labelled.count(j) for j in range(n_clusters)]
    free = [unlabelled.count(j) for j in range(n_clusters)]
    sizes = [a + b for a, b in zip(counts, free, strict=True)]
    turns: list[object] = []
    for _ in range(k):
        keys = {j: (sizes[j] < 6, counts[j], -sizes[j]) for j in range(n_clusters) if free[j]}
        # Clusters that already had a turn stay behind those with fewer labels: the smallest key.
        j = min(keys, key=lambda j: (keys[j], j))
        turns.append(keys[j])
        counts[j] += 1
        free[j] -= 1
    return turns


@pytest.mark.long
@given(st.data(), st.integers(1, 8), st.integers(0, 99))
def test_clusters_take_turns_by_labels_then_size_and_small_ones_come_last(
    data: st.DataObject, n_clusters: int, seed: int
) -> None:
    cluster = st.integers(0, n_clusters - 1)
    labelled = data.draw(st.lists(cluster, max_size=20))
    unlabelled = data.draw(st.lists(cluster, min_size=1, max_size=60))
    k = data.draw(st.integers(1, len(unlabelled)))
    turns = order_of_clusters(
        torch.tensor(labelled, dtype=torch.int64),
        torch.tensor(unlabelled),
        n_clusters,
        k,
        generator=stream(seed, "turns"),
    ).tolist()
    assert len(turns) == k
    counts = [labelled.count(j) for j in range(n_clusters)]
    sizes = [counts[j] + unlabelled.count(j) for j in range(n_clusters)]
    keys: list[object] = []
    for j in turns:
        keys.append((sizes[j] < 6, counts[j], -sizes[j]))
        counts[j] += 1
    assert keys == twin_order(labelled, unlabelled, n_clusters, k)
    assert all(turns.count(j) <= unlabelled.count(j) for j in range(n_clusters))


def test_clusters_that_tie_come_first_equally_often() -> None:
    unlabelled = torch.arange(4).repeat(10)
    counts = torch.zeros(4)
    for seed in range(800):
        turns = order_of_clusters(unlabelled[:0], unlabelled, 4, 2, generator=stream(seed, "turns"))
        counts[turns] += 1
    assert stats.chisquare(counts).pvalue > 0.001


@pytest.mark.long
@settings(max_examples=30)
@given(st.integers(1, 60), st.integers(0, 20), st.integers(1, 60), st.integers(0, 99))
def test_a_query_always_has_k_distinct_rows(n: int, m: int, k: int, seed: int) -> None:
    k = min(n, k)
    everywhere = normal(n + m, 2, seed=seed)
    for points in (everywhere, torch.ones(n + m, 2), everywhere.round()):
        rows = select(points[m:], points[:m], k, seed)
        assert len(rows) == rows.unique().numel() == k
        assert rows.min() >= 0
        assert rows.max() < n


def test_clusters_take_further_turns_if_they_are_fewer_than_the_query_size() -> None:
    points = torch.cat([group(20, 0), group(20, 10)])
    strategy = typiclust(max_clusters=2)
    rows = strategy.select(make(points, points[:0]), 6, generator=stream(0, "q"))
    assert (rows < 20).sum() == 3
    assert (rows[0] < 20) != (rows[1] < 20)


def test_small_clusters_are_left_till_last() -> None:
    points = torch.cat([group(30, 0), group(3, 50), group(30, 10)])
    labelled = torch.cat([group(1, 0), group(1, 10)])
    rows = typiclust(max_clusters=3).select(make(points, labelled), 61, generator=stream(0, "q"))
    small = (rows >= 30) & (rows < 33)
    assert not small[:60].any()
    assert small[60]


def test_a_large_cluster_is_sampled_and_uses_bounded_memory() -> None:
    # All in one cluster: pairwise distances of 40,000 rows would be 6.4 GB.
    points = normal(40_000, 2, seed=1).float()
    strategy = typiclust(max_clusters=1)
    rows = strategy.select(make(points, points[:1]), 5, generator=stream(0, "q"))
    assert rows.unique().numel() == 5
    # The densest rows of a normal distribution are near its centre.
    assert points[rows].norm(dim=1).max() < 1
    many = strategy.select(make(points, points[:1]), 30_000, generator=stream(0, "q"))
    assert many.unique().numel() == 30_000


def test_the_pick_is_the_densest_of_the_clusters_that_k_means_gives() -> None:
    points = normal(120, 3)
    rows = typiclust(neighbours=5).select(make(points, points[:0]), 4, generator=stream(2, "q"))
    clusters = k_means(points, 4, generator=stream(2, "q"))[1]
    sizes = clusters.bincount()
    assert sizes[clusters[rows]].tolist() == sorted(sizes.tolist(), reverse=True)
    for row in rows.tolist():
        mine = (clusters == clusters[row]).nonzero()[:, 0]
        distances = np.sort(cdist(points[mine].numpy(), points[mine].numpy()), 1)[:, 1:6].mean(1)
        assert mine[int(distances.argmin())] == row


def test_rows_are_compared_in_the_given_space() -> None:
    strategy = typiclust(space="hidden")
    assert strategy.keeps == strategy.labelled == {"hidden"}
    rows = strategy.select(
        make(normal(9, 2), normal(2, 2, seed=1), "hidden"), 3, generator=stream(0, "q")
    )
    assert rows.unique().numel() == 3


def test_parameters_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match="neighbours"):
        typiclust(neighbours=0)
    with pytest.raises(ValueError, match="max-clusters"):
        typiclust(max_clusters=0)
