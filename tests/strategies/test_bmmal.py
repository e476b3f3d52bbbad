"""BMMAL: contributions by hand, the dominant modality weighted down, BADGE as a special case."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from alsim.seeding import stream
from alsim.signals import Signal, Signals
from alsim.strategies.badge import badge, squared_norms
from alsim.strategies.bmmal import bmmal, contributions, gradient_factors, toned_down
from alsim.strategies.selectors import Candidates

BOTH = torch.ones(1, 2)


def tensor(*values: object) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def make_signals(n: int, m: int, c: int = 3, seed: int = 0) -> dict[Signal, Tensor]:
    """Return signals whose absent modalities, if any, do not affect the predictions."""
    g = stream(seed, "signals")
    p = torch.softmax(torch.randn(n, m + 2, c, generator=g, dtype=torch.float64), 2)
    present = torch.rand(n, m, generator=g) < 0.7
    present[torch.arange(n), torch.randint(m, (n,), generator=g)] = True
    ablated = p[:, 1:].clone()
    ablated[:, :-1] = torch.where(present[:, :, None], ablated[:, :-1], p[:, :1])
    single = present & (present.sum(1, keepdim=True) == 1)
    ablated[:, :-1] = torch.where(single[:, :, None], ablated[:, -1:], ablated[:, :-1])
    hidden = torch.randn(n, 4, generator=g, dtype=torch.float64)
    return {
        "probabilities": p[:, 0],
        "ablated_probabilities": ablated,
        "present": present.float(),
        "hidden": hidden,
    }


def select(values: dict[Signal, Tensor], k: int, seed: int = 0) -> list[int]:
    candidates = Candidates(torch.zeros(len(values["hidden"])), values)
    return bmmal().select(candidates, k, generator=stream(seed, "query")).tolist()


def delta_of(values: dict[Signal, Tensor]) -> Tensor:
    return contributions(
        values["probabilities"], values["ablated_probabilities"], values["present"]
    )


def test_each_of_two_modalities_contributes_its_shapley_value() -> None:
    p, without_1, without_2, nothing = tensor([0.9, 0.1], [0.4, 0.6], [0.8, 0.2], [0.5, 0.5])
    delta = contributions(
        p.unsqueeze(0), torch.stack([without_1, without_2, nothing]).unsqueeze(0), BOTH
    )[0]
    first = 0.5 * (p - without_1 + without_2 - nothing)
    second = 0.5 * (p - without_2 + without_1 - nothing)
    torch.testing.assert_close(delta, torch.stack([first, second]))
    torch.testing.assert_close(delta[0], tensor(0.4, -0.4))
    torch.testing.assert_close(delta[1], tensor(0.0, 0.0))


def test_the_dominant_modality_is_weighted_down_as_in_the_paper_and_not_as_in_its_code() -> None:
    # Only the first modality counts: without it the net falls back to its prior.
    p, ablated = tensor([0.9, 0.1]), tensor([[0.5, 0.5], [0.9, 0.1], [0.5, 0.5]])
    delta = contributions(p, ablated, BOTH)
    code = (delta.abs() / delta.abs().sum(1, keepdim=True))[0]
    torch.testing.assert_close(code, tensor([1.0, 1.0], [0.0, 0.0]))
    torch.testing.assert_close(toned_down(delta, BOTH)[0], tensor([0.0, 0.0], [1.0, 1.0]))
    # The rest is what the second modality has to learn; alone it is no better than the prior.
    blocks = gradient_factors(p, ablated, BOTH, tensor([1.0]))[0].view(2, 2)
    torch.testing.assert_close(blocks, tensor([0.0, 0.0], [-0.5, 0.5]))


def test_modalities_with_equal_or_no_contributions_have_equal_weights() -> None:
    alike = tensor([[0.2, -0.2], [-0.2, 0.2], [0.2, 0.2]])
    torch.testing.assert_close(toned_down(alike, torch.ones(1, 3)), torch.full_like(alike, 1 / 3))
    nothing = torch.zeros(1, 3, 2, dtype=torch.float64)
    torch.testing.assert_close(
        toned_down(nothing, torch.ones(1, 3)), torch.full_like(nothing, 1 / 3)
    )


@pytest.mark.long
@given(st.integers(0, 999), st.integers(1, 4))
def test_contributions_add_up_weights_sum_to_one_and_absent_modalities_have_neither(
    seed: int, m: int
) -> None:
    values = make_signals(12, m, seed=seed)
    delta, absent = delta_of(values), values["present"] == 0
    explained = values["probabilities"] - values["ablated_probabilities"][:, -1]
    torch.testing.assert_close(delta.sum(1), explained, rtol=0, atol=1e-12)
    assert (delta[absent] == 0).all()
    weights = toned_down(delta, values["present"])
    torch.testing.assert_close(weights.sum(1), torch.ones_like(explained), rtol=0, atol=1e-12)
    assert (weights[absent] == 0).all()
    assert weights.min() >= 0
    # Of two present modalities, the one that contributes more does not get more weight.
    if m == 2:
        both = ~absent.any(1)
        more = delta[both, 0].abs() > delta[both, 1].abs()
        assert (weights[both, 0] <= weights[both, 1])[more].all()


def test_an_absent_modality_counts_as_if_the_net_lacked_it() -> None:
    values = make_signals(40, 3, seed=2)
    two = (values["present"] == torch.tensor([1.0, 0, 1])).all(1)
    assert two.any()
    delta = delta_of(values)[two][:, [0, 2]]
    narrower = contributions(
        values["probabilities"][two],
        values["ablated_probabilities"][two][:, [0, 2, 3]],
        torch.ones(int(two.sum()), 2),
    )
    torch.testing.assert_close(delta, narrower)


def test_with_one_modality_bmmal_equals_badge() -> None:
    values = make_signals(80, 1)
    candidates = Candidates(torch.zeros(80), values)
    twin = badge().select(candidates, 20, generator=stream(0, "query")).tolist()
    assert select(values, 20) == twin
    torch.testing.assert_close(
        bmmal().score(Signals(80, values)), badge().score(Signals(80, values))
    )


def test_rows_with_one_of_two_modalities_have_the_gradients_of_badge() -> None:
    values = make_signals(60, 2, seed=1)
    single = values["present"].sum(1) == 1
    assert single.any()
    signals = Signals(60, values)
    torch.testing.assert_close(bmmal().score(signals)[single], badge().score(signals)[single])


def test_the_product_of_the_factors_equals_the_blocks_of_each_row() -> None:
    values = make_signals(15, 3)
    p, hidden, delta = values["probabilities"], values["hidden"], delta_of(values)
    weights = toned_down(delta, values["present"])
    factors = gradient_factors(p, values["ablated_probabilities"], values["present"], hidden)
    for i in range(15):
        predicted = torch.zeros(3, dtype=torch.float64)
        predicted[p[i].argmax()] = 1
        blocks = [
            torch.outer(
                weights[i, m] * (values["ablated_probabilities"][i, -1] + delta[i, m] - predicted),
                hidden[i],
            )
            for m in range(3)
        ]
        torch.testing.assert_close(torch.outer(factors[0][i], factors[1][i]), torch.cat(blocks))
    length = squared_norms(factors).sqrt()
    torch.testing.assert_close(bmmal().score(Signals(15, values)), length)


@pytest.mark.parametrize("m", [1, 2, 3])
@pytest.mark.parametrize("k", [1, 7, 30])
def test_a_query_is_k_distinct_rows_and_the_order_of_classes_does_not_matter(
    m: int, k: int
) -> None:
    values = make_signals(30, m)
    picked = select(values, k)
    assert len(set(picked)) == k
    turned: dict[Signal, Tensor] = {
        **values,
        "probabilities": values["probabilities"][:, [2, 0, 1]],
        "ablated_probabilities": values["ablated_probabilities"][:, :, [2, 0, 1]],
    }
    assert select(turned, k) == picked


def test_identical_rows_and_rows_without_any_modality_still_give_k_rows() -> None:
    copies: dict[Signal, Tensor] = {s: v[[0] * 8] for s, v in make_signals(1, 2).items()}
    assert len(set(select(copies, 5))) == 5
    without: dict[Signal, Tensor] = {**copies, "present": torch.zeros(8, 2)}
    assert len(set(select(without, 8))) == 8
