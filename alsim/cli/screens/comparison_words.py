"""A comparison in sentences after its answer: one a pair, and what is behind the numbers."""

import math

from alsim.analysis.curves.answer import metric_words, p_words, unit, what_would_decide
from alsim.analysis.curves.comparison import Comparison
from alsim.analysis.curves.verdicts import Verdict
from alsim.analysis.statistics.intervals import widest_sampling_interval
from alsim.cli.screens.comparison_cells import estimate_cell, points, wins_cell
from alsim.cli.screens.comparison_tables import ordered_verdicts


def explanations(
    found: Comparison, split: str, n_evaluated: int, of: str = "", is_mean: bool = False
) -> list[str]:
    """Return what the numbers are, and of which rows.

    Several tasks are named by `of`; the sampling error of the mean over them is not known.
    """
    n_pairs, metric, form = len(found.verdicts), metric_words(found.metric), unit(found)
    span = f"AUBC: mean height of the curve from {found.start:{form}} to {found.end:{form}}"
    has_seeds = any(len(each.seeds) > 1 for each in found.strategies)
    lines = [
        f"{span} {found.counts}; ± and [ ]: 95 % intervals over seeds, each for itself alone"
        if has_seeds
        else f"{span} {found.counts}; one seed gives neither interval nor verdict: add --seeds 5"
    ]
    if n_pairs and has_seeds:
        holm = f"; p by Holm over {n_pairs} pairs" if n_pairs > 1 else ""
        lines.append(f"verdicts: paired t-tests of the AUBC by seed{holm}")
    on = f"{of}{metric} on {n_evaluated:,} {split} rows"
    if found.metric == "accuracy" and not is_mean:
        lasts = [each.last.mean for each in found.strategies]
        share, ends = widest_sampling_interval(lasts, n_evaluated)
        low, high = map(points, ends)
        on += f"; sampling error: {points(share)} is known to within [{low}, {high}]"
        on += "; all strategies share it"
    lines.append(on)
    if found.reference is not None:
        ends = {each.strategy: each.last.mean for each in found.strategies}
        own = ends.get(found.baseline or "")
        is_own = own is not None and math.isclose(own, found.reference)
        whose = f"{found.baseline}'s last" if is_own else "the reference"
        target, share = points(found.share * found.reference), f"{100 * found.share:g} %"
        lines.append(f"{share} of {whose} {metric}, {points(found.reference)}, is {target}")
        reaches = [each.reach for each in found.strategies if each.reach is not None]
        if any(reach.n_missed and reach.labels for reach in reaches):
            lines.append("≥ … (1 of 3): seeds that reached it; the others count as at the end")
    return lines


def main_verdicts(found: Comparison) -> list[Verdict]:
    """Return the verdicts on pairs of which one is the baseline or the best strategy."""
    best = found.ranking[0].strategy
    return [
        each
        for each in ordered_verdicts(found)
        for pair in [{each.first, each.second}]
        if best in pair or pair & {found.baseline_of(name) for name in pair}
    ]


def verdict_sentence(verdict: Verdict) -> str:
    """Return a verdict in words; the first strategy is the one with the greater AUBC."""
    first, second, n = verdict.first, verdict.second, len(verdict.seeds)
    if verdict.area is None:
        return f"{first} and {second}: cannot tell{what_would_decide(verdict)}"
    gap = f"AUBC {estimate_cell(verdict.area, signed=True)}{p_words(verdict)}"
    if verdict.outcome == "better":
        return f"{first} is better than {second}: {gap}, {wins_cell(verdict)} seeds"
    seeds = f" with {n} seed{'s' * (n > 1)}" if n == 1 or verdict.p_adjusted is not None else ""
    return f"{first} and {second}: cannot tell{seeds} ({gap}){what_would_decide(verdict)}"
