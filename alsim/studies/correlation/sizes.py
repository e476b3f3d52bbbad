"""The sizes of a correlation study: labels to start from, rows that are sorted, their groups."""

from dataclasses import dataclass

from alsim.errors import UsageError
from alsim.experiments.correlation import MIN_GROUPS, CorrelationOptions
from alsim.experiments.schedule import Schedule, plan_schedule
from alsim.options.correlation import SizeOptions
from alsim.options.curves import ScheduleOptions

ENOUGH_GROUPS = 10  # at least, with a default group size


@dataclass(frozen=True, slots=True)
class Sizes:
    """The sizes that fit the pool."""

    schedule: Schedule  # for its initial size: nothing is queried
    correlation: CorrelationOptions
    n_left_over: int  # rows of the requested sample that make no whole group

    def __str__(self) -> str:
        size, group = self.correlation.sample_size, self.correlation.group_size
        left_over = (
            f"; {self.n_left_over:,} rows make no whole group and are left out at random"
            if self.n_left_over
            else ""
        )
        return (
            f"{self.schedule.initial_size:,} initial labels; {size // group:,} groups of "
            f"{group:,} rows{left_over}"
        )


def plan_sizes(initial_size: int | None, asked: SizeOptions, n_pool: int) -> Sizes:
    """Return the sizes that fit a pool of `n_pool` labelled training rows.

    A default shrinks to fit; a requested size does not.

    Raises:
        UsageError: If requested sizes do not fit the pool, or it is too small.
    """
    if n_pool < (initial_size or 2) + MIN_GROUPS:
        raise UsageError(
            f"{n_pool:,} training rows cannot give {initial_size or 2:,} initial labels "
            f"and {MIN_GROUPS} groups",
            "--initial-size",
            f"ask for at most {n_pool - MIN_GROUPS:,}; or bring a larger pool"
            if n_pool >= 2 + MIN_GROUPS
            else "bring a larger pool",
        )
    one = ScheduleOptions(initial_size=initial_size, query_size=1, steps=1)
    schedule = plan_schedule(one, n_pool)
    n_left = n_pool - schedule.initial_size
    standard = CorrelationOptions()
    sample = asked.sample_size or min(standard.sample_size, n_left)
    if sample > n_left:
        raise UsageError(
            f"{n_pool:,} training rows less {schedule.initial_size:,} initial labels leave "
            f"{n_left:,}, not {sample:,}",
            "--sample-size",
            f"ask for at most {n_left:,}, or for a smaller --initial-size; or bring a larger pool",
        )
    group = asked.group_size or min(standard.group_size, max(1, sample // ENOUGH_GROUPS))
    n_groups = sample // group
    if n_groups < MIN_GROUPS:
        raise UsageError(
            f"{sample:,} rows make {n_groups} groups of {group:,}: too few to correlate",
            "--sample-size, --group-size",
            f"there must be {MIN_GROUPS} at least: ask for groups of at most "
            f"{sample // MIN_GROUPS:,}, or bring a larger pool",
        )
    n_left_over = 0 if asked.sample_size is None else sample % group
    return Sizes(schedule, CorrelationOptions(n_groups * group, group), n_left_over)
