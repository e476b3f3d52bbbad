"""Drop-query: disagreement, and one row for each cluster."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from alsim.seeding import stream
from alsim.signals import Signals
from alsim.strategies.drop_query import drop_query, n_disagreeing
from alsim.strategies.geometry import central_rows, k_means
from alsim.strategies.selectors import Candidates


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=stream(seed, "points"), dtype=torch.float64)


def make_signals(n: int, passes: int, c: int, seed: int = 0) -> Signals:
    plain, noised = normal(n, c, seed=seed), normal(n, passes, c, seed=seed + 1)
    return Signals(
        n, {"probabilities": plain.softmax(-1), "noised_probabilities": noised.softmax(-1)}
    )


@given(st.integers(1, 9), st.integers(1, 5), st.integers(1, 6), st.integers(0, 99))
def test_disagreements_equal_those_of_a_slow_twin_for_any_order_of_classes(
    n: int, passes: int, c: int, seed: int
) -> None:
    signals = make_signals(n, passes, c, seed)
    twin = [
        sum(int(q.argmax()) != int(p.argmax()) for q in noised)
        for p, noised in zip(signals.probabilities, signals.noised_probabilities, strict=True)
    ]
    assert n_disagreeing(signals).tolist() == twin
    turned = Signals(n, {name: values.flip(-1) for name, values in signals.values.items()})
    assert n_disagreeing(turned).tolist() == twin


def test_tied_classes_agree_with_either_class_in_any_order() -> None:
    plain = torch.tensor([[0.4, 0.4, 0.2]])
    noised = torch.tensor([[[1.0, 0, 0], [0, 1.0, 0], [0, 0, 1.0]]])
    for turn in ([0, 1, 2], [2, 1, 0], [1, 0, 2]):
        values = Signals(
            1, {"probabilities": plain[:, turn], "noised_probabilities": noised[:, :, turn]}
        )
        assert n_disagreeing(values).tolist() == [1]


def test_only_rows_on_which_more_than_half_of_the_passes_disagree_are_queried() -> None:
    scores = torch.tensor([0, 1, 2, 3] * 30).float()
    candidates = Candidates(scores, {"embeddings": normal(120, 3)})
    rows = drop_query().select(candidates, 20, generator=stream(0, "q"))
    assert rows.unique().numel() == 20
    assert (scores[rows] >= 2).all()
    # Two of four passes are only half.
    rows = drop_query(passes=4).select(candidates, 20, generator=stream(0, "q"))
    assert (scores[rows] == 3).all()


def test_too_few_disagreeing_rows_are_filled_up_by_the_next_most_disagreement() -> None:
    scores = torch.tensor([0.0, 1, 0, 3, 0, 1, 2, 0])
    candidates = Candidates(scores, {"embeddings": normal(8, 3)})
    seen = set[int]()
    for seed in range(50):
        rows = drop_query().select(candidates, 5, generator=stream(seed, "q")).tolist()
        assert rows[:2] == [3, 6]
        assert set(rows[2:4]) == {1, 5}
        seen.add(rows[4])
    assert seen == {0, 2, 4, 7}


def test_the_most_central_row_of_each_cluster_is_queried() -> None:
    corners = torch.tensor([[0.0, 0], [0, 9], [9, 0], [9, 9]], dtype=torch.float64)
    offsets = torch.tensor([[0.0, 0], [1, 0], [-1, 0], [0, 1], [0, -1]], dtype=torch.float64)
    points = (corners[:, None] + 0.1 * offsets).flatten(0, 1)
    candidates = Candidates(torch.full((20,), 3.0), {"embeddings": points})
    for seed in range(20):
        rows = drop_query().select(candidates, 4, generator=stream(seed, "q"))
        assert sorted(rows.tolist()) == [0, 5, 10, 15]


@pytest.mark.long
@settings(max_examples=30)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 99))
def test_the_central_rows_are_the_nearest_of_each_cluster(n: int, k: int, seed: int) -> None:
    k = min(n, k)
    points = normal(n, 2, seed=seed)
    rows = central_rows(points, k, generator=stream(seed, "c"))
    centres, clusters = k_means(points, k, generator=stream(seed, "c"))
    assert rows.unique().numel() == k
    used = clusters.unique()
    assert clusters[rows[: len(used)]].unique().numel() == len(used)
    for row in rows[: len(used)]:
        mine = clusters == clusters[row]
        distances = (points - centres[clusters[row]]).norm(dim=1)
        assert distances[row] <= distances[mine].min() + 1e-12


@pytest.mark.long
def test_rows_that_coincide_are_drawn_at_random_and_not_twice() -> None:
    candidates = Candidates(torch.full((10,), 3.0), {"embeddings": torch.ones(10, 3)})
    counts = torch.zeros(10)
    for seed in range(300):
        rows = drop_query().select(candidates, 4, generator=stream(seed, "q"))
        assert rows.unique().numel() == 4
        counts[rows] += 1
    assert stats.chisquare(counts).pvalue > 0.001


def test_the_query_does_not_depend_on_the_order_of_classes() -> None:
    signals = make_signals(200, 3, 4)
    turned = Signals(200, {name: values.flip(-1) for name, values in signals.values.items()})
    strategy, points = drop_query(), normal(200, 5, seed=9)
    picked = [
        strategy.select(
            Candidates(strategy.score(s), {"embeddings": points}), 9, generator=stream(0, "q")
        )
        for s in (signals, turned)
    ]
    assert torch.equal(*picked)


def test_parameters_affect_the_passes_and_those_out_of_range_are_refused() -> None:
    strategy = drop_query(space="hidden", passes=5, p=0.5)
    assert strategy.keeps == {"hidden"}
    assert strategy.input_dropout.passes == 5
    assert strategy.input_dropout.p == 0.5
    with pytest.raises(ValueError, match="passes"):
        drop_query(passes=0)
    for p in (0.0, 1.0):
        with pytest.raises(ValueError, match="p must"):
            drop_query(p=p)
