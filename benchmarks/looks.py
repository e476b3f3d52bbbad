"""How often verdicts are right that are looked at again and again, and what they cost in seeds.

    python -m benchmarks.looks [--studies 20000] [--seed 0]

A study is k strategies and their baseline, d standard deviations of the paired difference apart;
differences correlate by ½. It is looked at by the plan of `run --until-decided` (5, 10, 20 seeds),
by the t-test at each look, by the t-test after every seed, and by the p-value at any time.
"""

import argparse

import numpy as np
from numpy.typing import NDArray
from scipy import special

from alsim.analysis.statistics.anytime import anytime_p, evidence
from alsim.analysis.statistics.looks import LookPlan, judge_by_plan, plan_looks
from alsim.analysis.statistics.mean_test import MeanTest, t_test
from benchmarks.common import parse_arguments, ran_on
from benchmarks.verdicts import PARTS

Floats = NDArray[np.float64]
LOOKS = (5, 10, 20)
MOST = LOOKS[-1]
ROWS = (200, 693, 3000)


def differences(effects: Floats, rng: np.random.Generator, *, is_skewed: bool = False) -> Floats:
    """Return paired differences, `(k, s)`, in their standard deviations."""
    if is_skewed:
        return rng.exponential(1.0, (len(effects), MOST)) - 1 + effects[:, None]
    own = rng.normal(size=(1 + len(effects), MOST))
    return (own[1:] - own[0]) * np.sqrt(0.5) + effects[:, None]


def planned(
    d: Floats, plan: LookPlan, by_row: Floats | None = None
) -> list[tuple[str, int, MeanTest | None]]:
    """Return each strategy's outcome, its seeds and its last test; rows are `(k, s, r)`."""

    def test_at(name: str, n: int) -> MeanTest:
        i = int(name)
        return t_test(d[i, :n], by_row=None if by_row is None else by_row[i, :n])

    found = judge_by_plan(plan, [str(i) for i in range(len(d))], test_at, lambda _: MOST)
    return [(each.outcome, plan.looks[each.look], each.test) for each in found.values()]


def design(k: int, effect: float, studies: int, rng: np.random.Generator) -> str:
    """Return a row of a design: decided, seeds, and whether the repeated intervals cover."""
    plan, effects = plan_looks(LOOKS, k), np.full(k, effect)
    some, all_, seeds, covered, ordinary = 0, 0, 0, 0, 0
    for _ in range(studies):
        found = planned(differences(effects, rng), plan)
        decided = [outcome != "cannot tell" for outcome, _, _ in found]
        some += any(decided)
        all_ += sum(decided)
        seeds += sum(n for _, n, _ in found)
        covered += all(_covers(t, effect, plan.level(LOOKS.index(n), k)) for _, n, t in found)
        ordinary += all(_covers(t, effect, 0.05) for _, _, t in found)
    n = studies * k
    return (
        f"| {k} | {effect:g} | {some / studies:.3f} | {all_ / n:.3f} | {seeds / n:.1f} | "
        f"{covered / studies:.3f} | {ordinary / studies:.3f} |"
    )


def _covers(test: MeanTest | None, true: float, level: float) -> bool:
    assert test is not None
    assert test.spread is not None
    return abs(test.mean - true) <= test.spread.half_width(level)


def with_rows(k: int, n_rows: int, studies: int, rng: np.random.Generator) -> str:
    """Return a row: how often no difference is called one, for new seeds and new test rows."""
    plan, of = plan_looks(LOOKS, k), [np.float32(each * np.sqrt(0.5)) for each in PARTS]
    some, alone = 0, 0
    for _ in range(studies):
        of_seed = of[0] * rng.standard_normal((1 + k, MOST, 1), dtype=np.float32)
        of_row = of[1] * rng.standard_normal((1 + k, 1, n_rows), dtype=np.float32)
        of_both = of[2] * rng.standard_normal((1 + k, MOST, n_rows), dtype=np.float32)
        cells = of_seed + of_row + of_both
        d = (cells[1:] - cells[0]).astype(np.float64)
        means = d.mean(axis=2)
        some += any(o != "cannot tell" for o, _, _ in planned(means, plan, d))
        alone += any(o != "cannot tell" for o, _, _ in planned(means, plan))
    return f"| {k} | {n_rows:,} | {alone / studies:.3f} | {some / studies:.3f} |"


def without_plan(studies: int, rng: np.random.Generator, *, is_skewed: bool) -> str:
    """Return a row: how often no difference is called one, by how one looks."""
    plan = plan_looks(LOOKS, 1)
    d = np.concatenate([differences(np.zeros(1), rng, is_skewed=is_skewed) for _ in range(studies)])
    n = np.arange(3, MOST + 1)
    sums, squares = (np.cumsum(each, axis=1)[:, 2:] for each in (d, np.square(d)))
    t = np.abs(sums / n) / np.sqrt((squares / n - (sums / n) ** 2) / (n - 1))
    p = 2 * special.stdtr(n - 1, -t)
    at_looks = p[:, [look - 3 for look in LOOKS]]
    shares = [
        (p[:, -1] < 0.05).mean(),
        np.mean([planned(each[None], plan)[0][0] != "cannot tell" for each in d]),
        (at_looks < 0.05).any(axis=1).mean(),
        (p < 0.05).any(axis=1).mean(),
        np.mean([0.6 / evidence(each)[1:].max() < 0.05 for each in d]),
    ]
    name = "exponential" if is_skewed else "normal"
    return f"| {name} | {' | '.join(f'{share:.3f}' for share in shares)} |"


def at_any_time(effect: float, studies: int, rng: np.random.Generator) -> str:
    """Return a row: how often the p-value at any time has found a difference, by seeds."""
    d = np.concatenate([differences(np.array([effect]), rng) for _ in range(studies)])
    shares = [np.mean([(anytime_p(each[:n]) or 1) < 0.05 for each in d]) for n in (5, 8, 10, 20)]
    return f"| {effect:g} | {' | '.join(f'{share:.2f}' for share in shares)} |"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    asked = parse_arguments(parser, studies=4)
    print(ran_on())
    rng, n = np.random.default_rng(asked.seed), asked.studies

    def table(header: str) -> None:
        print(f"\n| {header} |\n{'| --- ' * (header.count('|') + 1)}|")

    table(
        "k | d of all | some decided | each decided | seeds a strategy | "
        "all intervals cover | ordinary ones would"
    )
    for effect in (0.0, 0.5, 1.0, 1.5, 2.0):
        for k in (1, 3, 9):
            print(design(k, effect, n if effect == 0 else max(4, n // 5), rng))
    table("k | test rows | false verdicts by plan, over seeds alone | over seeds and rows")
    for k in (1, 3):
        for n_rows in ROWS:
            print(with_rows(k, n_rows, max(4, n // (4 if n_rows > 1000 else 1) // k), rng))
    table("differences | t-test at 20 | plan | t-test at 5, 10, 20 | after every seed | any time")
    for is_skewed in (False, True):
        print(without_plan(n, rng, is_skewed=is_skewed))
    table("d | at any time: decided by 5 seeds | 8 | 10 | 20")
    for effect in (1.0, 1.5, 2.0):
        print(at_any_time(effect, max(4, n // 5), rng))


if __name__ == "__main__":
    main()
