"""Cluster-margin: the rows of the smallest margins, one cluster after another."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from alsim.seeding import stream
from alsim.signals import Signals
from alsim.strategies.cluster_margin import cluster_margin, round_robin
from alsim.strategies.selectors import Candidates


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=stream(seed, "points"), dtype=torch.float64)


def twin_sizes(clusters: list[int]) -> list[int]:
    """Return the sizes of the clusters in the order of Algorithm 2."""
    left = {j: clusters.count(j) for j in set(clusters)}
    by_size = sorted(left, key=lambda j: clusters.count(j))
    visited: list[int] = []
    while any(left.values()):
        for j in by_size:
            if left[j]:
                left[j] -= 1
                visited.append(clusters.count(j))
    return visited


@given(st.lists(st.integers(0, 9), min_size=1, max_size=50), st.integers(0, 99))
def test_clusters_give_one_row_in_turn_the_smallest_first_until_all_are_used(
    clusters: list[int], seed: int
) -> None:
    positions = round_robin(torch.tensor(clusters), generator=stream(seed, "r")).tolist()
    assert sorted(positions) == list(range(len(clusters)))
    assert [clusters.count(clusters[i]) for i in positions] == twin_sizes(clusters)
    # No cluster comes twice in one round: its n-th row comes in round n.
    n_clusters = len(set(clusters))
    assert len({clusters[i] for i in positions[:n_clusters]}) == n_clusters


def test_a_round_by_hand() -> None:
    clusters = torch.tensor([5, 5, 5, 2, 8, 8])
    for seed in range(20):
        order = clusters[round_robin(clusters, generator=stream(seed, "r"))]
        assert order.tolist() == [2, 8, 5, 8, 5, 5]


def test_which_row_of_a_cluster_comes_first_is_random() -> None:
    clusters = torch.tensor([1, 0, 1, 1, 1])
    counts = torch.zeros(5)
    for seed in range(1000):
        counts[round_robin(clusters, generator=stream(seed, "r"))[1]] += 1
    assert counts[1] == 0
    assert stats.chisquare(counts[[0, 2, 3, 4]]).pvalue > 0.001


def test_which_of_two_equal_clusters_comes_first_is_random() -> None:
    clusters = torch.tensor([0, 0, 1, 1, 1, 2, 2])
    firsts = [
        int(clusters[round_robin(clusters, generator=stream(seed, "r"))[0]]) for seed in range(1000)
    ]
    assert firsts.count(1) == 0
    assert stats.binomtest(firsts.count(0), 1000).pvalue > 0.001


def test_only_rows_of_small_margin_are_queried() -> None:
    scores = torch.rand(400, generator=stream(0, "s"), dtype=torch.float64) - 1
    candidates = Candidates(scores, {"embeddings": normal(400, 3)})
    rows = cluster_margin(clusters=20).select(candidates, 7, generator=stream(0, "q"))
    assert rows.unique().numel() == 7
    assert torch.isin(rows, scores.topk(70).indices).all()
    plain = cluster_margin(clusters=20, factor=1).select(candidates, 7, generator=stream(0, "q"))
    assert sorted(plain.tolist()) == sorted(scores.topk(7).indices.tolist())


def test_a_rare_group_is_queried_before_a_frequent_one() -> None:
    # Thirty equally uncertain rows, two of them far away: top-k would pick among them at random.
    points = torch.cat([0.01 * normal(28, 2), torch.full((2, 2), 9.0)])
    candidates = Candidates(torch.zeros(30), {"embeddings": points})
    for seed in range(20):
        rows = cluster_margin(clusters=2).select(candidates, 4, generator=stream(seed, "q"))
        assert rows[0] >= 28
        assert rows[1] < 28
        assert rows[2] >= 28


def test_the_score_is_the_negative_margin() -> None:
    p = torch.tensor([[0.7, 0.2, 0.1], [0.4, 0.4, 0.2]])
    assert cluster_margin().score(Signals(2, {"probabilities": p})).tolist() == pytest.approx(
        [-0.5, 0]
    )


@pytest.mark.parametrize("k", [1, 9, 25])
def test_degenerate_pools_still_give_k_distinct_rows(k: int) -> None:
    for points in (torch.ones(25, 3), torch.zeros(25, 3), normal(25, 3)):
        rows = cluster_margin().select(
            Candidates(torch.zeros(25), {"embeddings": points}), k, generator=stream(0, "q")
        )
        assert rows.unique().numel() == k


def test_clusters_use_the_given_space_and_parameters_out_of_range_are_refused() -> None:
    assert cluster_margin(space="hidden").keeps == {"hidden"}
    with pytest.raises(ValueError, match="clusters"):
        cluster_margin(clusters=0)
    with pytest.raises(ValueError, match="factor"):
        cluster_margin(factor=0)
