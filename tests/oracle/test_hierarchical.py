"""The oracle of yes-or-no questions: by hand, and against one that asks one by one."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from torch import Tensor

from alsim.oracle import Answers, HierarchicalOracle
from alsim.oracle.hierarchical import ranks
from alsim.seeding import stream

# Six classes in two groups.
GROUPS = {"fruit": (0, 2, 4), "tools": (1, 3, 5)}
# fruit 0.55 (2 before 4 before 0), tools 0.45 (5 before 1 before 3)
BELIEFS = torch.tensor([[0.05, 0.15, 0.3, 0.1, 0.2, 0.2]]).expand(6, -1)


def ask(
    groups: dict[str, tuple[int, ...]],
    truth: Tensor,
    beliefs: Tensor | None,
    limit: int | None,
    *,
    price: float = 1.0,
    seed: int = 0,
) -> Answers:
    oracle = HierarchicalOracle(truth, groups, limit, price)
    return oracle(torch.arange(len(truth)), beliefs=beliefs, generator=stream(seed, "test"))


def sets_of(answers: Answers) -> list[set[int]]:
    assert answers.possible is not None
    return [set(row.nonzero()[:, 0].tolist()) for row in answers.possible]


def test_finding_each_class_takes_as_many_questions_as_by_hand() -> None:
    # "fruit?" settles the group either way. Then fruit: "2?", "4?", else it is 0;
    # tools: "5?", "1?", else it is 3.
    answers = ask(GROUPS, torch.arange(6), BELIEFS, None, price=0.5)
    assert answers.labels.tolist() == [0, 1, 2, 3, 4, 5]
    assert answers.questions.tolist() == [3, 3, 2, 3, 3, 2]
    assert answers.costs.tolist() == [1.5, 1.5, 1, 1.5, 1.5, 1]
    assert answers.possible is None


def test_one_question_reveals_the_group_and_no_class() -> None:
    answers = ask(GROUPS, torch.arange(6), BELIEFS, 1)
    assert sets_of(answers) == [{0, 2, 4}, {1, 3, 5}] * 3
    assert answers.labels.tolist() == [-1] * 6
    assert answers.questions.tolist() == [1] * 6


def test_a_second_question_finds_or_rules_out_the_likeliest_class_of_the_group() -> None:
    answers = ask(GROUPS, torch.arange(6), BELIEFS, 2)
    assert sets_of(answers) == [{0, 4}, {1, 3}, {2}, {1, 3}, {0, 4}, {5}]
    assert answers.labels.tolist() == [-1, -1, 2, -1, -1, 5]
    assert answers.questions.tolist() == [2] * 6


def test_a_sufficient_limit_changes_only_the_form_of_the_answers() -> None:
    free, bounded = (ask(GROUPS, torch.arange(6), BELIEFS, limit) for limit in (None, 3))
    assert torch.equal(free.labels, bounded.labels)
    assert torch.equal(free.questions, bounded.questions)
    assert sets_of(bounded) == [{0}, {1}, {2}, {3}, {4}, {5}]


def test_groups_of_one_class_are_asked_class_by_class() -> None:
    # In the order 2, 1, 0, 3: the last one follows.
    beliefs = torch.tensor([[0.2, 0.3, 0.4, 0.1]]).expand(4, -1)
    groups = {name: (i,) for i, name in enumerate("abcd")}
    assert ask(groups, torch.arange(4), beliefs, None).questions.tolist() == [3, 2, 1, 3]
    assert sets_of(ask(groups, torch.arange(4), beliefs, 1)) == [
        {0, 1, 3},
        {0, 1, 3},
        {2},
        {0, 1, 3},
    ]


def test_a_question_with_a_known_answer_is_not_asked() -> None:
    answers = ask({"all": (0,)}, torch.zeros(3, dtype=torch.int64), None, 1)
    assert answers.questions.tolist() == [0, 0, 0]
    assert answers.labels.tolist() == [0, 0, 0]
    one_group = ask({"all": (0, 1)}, torch.tensor([0, 1]), None, None)
    assert one_group.questions.tolist() == [1, 1]


def one_by_one(
    groups: dict[str, tuple[int, ...]], truth: int, beliefs: list[float], limit: int | None
) -> tuple[set[int], int]:
    """Return the possible classes after asking one by one, and the number of questions."""
    left = {i for classes in groups.values() for i in classes}
    n = 0
    named = sorted(groups, key=lambda g: -sum(beliefs[i] for i in groups[g]))
    while len(named) > 1 and n != limit:
        n += 1
        group = groups[named.pop(0)]
        if truth in group:
            left = set(group)
            named = []
        else:
            left -= set(group)
    is_settled = any(left <= set(classes) for classes in groups.values())
    for guess in sorted(left, key=lambda i: -beliefs[i]):
        if not is_settled or len(left) == 1 or n == limit:
            break
        n += 1
        left = {guess} if guess == truth else left - {guess}
    return left, n


@st.composite
def games(draw: st.DrawFn) -> tuple[dict[str, tuple[int, ...]], Tensor, Tensor, int | None]:
    c = draw(st.integers(1, 7))
    member = draw(st.lists(st.integers(0, 3), min_size=c, max_size=c))
    groups = {str(g): tuple(i for i in range(c) if member[i] == g) for g in dict.fromkeys(member)}
    seed = draw(st.integers(0, 1000))
    p = torch.rand(12, c, generator=stream(seed, "beliefs"), dtype=torch.float64)
    truth = torch.randint(c, (12,), generator=stream(seed, "truth"))
    return groups, truth, p / p.sum(1, keepdim=True), draw(st.none() | st.integers(1, 8))


@pytest.mark.long
@settings(deadline=None, max_examples=200)
@given(games())
def test_answers_equal_those_of_asking_one_by_one_and_include_the_true_class(
    game: tuple[dict[str, tuple[int, ...]], Tensor, Tensor, int | None],
) -> None:
    groups, truth, beliefs, limit = game
    answers = ask(groups, truth, beliefs, limit)
    expected = [
        one_by_one(groups, y, row, limit)
        for y, row in zip(truth.tolist(), beliefs.tolist(), strict=True)
    ]
    assert answers.questions.tolist() == [n for _, n in expected]
    assert torch.equal(answers.costs, answers.questions.double())
    sets = [{y} for y in answers.labels.tolist()] if limit is None else sets_of(answers)
    assert sets == [left for left, _ in expected]
    for y, label, left in zip(truth.tolist(), answers.labels.tolist(), sets, strict=True):
        assert y in left
        assert label == (y if len(left) == 1 else -1)


@pytest.mark.long
def test_without_beliefs_larger_groups_come_first_and_equal_ones_in_random_order() -> None:
    n = 9000
    groups = {"large": (0, 1, 2), "small": (3,), "other": (4,)}
    # For class 3, "large?" is asked first; then "small?" or "other?", and either decides.
    assert set(ask(groups, torch.full((n,), 3), None, None).questions.tolist()) == {2}
    first = sets_of(ask(groups, torch.full((n,), 3), None, 1))
    assert first == [{3, 4}] * n
    # For class 0: after "large?" it has place 1, 2 or 3 of three at random.
    counts = torch.bincount(ask(groups, torch.zeros(n, dtype=torch.int64), None, None).questions)
    assert counts[:2].sum() == 0
    assert stats.chisquare(counts[2:], [n / 3, n * 2 / 3]).pvalue > 1e-3


def test_ranks_break_only_ties_at_random() -> None:
    values = torch.tensor([[0.5, 0.9, 0.5, 0.1]]).expand(6000, -1)
    places = ranks(values, generator=stream(3, "test"))
    assert set(places[:, 1].tolist()) == {0}
    assert set(places[:, 3].tolist()) == {3}
    assert (places[:, 0] + places[:, 2] == 3).all()
    assert stats.binomtest(int((places[:, 0] == 1).sum()), 6000, 0.5).pvalue > 1e-3


def test_the_oracle_is_partial_only_with_a_limit_and_always_needs_beliefs() -> None:
    truth = torch.arange(6)
    for limit, partial in ((None, False), (2, True)):
        traits = HierarchicalOracle(truth, GROUPS, limit).traits
        assert (traits.wants_beliefs, traits.is_partial) == (True, partial)
        assert traits.set_names[frozenset({4, 2, 0})] == "fruit"


@pytest.mark.parametrize("limit", [None, 2])
def test_only_the_given_generator_decides_between_equals(limit: int | None) -> None:
    truth = torch.arange(300) % 6
    before = torch.get_rng_state()
    first, again, other = (ask(GROUPS, truth, None, limit, seed=s).questions for s in (1, 1, 2))
    assert torch.equal(first, again)
    assert limit == 2 or not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), before)
