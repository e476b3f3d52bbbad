"""Every estimator against the exact gradient from enumerating all gates."""

import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from alsim.models.multi_cluster import RELAXED, hard_gates
from alsim.options.experts import EstimatorName
from alsim.seeding import stream
from alsim.training.gate_estimators import ESTIMATORS, leave_one_out, log_probability, reinforce

M = 6
N_DRAWS = 40_000
G = stream(0, "toy")
EXPERTS = torch.randn(M, 3, generator=G, dtype=torch.float64)
LOGITS = torch.randn(M, generator=G, dtype=torch.float64)
ALL_GATES = torch.tensor(list(itertools.product((0.0, 1.0), repeat=M)), dtype=torch.float64)


def loss(gates: torch.Tensor) -> torch.Tensor:
    """Return the cross-entropy of a class under a mixture of logits, one for each row of gates."""
    return F.cross_entropy(
        (gates @ EXPERTS).movedim(-1, 1), torch.ones(gates.shape[:-1]).long(), reduction="none"
    )


def exact_gradient() -> torch.Tensor:
    logits = LOGITS.clone().requires_grad_()
    (log_probability(ALL_GATES, logits).exp() * loss(ALL_GATES)).sum().backward()
    assert logits.grad is not None
    return logits.grad


def estimates(name: EstimatorName, k: int) -> torch.Tensor:
    """Return one estimate of the gradient for each draw, `(draws, m)`."""
    estimator = ESTIMATORS[name]
    n = k // 2 if estimator.is_antithetic else k
    noise = torch.rand(n, N_DRAWS, M, generator=stream(1, name), dtype=torch.float64)
    noise = torch.cat([noise, 1 - noise]) if estimator.is_antithetic else noise
    logits = LOGITS.expand(N_DRAWS, M).clone().requires_grad_()
    gates = RELAXED.get(name, hard_gates)(noise, logits)
    value = estimator.surrogate(loss(gates), gates, logits)
    torch.testing.assert_close(value, loss(gates).mean(0))
    value.sum().backward()
    assert logits.grad is not None
    return logits.grad


@pytest.mark.parametrize(
    ("name", "k"),
    [
        ("reinforce", 1),
        ("reinforce", 3),
        ("reinforce-mean", 1),
        ("leave-one-out", 2),
        ("leave-one-out", 4),
        ("disarm", 2),
        ("disarm", 6),
        ("hard-concrete", 1),
        ("straight-through", 1),
    ],
)
def test_an_estimator_is_unbiased_exactly_if_the_table_says_so(name: EstimatorName, k: int) -> None:
    found = estimates(name, k)
    error = found.mean(0) - exact_gradient()
    in_standard_errors = (error / (found.std(0) / N_DRAWS**0.5)).abs().max()
    if ESTIMATORS[name].is_unbiased:
        assert in_standard_errors < 3.5
    else:
        assert in_standard_errors > 10


@pytest.mark.long
def test_the_variances_are_ordered_as_published() -> None:
    def variance(name: EstimatorName, k: int) -> float:
        return estimates(name, k).var(0).sum().item()

    plain = variance("reinforce", 1)
    by_left_out = [variance("leave-one-out", k) for k in (2, 4, 8)]
    antithetic = variance("disarm", 2)
    assert plain > 1.8 * by_left_out[0]
    assert by_left_out[0] > 2 * by_left_out[1] > 4 * by_left_out[2]
    assert antithetic < by_left_out[0]
    assert variance("disarm", 4) == pytest.approx(antithetic / 2, rel=0.05)
    assert variance("hard-concrete", 1) < antithetic


def test_a_baseline_lowers_the_variance_and_keeps_the_expectation() -> None:
    logits = LOGITS.expand(N_DRAWS, M).clone().requires_grad_()
    noise = torch.rand(1, N_DRAWS, M, generator=stream(2, "noise"), dtype=torch.float64)
    gates = hard_gates(noise, logits)
    reinforce(loss(gates), gates, logits, loss(ALL_GATES).mean()).sum().backward()
    assert logits.grad is not None
    error = (logits.grad.mean(0) - exact_gradient()) / (logits.grad.std(0) / N_DRAWS**0.5)
    assert error.abs().max() < 3.5
    assert logits.grad.var(0).sum() < 0.6 * estimates("reinforce", 1).var(0).sum()


def test_the_leave_one_out_estimate_equals_that_by_hand() -> None:
    losses = torch.tensor([1.0, 2.0, 6.0])
    gates = torch.tensor([[1.0], [0.0], [1.0]])
    logits = torch.zeros(1, requires_grad=True)
    leave_one_out(losses, gates, logits).backward()
    # Advantages −3, −1.5 and 4.5; the score of a gate at p = ½ is b − ½.
    assert logits.grad is not None
    assert logits.grad.item() == pytest.approx((-3 * 0.5 + 1.5 * 0.5 + 4.5 * 0.5) / 3)


def test_probabilities_of_all_gates_sum_to_one() -> None:
    assert log_probability(ALL_GATES, LOGITS).exp().sum().item() == pytest.approx(1)


@given(st.sampled_from(list(ESTIMATORS)), st.integers(0, 2**20))
def test_other_parameters_get_the_gradient_of_the_mean_loss(name: EstimatorName, seed: int) -> None:
    g = stream(seed, "losses")
    losses = torch.rand(4, 5, generator=g, requires_grad=True)
    gates = (torch.rand(4, 5, 3, generator=g) < 0.5).float()
    ESTIMATORS[name].surrogate(losses, gates, torch.randn(3, generator=g)).sum().backward()
    assert losses.grad is not None
    torch.testing.assert_close(losses.grad, torch.full((4, 5), 0.25))


def test_too_few_samples_are_refused() -> None:
    for name, k in (("leave-one-out", 1), ("disarm", 3)):
        with pytest.raises(ValueError, match="sample"):
            ESTIMATORS[name].surrogate(torch.ones(k, 2), torch.ones(k, 2, 3), torch.zeros(3))  # pyright: ignore[reportArgumentType]
