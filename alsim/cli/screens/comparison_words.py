"""A comparison in sentences: one verdict a pair, and what is behind the numbers."""

import math
from collections.abc import Sequence

from alsim.analysis.curves.comparison import Comparison, StrategyNumbers
from alsim.analysis.curves.savings import Saving
from alsim.analysis.curves.verdicts import Verdict
from alsim.analysis.statistics.intervals import widest_sampling_interval
from alsim.cli.screens.comparison_cells import (
    estimate_cell,
    metric_words,
    p_words,
    points,
    saving_ends,
    signed_number,
    unit,
    verdict_on,
    wins_cell,
)
from alsim.cli.screens.comparison_tables import ordered_verdicts

_MANY = 1000  # seeds: above, no exact number is given
_FEW = 3  # strategies that are named in a sentence


def headline(found: Comparison) -> str:
    """Return the answer in a sentence: what the best strategy saves, and how sure that is.

    The certainty is that of the verdict; an amount whose interval does not agree is said to be
    open.
    """
    if len(found.strategies) == 1:
        return f"{found.strategies[0].strategy} is the only strategy: nothing to compare it with"
    if found.baseline is None:
        return f"no baseline to save {found.counts} against: verdicts only"
    rivals = [
        (each, verdict)
        for each in found.ranking
        if (verdict := verdict_on(found, each.strategy)) is not None
    ]
    of = {
        outcome: [(each, verdict) for each, verdict in rivals if verdict.outcome == outcome]
        for outcome in ("better", "cannot tell", "worse")
    }
    worse = [each.strategy for each, _ in of["worse"]]
    if of["better"]:
        return _better(found, of["better"])
    if of["cannot tell"]:
        line = _undecided(found, of["cannot tell"])
        return line + f"; {_listed(worse)} {'are' if worse[1:] else 'is'} worse" * bool(worse)
    each, verdict = of["worse"][0]
    line = f"{each.strategy} is worse than {found.baseline}{p_words(verdict)}"
    loss = None if each.saving is None else each.saving.negated()
    if loss is not None and _is_sure(loss):
        line = f"{_reaches(found, found.baseline, each.strategy, loss)}: {each.strategy} is worse"
        line += p_words(verdict)
    return line + f"; so {'are' if worse[2:] else 'is'} {_listed(worse[1:])}" * bool(worse[1:])


_Rivals = Sequence[tuple[StrategyNumbers, Verdict]]


def _better(found: Comparison, better: _Rivals) -> str:
    """Return the sentence on the one that saves the most among those that are better."""
    best, verdict = max(better, key=lambda one: (_is_sure(one[0].saving), _greatest(one[0].saving)))
    name, base, saving = best.strategy, found.baseline, best.saving
    if saving is not None and _is_sure(saving):
        line = f"{_reaches(found, name, str(base), saving)}: better{p_words(verdict)}"
    else:
        line = f"{name} is better than {base}{p_words(verdict)}"
        if saving is not None:
            line += f", but not surely by the end: {found.counts} saved {_amount(found, saving)}"
    beaten = {
        one.second
        for each in found.verdicts
        for one in (each, each.swapped())
        if one.first == name and one.outcome == "better"
    }
    others = [each.strategy for each, _ in better if each is not best]
    if open_ := [other for other in others if other not in beaten]:
        return f"{line}; cannot tell it from {_listed(open_)}"
    return line + f"; also better than {_listed(others)}" * bool(others)


def _undecided(found: Comparison, undecided: _Rivals) -> str:
    """Return the sentence where nothing is better, with what would help."""
    best, verdict = undecided[0]
    names = [each.strategy for each, _ in undecided]
    who = _listed(names, "or") if len(names) <= _FEW else f"any of {len(names)} strategies"
    line = f"cannot tell whether {who} is better than {found.baseline}"
    line += f"; of {best.strategy}" * bool(names[1:])
    if best.saving is not None:
        line += f": {found.counts} saved {_amount(found, best.saving)}"
    return line + p_words(verdict) + _help(verdict)


def _reaches(found: Comparison, winner: str, loser: str, saving: Saving) -> str:
    low, high = saving_ends(saving, unit(found))
    amount = f"at least {high.removeprefix('≥')}"
    if saving.amount is not None:
        amount = signed_number(saving.amount, unit(found))
    less = "less cost" if found.counts == "cost" else f"fewer {found.counts}"
    metric = metric_words(found.metric)
    return f"{winner} reaches {loser}'s final {metric} with {amount} {less}, 95 % {low} to {high}"


def _amount(found: Comparison, saving: Saving) -> str:
    """Return an amount that may have either sign, with its interval where it has one."""
    ends = saving_ends(saving, unit(found))
    amount = "not measured"
    if saving.amount is not None:
        amount = signed_number(saving.amount, unit(found), signed=True)
    return amount if saving.low is None else f"{amount}, 95 % {ends[0]} to {ends[1]}"


def _listed(names: Sequence[str], word: str = "and") -> str:
    return f" {word} ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


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
        return f"{first} and {second}: cannot tell{_help(verdict)}"
    gap = f"AUBC {estimate_cell(verdict.area, signed=True)}{p_words(verdict)}"
    if verdict.outcome == "better":
        return f"{first} is better than {second}: {gap}, {wins_cell(verdict)} seeds"
    seeds = f" with {n} seed{'s' * (n > 1)}" if n == 1 or verdict.p_adjusted is not None else ""
    return f"{first} and {second}: cannot tell{seeds} ({gap}){_help(verdict)}"


def _help(verdict: Verdict) -> str:
    """Return why a verdict is open, or what would decide it, as it goes on a sentence."""
    n, needed = len(verdict.seeds), verdict.seeds_needed
    if not n:
        return ", they share no seed"
    if n == 1:
        return "; one seed gives no verdict: add --seeds 5"
    if verdict.p_adjusted is None:
        return f"; all {n} seeds differ by the same, which is no evidence"
    if needed is None or needed <= n:
        return ""
    about = f"about {needed}" if needed <= _MANY else f"more than {_MANY:,}"
    return f"; a difference of this size would need {about} seeds"


def _is_sure(saving: Saving | None) -> bool:
    return saving is not None and saving.low is not None and saving.low > 0


def _greatest(saving: Saving | None) -> float:
    if saving is None:
        return float("-inf")
    if saving.amount is None:
        return float("inf") if saving.is_censored_high else float("-inf")
    return saving.amount
