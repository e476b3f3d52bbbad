"""Herding against a greedy twin that recomputes every gain."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial.distance import pdist
from torch.nn.functional import normalize

from alsim.seeding import stream
from alsim.signals import Signals
from alsim.strategies import herding
from alsim.strategies.geometry import Space, squared_distances
from alsim.strategies.herding import (
    greedy_cover,
    least_distance,
    max_herding,
    uncertainty_herding,
)
from alsim.strategies.selectors import Candidates


def normal(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(*shape, generator=stream(seed, "points"), dtype=dtype)


def make(
    points: torch.Tensor,
    labelled: torch.Tensor,
    scores: torch.Tensor | None = None,
    space: Space = "embeddings",
) -> Candidates:
    scores = torch.zeros(len(points)) if scores is None else scores
    unknown = torch.full((len(labelled),), -1)
    return Candidates(scores, {space: points}, {space: labelled}, unknown, 3)


def gaussian(distances: torch.Tensor) -> torch.Tensor:
    return (-distances).exp()


def gains(
    points: torch.Tensor, weights: torch.Tensor, covered: torch.Tensor, sigma: float
) -> torch.Tensor:
    """Return each row's gain, one row and one term at a time."""
    total = torch.zeros(len(points), dtype=torch.float64)
    for x in range(len(points)):
        for i in range(len(points)):
            distance = float((points[x] - points[i]).square().sum())
            similarity = torch.exp(torch.tensor(-distance / sigma**2, dtype=torch.float64))
            total[x] += weights[i] * max(0.0, float(similarity - covered[i]))
    return total


def assert_greedy(
    rows: torch.Tensor,
    points: torch.Tensor,
    labelled: torch.Tensor,
    weights: torch.Tensor,
    sigma: float,
) -> None:
    """Fail unless each pick gains at least as much as any remaining row."""
    points, labelled = normalize(points, dim=1), normalize(labelled, dim=1)
    known = list(labelled)
    for step, row in enumerate(rows.tolist()):
        covered = torch.zeros(len(points), dtype=torch.float64)
        for other in known:
            similar = torch.exp(-(points - other).square().sum(1) / sigma**2)
            covered = torch.maximum(covered, similar)
        gain = gains(points, weights, covered, sigma)
        gain[rows[:step]] = -1
        assert gain[row] >= gain.max() - 1e-9
        known.append(points[row])


@settings(max_examples=8)
@given(st.integers(2, 12), st.integers(0, 4), st.integers(0, 999), st.sampled_from([0.2, 1.0]))
def test_max_herding_equals_recomputing_every_gain(n: int, m: int, seed: int, sigma: float) -> None:
    points, labelled = normal(n, 3, seed=seed), normal(m, 3, seed=seed + 1000)
    k = min(n, 5)
    strategy = max_herding(sigma=sigma)
    rows = strategy.select(make(points, labelled), k, generator=stream(seed, "q"))
    assert_greedy(rows, points, labelled, torch.ones(n, dtype=torch.float64), sigma)


@settings(max_examples=8)
@given(st.integers(2, 12), st.integers(2, 4), st.integers(0, 999))
def test_uncertainty_herding_weighs_by_the_score_and_adapts_its_width(
    n: int, m: int, seed: int
) -> None:
    points, labelled = normal(n, 3, seed=seed), normal(m, 3, seed=seed + 1000)
    scores = torch.rand(n, generator=stream(seed, "scores"), dtype=torch.float64)
    rows = uncertainty_herding().select(
        make(points, labelled, scores), min(n, 4), generator=stream(seed, "q")
    )
    sigma = pdist(normalize(labelled, dim=1).numpy()).min()
    assert_greedy(rows, points, labelled, scores, sigma)


def test_lazy_gains_do_not_change_the_picks_of_hundreds_of_rows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    points = normalize(normal(300, 2), dim=1)
    weights = torch.rand(300, generator=stream(1, "w"), dtype=torch.float64)
    none = torch.zeros(300, dtype=torch.float64)
    monkeypatch.setattr(herding, "_AT_ONCE", 3)
    lazy = greedy_cover(points, weights, none, gaussian, 40, generator=stream(0, "q"))
    similar = gaussian(squared_distances(points, points))
    covered, eager = none, list[int]()
    for _ in range(40):
        gain = (similar - covered).clamp(min=0) @ weights
        gain[eager] = -1
        eager.append(int(gain.argmax()))
        covered = torch.maximum(covered, similar[eager[-1]])
    assert lazy.tolist() == eager


def test_three_points_by_hand() -> None:
    # Two directions: two rows on the first, one on the second, so the first gains more;
    # then its twin gains nothing, and the second direction is next.
    points = torch.tensor([[0.0, 2], [3, 0], [1, 0]])
    for seed in range(10):
        rows = max_herding().select(make(points, torch.empty(0, 2)), 3, generator=stream(seed, "q"))
        assert rows[0] in (1, 2)
        assert rows[1] == 0


def test_rows_covered_by_labelled_rows_gain_nothing() -> None:
    points = torch.tensor([[0.0, 2], [3, 0], [1, 0], [1, 0]])
    labelled = torch.tensor([[5.0, 0]])
    rows = max_herding().select(make(points, labelled), 1, generator=stream(0, "q"))
    assert rows.tolist() == [0]


def test_a_narrow_kernel_gives_margin_sampling() -> None:
    points, scores = normal(60, 4), torch.rand(60, generator=stream(0, "s"), dtype=torch.float64)
    strategy = uncertainty_herding(sigma=1e-4)
    rows = strategy.select(make(points, normal(5, 4, seed=9), scores), 9, generator=stream(0, "q"))
    assert rows.tolist() == scores.sort(descending=True).indices[:9].tolist()


def test_the_score_is_one_minus_the_margin_and_heat_makes_it_larger() -> None:
    p = torch.tensor([[0.7, 0.2, 0.1], [1.0, 0, 0], [0.5, 0.5, 0]], dtype=torch.float64)
    signals = Signals(3, {"probabilities": p})
    cool, warm = uncertainty_herding(), uncertainty_herding(temperature=2.0)
    assert cool.score(signals).tolist() == pytest.approx([0.5, 0, 1])
    root = p[0].sqrt() / p[0].sqrt().sum()
    assert warm.score(signals).tolist() == pytest.approx([float(1 - root[0] + root[1]), 0, 1])


def test_the_width_is_the_smallest_distance_of_rows_that_differ() -> None:
    points = normalize(normal(30, 3), dim=1)
    least = pdist(points.numpy()).min()
    assert least_distance(points) == pytest.approx(least)
    assert least_distance(torch.cat([points, points[:4]])) == pytest.approx(least)
    assert least_distance(points[:1].repeat(5, 1)) == 1
    assert least_distance(points[:0]) == 1


@pytest.mark.parametrize("strategy", [max_herding(), uncertainty_herding()])
@pytest.mark.parametrize("k", [1, 20, 40])
def test_coinciding_rows_give_k_distinct_rows_in_random_order(
    strategy: herding.Strategy, k: int
) -> None:
    for points in (torch.ones(40, 3), torch.zeros(40, 3)):
        for labelled in (torch.ones(2, 3), torch.zeros(2, 3), torch.empty(0, 3)):
            rows = strategy.select(make(points, labelled), k, generator=stream(0, "q"))
            assert rows.unique().numel() == k


@pytest.mark.long
def test_ties_are_broken_equally_often_for_each_row() -> None:
    counts = torch.zeros(8)
    for seed in range(800):
        rows = max_herding().select(
            make(torch.ones(8, 3), torch.ones(2, 3)), 2, generator=stream(seed, "q")
        )
        counts[rows] += 1
    assert stats.chisquare(counts).pvalue > 0.001


def test_picks_among_thousands_of_tied_rows_do_not_each_pass_over_all_rows() -> None:
    # All gains are equal: 400 passes over all pairs of 3,200 rows would take minutes.
    points = torch.eye(16).repeat(200, 1)
    rows = max_herding(sigma=0.1).select(
        make(points, torch.empty(0, 16)), 400, generator=stream(0, "q")
    )
    assert rows.unique().numel() == 400
    assert (rows[:16] % 16).unique().numel() == 16


def test_both_strategies_compare_rows_in_the_given_space() -> None:
    for build in (max_herding, uncertainty_herding):
        strategy = build(space="hidden")
        assert strategy.keeps == strategy.labelled == {"hidden"}
        candidates = make(normal(9, 3), normal(3, 3, seed=1), space="hidden")
        assert strategy.select(candidates, 9, generator=stream(0, "q")).unique().numel() == 9


def test_parameters_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match="sigma"):
        max_herding(sigma=-1.0)
    with pytest.raises(ValueError, match="sigma"):
        uncertainty_herding(sigma=float("nan"))
    with pytest.raises(ValueError, match="temperature"):
        uncertainty_herding(temperature=0.0)
