"""The sizes of a correlation study: those requested, smaller defaults, or one error."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alsim.errors import UsageError
from alsim.experiments.correlation import MIN_GROUPS
from alsim.options.correlation import SizeOptions
from alsim.studies.correlation.sizes import ENOUGH_GROUPS, plan_sizes

SIZES = st.none() | st.integers(1, 3000)


def test_a_large_pool_gives_the_sizes_of_the_source() -> None:
    sizes = plan_sizes(None, SizeOptions(), 14_000)
    assert sizes.schedule.initial_size == 2000
    assert (sizes.correlation.sample_size, sizes.correlation.group_size) == (10_000, 100)
    assert str(sizes) == "2,000 initial labels; 100 groups of 100 rows"


def test_a_small_pool_gives_smaller_sizes() -> None:
    sizes = plan_sizes(None, SizeOptions(), 900)
    assert sizes.schedule.initial_size == 300
    assert (sizes.correlation.sample_size, sizes.correlation.group_size) == (600, 60)
    assert str(sizes) == "300 initial labels; 10 groups of 60 rows"


def test_the_default_sample_has_only_whole_groups() -> None:
    sizes = plan_sizes(1444, SizeOptions(), 4332)
    assert (sizes.correlation.sample_size, sizes.n_left_over) == (2800, 0)


def test_rows_that_do_not_fill_a_group_are_reported() -> None:
    sizes = plan_sizes(20, SizeOptions(sample_size=105, group_size=10), 200)
    assert sizes.correlation.sample_size == 100
    assert str(sizes) == (
        "20 initial labels; 10 groups of 10 rows; 5 rows make no whole group and are left out at "
        "random"
    )


@pytest.mark.parametrize(
    ("initial", "asked", "n_pool", "where", "expected"),
    [
        (198, SizeOptions(), 200, "--initial-size", "ask for at most 197"),
        (None, SizeOptions(), 4, "--initial-size", "bring a larger pool"),
        (20, SizeOptions(sample_size=181), 200, "--sample-size", "leave 180, not 181"),
        (
            20,
            SizeOptions(sample_size=100, group_size=34),
            200,
            "--sample-size, --group-size",
            "at most 33",
        ),
        (20, SizeOptions(group_size=61), 200, "--sample-size, --group-size", "at most 60"),
        (
            20,
            SizeOptions(sample_size=2),
            200,
            "--sample-size, --group-size",
            "too few to correlate",
        ),
    ],
)
def test_requested_sizes_that_do_not_fit_are_refused(
    initial: int | None, asked: SizeOptions, n_pool: int, where: str, expected: str
) -> None:
    with pytest.raises(UsageError, match=expected) as caught:
        plan_sizes(initial, asked, n_pool)
    assert caught.value.args[1] == where


@given(st.none() | st.integers(2, 3000), SIZES, SIZES, st.integers(1, 20_000))
def test_planned_sizes_fit_the_pool_and_the_request_and_are_stable(
    initial: int | None, sample: int | None, group: int | None, n_pool: int
) -> None:
    try:
        sizes = plan_sizes(initial, SizeOptions(sample_size=sample, group_size=group), n_pool)
    except UsageError:
        assert n_pool < 6 or (initial, sample, group) != (None, None, None)
        return
    found, first = sizes.correlation, sizes.schedule.initial_size
    assert first + found.sample_size <= n_pool
    assert found.sample_size % found.group_size == 0
    assert found.sample_size // found.group_size >= MIN_GROUPS
    assert first == (initial or first)
    assert found.group_size == (group or found.group_size)
    assert 0 <= (sample or found.sample_size) - found.sample_size < found.group_size
    if group is None and found.group_size > 1:
        assert found.sample_size // found.group_size >= min(ENOUGH_GROUPS, found.sample_size)
    # Planned again from the result, as the parent of a worker does, they do not change.
    again = plan_sizes(first, SizeOptions(sample_size=sample, group_size=group), n_pool)
    assert (again.schedule, again.correlation) == (sizes.schedule, found)
