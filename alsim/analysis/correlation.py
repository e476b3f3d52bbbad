"""How a metric of a group correlates with the accuracy of the copy trained on it, over seeds.

What is correlated are the groups of one seed; seeds are put together by the mean of their ρ. A
group is one point, so that one seed's ρ of groups at random spreads by about 1/√(groups − 1).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import scipy
import torch

from alsim.analysis.statistics.intervals import CONFIDENCE, ROUNDING, Floats, t_half_width
from alsim.analysis.statistics.mean_test import t_test
from alsim.seeding import draw_seed, stream

N_RESAMPLES = 2_000  # of the bootstrap
N_PERMUTATIONS = 9_999
RAW = " (raw)"  # ends the name of a margin with the opposite sign
_MARGINS = ("margin", "qbc-margin")  # their score is −(p₍₁₎ − p₍₂₎)
_TOLERANCE = 1e-12  # two orders of the same ranks may differ in the last bits of their ρ

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Correlation:
    """One metric over all seeds. None is "undefined", or too little data; it is never NaN.

    A seed's ρ is undefined where its scores or its accuracies are all the same; such a seed counts
    nowhere else.
    """

    metric: str
    rhos: Mapping[int, float | None]  # Spearman's ρ by seed, ascending
    mean: float | None = None  # of the ρ, over seeds
    fisher: Interval | None = None  # over seeds: what other seeds would give
    bootstrap: Interval | None = None  # over groups: what other groups of these seeds would give
    p: float | None = None  # over seeds, two-sided: of the mean of Fisher's z being 0
    p_within: float | None = None  # of accuracy unrelated to the metric in each of these starts
    null_mean: Interval | None = None  # of the mean ρ, if it has nothing to do with it
    null_seed: Interval | None = None  # of one seed's ρ, likewise

    @property
    def seeds_in_words(self) -> str:
        """Return how many seeds there are, and how many of them have a ρ: "4 of 5 seeds"."""
        n, n_all = sum(rho is not None for rho in self.rhos.values()), len(self.rhos)
        some = f"{n} of " if 0 < n < n_all else ""
        return f"{some}{n_all} seed{'s' if n_all > 1 else ''}"

    @property
    def sign(self) -> int:
        """Return 1 or −1 where the interval over seeds lies above or below 0, else 0.

        It does where `p` is below .05, and never by `p_within`: permutations know of these starts
        only, and where starts differ they reject a mean of 0 far too often.
        """
        if self.fisher is None:
            return 0
        return int(self.fisher[0] > 0) - int(self.fisher[1] < 0)

    @property
    def is_within_null(self) -> bool | None:
        """Whether the mean lies where groups at random put it."""
        if self.mean is None or self.null_mean is None:
            return None
        low, high = self.null_mean
        return low - _TOLERANCE <= self.mean <= high + _TOLERANCE


def correlations(
    groups: pa.Table,
    *,
    generator: torch.Generator,
    confidence: float = CONFIDENCE,
    n_resamples: int = N_RESAMPLES,
    n_permutations: int = N_PERMUTATIONS,
) -> tuple[Correlation, ...]:
    """Return the correlation of each metric, in the order of the table.

    A margin comes twice, as "margin", the acquisition score −(p₍₁₎ − p₍₂₎), and as "margin (raw)",
    p₍₁₎ − p₍₂₎ itself: the source does not say which of them it means (VK 2020, Table 1). Groups
    at random are a metric among the others, "random": what was observed beside the null bands,
    which are made by permutation.

    A metric's numbers do not depend on which others there are. The groups have the columns metric,
    seed, mean_score and accuracy, one row a group; rows in which either number is not finite are
    left out.
    """
    drawn = draw_seed(generator=generator)
    found: list[Correlation] = []
    for metric in groups.column("metric").unique().to_pylist():
        name, pairs = str(metric), _pairs(groups.filter(pc.field("metric") == metric))
        one = Correlation(name, {seed: spearman(*pair) for seed, pair in pairs.items()})
        defined = {seed: rho for seed, rho in one.rhos.items() if rho is not None}
        if defined:
            known = [pairs[seed] for seed in defined]
            values = np.array(list(defined.values()))
            mean = float(values.mean())
            resampled = bootstrap_means(
                known, n_resamples, generator=stream(drawn, name, "bootstrap")
            )
            permuted = permuted_rhos(
                known, n_permutations, generator=stream(drawn, name, "permutation")
            )
            over_seeds = fisher_test(values, [len(x) for x, _ in known], confidence)
            one = replace(
                one,
                mean=mean,
                fisher=None if over_seeds is None else over_seeds[0],
                p=None if over_seeds is None else over_seeds[1],
                bootstrap=_central(resampled, confidence),
                p_within=permutation_p(mean, permuted.mean(0)),
                null_mean=_central(permuted.mean(0), confidence),
                null_seed=_central(permuted.ravel(), confidence),
            )
        found.append(one)
        if name.partition("(")[0] in _MARGINS:
            found.append(_mirrored(one, f"{name}{RAW}"))
    return tuple(found)


def spearman(x: Floats, y: Floats) -> float | None:
    """Return Spearman's ρ, in [−1, 1], ties by their mean rank; None if either is constant.

    Both are `(g,)`, finite.
    """
    if len(x) < 2 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return None
    return float(np.clip(scipy.stats.spearmanr(x, y).statistic, -1, 1))


def fisher_test(
    rhos: Floats, n_groups: Sequence[int], confidence: float = CONFIDENCE
) -> tuple[Interval, float] | None:
    """Return the t-interval of the mean of z = atanh ρ over seeds, as ρ, and the test's p.

    The test is two-sided, of a mean z of 0 (Fisher 1921), and p is below 1 − `confidence` where the
    interval excludes 0. The centre of the interval is tanh of the mean z, which lies a little
    farther from 0 than the mean ρ. A ρ of ±1 has no finite z: it is taken half-way to the next that
    the groups allow, 1 − 6/(g³ − g). The ρ are `(s,)`, one a seed, and `n_groups` the g of each.

    Returns:
        None with one seed, or where all agree: that a few agree is no evidence.
    """
    g = np.array(n_groups, dtype=np.float64)
    limit = 1 - 6 / (g**3 - g)
    z = np.arctanh(np.clip(rhos, -limit, limit))
    half_width, p = t_half_width(z, confidence), t_test(z).p
    if half_width is None or p is None or np.ptp(z) <= ROUNDING:
        return None
    return (float(np.tanh(z.mean() - half_width)), float(np.tanh(z.mean() + half_width))), p


def bootstrap_means(
    pairs: Sequence[tuple[Floats, Floats]], n: int, *, generator: torch.Generator
) -> Floats:
    """Return the mean ρ over seeds of `n` resamples of the groups, `(at most n,)`.

    Groups are drawn with replacement within each seed (Efron 1979), ranks taken anew. A resample in
    which some seed's ρ is undefined, as when one group is drawn each time, is left out. The pairs
    are the scores `(g,)` and the accuracies `(g,)` of each seed.
    """
    rng = np.random.default_rng(draw_seed(generator=generator))
    rhos: list[Floats] = []
    for x, y in pairs:
        drawn = rng.integers(len(x), size=(n, len(x)))
        rhos.append((_standardised(x[drawn]) * _standardised(y[drawn])).sum(1))
    means = np.clip(np.mean(rhos, axis=0), -1, 1)
    return means[np.isfinite(means)]


def permuted_rhos(
    pairs: Sequence[tuple[Floats, Floats]], n: int, *, generator: torch.Generator
) -> Floats:
    """Return each seed's ρ with its accuracies shuffled, `(s, n)`: the mean over s is the null.

    The pairs are the scores `(g,)` and the accuracies `(g,)` of each seed, neither constant.
    """
    rng = np.random.default_rng(draw_seed(generator=generator))
    rhos: list[Floats] = []
    for x, y in pairs:
        shuffled = rng.permuted(np.tile(_standardised(y), (n, 1)), axis=1)
        rhos.append(shuffled @ _standardised(x))
    return np.array(rhos)


def permutation_p(observed: float, permuted: Floats) -> float:
    """Return the two-sided p-value (b + 1) / (m + 1) of a statistic, in (0, 1].

    b of the m permuted are at least as far from 0; the observed one counts as one more, without
    which p could be 0. Phipson & Smyth (2010).
    """
    b = int((np.abs(permuted) >= abs(observed) - _TOLERANCE).sum())
    return (b + 1) / (len(permuted) + 1)


def _pairs(groups: pa.Table) -> dict[int, tuple[Floats, Floats]]:
    """Return each seed's scores and accuracies, seeds ascending."""
    seeds = groups.column("seed").to_numpy()
    x, y = (
        np.asarray(groups.column(name).to_pylist(), dtype=np.float64)  # null becomes NaN
        for name in ("mean_score", "accuracy")
    )
    usable = np.isfinite(x) & np.isfinite(y)
    return {
        int(seed): (x[usable & (seeds == seed)], y[usable & (seeds == seed)])
        for seed in np.unique(seeds)
    }


def _standardised(values: Floats) -> Floats:
    """Return ranks along the last axis, of mean 0 and length 1, `(…, g)`; NaN where constant."""
    ranks = scipy.stats.rankdata(values, axis=-1)
    ranks -= ranks.mean(-1, keepdims=True)
    length = np.sqrt((ranks**2).sum(-1, keepdims=True))
    return np.divide(ranks, length, out=np.full_like(ranks, np.nan), where=length > 0)


def _central(values: Floats, confidence: float) -> Interval | None:
    """Return the quantiles that `confidence` of the values lie between."""
    if not values.size:
        return None
    low, high = np.quantile(values, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def _mirrored(found: Correlation, metric: str) -> Correlation:
    """Return the correlation of the metric's negative."""

    def negative(value: float | None) -> float | None:
        return None if value is None else 0.0 - value  # of 0 it is 0, not −0

    def turned(interval: Interval | None) -> Interval | None:
        return None if interval is None else (0.0 - interval[1], 0.0 - interval[0])

    return replace(
        found,
        metric=metric,
        rhos={seed: negative(rho) for seed, rho in found.rhos.items()},
        mean=negative(found.mean),
        fisher=turned(found.fisher),
        bootstrap=turned(found.bootstrap),
        null_mean=turned(found.null_mean),
        null_seed=turned(found.null_seed),
    )
