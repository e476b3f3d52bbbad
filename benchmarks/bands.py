"""How often a band over the whole curve holds the whole truth, and how wide it is.

    python -m benchmarks.bands [--studies 500] [--seed 0] [--only curves]

Each study has strategies on seeds with known truth, from 200 labels to 1,200. The kinds of noise:

    curves       as on recorded curves: each seed's own level (deviation .006), a slow AR(1) along
                 the curve (.97; .004), and what is left without its trend (AR(1) .5; .0017)
    differences  of two strategies in pairs by seed: 0 at the common start, then an AR(1) (.93) that
                 grows to .008 over a sixth of the curve, and white noise of .002
    rough        that of `coverage.py`: level .01, AR(1) (.8; .006), the error of 2,000 test rows
    independent  white noise of .006 at each point
    falling      AR(1) (.8) of deviation .02 at the start and .0023 at the end

The truth is 0.95 − 0.35 √(200 / n); of differences, what saving 300 labels gains. "bent" is a truth
that rises by .1 within the first 400 labels and then stays, under the noise of `curves`: smoothing
would miss it. Widths are in units of the pointwise 95 % t-band of the same study.
"""

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alsim.analysis.statistics.bands import t_band
from alsim.analysis.statistics.whole_curve import FEWEST_SEEDS, whole_curve_bands
from alsim.seeding import draw_seed, stream
from benchmarks.common import parse_arguments, ran_on

Floats = NDArray[np.float64]
Shape = tuple[int, int, int]  # strategies, seeds, points
SIZES: tuple[Shape, ...] = (
    (2, 5, 51), (6, 5, 51), (10, 5, 51), (3, 5, 21), (3, 5, 101), (3, 10, 51),
)  # fmt: skip
_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class Study:
    """A truth, `(p,)`, that all strategies share, and what was measured, `(k, s, p)`."""

    truth: Floats
    measured: Floats


def ar(shape: Shape, kept: float, deviation: float, rng: np.random.Generator) -> Floats:
    """Return AR(1) noise along the last axis, stationary."""
    fresh = rng.normal(0, deviation, shape)
    found = fresh.copy()
    for i in range(1, shape[-1]):
        found[..., i] = kept * found[..., i - 1] + np.sqrt(1 - kept**2) * fresh[..., i]
    return found


def rising(x: Floats) -> Floats:
    """Return the expected accuracy at a number of labels."""
    return 0.95 - 0.35 * np.sqrt(200 / x)


def levels(shape: Shape, deviation: float, rng: np.random.Generator) -> Floats:
    """Return the level of each seed, which its strategies share."""
    return rng.normal(0, deviation, (1, shape[1], 1))


def recorded(shape: Shape, rng: np.random.Generator) -> Floats:
    """Return noise like that of recorded curves."""
    slow = levels(shape, 0.006, rng) + ar(shape, 0.97, 0.004, rng)
    return slow + ar(shape, 0.5, 0.0017, rng)


def curves(x: Floats, shape: Shape, rng: np.random.Generator) -> Study:
    """Return curves with noise like that of recorded ones."""
    return Study(rising(x), rising(x) + recorded(shape, rng))


def bent(x: Floats, shape: Shape, rng: np.random.Generator) -> Study:
    """Return the same noise on a truth with a kink."""
    truth = 0.6 + 0.1 * np.minimum((x - 200) / 400, 1)
    return Study(truth, truth + recorded(shape, rng))


def differences(x: Floats, shape: Shape, rng: np.random.Generator) -> Study:
    """Return differences paired by seed, which begin at 0."""
    u = (x - 200) / 1000
    truth = rising(x + 300 * u) - rising(x)
    white = rng.normal(0, 0.002, shape) * (u > 0)
    return Study(truth, truth + ar(shape, 0.93, 0.008, rng) * np.minimum(1, 6 * u) + white)


def rough(x: Floats, shape: Shape, rng: np.random.Generator) -> Study:
    """Return the noise of `coverage.py`."""
    expected = rising(x) + levels(shape, 0.01, rng) + ar(shape, 0.8, 0.006, rng)
    return Study(rising(x), rng.binomial(2000, np.clip(expected, 0, 1)) / 2000)


def independent(x: Floats, shape: Shape, rng: np.random.Generator) -> Study:
    """Return independent noise."""
    return Study(rising(x), rising(x) + rng.normal(0, 0.006, shape))


def falling(x: Floats, shape: Shape, rng: np.random.Generator) -> Study:
    """Return noise that shrinks along the curve."""
    return Study(rising(x), rising(x) + ar(shape, 0.8, 0.02, rng) * (200 / x) ** 1.2)


KINDS: Mapping[str, Callable[[Floats, Shape, np.random.Generator], Study]] = {
    "curves": curves,
    "differences": differences,
    "rough": rough,
    "independent": independent,
    "falling": falling,
    "bent": bent,
}


def row(kind: str, shape: Shape, n: int, seed: int) -> str:
    """Return a row of the table, which does not depend on the others."""
    rng = np.random.default_rng(draw_seed(generator=stream(seed, "bands", kind, *shape)))
    x = np.linspace(200.0, 1200.0, shape[2])
    within: list[list[bool]] = [[], []]
    widths: list[float] = []
    for i in range(n):
        study = KINDS[kind](x, shape, rng)
        generator = stream(seed, "bands", kind, *shape, i)
        whole = whole_curve_bands(x, list(study.measured), generator=generator)
        for values, edges in zip(study.measured, whole, strict=True):
            pointwise = t_band(values)
            assert pointwise is not None
            for held, (low, high) in zip(within, (pointwise, edges), strict=True):
                inside = (low - _ROUNDING <= study.truth) & (study.truth <= high + _ROUNDING)
                held.append(bool(inside.all()))
            widths.append(float((edges[1] - edges[0]).sum() / (pointwise[1] - pointwise[0]).sum()))
    by_study = np.array(within[1]).reshape(n, -1).mean(axis=1)  # strategies of one are not alone
    error = float(by_study.std(ddof=1) / np.sqrt(n))
    shares = f"{np.mean(within[0]):.2f} | {np.mean(within[1]):.3f} ± {error:.3f}"
    return f"| {kind} | {' | '.join(map(str, shape))} | {shares} | × {np.mean(widths):.2f} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=500, help="of each row")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", choices=KINDS, default=list(KINDS))
    asked = parse_arguments(parser, studies=2)
    print(f"{ran_on()}\n")
    print(f"{asked.studies:,} studies a row; with fewer than {FEWEST_SEEDS} seeds it is refused\n")
    print("| noise | strategies | seeds | points | pointwise holds all | this | width |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for kind in asked.only:
        for shape in SIZES:
            print(row(kind, shape, asked.studies, asked.seed), flush=True)


if __name__ == "__main__":
    main()
