import pytest
from hypothesis import given
from hypothesis import strategies as st

from alsim.errors import UsageError
from alsim.experiments.schedule import Schedule, plan_schedule
from alsim.options.curves import ScheduleOptions
from alsim.options.sizes import QuerySize, Until


def test_the_defaults_are_those_of_the_study_where_the_pool_is_large_enough() -> None:
    schedule = plan_schedule(ScheduleOptions(), 50_000)
    assert schedule == Schedule(2000, QuerySize(20, 20), 100, Until())


@pytest.mark.parametrize(
    ("until", "words"),
    [
        (Until(), "2,000 to start with, 100 queries of 20"),
        (Until("exhausted"), "2,000 to start with, queries of 20 until all are labelled"),
        (
            Until("labels", 9000),
            "2,000 to start with, queries of 20 until there are 9,000 labels",
        ),
        (
            Until("accuracy", 0.9),
            "2,000 to start with, queries of 20 until validation accuracy is 0.9",
        ),
    ],
)
def test_a_schedule_is_described_in_a_sentence(until: Until, words: str) -> None:
    assert str(Schedule(2000, QuerySize(20, 20), 100, until)) == words
    one = Schedule(5, QuerySize(1, 40), 1, Until())
    assert str(one) == "5 to start with, 1 query of 1 growing to 40"


@given(st.integers(4, 20_000))
def test_defaults_shrink_to_fit_any_pool(n: int) -> None:
    schedule = plan_schedule(ScheduleOptions(), n)
    used = schedule.initial_size + schedule.query_size.total(schedule.steps)
    assert 2 <= schedule.initial_size < used <= n


@pytest.mark.parametrize(
    "options",
    [
        ScheduleOptions(initial_size=990),
        ScheduleOptions(initial_size=900, steps=6),
        ScheduleOptions(query_size=QuerySize(900, 900)),
        ScheduleOptions(until=Until("labels", 2000)),
        ScheduleOptions(until=Until("labels", 100)),
    ],
)
def test_requested_sizes_that_do_not_fit_are_errors(options: ScheduleOptions) -> None:
    with pytest.raises(UsageError):
        plan_schedule(options, 1000)


def test_a_growing_query_size_is_geometric_from_first_to_last() -> None:
    size = QuerySize(20, 200)
    sizes = [size.at(step, 5) for step in range(1, 6)]
    assert sizes == [20, 36, 63, 112, 200]
    assert size.at(9, 5) == 200
    assert size.total(5) == sum(sizes)


def test_a_run_until_exhausted_takes_the_last_rows_in_a_smaller_query() -> None:
    schedule = Schedule(10, QuerySize(8, 8), 2, Until("exhausted"))
    n, sizes = 10, []
    while size := schedule.query_at(len(sizes) + 1, n, 30):
        sizes.append(size)
        n += size
    assert sizes == [8, 8, 4]
    assert schedule.most_steps(30) == 3


def test_a_run_until_a_number_of_labels_stops_at_exactly_that_number() -> None:
    schedule = Schedule(10, QuerySize(8, 8), 2, Until("labels", 29))
    n, step = 10, 1
    while size := schedule.query_at(step, n, 1000):
        n, step = n + size, step + 1
    assert n == 29
    assert schedule.most_steps(1000) == step - 1


def test_a_run_with_a_number_of_steps_ends_after_them() -> None:
    schedule = Schedule(10, QuerySize(8, 8), 2, Until())
    assert [schedule.query_at(step, 10, 1000) for step in (1, 2, 3)] == [8, 8, 0]
    assert schedule.most_steps(1000) == 2


@given(st.integers(1, 30), st.integers(1, 30), st.integers(1, 60), st.integers(33, 200))
def test_steps_are_reduced_to_the_largest_number_that_fits(
    first: int, last: int, steps: int, n: int
) -> None:
    size = QuerySize(first, last)
    most = max(s for s in range(1, steps + 1) if 2 + size.total(s) <= n)
    options = ScheduleOptions(initial_size=2, query_size=size, steps=steps)
    if most == steps:
        assert plan_schedule(options, n).steps == steps
    else:
        with pytest.raises(UsageError, match=f"ask for at most {most} steps"):
            plan_schedule(options, n)


@pytest.mark.long
def test_a_million_steps_are_refused_at_once() -> None:
    with pytest.raises(UsageError, match=r"ask for at most [0-9,]+ steps"):
        plan_schedule(
            ScheduleOptions(initial_size=2, query_size=QuerySize(1, 5), steps=1_000_000), 50_000
        )
