"""How many labels to start from, how many to ask for, and when to stop."""

from bisect import bisect_right
from dataclasses import dataclass, replace

from alsim.errors import UsageError
from alsim.options.curves import ScheduleOptions
from alsim.options.sizes import QuerySize, Until


@dataclass(frozen=True, slots=True)
class Schedule:
    """The sizes as they are run."""

    initial_size: int
    query_size: QuerySize
    steps: int
    until: Until

    def __str__(self) -> str:
        first, size, until = f"{self.initial_size:,} initial labels", self.query_size, self.until
        each = f"of {size.first:,}" + (
            f" growing to {size.last:,}" if size.first != size.last else ""
        )
        if until.kind == "steps":
            return f"{first}, then {_queries(self.steps)} {each}"
        ends = {
            "exhausted": "until all are labelled",
            "labels": f"until there are {until.value:,.0f} labels",
            "accuracy": f"until validation accuracy is {until.value:g}",
        }
        return f"{first}, then queries {each} {ends[until.kind]}"

    def most_steps(self, n_pool: int) -> int:
        """Return how many queries there are; with an accuracy to reach, how many at most."""
        if self.until.kind == "steps":
            return self.steps
        n, step = self.initial_size, 0
        while size := self.query_at(step + 1, n, n_pool):
            n, step = n + size, step + 1
        return step

    def query_at(self, step: int, n_labelled: int, n_pool: int) -> int:
        """Return the size of the query at `step`, 0 when the run is over by then."""
        left = n_pool - n_labelled
        if self.until.kind == "steps" and step > self.steps:
            return 0
        if self.until.kind == "labels":
            left = min(left, int(self.until.value) - n_labelled)
        return max(0, min(left, self.query_size.at(step, self.steps)))


DEFAULT_INITIAL_SIZE = 2000  # the study's
DEFAULT_QUERY_SIZE = 20
DEFAULT_STEPS = 100


def plan_schedule(options: ScheduleOptions, n_pool: int, units: str = "training rows") -> Schedule:
    """Return the sizes that fit a pool of `n_pool` labelled training rows.

    A default shrinks to fit: the initial labels are a third of the pool at most. A size that was
    asked for does not. `units` are what is counted, for messages.

    Raises:
        UsageError: If sizes that were asked for do not fit the pool.
    """
    query_size = options.query_size or QuerySize(DEFAULT_QUERY_SIZE, DEFAULT_QUERY_SIZE)
    initial = options.initial_size
    if initial is None:
        initial = min(DEFAULT_INITIAL_SIZE, max(2, n_pool // 3))
    asked = options.query_size is not None or options.initial_size is not None
    if not asked and initial + query_size.first > n_pool:
        size = max(1, n_pool - initial)
        query_size = QuerySize(size, size)
    if initial + query_size.first > n_pool:
        raise UsageError(
            f"{n_pool:,} {units} cannot give {initial:,} initial labels "
            f"and a query of {query_size.first:,}",
            "--initial-size and --query-size",
            f"ask for less: at most {n_pool:,} together; or bring a larger pool",
        )
    schedule = Schedule(initial, query_size, options.steps or DEFAULT_STEPS, options.until)
    wanted = initial + query_size.total(schedule.steps)
    if options.until.kind == "steps" and wanted > n_pool:
        # The total grows with the steps, by one label each at least.
        possible = range(min(schedule.steps, n_pool - initial) + 1)
        steps = max(1, bisect_right(possible, n_pool - initial, key=query_size.total) - 1)
        if options.steps is not None:
            raise UsageError(
                f"{schedule.steps:,} steps need {wanted:,} labels, the pool has {n_pool:,}",
                "--steps",
                f"ask for at most {steps:,} steps, or for --until exhausted",
            )
        schedule = replace(schedule, steps=steps)
    if options.until.kind == "labels" and not initial < options.until.value <= n_pool:
        raise UsageError(
            f"labels={options.until.value:g} is outside {initial + 1:,} … {n_pool:,}",
            "--until",
            f"ask for more than the initial labels and no more than the {units}",
        )
    return schedule


def _queries(n: int) -> str:
    return "1 query" if n == 1 else f"{n:,} queries"
