"""Class quotas, by hand and against a slow twin."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from alsim.seeding import stream
from alsim.signals import Signals
from alsim.strategies import Candidates, query
from alsim.strategies.class_balanced import class_balanced, predicted_classes
from alsim.strategies.uncertainty import entropy_of


def sure_of(classes: list[int], c: int) -> torch.Tensor:
    return torch.eye(c)[classes]


def balanced(scores: list[float], classes: list[int], n_labels: list[int], k: int) -> list[int]:
    """The slow twin, for scores without ties."""
    counts, chosen = list(n_labels), list[int]()
    for _ in range(k):
        left = [i for i in range(len(scores)) if i not in chosen]
        best = min(left, key=lambda i: (counts[classes[i]], -scores[i]))
        chosen.append(best)
        counts[classes[best]] += 1
    return chosen


def test_the_class_with_fewest_labels_is_filled_first_by_hand() -> None:
    # Labels: class 2 three, class 1 one, class 0 none. Two rows of class 0, then 1 and 2 in turn.
    classes = [2, 2, 1, 1, 0, 0]
    scores = torch.tensor([0.9, 0.8, 0.7, 0.6, 0.4, 0.5])
    candidates = Candidates(
        scores, {"probabilities": sure_of(classes, 3)}, labels=torch.tensor([2, 2, 1, 2, -1, -1])
    )
    rows = query(class_balanced(), candidates, 6, generator=stream(0, "q"))
    assert rows.tolist() == [5, 2, 4, 3, 0, 1]


@given(st.integers(0, 999), st.integers(1, 15))
def test_the_query_equals_that_of_the_slow_twin(seed: int, k: int) -> None:
    g = stream(seed, "rows")
    p = torch.rand(15, 4, generator=g)
    scores = torch.rand(15, generator=g)
    labels = torch.randint(0, 4, (10,), generator=g)
    rows = query(
        class_balanced(), Candidates(scores, {"probabilities": p}, labels=labels), k, generator=g
    )
    twin = balanced(scores.tolist(), p.argmax(1).tolist(), labels.bincount(minlength=4).tolist(), k)
    assert rows.tolist() == twin


def test_a_row_with_two_most_probable_classes_counts_as_the_rarer() -> None:
    p = torch.tensor([[0.4, 0.4, 0.2], [0.4, 0.2, 0.4], [0.2, 0.4, 0.4], [0.5, 0.3, 0.2]])
    assert predicted_classes(p, torch.tensor([2, 1, 0])).tolist() == [1, 2, 2, 0]
    assert predicted_classes(p, torch.tensor([0, 1, 2])).tolist() == [0, 0, 1, 0]


@pytest.mark.long
def test_equal_rows_are_queried_equally_often() -> None:
    counts = torch.zeros(9)
    candidates = Candidates(torch.zeros(9), {"probabilities": torch.full((9, 3), 1 / 3)})
    for seed in range(900):
        counts[query(class_balanced(), candidates, 2, generator=stream(seed, "q"))] += 1
    assert stats.chisquare(counts.numpy()).pvalue > 0.001


def test_the_query_does_not_depend_on_how_classes_are_numbered() -> None:
    g = stream(0, "rows")
    p = torch.rand(100, 6, generator=g, dtype=torch.float64)
    labels = torch.randint(0, 3, (5,), generator=g)  # three classes without a label tie
    chosen = [
        query(
            class_balanced(),
            Candidates(torch.zeros(100), {"probabilities": p_}, labels=labels_),
            20,
            generator=stream(1, "q"),
        ).tolist()
        for p_, labels_ in ((p, labels), (p.flip(1), 5 - labels))
    ]
    assert chosen[0] == chosen[1]


def test_the_score_is_the_requested_one() -> None:
    p = torch.softmax(torch.randn(5, 3, generator=stream(0, "p")), 1)
    signals = Signals(5, {"probabilities": p})
    torch.testing.assert_close(class_balanced("entropy").score(signals), entropy_of(p))
    torch.testing.assert_close(
        class_balanced("least-confident").score(signals), 1 - p.max(1).values
    )
    top = p.sort(1).values
    torch.testing.assert_close(class_balanced("margin").score(signals), top[:, 1] - top[:, 2])
    assert class_balanced("random").score(signals).unique().numel() == 1


@pytest.mark.parametrize(("n", "k", "c"), [(1, 1, 3), (7, 7, 2), (9, 4, 1)])
def test_one_class_and_the_whole_pool_give_k_rows_without_labels(n: int, k: int, c: int) -> None:
    p = torch.softmax(torch.randn(n, c, generator=stream(0, "p")), 1)
    rows = query(
        class_balanced(),
        Candidates(torch.zeros(n), {"probabilities": p}),
        k,
        generator=stream(0, "q"),
    )
    assert len(rows.unique()) == k
