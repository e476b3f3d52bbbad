"""Power acquisition, by its distribution."""

import itertools
import math

import pytest
import torch
from scipy import stats

from alsim.seeding import stream
from alsim.signals import Signals
from alsim.strategies import Candidates, query
from alsim.strategies.stochastic import power, power_bald, power_margin

SCORES = torch.tensor([0.5, 0.1, 1.0, 0.0, 0.25])
TRIALS = 3000


def draws(beta: float, k: int) -> list[tuple[int, ...]]:
    select, generator = power(beta), stream(7, "draws")
    return [
        tuple(select(Candidates(SCORES), k, generator=generator).tolist()) for _ in range(TRIALS)
    ]


@pytest.mark.long
@pytest.mark.parametrize("beta", [0.5, 1.0, 3.0])
def test_a_row_comes_first_in_proportion_to_its_score_to_the_power_of_beta(beta: float) -> None:
    firsts = torch.tensor(draws(beta, 1)).flatten().bincount(minlength=5)
    weights = (SCORES.double() ** beta)[SCORES > 0]
    assert firsts[SCORES == 0].sum() == 0
    expected = TRIALS * weights / weights.sum()
    assert stats.chisquare(firsts[SCORES > 0].numpy(), expected.numpy()).pvalue > 0.001


def test_pairs_are_distributed_as_draws_without_replacement() -> None:
    drawn = draws(1.0, 2)
    weights = dict(enumerate(SCORES.tolist()))
    total = sum(weights.values())
    pairs = list(itertools.permutations([0, 1, 2, 4], 2))
    # Plackett-Luce: the first by its share of all, the second by its share of the rest.
    chances = [weights[a] / total * weights[b] / (total - weights[a]) for a, b in pairs]
    counts = [drawn.count(pair) for pair in pairs]
    assert sum(counts) == TRIALS
    assert stats.chisquare(counts, [TRIALS * p / sum(chances) for p in chances]).pvalue > 0.001


def test_rows_without_a_score_come_last_and_in_random_order() -> None:
    scores = torch.tensor([0.0, 1e-30, 0.0, 0.0, 2.0])
    orders = [
        power(1.0)(Candidates(scores), 5, generator=stream(s, "q")).tolist() for s in range(300)
    ]
    assert all(sorted(order) == [0, 1, 2, 3, 4] and set(order[:2]) == {1, 4} for order in orders)
    third = torch.tensor(orders)[:, 2].bincount(minlength=5)[[0, 2, 3]]
    assert stats.chisquare(third.numpy()).pvalue > 0.001


@pytest.mark.parametrize("value", [0.0, 0.3])
def test_equal_scores_are_drawn_equally_often(value: float) -> None:
    counts = torch.zeros(6)
    for seed in range(1500):
        chosen = power(1.0)(Candidates(torch.full((6,), value)), 2, generator=stream(seed, "q"))
        counts[chosen] += 1
    assert stats.chisquare(counts.numpy()).pvalue > 0.001


def test_a_large_beta_is_top_k() -> None:
    assert draws(1e6, 3) == [(2, 0, 4)] * TRIALS


def test_a_scale_common_to_all_scores_changes_nothing() -> None:
    chosen = [
        power(1.0)(Candidates(SCORES * scale), 3, generator=stream(1, "q")) for scale in (1, 1024)
    ]
    assert torch.equal(*chosen)


@pytest.mark.parametrize("beta", [0.0, -1.0, math.inf, math.nan])
def test_beta_must_be_above_zero(beta: float) -> None:
    with pytest.raises(ValueError, match="beta"):
        power_margin(beta)


def test_a_score_below_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 0"):
        power(1.0)(Candidates(torch.tensor([0.5, -0.1])), 1, generator=stream(0, "q"))


def test_the_margin_is_turned_into_a_weight_between_zero_and_one() -> None:
    p = torch.tensor([[1.0, 0.0, 0.0], [0.5, 0.5, 0.0], [0.5, 0.3, 0.2], [1 + 1e-7, 0.0, 0.0]])
    scores = power_margin().score(Signals(4, {"probabilities": p}))
    torch.testing.assert_close(scores, torch.tensor([0.0, 1.0, 0.8, 0.0]))
    assert (scores >= 0).all()


def test_power_bald_uses_the_requested_committee() -> None:
    strategy = power_bald(k=5, masks="independent", beta=2.0)
    assert (strategy.committee.k, strategy.committee.masks) == (5, "independent")
    agreeing = torch.full((8, 5, 4), 0.25)
    scores = strategy.score(Signals(8, {"mc_probabilities": agreeing}))
    assert len(query(strategy, Candidates(scores), 8, generator=stream(0, "q")).unique()) == 8
