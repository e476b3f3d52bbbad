"""GALAXY's bisections and DIRECT's thresholds, by hand and against slow twins."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from alsim.seeding import stream
from alsim.strategies import Candidates, Strategy, query
from alsim.strategies.galaxy import direct, galaxy, line_scores, threshold

BOTH = pytest.mark.parametrize("strategy", [galaxy(), direct()], ids=["galaxy", "direct"])


def two_classes(unlabelled: list[float], labelled: list[float], labels: list[int]) -> Candidates:
    """Rows by their probability of class 0, which is their order in its line."""
    p, known = (
        torch.tensor([[x, 1 - x] for x in rows]).double() for rows in (unlabelled, labelled)
    )
    return Candidates(
        torch.zeros(len(p)), {"probabilities": p}, {"probabilities": known}, torch.tensor(labels), 2
    )


def make(n: int, c: int, m: int = 12, seed: int = 0) -> Candidates:
    g = stream(seed, "rows")
    p, known = (
        torch.softmax(2 * torch.randn(rows, c, generator=g, dtype=torch.float64), 1)
        for rows in (n, m)
    )
    labels = torch.randint(-1, c, (m,), generator=g)
    return Candidates(torch.zeros(n), {"probabilities": p}, {"probabilities": known}, labels, c)


def test_a_line_starts_with_the_confident_rows_of_its_class_and_then_falls_by_margin() -> None:
    p = torch.tensor([[0.6, 0.3, 0.1], [0.9, 0.1, 0.0], [0.3, 0.4, 0.3], [0.0, 0.2, 0.8]])
    scores = line_scores(p)
    assert scores[:, 0].tolist() == pytest.approx([0.6, 0.9, -0.1, -0.8])
    assert scores[:, 0].argsort(descending=True).tolist() == [1, 0, 2, 3]


def test_a_gap_is_bisected_level_by_level_by_hand() -> None:
    # Class 0's line: row 0, LABEL 0, rows 1 … 7, LABEL 1, row 8. The middle of the gap is 4, then
    # 2 and 6 in random order, then its last four, then the rows beyond its ends.
    rows = [0.95, 0.85, 0.8, 0.75, 0.7, 0.65, 0.6, 0.55, 0.2]
    candidates = two_classes(rows, [0.9, 0.5001], [0, 1])
    orders: set[tuple[int, ...]] = set()
    for seed in range(40):
        chosen = query(galaxy(), candidates, 9, generator=stream(seed, "q")).tolist()
        assert chosen[0] == 4
        assert set(chosen[1:3]) == {2, 6}
        assert set(chosen[3:7]) == {1, 3, 5, 7}
        assert set(chosen[7:]) == {0, 8}
        orders.add(tuple(chosen[1:3]))
    assert len(orders) == 2


def test_the_shortest_gap_is_bisected_first_and_gaps_between_equal_labels_are_left_alone() -> None:
    # LABEL 0, rows 0 1 2, LABEL 1, rows 3 4, LABEL 1, row 5, LABEL 0. The gap of row 5 is the
    # shorter; that of rows 3 and 4 is none.
    candidates = two_classes([0.85, 0.8, 0.75, 0.65, 0.6, 0.3], [0.9, 0.7, 0.4, 0.2], [0, 1, 1, 0])
    for seed in range(20):
        chosen = query(galaxy(), candidates, 6, generator=stream(seed, "q")).tolist()
        assert chosen[:2] == [5, 1]
        assert set(chosen[2:4]) == {0, 2}
        assert set(chosen[4:]) == {3, 4}


def test_rows_nearest_to_a_change_follow_once_no_gap_is_left() -> None:
    # Rows 0 1 2, LABEL 0, LABEL 1, row 3, LABEL 1, row 4: one, two and three places away, and on
    # the other side one and three.
    candidates = two_classes([0.99, 0.95, 0.9, 0.5, 0.3], [0.8, 0.7, 0.4], [0, 1, 1])
    for seed in range(20):
        chosen = query(galaxy(), candidates, 5, generator=stream(seed, "q")).tolist()
        assert set(chosen[:2]) == {2, 3}
        assert chosen[2] == 1
        assert set(chosen[3:]) == {0, 4}


def test_the_graphs_of_three_classes_take_turns() -> None:
    # Three far groups, each predicted as its own class, and one label of each at its confident
    # end: the line of class j begins with its own rows, so its gap is all rows except those beyond.
    g = stream(0, "rows")
    top = 0.5 + 0.4 * torch.rand(30, generator=g, dtype=torch.float64)
    p = torch.full((30, 3), 0.0, dtype=torch.float64)
    classes = torch.arange(30) % 3
    for j in range(3):
        other = torch.rand(30, generator=g, dtype=torch.float64) * (1 - top)
        mine = classes == j
        p[mine, j] = top[mine]
        p[mine, (j + 1) % 3] = other[mine]
        p[mine, (j + 2) % 3] = (1 - top - other)[mine]
    known = torch.tensor([[0.98, 0.01, 0.01], [0.01, 0.98, 0.01], [0.01, 0.01, 0.98]]).double()
    candidates = Candidates(
        torch.zeros(30), {"probabilities": p}, {"probabilities": known}, torch.arange(3), 3
    )
    chosen = set(query(galaxy(), candidates, 3, generator=stream(0, "q")).tolist())
    for j in range(3):
        line = line_scores(torch.cat([p, known]))[:, j].argsort(descending=True)
        places = (line >= 30).nonzero()[:, 0].tolist()
        is_class = [int(line[place]) - 30 == j for place in places]
        gaps = [
            line[a + 1 : b].tolist()
            for a, b, x, y in zip(places, places[1:], is_class, is_class[1:], strict=False)
            if x != y and b > a + 1
        ]
        shortest = min(gaps, key=len)
        assert chosen & {shortest[(len(shortest) - 1) // 2], shortest[len(shortest) // 2]}


@pytest.mark.long
@BOTH
def test_without_labels_of_two_classes_galaxy_is_random_and_direct_still_picks(
    strategy: Strategy,
) -> None:
    candidates = two_classes([0.9, 0.8, 0.6, 0.4, 0.3, 0.1], [0.7], [-1])
    counts = torch.zeros(6)
    for seed in range(600):
        counts[query(strategy, candidates, 2, generator=stream(seed, "q"))] += 1
    if strategy.select is galaxy().select:
        assert stats.chisquare(counts.numpy()).pvalue > 0.001
    else:
        # No votes: every threshold is as good, so the middle one, between rows 2 and 3.
        assert counts.tolist() == [0, 0, 600, 600, 0, 0]


@given(st.lists(st.sampled_from([-1, 0, 1]), min_size=1, max_size=12))
def test_the_threshold_puts_the_most_labels_on_their_own_side(votes: list[int]) -> None:
    # The slow twin: count the right labels for every place between rows.
    right = [
        sum(v == 1 for v in votes[:i]) + sum(v == -1 for v in votes[i:])
        for i in range(len(votes) + 1)
    ]
    good = sorted({votes[:i].count(0) for i, r in enumerate(right) if r == max(right)})
    middle = (good[(len(good) - 1) // 2] + good[len(good) // 2]) / 2
    found = threshold(torch.tensor(votes) != 0, torch.tensor(votes))
    assert found == middle


def test_direct_queries_around_the_threshold_by_hand() -> None:
    # Line: LABEL 0, row 0, LABEL 1, row 1, LABEL 0, LABEL 0, rows 2 3 4 5, LABEL 1, row 6. Three
    # of class 0 and one wrong before it, so the threshold is between the last 0 and the last 1:
    # in the middle of rows 2 … 5, between 3 and 4.
    candidates = two_classes(
        [0.93, 0.85, 0.7, 0.65, 0.6, 0.55, 0.1],
        [0.95, 0.9, 0.8, 0.75, 0.2],
        [0, 1, 0, 0, 1],
    )
    for seed in range(20):
        chosen = query(direct(), candidates, 4, generator=stream(seed, "q")).tolist()
        assert set(chosen) == {2, 3, 4, 5}
        chosen = query(direct(), candidates, 2, generator=stream(seed, "q")).tolist()
        assert set(chosen) == {3, 4}


def test_direct_gives_each_class_equally_many_rows() -> None:
    candidates = make(400, 5, m=60)
    p = candidates.kept["probabilities"]
    both = torch.cat([p, candidates.labelled["probabilities"]])
    chosen = query(direct(), candidates, 10, generator=stream(0, "q")).tolist()
    for j in range(5):
        votes: list[int] = []
        places: dict[int, int] = {}  # row -> its place among the unlabelled rows of the line
        for i in line_scores(both)[:, j].argsort(descending=True).tolist():
            label = int(candidates.labels[i - 400]) if i >= 400 else None
            if label is None:
                places[i] = len(places)
            if label != -1:
                votes.append(0 if label is None else 1 if label == j else -1)
        middle = threshold(torch.tensor(votes) != 0, torch.tensor(votes))
        assert sum(abs(places[i] + 0.5 - middle) <= 1.5 for i in chosen) >= 2


@BOTH
@pytest.mark.parametrize("c", [2, 3, 6])
def test_the_query_does_not_depend_on_how_classes_are_numbered(strategy: Strategy, c: int) -> None:
    for seed in range(10):
        candidates = make(60, c, seed=seed)
        turned = Candidates(
            candidates.scores,
            {"probabilities": candidates.kept["probabilities"].flip(1)},
            {"probabilities": candidates.labelled["probabilities"].flip(1)},
            torch.where(candidates.labels >= 0, c - 1 - candidates.labels, -1),
            c,
        )
        chosen = [
            query(strategy, each, 25, generator=stream(1, "q")).tolist()
            for each in (candidates, turned)
        ]
        assert chosen[0] == chosen[1]


@BOTH
@pytest.mark.parametrize(("n", "k", "c"), [(1, 1, 3), (7, 7, 3), (9, 4, 1), (20, 6, 12)])
def test_identical_rows_one_class_and_the_whole_pool_give_k_rows_of_a_line(
    strategy: Strategy, n: int, k: int, c: int
) -> None:
    candidates = make(n, c)
    same = Candidates(
        candidates.scores,
        {"probabilities": candidates.kept["probabilities"][:1].expand(n, -1)},
        {"probabilities": candidates.labelled["probabilities"][:0]},
        candidates.labels[:0],
        c,
    )
    for each in (candidates, same):
        rows = query(strategy, each, k, generator=stream(0, "q"))
        assert len(rows.unique()) == k
