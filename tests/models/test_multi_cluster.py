import pytest
import torch
from scipy import stats

from alsim.errors import UsageError
from alsim.models import ExpertNet, Inputs, Shape, build_model
from alsim.models.multi_cluster import (
    EVALUATIONS,
    StochasticGate,
    hard_concrete_gates,
    hard_gates,
    most_likely,
    selection,
    straight_through_gates,
)
from alsim.options.experts import EstimatorName, ExpertOptions
from alsim.options.model import ModelOptions
from alsim.seeding import forked, stream
from alsim.training.gate_estimators import ESTIMATORS

SHAPE = Shape({"x": 6}, {"a": 3, "b": 2, "c": 4})
P = torch.tensor([[0.9, 0.6, 0.2, 0.4], [0.1, 0.1, 0.3, 0.1], [0.9, 0.9, 0.9, 0.7]])
U = torch.tensor([[0.8, 0.8, 0.1, 0.5], [0.9, 0.9, 0.9, 0.9], [0.1, 0.1, 0.1, 0.1]])


def build(evaluation: str, logits: torch.Tensor) -> ExpertNet:
    options = ExpertOptions(number=logits.shape[1], widths=(5,), evaluation=evaluation)
    with forked(stream(0, "init")):
        net = build_model(SHAPE, ModelOptions(name="multi-cluster", experts=options)).double()
    assert isinstance(net, ExpertNet)
    with torch.no_grad():
        net.gates()["mixed"].logits.copy_(logits)
    return net.eval()


@pytest.mark.parametrize(
    ("evaluation", "expected"),
    [
        # k(t) is 2.1, 0.6 and 3.4: two, one and three experts; among equal ones the first
        ("task-k", [[1, 1, 0, 0], [0, 0, 1, 0], [1, 1, 1, 0]]),
        # their mean is 2.03
        ("mean-k", [[1, 1, 0, 0], [1, 0, 1, 0], [1, 1, 0, 0]]),
        ("round", [[1, 1, 0, 0], [0, 0, 1, 0], [1, 1, 1, 1]]),
        ("sample", [[1, 0, 1, 0], [0, 0, 1, 0], [1, 1, 1, 1]]),
        ("all", [[1] * 4] * 3),
        ("soft", P.tolist()),
        ("top-1", [[1, 0, 0, 0], [0, 0, 1, 0], [1, 0, 0, 0]]),
        ("top-3", [[1, 1, 0, 1], [1, 1, 1, 0], [1, 1, 1, 0]]),
        ("top-4", [[1] * 4] * 3),
        ("top-70", [[1] * 4] * 3),
    ],
)
def test_the_experts_chosen_in_evaluation_equal_those_by_hand(
    evaluation: str, expected: list[list[float]]
) -> None:
    assert selection(evaluation)(P, U).tolist() == torch.tensor(expected).float().tolist()


def test_a_half_rounds_upwards_and_nothing_rounds_to_one() -> None:
    p = torch.tensor([[0.5, 0.5, 0.5], [0.5, 0.0, 0.0], [0.0, 0.0, 0.0]])
    assert most_likely(p, p.sum(1, keepdim=True)).sum(1).tolist() == [2, 1, 1]


def test_every_evaluation_gives_every_task_an_expert() -> None:
    p = torch.rand(200, 5, generator=stream(0, "p")) ** 4
    u = torch.rand(200, 5, generator=stream(0, "u"))
    for select in EVALUATIONS.values():
        assert (select(p, u).sum(1) > 0).all()


@pytest.mark.parametrize("evaluation", ["top-0", "top-", "top-x", "top--1", "5", "top-²", "k"])
def test_an_unknown_evaluation_is_a_fault(evaluation: str) -> None:
    with pytest.raises(UsageError) as caught:
        ExpertOptions(evaluation=evaluation)
    assert evaluation in caught.value.args[0]
    assert "top-5" in caught.value.args[2]
    with pytest.raises(ValueError, match="no evaluation"):
        selection(evaluation)


@pytest.mark.parametrize("evaluation", [*EVALUATIONS, "top-1", "top-2", "top-9"])
def test_a_pruned_net_equals_the_masked_one_and_runs_only_selected_experts(
    evaluation: str,
) -> None:
    net = build(evaluation, torch.logit(P.double()))
    inputs = Inputs(
        {"x": torch.randn(9, 6, generator=stream(0, "x"), dtype=torch.float64)},
        torch.ones(9, 1).double(),
    )
    whole = net(inputs)
    open_gates = net.gates()["mixed"]()
    for tasks in (["a"], ["b"], ["c"], ["a", "b"], ["a", "b", "c"]):
        pruned = net.pruned(tasks)
        for task in tasks:
            torch.testing.assert_close(
                pruned(inputs).logits[task]["mixed"],
                whole.logits[task]["mixed"],
                rtol=0,
                atol=1e-6,
            )
        selected = (open_gates[["abc".index(task) for task in tasks]] > 0).any(0).sum()
        assert pruned.levels[0].experts(inputs.modalities["x"]).shape[1] == selected
        assert pruned.gates() == {}


def test_gates_start_at_one_half_and_weights_are_standard_normal() -> None:
    options = ExpertOptions(number=60)
    shape = Shape({"x": 4}, {str(i): 2 for i in range(20)})
    with forked(stream(0, "init")):
        net = build_model(shape, ModelOptions(name="multi-cluster", experts=options))
    assert isinstance(net, ExpertNet)
    assert net.gates()["mixed"].logits.eq(0).all()
    assert stats.kstest(net.levels[0].mixers[0].weight.detach().flatten(), "norm").pvalue > 0.01
    assert stats.kstest(net.gates()["mixed"].draw.flatten(), "uniform").pvalue > 0.01


def test_noise_opens_each_gate_with_its_probability() -> None:
    with forked(stream(0, "init")):
        gate = StochasticGate(2, 3, ExpertOptions(samples=4))
    with torch.no_grad():
        gate.logits.copy_(torch.tensor([[-2.0, 0.0, 1.0], [3.0, -1.0, 0.5]]))
    gate.noise = torch.rand(4, 5000, 2, 3, generator=stream(0, "noise"))
    p = torch.sigmoid(gate.logits.detach())
    drawn = gate()
    assert set(drawn.unique().tolist()) == {0.0, 1.0}
    error = (drawn.mean((0, 1)) - p) / (p * (1 - p) / 20_000).sqrt()
    assert error.abs().max() < 4
    assert gate.density().item() == pytest.approx(p.sum().item() / 2)
    gate.noise = None
    assert gate().shape == (2, 3)


def test_straight_through_gates_are_hard_with_the_slope_of_the_probability() -> None:
    logits = torch.linspace(-3, 3, 7, dtype=torch.float64, requires_grad=True)
    noise = torch.rand(7, generator=stream(0, "noise"), dtype=torch.float64)
    gates = straight_through_gates(noise, logits)
    torch.testing.assert_close(gates, hard_gates(noise, logits))
    gates.sum().backward()
    p = torch.sigmoid(logits.detach())
    torch.testing.assert_close(logits.grad, p * (1 - p))


def test_hard_concrete_gates_are_closed_as_often_as_their_distribution_says() -> None:
    logits = torch.tensor([-1.0, 0.0, 2.0])
    gates = hard_concrete_gates(torch.rand(40_000, 3, generator=stream(0, "noise")), logits)
    assert gates.min() == 0
    assert gates.max() == 1
    # Louizos et al. (2018), eq. 12: the probability of not being 0.
    p = torch.sigmoid(logits - 2 / 3 * torch.log(torch.tensor(0.1 / 1.1)))
    error = ((gates > 0).float().mean(0) - p) / (p * (1 - p) / 40_000).sqrt()
    assert error.abs().max() < 4


# With s = 11^(2/3), hard-concrete's p is r·s/(1 + r·s) where sigmoid(φ) is r/(1 + r).
LOGITS = torch.tensor([[-3.0, 0.0, 0.0], [-2.0, -3.0, 2.0]])


def gate_of(estimator: EstimatorName, evaluation: str = "task-k") -> StochasticGate:
    with forked(stream(0, "init")):
        gate = StochasticGate(2, 3, ExpertOptions(estimator=estimator, evaluation=evaluation))
    with torch.no_grad():
        gate.logits.copy_(LOGITS)
    return gate


def test_the_probability_of_a_hard_concrete_gate_is_that_of_being_above_zero() -> None:
    gate = gate_of("hard-concrete")
    odds = LOGITS.exp() * 11 ** (2 / 3)
    p = odds / (1 + odds)
    torch.testing.assert_close(gate.probabilities(), p)
    assert gate.density().item() == pytest.approx(p.sum().item() / 2)
    gate.noise = torch.rand(1, 40_000, 2, 3, generator=stream(0, "noise"))
    share = (gate() > 0).float().mean((0, 1))
    error = (share - p) / (p * (1 - p) / 40_000).sqrt()
    assert error.abs().max() < 4


@pytest.mark.parametrize("estimator", sorted(ESTIMATORS.keys() - {"hard-concrete"}))
def test_the_probability_of_every_other_gate_is_the_sigmoid(estimator: EstimatorName) -> None:
    gate = gate_of(estimator)
    assert torch.equal(gate.probabilities(), torch.sigmoid(LOGITS))
    assert torch.equal(gate.density(), torch.sigmoid(LOGITS).sum(1).mean())


@pytest.mark.parametrize(
    ("evaluation", "concrete", "bernoulli"),
    [
        # Σp is .20 + .83 + .83 = 1.86 and .40 + .20 + .97 = 1.57; of sigmoid(φ) 1.05 and 1.05
        ("task-k", [[0, 1, 1], [1, 0, 1]], [[0, 1, 0], [0, 0, 1]]),
        ("mean-k", [[0, 1, 1], [1, 0, 1]], [[0, 1, 0], [0, 0, 1]]),
        ("round", [[0, 1, 1], [0, 0, 1]], [[0, 1, 0], [0, 0, 1]]),  # a half is shut
        # draw of .19: the first gate is open with .20, and closed with sigmoid(−3) = .05
        ("sample", [[1, 1, 1], [1, 1, 1]], [[0, 1, 1], [0, 0, 1]]),
    ],
)
def test_hard_concrete_gates_are_evaluated_by_their_own_probability(
    evaluation: str, concrete: list[list[float]], bernoulli: list[list[float]]
) -> None:
    found: list[list[list[float]]] = []
    for estimator in ("hard-concrete", "straight-through"):
        gate = gate_of(estimator, evaluation)
        gate.draw.fill_(0.19)
        found.append(gate().tolist())
    assert found == [concrete, bernoulli]


def test_soft_hard_concrete_gates_are_near_the_mean_of_the_training_gates() -> None:
    gate = gate_of("hard-concrete", "soft")
    soft = gate()
    gate.noise = torch.rand(1, 40_000, 2, 3, generator=stream(0, "noise"))
    assert (gate().mean((0, 1)) - soft).abs().max() < 0.04
    assert soft[0, 1] == 0.5
