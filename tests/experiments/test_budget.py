"""What a budget is planned to buy."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alsim.errors import UsageError
from alsim.experiments.account import Account
from alsim.experiments.schedule import Schedule, plan_schedule
from alsim.options.curves import ScheduleOptions
from alsim.options.sizes import QuerySize, Until

N = 13_500


def account(validation: float = 300, *, price: float = 1.0, most: float | None = None) -> Account:
    most = price if most is None else most
    return Account(N * most + validation, validation, price, most)


def plan(budget: float, of: Account | None = None, n: int = N, **sizes: object) -> Schedule:
    options = ScheduleOptions(budget=budget, **sizes)  # pyright: ignore[reportArgumentType]
    return plan_schedule(options, n, account(budget / 10) if of is None else of)


def spent(schedule: Schedule, of: Account) -> float:
    n = schedule.initial_size + schedule.query_size.total(schedule.steps)
    return of.validation + of.each * n


@pytest.mark.parametrize(
    ("budget", "words"),
    [
        (3000, "300 to start with, 48 queries of 50"),
        (1000, "100 to start with, 40 queries of 20"),
        (100, "10 to start with, 40 queries of 2"),
        (13, "2 to start with, 9 queries of 1"),
    ],
)
def test_a_tenth_is_for_the_start_and_the_rest_for_about_45_round_queries(
    budget: int, words: str
) -> None:
    assert str(plan(budget)) == words


@given(st.floats(20, 13_000), st.floats(0.05, 30), st.integers(200, 20_000))
def test_a_plan_spends_all_but_a_part_of_a_query_and_never_more(
    budget: float, price: float, n: int
) -> None:
    budget, validation = budget * price, budget * price // 10
    of = Account(n * price + validation, validation, price, price)
    if budget > of.total:
        with pytest.raises(UsageError, match="more than all labels of the pool cost"):
            plan(budget, of, n)
        return
    schedule = plan(budget, of, n)
    n_left = n - schedule.initial_size - schedule.query_size.total(schedule.steps)
    short = budget - spent(schedule, of)
    assert short >= -1e-6 * budget
    assert short < (schedule.query_size.first + 1) * price or n_left < schedule.query_size.first
    assert 30 <= schedule.steps <= 70 or schedule.query_size.first == 1


def test_each_explicit_size_overrides_its_part_and_the_rest_is_planned() -> None:
    assert str(plan(3000, initial_size=1000)) == "1,000 to start with, 34 queries of 50"
    assert str(plan(3000, query_size=QuerySize(100, 100))).endswith("24 queries of 100")
    assert str(plan(3000, steps=10)).endswith("10 queries of 240")
    growing = plan(3000, query_size=QuerySize(10, 100))
    assert 2300 < growing.query_size.total(growing.steps) <= 2400
    both = plan(3000, query_size=QuerySize(20, 20), steps=3)
    assert str(both) == "300 to start with, 3 queries of 20"
    assert plan(3000, until=Until("labels", 500)).until.kind == "labels"


def test_initial_labels_that_are_there_already_leave_the_budget_to_queries() -> None:
    free = Account(N + 300.0, 300, 1, 1, is_start_free=True)
    assert str(plan(3000, free, initial_size=800)) == "800 to start with, 54 queries of 50"


def test_where_prices_differ_queries_go_on_while_the_dearest_is_affordable() -> None:
    schedule = plan(3000, account(price=2, most=3))
    assert str(schedule).endswith("while 3,000 allow it")
    assert schedule.affords(10, 2970)
    assert not schedule.affords(10, 2971)
    assert Schedule(10, QuerySize(8, 8), 2, Until()).affords(10**6, 10**9)


@pytest.mark.parametrize(
    ("sizes", "words"),
    [
        ({"budget": 20_000}, "more than all labels of the pool cost, 13,800"),
        ({"budget": 301, "initial_size": 5}, "pays no query: validation takes 300 of it"),
        ({"budget": 3000, "initial_size": 2800}, "--validation-size, --initial-size"),
        ({"budget": 3000, "steps": 2600}, "ask for at most 2,400"),
        ({"budget": 3000, "steps": 50, "query_size": QuerySize(60, 60)}, "leaves 2,400"),
        ({"budget": 3000, "query_size": QuerySize(2500, 2500)}, "at most 2,400"),
    ],
)
def test_what_a_budget_cannot_pay_is_an_error_that_says_why(
    sizes: dict[str, object], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        plan_schedule(ScheduleOptions(**sizes), N, account())  # pyright: ignore[reportArgumentType]
