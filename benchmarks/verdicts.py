"""How often alsim's verdicts and the intervals beside them are right, and how often they decide.

    python -m benchmarks.verdicts [--studies 4000] [--seed 0]

A study is k strategies and their baseline over seeds, d standard deviations of the paired
difference apart; differences correlate by ½, since all are with one baseline. With test rows, a
difference has a part of the seed, of the row and of both, as measured on real pools.
"""

import argparse
from collections.abc import Callable, Mapping
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alsim.analysis.statistics.judging import judge_family
from alsim.analysis.statistics.mean_test import MeanTest, t_test
from benchmarks.common import parse_arguments, ran_on

Floats = NDArray[np.float64]
Effects = Callable[[NDArray[np.int64]], Any]

# By the places of the strategies: how far each is from the baseline.
SETTINGS: Mapping[str, Effects] = {
    "none real": lambda i: np.zeros(len(i)),
    "all 1.5": lambda i: np.full(len(i), 1.5),
    "half 1.5": lambda i: 1.5 * (i < len(i) // 2),
    "rising to 3": lambda i: 3.0 * i / max(1, len(i) - 1),
    "one 0.5, others huge": lambda i: np.where(i < 1, 0.5, 10.0),
}
# Standard deviations by seed, by row and by both, of margin less random on a pool of 693 test rows
# (standard errors over 5 seeds .0058 and .0050, each of which holds the .0042 of both).
PARTS = 0.0040 * np.sqrt(5), 0.0027 * np.sqrt(693), 0.0042 * np.sqrt(5 * 693)


def areas(effects: Floats, n_seeds: int, rng: np.random.Generator) -> Floats:
    """Return AUBCs, the baseline's first, `(1 + k, s)`, in deviations of a paired difference."""
    own = rng.normal(0, np.sqrt(0.5), (1 + len(effects), n_seeds))
    return own + np.concatenate([[0.0], effects])[:, None]


def joint(k: int, n_seeds: int, name: str, studies: int, rng: np.random.Generator) -> str:
    """Return a row: how often the intervals beside the verdicts cover all differences at once."""
    effects = SETTINGS[name](np.arange(k))
    all_, best, false, apart = 0, 0, 0, 0
    for _ in range(studies):
        found = areas(effects, n_seeds, rng)
        judged = judge_family([t_test(each - found[0]) for each in found[1:]])
        covered = [
            one.joint is not None and (one.joint.low or 0) <= effect <= (one.joint.high or 0)
            for one, effect in zip(judged, effects, strict=True)
        ]
        all_ += all(covered)
        best += covered[int(found[1:].mean(axis=1).argmax())]
        false += any(
            one.outcome != "cannot tell" and not effect
            for one, effect in zip(judged, effects, strict=True)
        )
        apart += any(_disagrees(one.outcome, one.joint) for one in judged)
    shares = " | ".join(f"{each / studies:.3f}" for each in (all_, best, false, apart))
    return f"| {k} | {n_seeds} | {name} | {shares} |"


def _disagrees(outcome: str, interval: object) -> bool:
    low, high = getattr(interval, "low", None), getattr(interval, "high", None)
    if low is None or high is None:
        return outcome != "cannot tell"
    return {"better": low < 0, "worse": high > 0}.get(outcome, not low <= 0 <= high)


def power(k: int, n_seeds: int, d: float, studies: int, rng: np.random.Generator) -> str:
    """Return a row: how often one real difference among k is found, by family."""
    effects = np.where(np.arange(k) < 1, d, 0.0)
    against, pairs = 0, 0
    for _ in range(studies):
        found = areas(effects, n_seeds, rng)
        against += _first_is_found([t_test(each - found[0]) for each in found[1:]])
        both = list(combinations(range(k + 1), 2))  # the first is that of the real difference
        pairs += _first_is_found([t_test(found[j] - found[i]) for i, j in both])
    return f"| {k} | {n_seeds} | {d:g} | {pairs / studies:.2f} | {against / studies:.2f} |"


def _first_is_found(tests: list[MeanTest]) -> bool:
    return judge_family(tests)[0].outcome == "better"


def rows(n_rows: int, n_seeds: int, studies: int, rng: np.random.Generator) -> str:
    """Return a row: how often no difference is called one, for new seeds and new test rows."""
    seeds_only, both = 0, 0
    for _ in range(studies):
        of_seed, of_row, of_both = PARTS
        d = of_both * rng.standard_normal((n_seeds, n_rows), dtype=np.float32).astype(np.float64)
        d += rng.normal(0, of_seed, (n_seeds, 1)) + rng.normal(0, of_row, (1, n_rows))
        means = d.mean(axis=1)
        seeds_only += (t_test(means).p or 1) < 0.05
        both += (t_test(means, by_row=d).p or 1) < 0.05
    return f"| {n_rows:,} | {n_seeds} | {seeds_only / studies:.3f} | {both / studies:.3f} |"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=0)
    asked = parse_arguments(parser, studies=4)
    print(ran_on())
    rng, n = np.random.default_rng(asked.seed), asked.studies
    header = f"k | seeds | real differences | of {n} studies: all covered | the best one's | "
    header += "a false verdict | interval and verdict disagree"
    print(f"\n| {header} |\n{'| --- ' * 7}|")
    for k in (1, 3, 9):
        for n_seeds in (3, 5, 10, 20):
            for name in SETTINGS:
                print(joint(k, n_seeds, name, n, rng))
    print("\n| strategies | seeds | d | found over all pairs | found against the baseline |")
    print("| --- | --- | --- | --- | --- |")
    for k in (1, 3, 5, 9):
        for n_seeds in (5, 10):
            for d in (1.22, 2.4):
                print(power(k, n_seeds, d, max(1, n // 4), rng))
    print("\n| test rows | seeds | false verdicts, over seeds alone | over seeds and rows |")
    print("| --- | --- | --- | --- |")
    for n_rows in (200, 693, 2000):
        for n_seeds in (3, 5, 10, 20):
            print(rows(n_rows, n_seeds, max(1, n // 4), rng))


if __name__ == "__main__":
    main()
