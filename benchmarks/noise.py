"""Made-up learning curves with noise like that of recorded ones, and truths to compare with.

`recorded/curves.parquet` holds the curves of runs on real pools: random and another strategy over
seeds that share their initial labels. From them come, for each pool,

- the deviation along the curve of a seed's own level, which its strategies share;
- the deviation of each strategy's own noise, 0 at the shared start;
- how far both persist along a curve (an exponential of the distance), and the part that does not.

    python -m benchmarks.noise RUN…      # takes the curves of runs into recorded/curves.parquet
    python -m benchmarks.noise           # prints what the noise is
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from benchmarks.common import parse_arguments, ran_on

Floats = NDArray[np.float64]
Curve = Callable[[Floats], Floats]

RECORDED = Path(__file__).parent / "recorded" / "curves.parquet"
START, END, N_TESTED = 200.0, 1200.0, 2000
_BINS = 11  # places along a curve at which deviations are known
_LAGS = 8  # over which it is measured how far noise persists


@dataclass(frozen=True, eq=False)
class Part:
    """Noise along a curve: a deviation at each place, how far it persists, and what does not."""

    deviation: Floats  # at `_BINS` places from 0 to 1
    reach: float  # distance, in whole curves, over which the correlation falls to 1/e
    rough: float  # share of the variance that is new at each point

    def draw(self, u: Floats, shape: tuple[int, ...], rng: np.random.Generator) -> Floats:
        """Return noise at the places `u`, `(*shape, p)`."""
        kept = np.exp(-np.diff(u) / self.reach)
        fresh = rng.normal(size=(*shape, len(u)))
        slow = np.empty_like(fresh)
        slow[..., 0] = fresh[..., 0]
        for i, a in enumerate(kept, start=1):
            slow[..., i] = a * slow[..., i - 1] + np.sqrt(1 - a**2) * fresh[..., i]
        mixed = np.sqrt(1 - self.rough) * slow + np.sqrt(self.rough) * rng.normal(size=fresh.shape)
        return mixed * np.interp(u, np.linspace(0, 1, _BINS), self.deviation)


@dataclass(frozen=True, eq=False)
class Noise:
    """The noise of curves of one pool."""

    name: str
    level: Part  # of a seed, shared by its strategies
    own: Part  # of a strategy
    is_counted: bool = False  # whether each point is, besides, a share of `N_TESTED` objects

    def study(self, truths: Floats, n_seeds: int, rng: np.random.Generator) -> Floats:
        """Return one study, `(strategies, seeds, p)`, of truths `(strategies, p)`."""
        k, p = truths.shape
        u = np.linspace(0, 1, p)
        level = self.level.draw(u, (1, n_seeds), rng)
        curves = truths[:, None] + level + self.own.draw(u, (k, n_seeds), rng)
        if self.is_counted:
            return rng.binomial(N_TESTED, np.clip(curves, 0, 1)) / N_TESTED
        return curves


# As it does not occur: what each point measures is new test objects, and half of it is white.
ROUGH = Noise(
    "rough",
    Part(np.full(_BINS, 0.01), 1e9, 0.0),
    Part(np.full(_BINS, 0.006), 0.02 / -np.log(0.8), 0.0),
    is_counted=True,
)


@cache
def recorded() -> tuple[Noise, ...]:
    """Return the noise of each recorded pool."""
    table = pq.read_table(RECORDED)
    pools = sorted({str(pool) for pool in table.column("pool").to_pylist()})
    return tuple(_noise_of(pool, _curves_of(table, pool)) for pool in pools)


def _curves_of(table: pa.Table, pool: str) -> Mapping[str, Floats]:
    """Return the curves of a pool by strategy, `(s, p)`."""
    rows = [row for row in table.to_pylist() if row["pool"] == pool]
    names = sorted({row["strategy"] for row in rows})
    seeds = sorted({row["seed"] for row in rows})
    counts = sorted({row["n_labelled"] for row in rows})
    found = {(r["strategy"], r["seed"], r["n_labelled"]): r["accuracy"] for r in rows}
    return {
        name: np.array([[found[name, seed, n] for n in counts] for seed in seeds]) for name in names
    }


def _noise_of(pool: str, curves: Mapping[str, Floats]) -> Noise:
    base = curves["random"]
    others = [curve for name, curve in curves.items() if name != "random"]
    apart = np.concatenate([_centred(other - base) for other in others])
    dof = len(others) * (len(base) - 1)
    # A paired difference holds the own noise of both strategies.
    own = _binned(np.sqrt(np.square(apart).sum(axis=0) / dof / 2))
    own[0] = 0.0
    together = np.concatenate([_centred((other + base) / 2) for other in others])
    # Their mean holds the level, and half of the variance of each own noise.
    variance = _binned(np.square(together).sum(axis=0) / dof) - np.square(own) / 2
    level = np.sqrt(np.maximum(variance, 1e-8))
    return Noise(pool, Part(level, *_persistence(together)), Part(own, *_persistence(apart[:, 1:])))


def _centred(values: Floats) -> Floats:
    return values - values.mean(axis=0)


def _binned(values: Floats) -> Floats:
    """Return values along a curve at `_BINS` places, each the mean of the points about it."""
    u, places = np.linspace(0, 1, len(values)), np.linspace(0, 1, _BINS)
    near = np.abs(u - places[:, None]) <= 0.5 / (_BINS - 1)
    return np.array([values[each].mean() for each in near])


def _persistence(residuals: Floats) -> tuple[float, float]:
    """Return the reach and the rough share of residuals `(…, p)`, by their correlation by lag."""
    scaled = residuals / np.sqrt(np.square(residuals).mean(axis=0))
    lags = np.arange(1, _LAGS + 1)
    found = np.array([(scaled[:, lag:] * scaled[:, :-lag]).mean() for lag in lags])
    # ρ(lag) = (1 − rough) · exp(−lag / reach): a straight line in the logarithm.
    slope, height = np.polyfit(lags, np.log(np.maximum(found, 0.05)), 1)
    reach = 1 / max(-slope, 1e-3) / (residuals.shape[1] - 1)
    return float(reach), float(np.clip(1 - np.exp(height), 0.0, 0.9))


def points(n: int) -> Floats:
    """Return that many label counts, `(n,)`."""
    return np.linspace(START, END, n)


def base(x: Floats) -> Floats:
    """Return the baseline's true accuracy."""
    return 0.95 - 0.35 * np.sqrt(START / x)


def saves(amount: float) -> "Shape":
    """Return a strategy that saves an amount at the end, and in proportion before."""

    def ahead(x: Floats) -> Floats:
        return amount * (x - START) / (END - amount - START)

    return Shape(f"saves {amount:.0f}", lambda x: base(x + ahead(x)), base)


@dataclass(frozen=True, eq=False)
class Shape:
    """The true curves of a strategy and of its baseline."""

    name: str
    mine: Curve
    other: Curve

    def truths(self, x: Floats) -> Floats:
        """Return both, `(2, p)`."""
        return np.stack([self.mine(x), self.other(x)])


def _flat(x: Floats) -> Floats:
    return base(np.minimum(x, 700.0))


SHAPES = (
    *(saves(amount) for amount in (0.0, 75.0, 150.0, 300.0, 500.0, 850.0)),
    Shape("kink", lambda x: base(x + np.minimum(300.0, 2 * (x - START))), base),
    Shape("plateau", lambda x: _flat(x + 0.5 * (x - START)), _flat),
    Shape("crossing", lambda x: base(x + 150 * np.sin(2 * np.pi * (x - START) / 1000)), base),
    Shape("far ahead", lambda x: base(x) + 0.15 * (1 - np.exp((START - x) / 60)), base),
)


def main() -> None:
    """Take up runs, or print what was taken up."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="*", type=Path, help="folders of runs, one a pool")
    asked = parse_arguments(parser)
    print(ran_on())
    _take(asked.runs) if asked.runs else _show()


def _take(folders: Sequence[Path]) -> None:
    from alsim.store.curves import read_run

    tables: list[pa.Table] = []
    for folder in folders:
        steps = read_run(folder).steps.select(["strategy", "seed", "n_labelled", "accuracy"])
        tables.append(steps.append_column("pool", pa.array([folder.name] * len(steps))))
    RECORDED.parent.mkdir(exist_ok=True)
    table = pa.concat_tables(tables).replace_schema_metadata(None)
    pq.write_table(table, RECORDED, compression="zstd")


def _show() -> None:
    print("\n| pool | level, start / end | own noise, middle / end | persists | rough share |")
    print("| --- | --- | --- | --- | --- |")
    for each in recorded():
        level, own = each.level, each.own
        print(
            f"| {each.name} | {level.deviation[0]:.4f} / {level.deviation[-1]:.4f} | "
            f"{own.deviation[_BINS // 2]:.4f} / {own.deviation[-1]:.4f} | "
            f"{own.reach:.2f} of the curve | {own.rough:.2f} |"
        )


if __name__ == "__main__":
    main()
