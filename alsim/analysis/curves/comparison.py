"""Strategies compared: each in a few numbers, and one verdict on each against its baseline."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from alsim.analysis.curve import Curve, shared_seeds, values_at
from alsim.analysis.curves.beyond_control import BeyondControl, beyond_control
from alsim.analysis.curves.ceiling import Ceiling, share_reached
from alsim.analysis.curves.curves import XAxis, learning_curves
from alsim.analysis.curves.lead import average_lead, lead_by_verdict
from alsim.analysis.curves.runs import BASELINE
from alsim.analysis.curves.savings import Reach, Saving, reach, saved_at_end
from alsim.analysis.curves.spans import share_span
from alsim.analysis.curves.summary import aubc
from alsim.analysis.curves.verdicts import AreasByRow, Judge, Verdict, judge_pairs
from alsim.analysis.statistics.intervals import (
    ROUNDING,
    Estimate,
    bounds_of,
    estimate,
    interval_text,
)
from alsim.analysis.statistics.judging import VerdictOutcome
from alsim.errors import UsageError, nearest
from alsim.escaping import html_table, visible
from alsim.measures import SCORES
from alsim.strategies.table import NO_QUERY

if TYPE_CHECKING:
    import torch

SHARE = 0.95


@dataclass(frozen=True, slots=True)
class StrategyNumbers:
    """One strategy over the seeds it has. Intervals are 95 %, each for itself alone.

    All but that of `saving`: it agrees with the verdict.
    """

    strategy: str
    seeds: tuple[int, ...]
    last: Estimate  # accuracy at the end of the span
    aubc: Estimate  # over the span
    rank: float | None  # by AUBC, 1 is best, mean over the seeds that all have; None without such
    reach: Reach | None  # None without a reference accuracy
    # The average lead over the baseline, see `lead.average_lead`. None for a baseline, without one,
    # and where the curves share no seed or one point alone.
    saving: Saving | None
    money: Saving | None  # the same in money; None without a price, too
    end_saving: Saving | None  # at the end, see `savings.saved_at_end`; None where `saving` is
    is_cut: bool  # whether some seed was measured beyond the span
    # How far it came from its start to the ceiling, as a share; None without a ceiling above it.
    of_ceiling: Estimate | None = None
    # What it gained that the control, which trained on without new labels, did not; None likewise.
    by_labels: BeyondControl | None = None
    outside: str | None = None  # why it takes no part in ranks and verdicts; None: it does


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
    verdicts: tuple[Verdict, ...]  # the family: one a strategy and its baseline, or one a pair
    all_pairs: bool  # which of these
    ceiling: Estimate | None  # the metric after training on all labels, where a run has it
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
        outcomes: dict[tuple[str, str], VerdictOutcome] = {
            (v.first, v.second): v.outcome for one in self.verdicts for v in (one, one.swapped())
        }

        def level(value: Estimate) -> str:  # beside a verdict no interval but that which agrees
            return f"{value.mean:.4f}" if outcomes else interval_text(value, ".4f")

        rows: list[tuple[str, ...]] = []
        for each in self.ranking:
            outcome = outcomes.get((each.strategy, self.baseline_of(each.strategy) or ""))
            saved = "–" if each.saving is None else each.saving.in_words(outcome)
            rows.append((each.strategy, level(each.last), level(each.aubc), saved, outcome or "–"))
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
        Those without a part in it come last.
        """

        def key(one: StrategyNumbers) -> tuple[bool, float, float]:
            return one.outside is not None, one.rank or 0.0, -one.aubc.mean

        return tuple(sorted(self.strategies, key=key))

    @property
    def counts_rows(self) -> bool:
        """Whether all verdicts that there are speak of new test rows too."""
        tested = [each for each in self.verdicts if each.could_tell]
        return bool(tested) and all(each.counts_rows for each in tested)


@dataclass(frozen=True)
class Judging:
    """What a comparison takes from runs beside their steps."""

    # Strategies that take no part in ranks and verdicts, each with the reason.
    outside: Mapping[str, str] = field(default_factory=dict[str, str])
    areas_by_row: AreasByRow | None = None  # with it verdicts speak of new test rows too
    judge: Judge = judge_pairs  # reaches the verdicts; by default the number of seeds was fixed
    ceiling: Ceiling | None = None


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
    all_pairs: bool = False,
    judging: Judging | None = None,
) -> Comparison:
    """Return the strategies of one or more runs on the same pool, compared.

    Everything is taken on the span that all strategies share, from the last beginning to the first
    end, with straight lines between the steps; so a run that went on gains nothing by it. The
    arguments are those of `alsim.compare`. A strategy's name means the same throughout the steps.
    Without a baseline it is random if there is one; `baselines` has those of strategies whose own
    is another. Verdicts are on each strategy against its baseline, or on all pairs: if asked for,
    and where there is no baseline. A baseline takes part, even one that stands outside. Intervals
    of savings at the end come from a bootstrap if a generator is given, which is too narrow;
    otherwise from inverting the t-test.

    Raises:
        UsageError: If a name is unknown, the metric is no score, or there is nothing to compare.
    """
    if metric not in SCORES:
        what = f"{metric!r} is not a score of which more is better"
        raise UsageError(what, "the metric to compare by", nearest(metric, SCORES))
    judging = judging or Judging()
    found = learning_curves(steps, metric, x=x)
    curves = share_span([curve for curve in found if curve.x.size])
    other = _baseline(curves, baseline)
    if other is not None and judging.outside.get(other.strategy) == NO_QUERY:
        what = f"{other.strategy} queries nothing, so no {x} are saved against it"
        mend = "leave it out: what it shows is beside each strategy"
        raise UsageError(what, "the baseline", mend)
    if reference is None and other is not None:
        reference = float(other.mean[-1])
    by_name = {curve.strategy: curve for curve in curves}
    own = {
        name: its for name, its in (baselines or {}).items() if name in by_name and its in by_name
    }
    bases = {c.strategy: by_name[own[c.strategy]] if c.strategy in own else other for c in curves}
    used = {base.strategy for base in bases.values() if base is not None}
    reasons = {name: why for name, why in judging.outside.items() if name not in used}
    inside = [curve for curve in curves if curve.strategy not in reasons]
    verdicts = judging.judge(_family(inside, bases, all_pairs=all_pairs), judging.areas_by_row)
    on = {(each.first, each.second): each for one in verdicts for each in (one, one.swapped())}
    leads: dict[str, Saving] = {}
    end_savings: dict[str, Saving] = {}
    for curve in curves:
        base, name = bases[curve.strategy], curve.strategy
        if base is None or base is curve or len(curve.x) == 1:
            continue
        if reasons.get(name) == NO_QUERY:  # it buys no labels that it could save
            continue
        if shared_seeds(curve, base):
            leads[name] = _lead(curve, base, on.get((name, base.strategy)))
            end_savings[name] = _saving(curve, base, bootstrap)
    ranks, ceiling = _mean_ranks(inside), judging.ceiling
    control = next((c for c in curves if reasons.get(c.strategy) == NO_QUERY), None)
    target = None if reference is None else share * reference
    numbers = [
        StrategyNumbers(
            strategy=curve.strategy,
            seeds=curve.seeds,
            last=estimate(curve.values[:, -1], within=bounds_of(metric)),
            aubc=estimate(aubc(curve.x, curve.values), within=bounds_of(metric)),
            rank=ranks.get(curve.strategy),
            reach=None if target is None else reach(curve.x, curve.values, target),
            saving=(lead := leads.get(curve.strategy)),
            money=lead.scaled(cost_per_label) if lead and cost_per_label is not None else None,
            end_saving=end_savings.get(curve.strategy),
            is_cut=curve.is_cut,
            of_ceiling=None if ceiling is None else share_reached(curve, ceiling),
            by_labels=None if control in (None, curve) else beyond_control(curve, control),
            outside=reasons.get(curve.strategy),
        )
        for curve in curves
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
        verdicts=verdicts,
        all_pairs=all_pairs or other is None,
        ceiling=None if ceiling is None else ceiling.estimate,
        left_out=tuple(curve.strategy for curve in found if not curve.x.size),
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


def _family(
    curves: Sequence[Curve], bases: Mapping[str, Curve | None], *, all_pairs: bool
) -> list[tuple[Curve, Curve]]:
    """Return the pairs that are judged together."""
    against = [(curve, bases[curve.strategy]) for curve in curves]
    if all_pairs or not any(base for _, base in against):
        return list(combinations(curves, 2))
    return [(curve, base) for curve, base in against if base is not None and base is not curve]


def _lead(curve: Curve, base: Curve, verdict: Verdict | None) -> Saving:
    """Return a strategy's average lead, with the interval of the verdict on it, if there is one."""
    seeds = shared_seeds(curve, base) if verdict is None else verdict.seeds
    both = values_at(curve, seeds), values_at(base, seeds)
    if verdict is None:
        return average_lead(curve.x, *both)
    return lead_by_verdict(curve.x, *both, verdict)


def _saving(curve: Curve, base: Curve, bootstrap: "torch.Generator | None") -> Saving:
    seeds = shared_seeds(curve, base)
    return saved_at_end(curve.x, values_at(curve, seeds), values_at(base, seeds), bootstrap)


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
