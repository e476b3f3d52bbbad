"""BADGE against explicit gradients, and k-means++ by its distribution."""

from itertools import permutations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from torch import Tensor
from torch.nn import functional as F

from alsim.seeding import stream
from alsim.signals import Signals
from alsim.strategies.badge import (
    badge,
    gradient_at_prediction,
    k_means_plus_plus,
    random_argmax,
    squared_distances_to,
    squared_norms,
)
from alsim.strategies.selectors import Candidates


def make_rows(n: int, c: int = 4, h: int = 3, seed: int = 0) -> tuple[Tensor, Tensor]:
    g = stream(seed, "rows")
    p = torch.softmax(2 * torch.randn(n, c, generator=g, dtype=torch.float64), 1)
    return p, torch.randn(n, h, generator=g, dtype=torch.float64)


def select(p: Tensor, hidden: Tensor, k: int, seed: int = 0) -> list[int]:
    candidates = Candidates(torch.zeros(len(p)), {"probabilities": p, "hidden": hidden})
    return badge().select(candidates, k, generator=stream(seed, "query")).tolist()


def explicit(factors: list[Tensor]) -> Tensor:
    return torch.einsum("na,nz->naz", *factors).flatten(1)


def test_lengths_and_distances_equal_those_of_the_gradients_of_the_last_layer() -> None:
    g = stream(0, "layer")
    hidden = torch.randn(9, 5, generator=g, dtype=torch.float64)
    weight = torch.randn(4, 5, generator=g, dtype=torch.float64, requires_grad=True)
    gradients: list[Tensor] = []
    for z in hidden:
        logits = weight @ z
        loss = F.cross_entropy(logits.unsqueeze(0), logits.argmax().unsqueeze(0))
        gradients.append(torch.autograd.grad(loss, weight)[0].flatten())
    embeddings = torch.stack(gradients)
    p = torch.softmax(hidden @ weight.detach().T, 1)
    factors = [gradient_at_prediction(p), hidden]
    norms = squared_norms(factors)
    torch.testing.assert_close(norms, embeddings.square().sum(1), rtol=0, atol=1e-10)
    for i in range(9):
        twin = (embeddings - embeddings[i]).square().sum(1)
        mine = squared_distances_to(i, factors, norms)
        torch.testing.assert_close(mine, twin, rtol=0, atol=1e-10)
    score = badge().score(Signals(9, {"probabilities": p, "hidden": hidden}))
    torch.testing.assert_close(score, embeddings.norm(dim=1), rtol=0, atol=1e-10)


@pytest.mark.long
def test_the_first_pick_is_the_longest_and_the_next_two_follow_squared_distances() -> None:
    p, hidden = make_rows(6)
    factors = [gradient_at_prediction(p), hidden]
    embeddings = explicit(factors)
    first = int(embeddings.norm(dim=1).argmax())
    distances = torch.cdist(embeddings, embeddings).square()
    pairs = list(permutations([i for i in range(6) if i != first], 2))
    after_one = distances[first]
    expected: list[float] = []
    for second, third in pairs:
        after_two = after_one.minimum(distances[second])
        chance = after_one[second] / after_one.sum() * after_two[third] / after_two.sum()
        expected.append(float(chance))
    trials, counts = 3000, dict.fromkeys(pairs, 0)
    g = stream(1, "query")
    for _ in range(trials):
        picked = k_means_plus_plus(factors, 3, generator=g).tolist()
        assert picked[0] == first
        counts[picked[1], picked[2]] += 1
    assert sum(expected) == pytest.approx(1)
    result = stats.chisquare(list(counts.values()), [trials * e for e in expected])
    assert result.pvalue > 0.001


def test_every_different_gradient_is_picked_before_any_copy() -> None:
    p, hidden = make_rows(4)
    for dtype in (torch.float32, torch.float64):
        copies = (p.repeat(10, 1).to(dtype), hidden.repeat(10, 1).to(dtype))
        for seed in range(20):
            picked = select(*copies, 12, seed)
            assert {i % 4 for i in picked[:4]} == {0, 1, 2, 3}
            assert len(set(picked)) == 12


@pytest.mark.long
@pytest.mark.parametrize("certain", [True, False])
def test_equal_rows_are_picked_equally_often(certain: bool) -> None:
    # float32, where sums of products do not come out at exactly 0
    p = torch.tensor([[1.0, 0, 0] if certain else [0.6, 0.3, 0.1]]).repeat(9, 1)
    hidden = torch.rand(1, 64, generator=stream(0, "hidden")).repeat(9, 1)
    counts = torch.zeros(9)
    for seed in range(900):
        picked = select(p, hidden, 3, seed)
        assert len(set(picked)) == 3
        counts[picked] += 1
    assert stats.chisquare(counts.numpy()).pvalue > 0.001


def test_copies_have_distance_zero_in_float32() -> None:
    a, z = (torch.rand(40, w, generator=stream(0, "copies")).repeat(2, 1) for w in (10, 300))
    norms = squared_norms([a, z])
    for i in range(40):
        distances = squared_distances_to(i, [a, z], norms)
        assert distances[i] == distances[i + 40] == 0
        assert (distances > 0).sum() == 78


@pytest.mark.long
@given(st.integers(1, 12), st.integers(1, 4), st.integers(0, 99), st.data())
def test_a_query_is_k_distinct_rows(n: int, c: int, seed: int, data: st.DataObject) -> None:
    k = data.draw(st.integers(1, n))
    p, hidden = make_rows(n, c, seed=seed)
    copies = torch.randint(n, (n,), generator=stream(seed, "copies"))
    picked = select(p[copies], hidden[copies], k, seed)
    assert len(set(picked)) == len(picked) == k
    assert set(picked) <= set(range(n))


def test_the_order_of_classes_does_not_matter() -> None:
    p, hidden = make_rows(200, c=6)
    assert select(p, hidden, 30) == select(p[:, [3, 1, 5, 0, 4, 2]], hidden, 30)


def test_the_same_stream_gives_the_same_query_and_another_stream_another() -> None:
    p, hidden = make_rows(200)
    assert select(p, hidden, 30) == select(p, hidden, 30)
    assert select(p, hidden, 30)[1:] != select(p, hidden, 30, seed=1)[1:]


@pytest.mark.long
def test_many_classes_times_a_wide_layer_fit_in_memory() -> None:
    # The outer products would take 20,000 · 1,000 · 512 · 4 bytes = 41 GB.
    g = stream(0, "wide")
    p = torch.softmax(torch.randn(20_000, 1_000, generator=g), 1)
    assert len(set(select(p, torch.randn(20_000, 512, generator=g), 5))) == 5


def test_the_largest_value_is_found_and_ties_are_broken_by_the_generator() -> None:
    g = stream(0, "ties")
    picked = [random_argmax(torch.tensor([1.0, 3, 2, 3, 3]), generator=g) for _ in range(600)]
    counts = torch.tensor(picked).bincount(minlength=5)
    assert counts[[0, 2]].sum() == 0
    assert stats.chisquare(counts[[1, 3, 4]].numpy()).pvalue > 0.001
