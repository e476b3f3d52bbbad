"""Looks at a study that grows by seeds, planned beforehand, and what they decide.

To look again and again with one level finds a difference too often: after 5, 10, 15 and 20 seeds in
13 % of studies without one. Here the level is spent over the looks in proportion to their seeds
(Lan & DeMets 1983), and within a look Holm's method goes through the strategies that are open.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from scipy import special

from alsim.analysis.statistics.intervals import ALPHA, Floats
from alsim.analysis.statistics.judging import VerdictOutcome
from alsim.analysis.statistics.mean_test import MeanTest

USUAL = (5, 10, 20)  # seeds at which a study is looked at
_STUDIES = 400_000  # without a difference, that the levels are computed from
_GENERATOR = 20_000  # of these: the same levels everywhere

# A strategy and the first n seeds -> the test of its differences from the baseline, if it has any.
TestAt = Callable[[str, int], MeanTest | None]


@dataclass(frozen=True)
class LookPlan:
    """At how many seeds a study is looked at, and the level of each look."""

    looks: tuple[int, ...]  # seeds, ascending, each at least 2; the last is the maximum
    levels: tuple[tuple[float, ...], ...]  # of m open strategies: levels[m − 1], one a look

    def level(self, look: int, n_open: int) -> float:
        """Return the level of a look, from 0, of the smallest p of some open strategies."""
        return self.levels[n_open - 1][look]


@dataclass(frozen=True)
class Looked:
    """What the looks decided of one strategy."""

    outcome: VerdictOutcome
    look: int  # from 0: at which it was decided, else the last so far; −1: none yet
    level: float  # of its p at that look
    test: MeanTest | None  # at that look


def usual_looks(most: int) -> tuple[int, ...]:
    """Return the usual looks of a study of at most so many seeds; the last is at all of them."""
    return (*(n for n in USUAL if n < most), most)


def plan_looks(looks: Sequence[int], n_strategies: int) -> LookPlan:
    """Return the plan of a study that compares strategies with one baseline.

    The level c of look l of m open strategies is such that, were there no difference, p < c at this
    look and at none before with probability (ALPHA / m) · (seeds added by the look / all seeds). It
    is that of the t-test itself, whose p-values at successive looks are simulated; that of normal
    theory gives .052 to .055. c(ALPHA / m) is not c(ALPHA) / m, which spends up to .058.

    Raises:
        ValueError: If the looks do not ascend from 2 or more.
    """
    if not looks or looks[0] < 2 or any(b <= a for a, b in pairwise(looks)):
        raise ValueError(f"looks must ascend from 2 or more: {looks}")
    t = _null_t(tuple(looks))
    levels = [_spend(t, looks, ALPHA / m) for m in range(1, n_strategies + 1)]
    return LookPlan(tuple(looks), tuple(levels))


def _spend(t: Floats, looks: Sequence[int], alpha: float) -> tuple[float, ...]:
    alive = np.ones(len(t), dtype=bool)
    levels: list[float] = []
    for i, seeds in enumerate(looks):
        share = alpha * (seeds - (looks[i - 1] if i else 0)) / looks[-1]
        bound = float(special.stdtrit(seeds - 1, 1 - share / 2))  # of the first look
        if i:
            left, n = t[alive, i], round(share * len(t))
            bound = float(np.partition(left, -n)[-n]) if 0 < n <= len(left) else np.inf
        levels.append(2 * float(special.stdtr(seeds - 1, -bound)))
        alive &= t[:, i] < bound
    return tuple(levels)


@lru_cache(maxsize=8)
def _null_t(looks: tuple[int, ...]) -> Floats:
    """Return |t| of studies without a difference at their looks, `(studies, looks)`."""
    rng = np.random.default_rng(_GENERATOR)
    mean, squares, n = np.zeros(_STUDIES), np.zeros(_STUDIES), 0
    found = np.empty((_STUDIES, len(looks)))
    for i, until in enumerate(looks):
        # Sufficient are the mean and the sum of squares of the seeds that are added.
        k = until - n
        added = rng.normal(0, 1 / np.sqrt(k), _STUDIES)
        own = rng.chisquare(k - 1, _STUDIES) if k > 1 else np.zeros(_STUDIES)
        squares += own + np.square(added - mean) * (n * k / until)
        mean += (added - mean) * (k / until)
        n = until
        found[:, i] = np.abs(mean) / np.sqrt(squares / (n - 1) / n)
    return found


def judge_by_plan(
    plan: LookPlan, strategies: Sequence[str], test_at: TestAt, n_seeds: Callable[[str], int]
) -> Mapping[str, Looked]:
    """Return what a study's looks decided so far, by strategy.

    At each look the open strategies go through Holm's method: the smallest p against the level of m
    of them, the next against that of m − 1, and so on until one is above. A decided strategy needs
    no further seeds. A look takes place once all open strategies have its seeds, or all that they
    will ever have.

    Args:
        plan: The looks and their levels.
        strategies: Those that are compared with the baseline; as many as the plan is for, at most.
        test_at: See `TestAt`.
        n_seeds: How many of the seeds, in their order, a strategy has been run with.
    """
    found = {name: Looked("cannot tell", -1, 0.0, None) for name in strategies}
    open_ = list(strategies)
    for look, n in enumerate(plan.looks):
        if not open_ or any(n_seeds(name) < n for name in open_):
            break
        tests = {name: test_at(name, n) for name in open_}
        p = {name: _p(test) for name, test in tests.items()}
        still, is_rejecting = len(open_), True
        for name in sorted(open_, key=p.__getitem__):
            level, test = plan.level(look, still), tests[name]
            is_rejecting = is_rejecting and p[name] < level
            outcome: VerdictOutcome = "cannot tell"
            if is_rejecting and test is not None:
                outcome = "better" if test.mean > 0 else "worse"
                still -= 1
            found[name] = Looked(outcome, look, level, test)
        open_ = [name for name in open_ if found[name].outcome == "cannot tell"]
    return found


def _p(test: MeanTest | None) -> float:
    return 1.0 if test is None or test.p is None else test.p
