"""How often alsim's intervals along learning curves are right, on made-up studies.

    python -m benchmarks.coverage [--studies 1000] [--seed 0]

The truth of each study is known; its noise is that of recorded curves, see `noise.py`, and, as a
second regime, rough noise that does not occur. Labels saved on average (`lead.average_lead`) and at
the end (`savings.saved_at_end`) are asked for at 95 % each, beside two that are known to be wrong:
the saving at the end without smoothing, and a bootstrap's. A censored end is unbounded.
"""

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from alsim.analysis.curves.lead import average_lead
from alsim.analysis.curves.savings import Saving, saved, saved_at_end, saved_by_bootstrap
from alsim.analysis.statistics.intervals import t_half_width
from alsim.seeding import stream
from benchmarks.common import parse_arguments, ran_on
from benchmarks.noise import ROUGH, SHAPES, Noise, Shape, base, points, recorded, saves

SEEDS = (3, 5, 10)
POINTS = (21, 51, 101)
USUAL_SEEDS, USUAL_POINTS = 5, 51
_DENSE = 4001  # points at which the truth is read


@dataclass(frozen=True)
class Cell:
    """Where savings are tried."""

    noise: Noise
    shape: Shape
    n_seeds: int
    n_points: int


@dataclass(frozen=True)
class Found:
    """How often the intervals of a cell cover, and how wide they are in the median."""

    cell: Cell
    lead: float
    lead_width: float
    end: float | None  # None where the truth has no single saving at the end
    end_width: float


def cells(noises: Sequence[Noise]) -> Iterator[Cell]:
    """Yield all shapes and seeds at 51 points, and three savings at 21 and 101."""
    for noise in noises:
        for shape in SHAPES:
            for n_seeds in SEEDS:
                yield Cell(noise, shape, n_seeds, USUAL_POINTS)
        for amount in (0.0, 300.0, 850.0):
            for n_points in POINTS:
                if n_points != USUAL_POINTS:
                    yield Cell(noise, saves(amount), USUAL_SEEDS, n_points)


def covers(saving: Saving, true: float) -> bool:
    """Return whether an interval covers the truth; a censored end is unbounded."""
    assert saving.low is not None
    assert saving.high is not None
    above = saving.is_censored_low or saving.low <= true
    return above and (saving.is_censored_high or saving.high >= true)


def true_savings(shape: Shape) -> tuple[float, float | None]:
    """Return the average lead and the saving at the end of the truth itself, by dense points."""
    x = points(_DENSE)
    mine, other = (each[None] for each in shape.truths(x))
    lead, end = average_lead(x, mine, other).amount, saved(x, mine, other).amount
    assert lead is not None
    if shape.name == "plateau":  # any saving down to where it begins
        return lead, None
    return lead, np.inf if end is None else end


def width(savings: Sequence[Saving]) -> float:
    """Return the median width of intervals, infinite where an end is censored."""
    return float(
        np.median(
            [
                np.inf
                if s.is_censored_low or s.is_censored_high or s.low is None or s.high is None
                else s.high - s.low
                for s in savings
            ]
        )
    )


def measure(cell: Cell, studies: int, rng: np.random.Generator) -> Found:
    """Return what became of a cell's studies."""
    x, true = points(cell.n_points), true_savings(cell.shape)
    truths = cell.shape.truths(x)
    leads: list[Saving] = []
    ends: list[Saving] = []
    for _ in range(studies):
        mine, other = cell.noise.study(truths, cell.n_seeds, rng)
        leads.append(average_lead(x, mine, other))
        ends.append(saved_at_end(x, mine, other))
    end = true[1]
    return Found(
        cell,
        float(np.mean([covers(each, true[0]) for each in leads])),
        width(leads),
        None if end is None else float(np.mean([covers(each, end) for each in ends])),
        width(ends),
    )


def print_savings(found: Sequence[Found], studies: int) -> None:
    """Print how often savings are covered, by noise and seeds, and the cells that cover least."""
    print(f"\nLabels saved: the share of 95 % intervals that cover, of {studies} studies a cell\n")
    header = (
        "noise | seeds | points | on average: mean, least | width | at the end: mean, least | width"
    )
    print(f"| {header} |\n{'| --- ' * 7}|")
    keys = dict.fromkeys((f.cell.noise.name, f.cell.n_seeds, f.cell.n_points) for f in found)
    for name, n_seeds, n_points in keys:
        own = [
            f
            for f in found
            if (f.cell.noise.name, f.cell.n_seeds, f.cell.n_points) == (name, n_seeds, n_points)
        ]
        leads, ends = [f.lead for f in own], [f.end for f in own if f.end is not None]
        widths = [
            np.median([getattr(f, kind) for f in own]) for kind in ("lead_width", "end_width")
        ]
        print(
            f"| {name} | {n_seeds} | {n_points} | {np.mean(leads):.3f}, {min(leads):.3f} | "
            f"{widths[0]:.0f} | {np.mean(ends):.3f}, {min(ends):.3f} | {widths[1]:.0f} |"
        )
    header = "truth | lead | on average: mean, least | saving at the end | at the end: mean, least"
    print(f"\n| {header} |\n{'| --- ' * 5}|")
    for name in dict.fromkeys(f.cell.shape.name for f in found):
        own = [f for f in found if f.cell.shape.name == name]
        lead, end = true_savings(own[0].cell.shape)
        leads, ends = [f.lead for f in own], [f.end for f in own if f.end is not None]
        at_end = f"{np.mean(ends):.3f}, {min(ends):.3f}" if ends else "many are true"
        true_end = "–" if end is None else f"{end:.0f}"
        on_average = f"{np.mean(leads):.3f}, {min(leads):.3f}"
        print(f"| {name} | {lead:.0f} | {on_average} | {true_end} | {at_end} |")


def known_to_be_wrong(noise: Noise, studies: int, seed: int, rng: np.random.Generator) -> str:
    """Return a row: how often the saving at the end is covered if not smoothed, or resampled."""
    x, shape = points(USUAL_POINTS), saves(300.0)
    raw: list[Saving] = []
    resampled: list[Saving] = []
    generator = stream(seed, "coverage", noise.name)
    for _ in range(studies):
        mine, other = noise.study(shape.truths(x), USUAL_SEEDS, rng)
        raw.append(saved(x, mine, other))
        resampled.append(saved_by_bootstrap(x, mine, other, generator=generator))
    shares = [np.mean([covers(each, 300.0) for each in kind]) for kind in (raw, resampled)]
    return (
        f"| {noise.name} | {shares[0]:.3f} | {width(raw):.0f} | {shares[1]:.3f} | "
        f"{width(resampled):.0f} |"
    )


def bands(noise: Noise, studies: int, rng: np.random.Generator) -> str:
    """Return a row: how often the band of one strategy covers a point, and the whole curve."""
    x = points(USUAL_POINTS)
    truth = base(x)
    covered = np.empty((studies, x.size), dtype=bool)
    for i in range(studies):
        (curve,) = noise.study(truth[None], USUAL_SEEDS, rng)
        half_width = t_half_width(curve)
        assert half_width is not None
        covered[i] = np.abs(curve.mean(axis=0) - truth) <= half_width
    by_point = covered.mean(axis=0)
    return (
        f"| {noise.name} | {by_point.mean():.3f}, {by_point.min():.3f} to {by_point.max():.3f} | "
        f"{covered.all(axis=1).mean():.3f} |"
    )


def centre(noise: Noise, studies: int, rng: np.random.Generator) -> str:
    """Return a row: what random saves against random, on average over studies."""
    x = points(USUAL_POINTS)
    truths = saves(0.0).truths(x)
    found: dict[str, list[float]] = {"lead": [], "end": []}
    for _ in range(studies):
        both = noise.study(truths, USUAL_SEEDS, rng)
        for kind, find in (("lead", average_lead), ("end", saved_at_end)):
            amount = find(x, *both).amount
            if amount is not None:
                found[kind].append(amount)
    texts = [f"{np.mean(a):.1f} ± {np.std(a) / np.sqrt(len(a)):.1f}" for a in found.values()]
    return f"| {noise.name} | {' | '.join(texts)} |"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    asked = parse_arguments(parser, studies=4)
    print(ran_on())
    rng, noises = np.random.default_rng(asked.seed), (*recorded(), ROUGH)
    print_savings([measure(cell, asked.studies, rng) for cell in cells(noises)], asked.studies)
    tables: tuple[tuple[str, Callable[[Noise], str]], ...] = (
        ("noise | at the end, not smoothed | width | bootstrap | width",
         lambda each: known_to_be_wrong(each, asked.studies, asked.seed, rng)),
        ("noise | pointwise band covers a point: mean, range over points | the whole curve",
         lambda each: bands(each, asked.studies, rng)),
        ("noise | random saves against random: on average | at the end",
         lambda each: centre(each, asked.studies, rng)),
    )  # fmt: skip
    for header, row in tables:
        print(f"\n| {header} |\n{'| --- ' * (header.count('|') + 1)}|")
        for noise in noises:
            print(row(noise))


if __name__ == "__main__":
    main()
