"""Prob-cover, compared with counting the rows in every ball."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from torch.nn.functional import normalize

from alsim.seeding import stream
from alsim.strategies.geometry import k_means
from alsim.strategies.prob_cover import prob_cover, pure_radius
from alsim.strategies.selectors import Candidates


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=stream(seed, "points"), dtype=torch.float64)


def make(points: torch.Tensor, labelled: torch.Tensor, n_classes: int = 3) -> Candidates:
    return Candidates(
        torch.zeros(len(points)),
        {"embeddings": points},
        {"embeddings": labelled},
        torch.full((len(labelled),), -1),
        n_classes,
    )


@pytest.mark.long
@settings(max_examples=25)
@given(st.integers(1, 30), st.integers(0, 4), st.integers(0, 999), st.sampled_from([0.1, 0.4, 0.9]))
def test_each_pick_covers_as_many_new_rows_as_any_could(
    n: int, m: int, seed: int, delta: float
) -> None:
    points, labelled = normal(n, 3, seed=seed), normal(m, 3, seed=seed + 1000)
    rows = prob_cover(delta=delta).select(make(points, labelled), n, generator=stream(seed, "q"))
    assert sorted(rows.tolist()) == list(range(n))
    points, labelled = normalize(points, dim=1), normalize(labelled, dim=1)
    is_near = torch.from_numpy(cdist(points.numpy(), points.numpy())) < delta
    covered = (torch.from_numpy(cdist(points.numpy(), labelled.numpy())) < delta).any(1)
    for step, row in enumerate(rows.tolist()):
        degrees = (is_near & ~covered).sum(1)
        degrees[rows[:step]] = -1
        assert degrees[row] == degrees.max()
        covered |= is_near[row]


def test_the_densest_direction_comes_first_then_the_next_densest() -> None:
    angles = torch.tensor([0.0, 0.01, 0.02, 0.03, 2.0, 2.01, 2.02, 4.0])
    points = torch.stack([angles.cos(), angles.sin()], 1)
    for seed in range(10):
        rows = prob_cover(delta=0.1).select(
            make(points, torch.empty(0, 2)), 3, generator=stream(seed, "q")
        )
        assert rows[0] in (0, 1, 2, 3)
        assert rows[1] in (4, 5, 6)
        assert rows[2] == 7


def test_labelled_rows_cover_their_balls() -> None:
    angles = torch.tensor([0.0, 0.01, 0.02, 0.03, 2.0, 2.01, 2.02, 4.0])
    points = torch.stack([angles.cos(), angles.sin()], 1)
    rows = prob_cover(delta=0.1).select(make(points, points[:1]), 1, generator=stream(0, "q"))
    assert rows[0] in (4, 5, 6)


def test_once_everything_is_covered_picks_are_random_without_repetition() -> None:
    picked = [
        prob_cover(delta=2.0)
        .select(make(torch.ones(30, 2), torch.ones(1, 2)), 5, generator=stream(seed, "q"))
        .tolist()
        for seed in range(100)
    ]
    assert all(len(set(rows)) == 5 for rows in picked)
    assert {row for rows in picked for row in rows} == set(range(30))


def test_the_radius_is_the_largest_at_which_95_percent_of_balls_are_pure() -> None:
    points = normalize(normal(200, 2), dim=1)
    radius = pure_radius(points, 4, generator=stream(0, "r"))
    clusters = k_means(points, 4, generator=stream(0, "r"))[1]
    distances = torch.from_numpy(cdist(points.numpy(), points.numpy()))
    is_other = clusters[:, None] != clusters

    def purity(delta: float) -> float:
        return float((~((distances < delta) & is_other).any(1)).double().mean())

    assert purity(radius - 1e-6) >= 0.95
    assert purity(radius + 1e-6) < 0.95


def test_two_tight_clusters_have_a_radius_that_reaches_from_one_to_the_other() -> None:
    points = torch.tensor([[1.0, 0]] * 10 + [[0.0, 1]] * 10)
    assert pure_radius(points, 2, generator=stream(0, "r")) == pytest.approx(math.sqrt(2))


def test_an_automatic_radius_separates_the_clusters() -> None:
    # Two clusters at right angles: one ball each, so the covered one is not queried.
    points = torch.tensor([[1.0, 0.01], [1, 0], [1, -0.01], [0.01, 1], [0, 1]])
    labelled = torch.tensor([[2.0, 0]])
    for seed in range(10):
        rows = prob_cover().select(make(points, labelled, 2), 1, generator=stream(seed, "q"))
        assert rows[0] in (3, 4)


def test_labelled_rows_count_when_the_radius_is_found() -> None:
    angles = torch.tensor([0.0, 0, 0, 0.3, 0.3, math.pi / 2])
    rows = torch.stack([angles.cos(), angles.sin()], 1)

    def firsts(labelled: torch.Tensor) -> set[int]:
        return {
            int(prob_cover().select(make(rows[:5], labelled, 2), 1, generator=stream(seed, "q")))
            for seed in range(40)
        }

    # Alone, the five are two clusters, and the larger ball wins; with a far labelled row they
    # can be one cluster, whose balls all hold five.
    assert firsts(rows[:0]) == {0, 1, 2}
    assert firsts(rows[5:]) == {0, 1, 2, 3, 4}


@pytest.mark.parametrize("n_classes", [1, 2, 50])
@pytest.mark.parametrize("delta", [0.0, 0.5])
def test_degenerate_pools_still_give_k_distinct_rows(n_classes: int, delta: float) -> None:
    for points in (torch.ones(20, 3), torch.zeros(20, 3), normal(20, 3)):
        for labelled in (points[:0], points[:2]):
            for k in (1, 7, 20):
                candidates = make(points, labelled, n_classes)
                rows = prob_cover(delta=delta).select(candidates, k, generator=stream(0, "q"))
                assert rows.unique().numel() == k


@pytest.mark.long
def test_the_graph_of_eight_thousand_rows_in_one_ball_is_never_held() -> None:
    # Every pair is an edge: 64 million of them would be 1 GB of positions.
    points = torch.ones(8_000, 2)
    rows = prob_cover(delta=0.5).select(make(points, points[:0]), 50, generator=stream(0, "q"))
    assert rows.unique().numel() == 50


@pytest.mark.parametrize("delta", [-0.1, 2.1, float("nan")])
def test_a_radius_outside_the_sphere_is_refused(delta: float) -> None:
    with pytest.raises(ValueError, match="delta"):
        prob_cover(delta=delta)
