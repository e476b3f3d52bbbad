"""ALFA-Mix, and the recovery of the head on which it is based."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from torch.nn import functional as F

from alsim.errors import RunError
from alsim.seeding import stream
from alsim.signals import Signal
from alsim.strategies import Candidates, query
from alsim.strategies.alfa_mix import alfa_mix, class_means, least_epsilon
from alsim.strategies.linear_head import LinearHead, recover_head


def make(
    n: int,
    c: int = 4,
    h: int = 6,
    m: int = 8,
    seed: int = 0,
    dtype: torch.dtype = torch.float64,
) -> tuple[Candidates, LinearHead]:
    g = stream(seed, "rows")
    head = LinearHead(
        torch.randn(c, h, generator=g, dtype=torch.float64),
        torch.randn(c, generator=g, dtype=torch.float64),
    )
    hidden = torch.randn(n, h, generator=g, dtype=torch.float64).to(dtype)
    p = torch.softmax(head.logits(hidden), 1).to(dtype)
    labelled = torch.randn(m, h, generator=g, dtype=torch.float64).to(dtype)
    labels = torch.randint(-1, c, (m,), generator=g)
    kept: dict[Signal, torch.Tensor] = {"hidden": hidden, "probabilities": p}
    return Candidates(torch.zeros(n), kept, {"hidden": labelled}, labels, c), head


def centred(head: LinearHead) -> LinearHead:
    return LinearHead(head.weight - head.weight.mean(0), head.bias - head.bias.mean())


def mixed_prediction_changes(
    z: torch.Tensor, anchor: torch.Tensor, head: LinearHead, epsilon: float
) -> bool:
    """Eq. 5 as printed, by automatic differentiation."""
    z = z.clone().requires_grad_()
    logits = F.linear(z, head.weight, head.bias)
    top = logits.argmax()
    gradient = torch.autograd.grad(F.cross_entropy(logits, top), z)[0]
    towards = anchor - z.detach()
    epsilon /= math.sqrt(len(z))
    alpha = epsilon * towards.norm() * gradient / (gradient.norm() * towards)
    mix = alpha * anchor + (1 - alpha) * z.detach()
    return bool(F.linear(mix, head.weight, head.bias).argmax() != top)


def test_the_head_is_recovered_up_to_a_term_common_to_all_classes() -> None:
    candidates, head = make(200)
    found = recover_head(**candidates.kept, generator=stream(0, "fit"))
    torch.testing.assert_close(found.weight, centred(head).weight)
    torch.testing.assert_close(found.bias, centred(head).bias)
    logits = found.logits(candidates.kept["hidden"])
    torch.testing.assert_close(torch.softmax(logits, 1), candidates.kept["probabilities"])


def test_the_head_is_recovered_in_float32_and_among_certain_rows() -> None:
    candidates, head = make(400, dtype=torch.float32)
    hidden, p = candidates.kept["hidden"], candidates.kept["probabilities"]
    hidden[:100] *= 1000
    p[:100] = torch.softmax(head.logits(hidden[:100]), 1).float()
    assert (p[:100] == 0).any()
    found = recover_head(hidden, p, generator=stream(0, "fit"))
    torch.testing.assert_close(found.weight, centred(head).weight, rtol=1e-4, atol=1e-4)
    assert found.logits(hidden).isfinite().all()


def test_a_unit_that_is_zero_everywhere_gets_no_weight() -> None:
    candidates, head = make(100)
    hidden = candidates.kept["hidden"].clone()
    hidden[:, 2] = 0
    p = torch.softmax(head.logits(hidden), 1)
    found = recover_head(hidden, p, generator=stream(0, "fit"))
    assert found.weight[:, 2].abs().max() < 1e-9
    torch.testing.assert_close(torch.softmax(found.logits(hidden), 1), p)


def test_a_head_that_is_not_linear_is_refused() -> None:
    candidates, head = make(300)
    p = torch.softmax(head.logits(candidates.kept["hidden"].square()), 1)
    with pytest.raises(RunError, match="not linear"):
        recover_head(candidates.kept["hidden"], p, generator=stream(0, "fit"))


def test_rows_that_are_all_certain_are_refused() -> None:
    p = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    with pytest.raises(RunError, match="certain"):
        recover_head(torch.randn(2, 3, generator=stream(0, "z")), p, generator=stream(0, "fit"))


def test_anchors_are_the_means_of_the_classes_that_have_a_label() -> None:
    hidden = torch.tensor([[1.0, 0.0], [3.0, 2.0], [9.0, 9.0], [5.0, 5.0]])
    anchors = class_means(hidden, torch.tensor([7, 7, -1, 2]))
    assert anchors.tolist() == [[5.0, 5.0], [2.0, 1.0]]


def test_the_smallest_epsilon_on_a_line_by_hand() -> None:
    # Logits (z, −z): the prediction changes at 0. 0.5 is 1.5 from either anchor and needs a step
    # of 0.5; −0.2 is 2.2 from the anchor at 2 and needs 0.2.
    head = LinearHead(torch.tensor([[1.0], [-1.0]]).double(), torch.zeros(2).double())
    hidden = torch.tensor([[0.5], [-0.2]]).double()
    anchors = torch.tensor([[2.0], [-1.0]]).double()
    found = least_epsilon(hidden, anchors, head)
    assert found.tolist() == pytest.approx([0.5 / 1.5, 0.2 / 2.2])


@pytest.mark.long
@settings(max_examples=50)
@given(st.integers(0, 999))
def test_the_smallest_epsilon_is_where_the_published_mix_first_changes_its_prediction(
    seed: int,
) -> None:
    candidates, head = make(3, seed=seed)
    hidden = candidates.kept["hidden"]
    anchors = class_means(candidates.labelled["hidden"], candidates.labels)
    for z, least in zip(hidden, least_epsilon(hidden, anchors, head).tolist(), strict=True):
        below, above = (
            any(mixed_prediction_changes(z, a, head, least * factor) for a in anchors)
            for factor in (0.999, 1.001)
        )
        assert not below
        assert above == math.isfinite(least)


def test_only_rows_that_change_are_queried_with_one_from_each_cluster() -> None:
    # Logits (z₁, −z₁): |z₁| = 0.01 changes, |z₁| = 5 does not. Two directions of z₂.
    near = torch.tensor([[0.01, 3.0], [0.02, 4.0], [-0.01, 3.0], [0.01, -3.0], [-0.02, -4.0]])
    far = torch.tensor([[5.0, 1.0], [-5.0, 1.0], [5.0, -1.0], [-5.0, -1.0]])
    hidden = torch.cat([far, near]).double()
    head = LinearHead(torch.tensor([[1.0, 0], [-1, 0]]).double(), torch.zeros(2).double())
    kept: dict[Signal, torch.Tensor] = {
        "hidden": hidden,
        "probabilities": torch.softmax(head.logits(hidden), 1),
    }
    labelled: dict[Signal, torch.Tensor] = {
        "hidden": torch.tensor([[1.0, 0.0], [-1.0, 0.0]]).double()
    }
    candidates = Candidates(torch.zeros(9), kept, labelled, torch.tensor([0, 1]), 2)
    for seed in range(20):
        rows = query(alfa_mix(), candidates, 2, generator=stream(seed, "q"))
        assert sorted(hidden[rows, 1].sign().tolist()) == [-1, 1]
        assert (rows >= 4).all()


def test_epsilon_grows_until_enough_rows_change() -> None:
    # One width, anchors ±1: z = 0.2 changes at 0.2/1.2, 0.45 at 0.45/1.45, 0.6 at 0.6/1.6;
    # steps of 0.2 take the first, then the first two and the third.
    hidden = torch.tensor([[0.2], [0.45], [0.6], [30.0]]).double()
    head = LinearHead(torch.tensor([[1.0], [-1.0]]).double(), torch.zeros(2).double())
    kept: dict[Signal, torch.Tensor] = {
        "hidden": hidden,
        "probabilities": torch.softmax(head.logits(hidden), 1),
    }
    labelled: dict[Signal, torch.Tensor] = {"hidden": torch.tensor([[1.0], [-1.0]]).double()}
    candidates = Candidates(torch.zeros(4), kept, labelled, torch.tensor([0, 1]), 2)
    one = {int(query(alfa_mix(), candidates, 1, generator=stream(s, "q"))) for s in range(30)}
    assert one == {0}
    for seed in range(20):
        rows = query(alfa_mix(), candidates, 3, generator=stream(seed, "q"))
        assert sorted(rows.tolist()) == [0, 1, 2]
    small = {
        int(query(alfa_mix(0.1), candidates, 2, generator=stream(s, "q"))[1]) for s in range(30)
    }
    assert small <= {0, 1, 2}


def test_without_an_anchor_the_query_is_random() -> None:
    candidates, _ = make(6)
    candidates = Candidates(
        candidates.scores, candidates.kept, candidates.labelled, torch.full((8,), -1), 4
    )
    counts = torch.zeros(6)
    for seed in range(300):
        counts[query(alfa_mix(), candidates, 2, generator=stream(seed, "q"))] += 1
    assert stats.chisquare(counts.numpy()).pvalue > 0.001


def test_the_order_of_classes_does_not_matter() -> None:
    candidates, _ = make(300, c=5)
    turn = torch.tensor([3, 0, 4, 1, 2])  # new class i is old class turn[i]
    kept: dict[Signal, torch.Tensor] = {
        **candidates.kept,
        "probabilities": candidates.kept["probabilities"][:, turn],
    }
    labels = torch.where(candidates.labels >= 0, turn.argsort()[candidates.labels], -1)
    turned = Candidates(candidates.scores, kept, candidates.labelled, labels, 5)
    chosen = [
        query(alfa_mix(), each, 20, generator=stream(1, "q")).tolist()
        for each in (candidates, turned)
    ]
    assert chosen[0] == chosen[1]


@pytest.mark.parametrize(("n", "k", "c"), [(1, 1, 3), (7, 7, 3), (9, 4, 1), (50, 20, 2)])
def test_identical_rows_one_class_and_the_whole_pool_give_k_rows(n: int, k: int, c: int) -> None:
    candidates, _ = make(n, c=c)
    same = Candidates(
        candidates.scores,
        {name: value[:1].expand(n, -1) for name, value in candidates.kept.items()},
        {"hidden": candidates.labelled["hidden"][:0]},
        candidates.labels[:0],
        c,
    )
    for each in (candidates, same):
        rows = query(alfa_mix(), each, k, generator=stream(0, "q"))
        assert len(rows.unique()) == k


@pytest.mark.parametrize("epsilon", [0.0, 1.5, math.nan])
def test_an_epsilon_outside_its_range_is_refused(epsilon: float) -> None:
    with pytest.raises(ValueError, match="epsilon"):
        alfa_mix(epsilon)
