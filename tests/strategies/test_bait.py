"""BAIT's Fisher information and its greedy search against dense algebra."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from torch import Tensor
from torch.nn import functional as F

from alsim.seeding import stream
from alsim.signals import Signals
from alsim.strategies.bait import Fit, bait, class_weights, information_of
from alsim.strategies.selectors import Candidates


def make_rows(n: int, c: int = 3, h: int = 4, seed: int = 0) -> tuple[Tensor, Tensor]:
    g = stream(seed, "rows")
    p = torch.softmax(2 * torch.randn(n, c, generator=g, dtype=torch.float64), 1)
    return p, torch.randn(n, h, generator=g, dtype=torch.float64)


def select(
    p: Tensor, z: Tensor, k: int, labelled: tuple[Tensor, Tensor] | None = None, seed: int = 0
) -> list[int]:
    known = labelled or (p[:0], z[:0])
    candidates = Candidates(
        torch.zeros(len(p)),
        {"probabilities": p, "hidden": z},
        {"probabilities": known[0], "hidden": known[1]},
    )
    return bait(0.5).select(candidates, k, generator=stream(seed, "query")).tolist()


def tensor(values: list[float]) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def dense(p: Tensor, z: Tensor) -> Tensor:
    """Return the information of every row, `(n, h·c, h·c)`, block-diagonal over the classes."""
    return torch.stack([torch.kron(torch.diag(q * (1 - q)), torch.outer(x, x)) for q, x in
                        zip(p, z, strict=True)])  # fmt: skip


def dense_trace(known: Tensor, pool: Tensor) -> float:
    return float(torch.linalg.solve(known, pool).trace())


def test_the_information_of_a_row_equals_the_diagonal_blocks_of_its_fisher_matrix() -> None:
    # The expectation over labels of the outer product of the score, by autograd.
    (p, z), weight = make_rows(1), torch.randn(3, 4, generator=stream(1, "w")).double()
    weight.requires_grad_()
    p = torch.softmax(z @ weight.T, 1).detach()
    fisher = torch.zeros(12, 12, dtype=torch.float64)
    for label in range(3):
        loss = F.cross_entropy(z @ weight.T, torch.tensor([label]))
        score = torch.autograd.grad(loss, weight)[0].flatten()
        fisher += p[0, label] * torch.outer(score, score)
    mine = information_of(z, class_weights(p))
    for j in range(3):
        block = fisher[4 * j : 4 * j + 4, 4 * j : 4 * j + 4]
        torch.testing.assert_close(mine[j], block, rtol=0, atol=1e-12)
    score = bait().score(Signals(1, {"probabilities": p, "hidden": z}))
    assert score.item() == pytest.approx(fisher.trace().item())
    assert score.item() == pytest.approx(float(z.square().sum() * (1 - p.square().sum())))


@pytest.mark.long
@given(st.integers(0, 99), st.lists(st.integers(0, 9), min_size=1, max_size=6, unique=True))
@settings(max_examples=30)
def test_adding_and_removing_rows_agrees_with_dense_algebra(seed: int, rows: list[int]) -> None:
    p, z = make_rows(10, seed=seed)
    informations = dense(p, z)
    pool, known = informations.sum(0), 0.5 * torch.eye(12, dtype=torch.float64)
    prior = 0.5 * torch.eye(4, dtype=torch.float64).expand(3, 4, 4)
    fit = Fit.start(z, class_weights(p), prior)
    for i in rows:
        gains = [dense_trace(known, pool) - dense_trace(known + m, pool) for m in informations]
        torch.testing.assert_close(fit.gains(), tensor(gains), rtol=0, atol=1e-8)
        known = known + informations[i]
        fit = fit.add(i)
        assert fit.trace() == pytest.approx(dense_trace(known, pool), abs=1e-8)
    for i in rows:
        losses = [
            dense_trace(known - informations[j], pool) - dense_trace(known, pool) for j in rows
        ]
        mine = fit.only(torch.tensor(rows)).losses()
        torch.testing.assert_close(mine, tensor(losses), rtol=1e-8, atol=1e-8)
        known = known - informations[i]
        fit, rows = fit.remove(i), rows[1:]
        assert fit.trace() == pytest.approx(dense_trace(known, pool), abs=1e-8)


@given(st.integers(0, 99), st.integers(1, 4))
@settings(max_examples=25)
def test_a_query_equals_adding_2k_rows_and_removing_k_by_brute_force(seed: int, k: int) -> None:
    (p, z), known = make_rows(10, seed=seed), make_rows(2, seed=seed + 1000)
    informations, pool = dense(p, z), dense(p, z).sum(0)
    base = 0.5 * torch.eye(12, dtype=torch.float64) + dense(*known).sum(0)

    def trace(rows: list[int]) -> float:
        return dense_trace(base + informations[rows].sum(0), pool)

    picked: list[int] = []
    while len(picked) < 2 * k:
        picked.append(
            min((i for i in range(10) if i not in picked), key=lambda i: trace([*picked, i]))
        )
    while len(picked) > k:
        picked.remove(min(picked, key=lambda i: trace([j for j in picked if j != i])))
    assert select(p, z, k, known) == picked


def test_rows_that_repeat_labelled_rows_are_not_queried() -> None:
    p = torch.full((2, 2), 0.5)
    z = torch.tensor([[1.0, 0.0], [0.0, 0.9]])
    assert select(p, z, 1) == [0]
    known = (torch.full((20, 2), 0.5), torch.tensor([[1.0, 0.0]]).repeat(20, 1))
    assert select(p, z, 1, known) == [1]


@pytest.mark.long
@pytest.mark.parametrize("p", [1.0, 0.8])
def test_equal_rows_are_picked_equally_often(p: float) -> None:
    p_all = torch.tensor([[p, 1 - p]]).repeat(7, 1)
    z = torch.rand(1, 5, generator=stream(0, "z")).repeat(7, 1)
    counts = torch.zeros(7)
    for seed in range(300):
        picked = select(p_all, z, 2, seed=seed)
        assert len(set(picked)) == 2
        counts[picked] += 1
    assert stats.chisquare(counts.numpy()).pvalue > 0.001


def test_one_class_or_identical_uncertain_rows_still_give_k_rows() -> None:
    z = torch.rand(1, 5, generator=stream(0, "z")).repeat(6, 1)
    assert len(set(select(torch.ones(6, 1), z, 3))) == 3
    assert len(set(select(torch.full((6, 3), 1 / 3), z, 6))) == 6
    assert len(set(select(torch.full((6, 3), 1 / 3), 0 * z, 4))) == 4


def test_the_order_of_classes_does_not_matter() -> None:
    p, z = make_rows(60, c=5)
    known = make_rows(8, c=5, seed=1)
    turned = [4, 0, 3, 1, 2]
    assert select(p, z, 9, known) == select(p[:, turned], z, 9, (known[0][:, turned], known[1]))


@pytest.mark.parametrize("regularisation", [0.0, -1.0, float("nan")])
def test_a_regularisation_that_is_not_positive_is_refused(regularisation: float) -> None:
    with pytest.raises(ValueError, match="must be positive"):
        bait(regularisation)
