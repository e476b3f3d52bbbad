"""A comparison in sentences: one verdict a pair, and what is behind the numbers."""

import math

from alsim.analysis.curves.comparison import Comparison
from alsim.analysis.curves.savings import Saving
from alsim.analysis.curves.verdicts import Verdict
from alsim.analysis.statistics.intervals import widest_sampling_interval
from alsim.cli.screens.comparison_cells import (
    estimate_cell,
    metric_words,
    p_text,
    points,
    saving_cell,
    unit,
    wins_cell,
)
from alsim.cli.screens.comparison_tables import ordered_verdicts

_MANY = 1000  # seeds: above, no exact number is given


def headline(found: Comparison) -> str:
    """Return which strategy saved the most among those that are better by their verdict."""
    if len(found.strategies) == 1:
        return f"{found.strategies[0].strategy} is the only strategy: nothing to compare it with"
    if found.baseline is None:
        return "verdicts only, since there is no baseline to save anything against"
    decided = {
        (verdict.first, verdict.second)
        for one in found.verdicts
        for verdict in (one, one.swapped())
        if verdict.outcome == "better"
    }
    better = [each for each in found.ranking if (each.strategy, found.baseline) in decided]
    if not better:
        return f"cannot tell that any strategy is better than {found.baseline}"
    best = max(better, key=lambda each: (_is_sure(each.saving), _greatest(each.saving)))
    amount = saving_cell(best, best.saving, found, unit(found))
    if not _is_sure(best.saving):
        line = f"{best.strategy} is better than {found.baseline}"
        return f"{line}; what it saves by the end is not sure: {amount}"
    others = [each.strategy for each in better if each is not best]
    open_ = [name for name in others if (best.strategy, name) not in decided]
    most = "saves the most" if others and not open_ else "saves"
    whole = f"{found.end:{unit(found)}}"
    line = f"{best.strategy} {most} against {found.baseline}: {amount} of {whole} {found.counts}"
    return line + (f"; cannot tell it from {' and '.join(open_)}" if open_ else "")


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
    shown = {found.baseline, found.ranking[0].strategy}
    return [each for each in ordered_verdicts(found) if shown & {each.first, each.second}]


def verdict_sentence(verdict: Verdict) -> str:
    """Return a verdict in words; the first strategy is the one with the greater AUBC."""
    first, second, n = verdict.first, verdict.second, len(verdict.seeds)
    if verdict.area is None:
        return f"{first} and {second}: cannot tell, they share no seed"
    seeds = "1 seed" if n == 1 else f"{n} seeds"
    gap = f"AUBC {estimate_cell(verdict.area, signed=True)}"
    if verdict.p_adjusted is None:
        why = f", all {seeds} differ by the same" if n > 1 else f" with {seeds}"
        return f"{first} and {second}: cannot tell{why} ({gap})"
    p = p_text(verdict.p_adjusted)
    gap += f", p {p}" if p.startswith("<") else f", p = {p}"
    if verdict.outcome == "better":
        return f"{first} is better than {second}: {gap}, {wins_cell(verdict)} seeds"
    text = f"{first} and {second}: cannot tell with {seeds} ({gap})"
    needed = verdict.seeds_needed
    if needed is None or needed <= n:
        return text
    about = f"about {needed}" if needed <= _MANY else f"more than {_MANY:,}"
    return f"{text}; a difference of this size would need {about} seeds"


def _is_sure(saving: Saving | None) -> bool:
    return saving is not None and saving.low is not None and saving.low > 0


def _greatest(saving: Saving | None) -> float:
    if saving is None:
        return float("-inf")
    if saving.amount is None:
        return float("inf") if saving.is_censored_high else float("-inf")
    return saving.amount
