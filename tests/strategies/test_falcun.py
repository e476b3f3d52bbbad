"""FALCUN against a plain loop, and by the distribution of its draws."""

import math

import pytest
import torch
from scipy import stats
from torch import Tensor

from alsim.errors import UsageError
from alsim.seeding import stream
from alsim.signals import Signals
from alsim.strategies import Candidates, find_strategy, query
from alsim.strategies.falcun import draw_weights, falcun
from alsim.strategies.geometry import draw


def make_p(n: int, c: int = 4, seed: int = 0) -> Tensor:
    g = stream(seed, "rows")
    return torch.softmax(2 * torch.randn(n, c, generator=g, dtype=torch.float64), 1)


def candidates_of(p: Tensor) -> Candidates:
    score = falcun().score(Signals(len(p), {"probabilities": p}))
    return Candidates(score, {"probabilities": p})


def select(p: Tensor, k: int, seed: int = 0, gamma: float = 10.0) -> list[int]:
    generator = stream(seed, "query")
    return query(falcun(gamma), candidates_of(p), k, generator=generator).tolist()


def twin(p: list[list[float]], k: int, seed: int, gamma: float) -> list[int]:
    """Return what the rule picks, step by step, with the same draws."""
    best = [sorted(row, reverse=True) for row in p]
    u = [1 - (row[0] - row[1]) for row in best]
    d, picked, generator = u.copy(), list[int](), stream(seed, "query")
    while len(picked) < k:
        left = [i for i in range(len(p)) if i not in picked]
        least, most = min(d[i] for i in left), max(d[i] for i in left)
        weights = [0.0] * len(p)
        for i in left:
            scaled = (d[i] - least) / (most - least) if most > least else 0
            weights[i] = (u[i] + scaled) ** gamma if most > 0 else 1
        picked.append(draw(torch.tensor(weights, dtype=torch.float64), generator=generator))
        for i, row in enumerate(p):
            l1 = sum(abs(x - y) for x, y in zip(row, p[picked[-1]], strict=True))
            d[i] = min(d[i], l1)
    return picked


@pytest.mark.parametrize("gamma", [0.0, 1.0, 10.0])
def test_the_picks_are_those_of_a_plain_loop_with_the_same_draws(gamma: float) -> None:
    for seed in range(20):
        p = make_p(12, seed=seed)
        for k in (1, 5, 12):
            assert select(p, k, seed, gamma) == twin(p.tolist(), k, seed, gamma)


def test_the_first_pick_is_drawn_by_its_uncertainty_twice_once_scaled() -> None:
    p = make_p(8)
    best = p.topk(2).values
    u = 1 - (best[:, 0] - best[:, 1])
    weights = (u + (u - u.min()) / (u.max() - u.min())) ** 2
    trials = 3000
    firsts = torch.tensor([select(p, 1, seed, gamma=2.0)[0] for seed in range(trials)])
    expected = trials * weights / weights.sum()
    assert stats.chisquare(firsts.bincount(minlength=8).numpy(), expected.numpy()).pvalue > 0.001


def test_a_row_like_a_pick_is_drawn_less_often_than_one_unlike_it() -> None:
    # Three rows equally uncertain, two of them the same: after one of these, the third is likely.
    p = torch.tensor([[0.5, 0.5, 0, 0], [0.5, 0.5, 0, 0], [0, 0, 0.5, 0.5]])
    seconds = [select(p, 2, seed) for seed in range(300)]
    together = sum(set(pair) == {0, 1} for pair in seconds)
    # u = 1 for all and d = 0 and 1: odds of 1 to 2 ** 10, in the two thirds that begin so.
    assert together <= 3
    both_ways = [pair for pair in seconds if pair[0] == 2]
    counts = torch.tensor([pair[1] for pair in both_ways]).bincount(minlength=2)
    assert stats.chisquare(counts.numpy()).pvalue > 0.001


@pytest.mark.parametrize("gamma", [10.0, 5000.0])
def test_rows_stay_distinct_where_the_power_of_their_weight_underflows(gamma: float) -> None:
    p = torch.cat([make_p(10), torch.eye(4).double(), make_p(1).expand(10, 4)]).float()
    for seed in range(20):
        assert sorted(select(p, 24, seed, gamma)) == list(range(24))


def test_a_very_large_gamma_picks_the_largest_sum() -> None:
    p = make_p(40)
    u = candidates_of(p).scores
    assert select(p, 1, gamma=1e6) == [int(u.argmax())]


@pytest.mark.parametrize("certain", [True, False])
def test_equal_rows_are_drawn_equally_often(certain: bool) -> None:
    p = torch.tensor([[1.0, 0, 0] if certain else [0.6, 0.3, 0.1]]).repeat(6, 1)
    counts = torch.zeros(6)
    for seed in range(900):
        counts[select(p, 2, seed)] += 1
    assert stats.chisquare(counts.numpy()).pvalue > 0.001


def test_rows_equal_but_for_rounding_are_drawn_equally_often() -> None:
    p = torch.tensor([[0.6, 0.3, 0.1]]).repeat(6, 1)
    p += 3e-8 * torch.randn(6, 3, generator=stream(0, "rounding"))
    assert len(p.unique(dim=0)) > 2
    counts = torch.zeros(6)
    for seed in range(900):
        counts[select(p, 2, seed)] += 1
    assert stats.chisquare(counts.numpy()).pvalue > 0.001


def test_weights_move_with_their_rows() -> None:
    g = stream(0, "weights")
    u = torch.rand(30, generator=g, dtype=torch.float64)
    d, is_left = u * torch.rand(30, generator=g).double(), torch.rand(30, generator=g) > 0.3
    order = torch.randperm(30, generator=g)
    turned = draw_weights(u[order], d[order], is_left[order], 10)
    weights = draw_weights(u, d, is_left, 10)
    torch.testing.assert_close(turned, weights[order], rtol=0, atol=0)
    assert weights.max() == 1
    assert not weights[~is_left].any()


def test_a_margin_above_one_by_rounding_is_no_negative_uncertainty() -> None:
    p = torch.tensor([[1 + 1e-6, 0.0], [0.5, 0.5], [1.0, 0.0]])
    assert candidates_of(p).scores.tolist() == [0, 1, 0]
    assert sorted(select(p, 3)) == [0, 1, 2]


@pytest.mark.parametrize("gamma", [-1.0, math.inf, math.nan])
def test_gamma_must_be_a_number_from_zero(gamma: float) -> None:
    with pytest.raises(UsageError, match="gamma"):
        find_strategy(f"falcun(gamma={gamma})")
