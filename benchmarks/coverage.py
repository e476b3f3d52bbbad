"""How often alsim's intervals and verdicts are right, on synthetic studies with known truth.

    python -m benchmarks.coverage [--studies 2000] [--seed 0]

Each study has 5 seeds of 51 steps, from 200 labels to 1,200, and strategies that share the seeds:

    accuracy(n) = truth(n) + the seed's own level + smooth noise + the error of 2,000 test objects,

where the noise is an AR(1) process over the steps (coefficient 0.8) with standard deviation 0.006,
the level has standard deviation 0.01, and truth(n) = 0.95 − 0.35 √(200 / n). A strategy that saves
S labels has truth(n + s(n)); s grows from 0 so that the strategy reaches the last accuracy of the
others S labels before the end.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alsim.analysis.curve import Curve
from alsim.analysis.curves.savings import Saving, saved, saved_by_bootstrap
from alsim.analysis.curves.verdicts import judge_pairs
from alsim.analysis.statistics.intervals import t_half_width
from alsim.seeding import stream
from benchmarks.common import parse_arguments, ran_on

N_SEEDS = 5
N_TESTED = 2000
LEVEL, NOISE, KEPT = 0.01, 0.006, 0.8
X = np.linspace(200.0, 1200.0, 51)
SAVINGS = (0.0, 150.0, 300.0, 500.0)


@dataclass(frozen=True, slots=True)
class Row:
    """One number of the table: its name, value, standard error and required value."""

    name: str
    value: float
    error: float | None
    bar: str = ""
    is_share: bool = True  # else a number of labels


def truth(saving: float) -> NDArray[np.float64]:
    """Return the expected accuracy at each step of a strategy with this saving."""
    gained = saving * (X - X[0]) / (X[-1] - saving - X[0])
    return 0.95 - 0.35 * np.sqrt(X[0] / (X + gained))


def study(savings: Sequence[float], rng: np.random.Generator) -> NDArray[np.float64]:
    """Return one synthetic study, `(strategies, seeds, points)`, a strategy for each saving."""
    k = len(savings)
    noise = np.empty((k, N_SEEDS, X.size))
    fresh = rng.normal(0, NOISE, noise.shape)
    noise[:, :, 0] = fresh[:, :, 0]
    for i in range(1, X.size):
        noise[:, :, i] = KEPT * noise[:, :, i - 1] + np.sqrt(1 - KEPT**2) * fresh[:, :, i]
    level = rng.normal(0, LEVEL, (1, N_SEEDS, 1))
    accuracy = np.array([truth(saving) for saving in savings])[:, None] + level + noise
    return rng.binomial(N_TESTED, np.clip(accuracy, 0, 1)) / N_TESTED


def share(name: str, hits: Sequence[bool], bar: str = "") -> Row:
    """Return the share of hits, with its standard error."""
    found = float(np.mean(hits))
    return Row(name, found, float(np.sqrt(found * (1 - found) / len(hits))), bar)


def bands(studies: int, rng: np.random.Generator) -> list[Row]:
    """Return how often the band of one strategy covers a point, and the whole curve."""
    covered = np.empty((studies, X.size), dtype=bool)
    for i in range(studies):
        one = curves(study([0.0], rng))[0]
        half_width = t_half_width(one.values)
        assert half_width is not None
        covered[i] = np.abs(one.mean - truth(0.0)) <= half_width
    points = covered.mean(axis=0)
    error = float(np.sqrt(0.95 * 0.05 / studies))
    return [
        share("band covers a point, mean over points", covered.ravel().tolist(), ".935 to .965"),
        Row("band covers a point, the worst point", float(points.min()), error, ".935 to .965"),
        Row("band covers a point, the best point", float(points.max()), error, ".935 to .965"),
        share(
            "band covers the whole curve",
            [bool(each.all()) for each in covered],
            "pointwise: no claim",
        ),
    ]


def covers(saving: Saving, true: float) -> bool:
    """Return whether an interval covers the truth; a censored end is unbounded."""
    assert saving.low is not None
    assert saving.high is not None
    above = saving.is_censored_low or saving.low <= true
    return above and (saving.is_censored_high or saving.high >= true)


def savings(true: float, studies: int, rng: np.random.Generator, seed: int) -> list[Row]:
    """Return how often the intervals of a saving cover it, and the mean and width of estimates."""
    inverted: list[Saving] = []
    resampled: list[Saving] = []
    generator = stream(seed, "coverage", int(true))
    for _ in range(studies):
        mine, other = study([true, 0.0], rng)
        inverted.append(saved(X, mine, other))
        resampled.append(saved_by_bootstrap(X, mine, other, generator=generator))
    amounts = np.array([each.amount for each in inverted if each.amount is not None])
    ends = [(each.low, each.high) for each in inverted]
    widths = np.array([high - low for low, high in ends if low is not None and high is not None])
    error = float(amounts.std(ddof=1) / np.sqrt(len(amounts)))
    what = f"saving {true:.0f}:"
    return [
        share(f"{what} t-test inverted covers", [covers(s, true) for s in inverted], "≥ .94"),
        share(
            f"{what} bootstrap covers", [covers(s, true) for s in resampled], "too low by nature"
        ),
        Row(f"{what} mean estimate", float(amounts.mean()), error, "≈ the saving", False),
        Row(f"{what} deviation of the estimate", float(amounts.std(ddof=1)), None, "", False),
        Row(f"{what} median width, t-test inverted", float(np.median(widths)), None, "", False),
        share(
            f"{what} an end censored", [s.is_censored_low or s.is_censored_high for s in inverted]
        ),
        share(f"{what} interval excludes 0", [not covers(s, 0.0) for s in inverted]),
    ]


def centre(studies: int, rng: np.random.Generator) -> list[Row]:
    """Return the mean saving of random against random, on five times as many studies."""
    found = [saved(X, *study([0.0, 0.0], rng)).amount for _ in range(5 * studies)]
    amounts = np.array([each for each in found if each is not None])
    error = float(amounts.std(ddof=1) / np.sqrt(len(amounts)))
    what = f"saving 0: mean estimate, {5 * studies} other studies"
    return [Row(what, float(amounts.mean()), error, "0", False)]


def curves(study: NDArray[np.float64]) -> list[Curve]:
    """Return a study as curves."""
    return [
        Curve(
            strategy=f"strategy {i}",
            metric="accuracy",
            seeds=tuple(range(N_SEEDS)),
            x=X,
            values=values,
            is_cut=False,
            is_interpolated=False,
        )
        for i, values in enumerate(study)
    ]


def verdicts(n_strategies: int, studies: int, rng: np.random.Generator) -> list[Row]:
    """Return how often strategies that are all random give a verdict on some pair."""
    found = [
        [each.outcome != "cannot tell" for each in judge_pairs(curves(one))]
        for one in (study([0.0] * n_strategies, rng) for _ in range(studies))
    ]
    what = f"{n_strategies} times random: a verdict on some pair"
    return [share(what, [any(each) for each in found], "≤ .06")]


def power(studies: int, rng: np.random.Generator) -> list[Row]:
    """Return how often a strategy that saves labels gets the verdict "better"."""
    return [
        share(
            f"saving {true:.0f}: the verdict is better",
            [
                judge_pairs(curves(study([true, 0.0], rng)))[0].outcome == "better"
                for _ in range(studies)
            ],
        )
        for true in SAVINGS[1:]
    ]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    asked = parse_arguments(parser, studies=20)
    print(f"{ran_on()}\n")
    rng = np.random.default_rng(asked.seed)
    rows = bands(asked.studies, rng)
    for true in SAVINGS:
        rows += savings(true, asked.studies, rng, asked.seed)
    rows += centre(asked.studies, rng)
    for n_strategies in (2, 6):
        rows += verdicts(n_strategies, asked.studies, rng)
    rows += power(asked.studies, rng)
    print(f"| of {asked.studies} studies | found | ± 1 se | should be |\n| --- | --- | --- | --- |")
    for row in rows:
        digits = 3 if row.is_share else 1
        error = "" if row.error is None else f"{row.error:.{digits}f}"
        print(f"| {row.name} | {row.value:.{digits}f} | {error} | {row.bar} |")


if __name__ == "__main__":
    main()
