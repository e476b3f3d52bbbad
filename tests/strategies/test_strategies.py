"""One contract for every strategy, and the scores by hand."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from alsim.errors import RunError, UsageError
from alsim.seeding import stream
from alsim.signals import Signal, Signals
from alsim.strategies import STRATEGIES, Candidates, Strategy, find_strategy, query, top_k
from alsim.strategies.uncertainty import entropy, least_confident, margin

ALL = pytest.mark.parametrize("strategy", STRATEGIES.values(), ids=STRATEGIES.keys())
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


def candidates(strategy: Strategy, signals: Signals) -> Candidates:
    return Candidates(strategy.score(signals), {s: signals.values[s] for s in strategy.keeps})


@ALL
@pytest.mark.parametrize("k", [1, 5, 20, 30])
def test_a_query_is_k_distinct_rows_and_leaves_the_global_generator_alone(
    strategy: Strategy, k: int
) -> None:
    before = torch.get_rng_state()
    rows = query(strategy, candidates(strategy, make_signals(20)), k, generator=stream(0, "query"))
    assert len(rows) == len(rows.unique()) == min(k, 20)
    assert rows.min() >= 0
    assert rows.max() < 20
    assert torch.equal(before, torch.get_rng_state())


@ALL
def test_a_query_is_the_same_from_the_same_stream(strategy: Strategy) -> None:
    chosen = [
        query(strategy, candidates(strategy, make_signals(50)), 9, generator=stream(3, "query"))
        for _ in range(2)
    ]
    assert torch.equal(*chosen)


@ALL
def test_a_score_does_not_depend_on_the_rows_beside_it_or_on_the_order_of_classes(
    strategy: Strategy,
) -> None:
    signals = make_signals(30)
    whole = strategy.score(signals)
    parts = [
        strategy.score(Signals(10, {k: v[i : i + 10] for k, v in signals.values.items()}))
        for i in (0, 10, 20)
    ]
    torch.testing.assert_close(torch.cat(parts), whole, rtol=0, atol=1e-12)
    turned = Signals(30, {"probabilities": signals.probabilities.flip(1), "hidden": signals.hidden})
    torch.testing.assert_close(strategy.score(turned), whole, rtol=0, atol=1e-12)


def test_random_queries_every_row_equally_often() -> None:
    strategy, n, k, trials = STRATEGIES["random"], 12, 3, 3000
    counts = torch.zeros(n)
    for seed in range(trials):
        counts[
            query(strategy, candidates(strategy, make_signals(n)), k, generator=stream(seed, "q"))
        ] += 1
    assert stats.chisquare(counts.numpy()).pvalue > 0.001


def test_the_best_scores_come_first_and_ties_fall_by_the_stream() -> None:
    scores = torch.tensor([0.1, 0.9, 0.5, 0.5, 0.5, 0.2])
    picked = [top_k(Candidates(scores), 3, generator=stream(s, "q")).tolist() for s in range(300)]
    assert all(rows[0] == 1 for rows in picked)
    second = torch.tensor([rows[1] for rows in picked]).bincount(minlength=6)
    assert second[[0, 1, 5]].sum() == 0
    assert stats.chisquare(second[2:5].numpy()).pvalue > 0.001


@given(st.integers(1, 40), st.integers(0, 99))
def test_top_k_takes_what_sorting_would(n: int, seed: int) -> None:
    scores = torch.rand(n, generator=stream(seed, "scores"))
    k = min(n, 7)
    rows = top_k(Candidates(scores), k, generator=stream(seed, "q"))
    assert scores[rows].tolist() == sorted(scores.tolist(), reverse=True)[:k]


def test_a_half_and_two_quarters_by_hand() -> None:
    signals = from_rows([0.5, 0.25, 0.25])
    assert least_confident(signals).item() == pytest.approx(0.5)
    assert margin(signals).item() == pytest.approx(-0.25)
    assert entropy(signals).item() == pytest.approx(1.5 * math.log(2))


def test_the_study_prefers_a_close_race_by_margin_and_a_weak_winner_by_confidence() -> None:
    # VK 2020: {0.5; 0.49; 0.01} against {0.49; 0.255; 0.255}.
    race = from_rows([0.5, 0.49, 0.01], [0.49, 0.255, 0.255])
    assert margin(race).argmax() == 0
    assert least_confident(race).argmax() == 1


@POINTWISE
def test_certainty_scores_lowest_and_uniformity_highest(score: object) -> None:
    signals = from_rows([1, 0, 0, 0], [0.25] * 4, [0.7, 0.1, 0.1, 0.1])
    values = score(signals)  # pyright: ignore[reportCallIssue]
    assert torch.isfinite(values).all()
    assert values.argmin() == 0
    assert values.argmax() == 1


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
        query(STRATEGIES["margin"], Candidates(scores), 2, generator=stream(0, "q"))


def test_a_selector_that_repeats_a_row_is_a_bug() -> None:
    def twice(chosen: Candidates, k: int, *, generator: torch.Generator) -> torch.Tensor:
        del chosen, generator
        return torch.zeros(k, dtype=torch.int64)

    broken = Strategy("", "", "", frozenset(), STRATEGIES["random"].score, select=twice)
    with pytest.raises(ValueError, match="not 2 distinct"):
        query(broken, Candidates(torch.zeros(5)), 2, generator=stream(0, "q"))


def test_an_unknown_strategy_names_the_nearest() -> None:
    with pytest.raises(UsageError, match="did you mean margin"):
        find_strategy("margn")
