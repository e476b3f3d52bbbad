"""Scores from a committee: by hand, by twins, and at the edges of float32."""

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from torch import Tensor

from alsim.seeding import stream
from alsim.signals import Signals
from alsim.strategies import Candidates, query
from alsim.strategies.committee import bald, qbc_entropy, qbc_least_confident, qbc_margin
from alsim.strategies.strategy import Strategy

BUILDERS = pytest.mark.parametrize("build", [qbc_least_confident, qbc_margin, qbc_entropy, bald])


def members(n: int, k: int, c: int, seed: int = 0, spread: float = 2) -> Tensor:
    logits = torch.randn(n, k, c, generator=stream(seed, "members"), dtype=torch.float64)
    return torch.softmax(logits * spread, -1)


def score(strategy: Strategy, p: Tensor) -> Tensor:
    return strategy.score(Signals(len(p), {"mc_probabilities": p}))


def test_two_certain_members_who_disagree_score_one_bit() -> None:
    p = torch.tensor([[[1.0, 0.0], [0.0, 1.0]]])
    assert score(bald(), p).item() == pytest.approx(math.log(2))
    assert score(qbc_entropy(), p).item() == pytest.approx(math.log(2))
    assert score(qbc_least_confident(), p).item() == pytest.approx(0.5)
    assert score(qbc_margin(), p).item() == pytest.approx(0)


def test_members_who_are_equally_uncertain_have_entropy_and_no_disagreement() -> None:
    p = torch.tensor([[[0.5, 0.5], [0.5, 0.5]]])
    assert score(qbc_entropy(), p).item() == pytest.approx(math.log(2))
    assert score(bald(), p).item() == pytest.approx(0, abs=1e-7)


def test_a_quarter_and_three_quarters_by_hand() -> None:
    p = torch.tensor([[[0.25, 0.75], [0.75, 0.25]]])
    inner = 2 * math.log(2) - 0.75 * math.log(3)
    assert score(bald(), p).item() == pytest.approx(math.log(2) - inner)


@pytest.mark.long
@given(st.integers(0, 999), st.integers(2, 6), st.integers(1, 5))
@settings(max_examples=30)
def test_every_score_equals_its_slow_twin(seed: int, k: int, c: int) -> None:
    p = members(4, k, c, seed)
    for row, rows in enumerate(p.tolist()):
        mean = [sum(member[i] for member in rows) / k for i in range(c)]
        best = sorted([*mean, 0.0], reverse=True)
        inner = sum(float(stats.entropy(member)) for member in rows) / k
        outer = float(stats.entropy(mean))
        assert score(bald(), p)[row].item() == pytest.approx(outer - inner, abs=1e-12)
        assert score(qbc_entropy(), p)[row].item() == pytest.approx(outer, abs=1e-12)
        assert score(qbc_margin(), p)[row].item() == pytest.approx(best[1] - best[0])
        assert score(qbc_least_confident(), p)[row].item() == pytest.approx(1 - best[0])


@given(st.integers(0, 999), st.integers(2, 9), st.integers(2, 9))
def test_disagreement_lies_between_zero_and_the_log_of_the_smaller_of_members_and_classes(
    seed: int, k: int, c: int
) -> None:
    values = score(bald(), members(20, k, c, seed, spread=8))
    assert (values >= 0).all()
    assert (values <= math.log(min(k, c)) + 1e-12).all()


def test_disagreement_is_never_below_zero_nor_nan_in_float32() -> None:
    agreeing = members(500, 1, 7).float().expand(500, 20, 7)
    sure = torch.nn.functional.one_hot(torch.arange(7), 7).float()[:, None].expand(7, 20, 7)
    for p in (agreeing, sure):
        values = score(bald(), p)
        assert (values >= 0).all()
        assert (values < 2e-6).all()


@BUILDERS
def test_the_order_of_members_and_of_classes_does_not_matter(
    build: Callable[..., Strategy],
) -> None:
    p = members(30, 6, 5)
    values = score(build(), p)
    torch.testing.assert_close(score(build(), p.flip(1)), values, rtol=0, atol=1e-12)
    torch.testing.assert_close(score(build(), p.flip(2)), values, rtol=0, atol=1e-12)


@BUILDERS
def test_a_row_scores_the_same_alone(build: Callable[..., Strategy]) -> None:
    p = members(9, 6, 5)
    alone = torch.cat([score(build(), row[None]) for row in p])
    torch.testing.assert_close(alone, score(build(), p), rtol=0, atol=1e-12)


def test_disagreement_ignores_rows_that_are_only_noisy_and_entropy_does_not() -> None:
    noisy = [[0.5, 0.5]] * 4
    disputed = [[0.95, 0.05], [0.05, 0.95], [0.95, 0.05], [0.9, 0.1]]
    p = torch.tensor([noisy, disputed])
    chosen = [
        int(query(strategy, Candidates(score(strategy, p)), 1, generator=stream(0, "q")))
        for strategy in (qbc_entropy(), bald())
    ]
    assert chosen == [0, 1]


@BUILDERS
def test_the_requested_committee_is_drawn(build: Callable[..., Strategy]) -> None:
    strategy = build(k=7, masks="independent")
    assert (strategy.committee.k, strategy.committee.masks) == (7, "independent")
    assert (build().committee.k, build().committee.masks) == (20, "consistent")
    with pytest.raises(ValueError, match="at least 2"):
        build(k=1)
