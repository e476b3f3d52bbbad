"""Scores from one prediction by hand, the default selector, and the errors of `query`."""

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from alsim.errors import RunError
from alsim.seeding import stream
from alsim.signals import Signal, Signals
from alsim.strategies import Candidates, find_strategy, query, top_k

entropy, least_confident, margin = (
    find_strategy(name).strategy.score for name in ("entropy", "least-confident", "margin")
)
POINTWISE = pytest.mark.parametrize("score", [least_confident, margin, entropy])


def make_signals(n: int, c: int = 5, seed: int = 0) -> Signals:
    g = stream(seed, "signals")
    values: dict[Signal, torch.Tensor] = {
        "probabilities": torch.softmax(torch.randn(n, c, generator=g, dtype=torch.float64), 1),
        "hidden": torch.randn(n, 3, generator=g, dtype=torch.float64),
    }
    return Signals(n, values)


def from_rows(*rows: list[float]) -> Signals:
    return Signals(len(rows), {"probabilities": torch.tensor(rows, dtype=torch.float64)})


@pytest.mark.long
def test_random_queries_every_row_equally_often() -> None:
    strategy, n, k, trials = find_strategy("random").strategy, 12, 3, 3000
    counts = torch.zeros(n)
    for seed in range(trials):
        counts[query(strategy, Candidates(torch.zeros(n)), k, generator=stream(seed, "q"))] += 1
    assert stats.chisquare(counts.numpy()).pvalue > 0.001


def test_the_best_scores_come_first_and_ties_are_broken_by_the_generator() -> None:
    scores = torch.tensor([0.1, 0.9, 0.5, 0.5, 0.5, 0.2])
    picked = [top_k(Candidates(scores), 3, generator=stream(s, "q")).tolist() for s in range(300)]
    assert all(rows[0] == 1 for rows in picked)
    second = torch.tensor([rows[1] for rows in picked]).bincount(minlength=6)
    assert second[[0, 1, 5]].sum() == 0
    assert stats.chisquare(second[2:5].numpy()).pvalue > 0.001


@given(st.integers(1, 40), st.integers(0, 99))
def test_top_k_equals_sorting(n: int, seed: int) -> None:
    scores = torch.rand(n, generator=stream(seed, "scores"))
    k = min(n, 7)
    rows = top_k(Candidates(scores), k, generator=stream(seed, "q"))
    assert scores[rows].tolist() == sorted(scores.tolist(), reverse=True)[:k]


def test_the_scores_of_a_half_and_two_quarters_equal_those_by_hand() -> None:
    signals = from_rows([0.5, 0.25, 0.25])
    assert least_confident(signals).item() == pytest.approx(0.5)
    assert margin(signals).item() == pytest.approx(-0.25)
    assert entropy(signals).item() == pytest.approx(1.5 * math.log(2))


def test_margin_prefers_a_close_race_and_least_confident_a_weak_winner() -> None:
    # VK 2020: {0.5; 0.49; 0.01} against {0.49; 0.255; 0.255}.
    race = from_rows([0.5, 0.49, 0.01], [0.49, 0.255, 0.255])
    assert margin(race).argmax() == 0
    assert least_confident(race).argmax() == 1


@POINTWISE
def test_a_certain_prediction_scores_lowest_and_a_uniform_one_highest(score: object) -> None:
    signals = from_rows([1, 0, 0, 0], [0.25] * 4, [0.7, 0.1, 0.1, 0.1])
    values = score(signals)  # pyright: ignore[reportCallIssue]
    assert torch.isfinite(values).all()
    assert values.argmin() == 0
    assert values.argmax() == 1


@pytest.mark.long
@given(st.integers(0, 999), st.integers(2, 9))
def test_scores_lie_within_their_bounds_and_equal_their_twins(seed: int, c: int) -> None:
    signals = make_signals(8, c, seed)
    p = signals.probabilities
    ordered = p.sort(1, descending=True).values
    torch.testing.assert_close(margin(signals), ordered[:, 1] - ordered[:, 0])
    torch.testing.assert_close(least_confident(signals), 1 - ordered[:, 0])
    twin = torch.from_numpy(stats.entropy(p.numpy(), axis=1))
    torch.testing.assert_close(entropy(signals), twin)
    assert (entropy(signals) <= math.log(c) + 1e-12).all()
    assert ((margin(signals) >= -1) & (margin(signals) <= 0)).all()


def test_a_score_that_is_not_a_number_ends_the_run_with_one_message() -> None:
    scores = torch.tensor([0.1, float("nan"), 0.3])
    with pytest.raises(RunError, match="1 of 3 acquisition scores"):
        query(find_strategy("margin").strategy, Candidates(scores), 2, generator=stream(0, "q"))


def test_a_selector_that_repeats_a_row_is_a_bug() -> None:
    def twice(chosen: Candidates, k: int, *, generator: torch.Generator) -> torch.Tensor:
        del chosen, generator
        return torch.zeros(k, dtype=torch.int64)

    broken = replace(find_strategy("random").strategy, select=twice)
    with pytest.raises(ValueError, match="not 2 distinct"):
        query(broken, Candidates(torch.zeros(5)), 2, generator=stream(0, "q"))
