"""Strategies compared: each in a few numbers, and one verdict for each pair."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from alsim.analysis.curve import Curve, shared_seeds, values_at
from alsim.analysis.curves.curves import XAxis, learning_curves
from alsim.analysis.curves.runs import BASELINE
from alsim.analysis.curves.savings import Reach, Saving, reach, saved, saved_by_bootstrap
from alsim.analysis.curves.summary import aubc
from alsim.analysis.curves.verdicts import Verdict, judge_pairs
from alsim.analysis.statistics.intervals import (
    ROUNDING,
    Estimate,
    bounds_of,
    estimate,
    interval_text,
)
from alsim.errors import UsageError, nearest
from alsim.escaping import html_table, visible
from alsim.measures import SCORES

if TYPE_CHECKING:
    import torch

SHARE = 0.95


@dataclass(frozen=True, slots=True)
class StrategyNumbers:
    """One strategy over the seeds it has. Intervals are 95 %, each for itself alone."""

    strategy: str
    seeds: tuple[int, ...]
    last: Estimate  # accuracy at the end of the span
    aubc: Estimate  # over the span
    rank: float | None  # by AUBC, 1 is best, mean over the seeds that all have; None without such
    reach: Reach | None  # None without a reference accuracy
    saving: Saving | None  # against the baseline; None without one, and its own
    money: Saving | None  # None without a price, too
    is_cut: bool  # whether some seed was measured beyond the span


@dataclass(frozen=True, slots=True)
class Comparison:
    """Several strategies on the span of the x axis that all of them were measured on."""

    metric: str
    x: XAxis
    counts: str  # what amounts are of: `x`, or what whoever knows the runs fills in, "objects"
    start: float
    end: float
    baseline: str | None
    baselines: Mapping[str, str]  # strategy -> its own baseline, where that is another one
    reference: float | None  # the accuracy of which `share` is to be reached
    share: float
    strategies: tuple[StrategyNumbers, ...]  # by name
    verdicts: tuple[Verdict, ...]  # one a pair
    left_out: tuple[str, ...]  # strategies without a point that all of their seeds have
    notes: tuple[str, ...] = ()  # what to bear in mind, for whoever knows the runs to fill in
    task: str | None = None  # likewise: the one compared by; None is the only one, or the mean

    def __repr__(self) -> str:
        """Return what was compared, the best first."""
        names = ", ".join(each.strategy for each in self.ranking)
        span = f"{self.start:,.6g} to {self.end:,.6g} {self.counts}"
        return visible(f"Comparison({self.metric} from {span}; baseline {self.baseline}: {names})")

    def _repr_html_(self) -> str:
        """Return a row for each strategy, the best first, as a notebook shows it."""
        outcomes = {
            (v.first, v.second): v.outcome for one in self.verdicts for v in (one, one.swapped())
        }
        rows = [
            (
                each.strategy,
                interval_text(each.last, ".4f"),
                interval_text(each.aubc, ".4f"),
                "–" if each.saving is None else each.saving.in_words,
                outcomes.get((each.strategy, self.baseline_of(each.strategy) or ""), "–"),
            )
            for each in self.ranking
        ]
        verdict = "against its baseline" if self.baselines else f"against {self.baseline}"
        headers = ("strategy", f"last {self.metric}", "AUBC", f"{self.counts} saved", verdict)
        return html_table(repr(self), headers, rows)

    def baseline_of(self, strategy: str) -> str | None:
        """Return what a strategy is compared with; itself for a baseline."""
        return self.baselines.get(strategy, self.baseline)

    @property
    def ranking(self) -> tuple[StrategyNumbers, ...]:
        """Return the strategies by their rank, the best first.

        Equal ones, and all where the seeds have none in common, by their mean AUBC, then by name.
        """
        return tuple(sorted(self.strategies, key=lambda one: (one.rank or 0.0, -one.aubc.mean)))


def compare(
    steps: pa.Table,
    *,
    metric: str = "accuracy",
    x: XAxis = "labels",
    baseline: str | None = None,
    baselines: Mapping[str, str] | None = None,
    reference: float | None = None,
    share: float = SHARE,
    cost_per_label: float | None = None,
    bootstrap: "torch.Generator | None" = None,
) -> Comparison:
    """Return the strategies of one or more runs on the same pool, compared.

    Everything is taken on the span that all strategies share, from the last beginning to the first
    end, with straight lines between the steps; so a run that went on gains nothing by it. The
    arguments are those of `alsim.compare`. A strategy's name means the same throughout the steps.
    Without a baseline it is random if there is one; `baselines` has those of strategies whose own
    is another. Intervals of savings come from a bootstrap if a
    generator is given, which is too narrow; otherwise from inverting the t-test.

    Raises:
        UsageError: If a name is unknown, the metric is no score, or there is nothing to compare.
    """
    if metric not in SCORES:
        what = f"{metric!r} is not a score of which more is better"
        raise UsageError(what, "the metric to compare by", nearest(metric, SCORES))
    found = learning_curves(steps, metric, x=x)
    curves = share_span([curve for curve in found if curve.x.size])
    other = _baseline(curves, baseline)
    if reference is None and other is not None:
        reference = float(other.mean[-1])
    target = None if reference is None else share * reference
    ranks = _mean_ranks(curves)
    by_name = {curve.strategy: curve for curve in curves}
    own = {
        name: its for name, its in (baselines or {}).items() if name in by_name and its in by_name
    }
    savings = [
        _saving(curve, by_name[own[curve.strategy]] if curve.strategy in own else other, bootstrap)
        for curve in curves
    ]
    numbers = [
        StrategyNumbers(
            strategy=curve.strategy,
            seeds=curve.seeds,
            last=estimate(curve.values[:, -1], within=bounds_of(metric)),
            aubc=estimate(aubc(curve.x, curve.values), within=bounds_of(metric)),
            rank=ranks.get(curve.strategy),
            reach=None if target is None else reach(curve.x, curve.values, target),
            saving=saving,
            money=saving.scaled(cost_per_label) if saving and cost_per_label is not None else None,
            is_cut=curve.is_cut,
        )
        for curve, saving in zip(curves, savings, strict=True)
    ]
    return Comparison(
        metric=metric,
        x=x,
        counts=x,
        start=float(curves[0].x[0]),
        end=float(curves[0].x[-1]),
        baseline=None if other is None else other.strategy,
        baselines={n: b for n, b in own.items() if other is None or b != other.strategy},
        reference=reference,
        share=share,
        strategies=tuple(numbers),
        verdicts=judge_pairs(curves),
        left_out=tuple(curve.strategy for curve in found if not curve.x.size),
    )


def share_span(curves: Sequence[Curve]) -> tuple[Curve, ...]:
    """Return curves on the same points: all that any of them has on the span that all share.

    Raises:
        UsageError: If there is no such span.
    """
    if not curves:
        what = "no strategy has a step that all of its seeds have"
        mend = "wait until the runs are further, or compare others"
        raise UsageError(what, "the steps of the runs", mend)
    late = max(curves, key=lambda curve: curve.x[0])
    early = min(curves, key=lambda curve: curve.x[-1])
    start, end = float(late.x[0]), float(early.x[-1])
    if start > end:
        raise UsageError(
            f"the strategies share no range: {late.strategy} begins at {start:,.6g}, after the "
            f"end of {early.strategy} at {end:,.6g}",
            "the steps of the runs",
            "compare runs that overlap; a step counts where all seeds of a strategy have it",
        )
    grid = np.unique(np.clip(np.concatenate([curve.x for curve in curves]), start, end))
    return tuple(
        replace(
            curve,
            x=grid,
            values=np.array([np.interp(grid, curve.x, row) for row in curve.values]),
            is_cut=curve.is_cut or bool(curve.x[0] < start or curve.x[-1] > end),
        )
        for curve in curves
    )


def _baseline(curves: Sequence[Curve], name: str | None) -> Curve | None:
    """Return the curve that savings are against; random may be missing if nobody asked."""
    by_name = {curve.strategy: curve for curve in curves}
    if name is None:
        return by_name.get(BASELINE)
    if name not in by_name:
        what = f"no strategy is called {name!r}"
        raise UsageError(what, "the steps of the runs", nearest(name, by_name))
    return by_name[name]


def _saving(
    curve: Curve, other: Curve | None, bootstrap: "torch.Generator | None"
) -> Saving | None:
    seeds = () if other is None or curve is other else shared_seeds(curve, other)
    if other is None or not seeds:
        return None
    mine, theirs = values_at(curve, seeds), values_at(other, seeds)
    if bootstrap is None:
        return saved(curve.x, mine, theirs)
    return saved_by_bootstrap(curve.x, mine, theirs, generator=bootstrap)


def _mean_ranks(curves: Sequence[Curve]) -> Mapping[str, float]:
    """Return each strategy's rank by AUBC, 1 the best, over the seeds that all have."""
    # Two seconds to import, for which a command that compares nothing should not pay.
    from scipy import stats

    seeds = shared_seeds(*curves)
    if not seeds:
        return {}
    areas = np.array([aubc(curve.x, values_at(curve, seeds)) for curve in curves])
    ranks = stats.rankdata(-(areas / ROUNDING).round(), axis=0).mean(axis=1)
    return {curve.strategy: float(rank) for curve, rank in zip(curves, ranks, strict=True)}
