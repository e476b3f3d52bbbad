"""How many labels to start from, how many to ask for, and when to stop."""

import math
from bisect import bisect_right
from dataclasses import dataclass, replace

from alsim.errors import UsageError
from alsim.experiments.account import ROUNDING, Account
from alsim.options.curves import ScheduleOptions
from alsim.options.sizes import DEFAULT_INITIAL_SIZE, QuerySize, Until


@dataclass(frozen=True, slots=True)
class Schedule:
    """The sizes as they are run."""

    initial_size: int
    query_size: QuerySize
    steps: int
    until: Until
    budget: float | None = None  # no query starts that could exceed it
    most: float = 1.0  # what an object or cell can cost

    def __str__(self) -> str:
        first, size, until = f"{self.initial_size:,} to start with", self.query_size, self.until
        each = f"of {size.first:,}" + (
            f" growing to {size.last:,}" if size.first != size.last else ""
        )
        if until.kind == "steps":
            return f"{first}, {_queries(self.steps)} {each}"
        ends = {
            "exhausted": "until all are labelled",
            "budget": f"while {self.budget or 0:,.10g} allow it",
            "labels": f"until there are {until.value:,.0f} labels",
            "accuracy": f"until validation accuracy is {until.value:g}",
        }
        return f"{first}, queries {each} {ends[until.kind]}"

    def most_steps(self, n_pool: int) -> int:
        """Return how many queries there are; with an accuracy to reach, how many at most."""
        if self.until.kind == "steps":
            return self.steps
        n, step = self.initial_size, 0
        while size := self.query_at(step + 1, n, n_pool):
            n, step = n + size, step + 1
        return step

    def planned_steps(self, n_pool: int) -> int:
        """Return how many queries are planned; a budget may allow more or fewer as labels cost."""
        return self.steps if self.until.kind == "budget" else self.most_steps(n_pool)

    def query_at(self, step: int, n_labelled: int, n_pool: int) -> int:
        """Return the size of the query at `step`, 0 when the run is over by then."""
        left = n_pool - n_labelled
        if self.until.kind == "steps" and step > self.steps:
            return 0
        if self.until.kind == "labels":
            left = min(left, int(self.until.value) - n_labelled)
        return max(0, min(left, self.query_size.at(step, self.steps)))

    def affords(self, size: int, spent: float) -> bool:
        """Return whether a query can be paid, whatever it will cost."""
        return self.budget is None or spent + size * self.most <= self.budget * (1 + ROUNDING)


DEFAULT_QUERY_SIZE = 20
DEFAULT_STEPS = 100
SHARE = 0.1  # of a budget, for the validation labels, and as much for the initial ones
N_QUERIES = 45  # about as many queries of what is left
_MOST_STEPS = 1_000_000


def plan_schedule(
    options: ScheduleOptions,
    n_pool: int,
    account: Account | None = None,
    units: str = "training rows",
) -> Schedule:
    """Return the sizes that fit a pool of `n_pool` labelled training rows.

    A default shrinks to fit: the initial labels are a third of the pool at most. A size that was
    asked for does not. With a budget, for which there must be an account, the defaults are what it
    allows. `units` are what is counted, for messages.

    Raises:
        UsageError: If sizes that were asked for do not fit the pool or the budget.
    """
    if options.budget is None:
        return _plan(options, n_pool, units)
    assert account is not None
    return _plan_budget(options, options.budget, n_pool, account, units)


def _plan(options: ScheduleOptions, n_pool: int, units: str) -> Schedule:
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


def _plan_budget(
    options: ScheduleOptions, budget: float, n_pool: int, account: Account, units: str
) -> Schedule:
    """Return the sizes that a budget allows."""
    if budget > account.total * (1 + ROUNDING):
        raise UsageError(
            f"{budget:,.10g} is more than all labels of the pool cost, {account.total:,.10g}",
            "--budget",
            "ask for less: with all labels every strategy is the same",
        )
    initial = options.initial_size
    if initial is None:
        initial = min(max(2, int(SHARE * budget / account.each + ROUNDING)), max(2, n_pool // 3))
    for_start = 0.0 if account.is_start_free else initial * account.each
    rest = budget - account.validation - for_start
    n_left = min(int(rest / account.each * (1 + ROUNDING)), n_pool - initial)
    if n_left < 1:
        raise UsageError(
            f"a budget of {budget:,.10g} pays no query: validation takes "
            f"{account.validation:,.10g} of it, the initial labels {for_start:,.10g}",
            "--budget",
            "raise it, or ask for less of these: --validation-size, --initial-size",
        )
    size, steps = options.query_size, options.steps
    if size is None and steps is not None and steps > n_left:
        raise UsageError(
            f"a budget of {budget:,.10g} leaves {n_left:,} labels for {steps:,} queries",
            "--steps",
            f"ask for at most {n_left:,}",
        )
    if size is None:
        each = _round_size(n_left / N_QUERIES) if steps is None else n_left // steps
        size = QuerySize(each, each)
    possible = range(min(n_left, _MOST_STEPS) + 1)
    fitting = bisect_right(possible, n_left, key=size.total) - 1
    if fitting < 1 or (steps is not None and steps > fitting and account.is_certain):
        wanted = size.total(steps or 1)
        raise UsageError(
            f"{_queries(steps or 1)} of {size} ask for {wanted:,} labels, and a budget of "
            f"{budget:,.10g} leaves {n_left:,}",
            "--query-size and --steps",
            "ask for less, or leave one of them out" if steps else f"ask for at most {n_left:,}",
        )
    until, steps = options.until, steps or fitting
    if until.kind == "steps" and options.steps is None and not account.is_certain:
        until = Until("budget")
    chosen = replace(options, initial_size=initial, query_size=size, steps=steps, until=until)
    return replace(_plan(chosen, n_pool, units), budget=budget, most=account.most)


def _round_size(size: float) -> int:
    """Return the nearest of 1, 2, 5, 10, 20, 25, 50, 100, …, by their ratio to a size."""
    power = 10.0 ** math.floor(math.log10(max(size, 1.0)))
    sizes = {max(1, int(step * power)) for step in (1, 2, 2.5, 5, 10)}
    return min(sorted(sizes), key=lambda each: abs(math.log(each / max(size, 1.0))))


def _queries(n: int) -> str:
    return "1 query" if n == 1 else f"{n:,} queries"
