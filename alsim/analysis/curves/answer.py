"""The answer of a comparison in one sentence: who saves how much, and how sure that is."""

import re
from collections.abc import Sequence

from alsim.analysis.curves.comparison import Comparison, StrategyNumbers
from alsim.analysis.curves.savings import Saving
from alsim.analysis.curves.verdicts import Verdict
from alsim.analysis.statistics.anytime import FEW
from alsim.analysis.statistics.intervals import ALPHA

NOT_TESTED = "not tested"
_MANY = 1000  # seeds: above, no exact number is given
_FEW = 3  # strategies that are named in a sentence

_Rivals = Sequence[tuple[StrategyNumbers, Verdict]]


def headline(found: Comparison) -> str:
    """Return the answer in a sentence: what the best strategy saves, and how sure that is."""
    if len(found.strategies) == 1:
        return f"{found.strategies[0].strategy} is the only strategy: nothing to compare it with"
    if found.baseline is None:
        return f"no baseline to save {found.counts} against: verdicts only"
    rivals = _rivals(found)
    if not rivals:
        return f"nothing to compare {found.baseline} with"
    worse = [each.strategy for each, verdict in rivals if verdict.outcome == "worse"]
    best, verdict = _best(rivals)
    if verdict.outcome == "better":
        return _better(found, [one for one in rivals if one[1].outcome == "better"])
    if verdict.outcome == "cannot tell":
        line = _undecided(found, [one for one in rivals if one[1].outcome == "cannot tell"])
        return line + f"; {_listed(worse)} {'are' if worse[1:] else 'is'} worse" * bool(worse)
    line = f"{_is(found, best, 'worse')}{p_words(verdict)}"
    return line + f"; so {'are' if worse[2:] else 'is'} {_listed(worse[1:])}" * bool(worse[1:])


def best_of(found: Comparison) -> str | None:
    """Return the strategy that the answer is about, None without a baseline or another one.

    The one that saves the most among those that are better; if none is, the first by rank of those
    that are not worse, if any.
    """
    rivals = _rivals(found)
    return _best(rivals)[0].strategy if rivals else None


def verdict_on(found: Comparison, strategy: str) -> Verdict | None:
    """Return the verdict on a strategy against the baseline, None for the baseline itself."""
    base = found.baseline_of(strategy)
    for each in found.verdicts:
        if (each.first, each.second) == (strategy, base):
            return each
        if (each.first, each.second) == (base, strategy):
            return each.swapped()
    return None


def at_end_words(found: Comparison) -> str | None:
    """Return what the best strategy saves at the end, in a sentence.

    It has an interval only beside a verdict that was reached: one that excludes 0 would seem to
    contradict "cannot tell". None where there is no saving, or the mean curves do not meet.
    """
    best = best_of(found)
    saving = next((s.end_saving for s in found.strategies if s.strategy == best), None)
    if best is None or saving is None or saving.amount is None:
        return None
    base, metric = found.baseline_of(best), metric_words(found.metric)
    winner, loser = (best, base) if saving.amount >= 0 else (base, best)
    of = saving if saving.amount >= 0 else saving.negated()
    ends = end_certainty(found, best, of)
    amount = f"{signed_number(of.amount or 0.0, unit(found))} {_less(found)}"
    line = f"at the end: {winner} reaches {loser}'s final {metric} with {amount}"
    return f"{line} ({ends})" if ends else line


def end_certainty(found: Comparison, strategy: str, saving: Saving) -> str:
    """Return what is known of the certainty of a strategy's saving at the end, in words."""
    verdict = verdict_on(found, strategy)
    if saving.low is None:
        return ""
    if verdict is None or verdict.outcome == "cannot tell":
        return NOT_TESTED
    return f"95 % {' to '.join(saving_ends(saving, unit(found)))}"


def saving_words(found: Comparison, saving: Saving | None) -> str:
    """Return an amount that may have either sign, with its interval where it has one."""
    if saving is None:
        return "not measured"
    amount = "not measured"
    if saving.amount is not None:
        amount = signed_number(saving.amount, unit(found), signed=True)
    if saving.low is None:
        return amount
    return f"{amount} (95 % {' to '.join(saving_ends(saving, unit(found)))})"


def gain_words(found: Comparison, saving: Saving) -> str:
    """Return the interval of a saving that is above 0 by a verdict.

    "95 % 210 to 640", or "above 0, up to 640" where the verdict cuts it.
    """
    low, high = saving_ends(saving, unit(found))
    if saving.low == 0:
        return f"above 0, up to {high.removeprefix('≥')}" + " or more" * saving.is_censored_high
    return f"95 % {low} to {high}"


def saving_ends(saving: Saving, form: str) -> tuple[str, str]:
    """Return the ends of a saving's interval, marked where they lie beyond what was measured."""
    ends = (saving.low, saving.is_censored_low, "≤"), (saving.high, saving.is_censored_high, "≥")
    low, high = (
        "–" if value is None else sign * is_open + signed_number(value, form)
        for value, is_open, sign in ends
    )
    return low, high


def lead_ends(found: Comparison, strategy: str, saving: Saving, form: str) -> tuple[str, str]:
    """Return the ends of a strategy's average lead; ">0" and "<0" where the verdict cuts it."""
    low, high = saving_ends(saving, form)
    verdict = verdict_on(found, strategy)
    if verdict is None:
        return low, high
    return (
        ">" * (verdict.outcome == "better" and saving.low == 0) + low,
        "<" * (verdict.outcome == "worse" and saving.high == 0) + high,
    )


def what_would_decide(verdict: Verdict) -> str:
    """Return why a verdict is open, or what would decide it, as it goes on a sentence.

    Never that seeds be added to these until it does, which finds a difference too often.
    """
    n, needed = len(verdict.seeds), verdict.seeds_needed
    if not n:
        return ", they share no seed"
    if n == 1:
        return "; one seed gives no verdict: add --seeds 5"
    if verdict.basis == "planned" and verdict.look is None:
        return "; the looks that were planned are to come: alsim resume"
    if verdict.p_adjusted is None:
        return f"; all {n} seeds differ by the same, which is no evidence"
    if verdict.basis == "planned":
        return ""
    if verdict.basis == "anytime":
        weak = f"; such a p is weak below {FEW} seeds: a new study on unused seeds, with a plan, "
        return (weak + "decides sooner: alsim run --until-decided --seeds …") * (n < FEW)
    if needed is None:
        is_for_rows = verdict.counts_rows and verdict.area is not None and verdict.area.mean
        return "; no number of seeds would show it, only more test rows" * bool(is_for_rows)
    if needed <= n:
        return ""
    about = f"about {needed}" if needed <= _MANY else f"more than {_MANY:,}"
    return f"; a difference of this size would need a new study of {about} seeds"


def p_words(verdict: Verdict) -> str:
    """Return a verdict's p-value as it goes on a sentence; nothing where there is none."""
    if verdict.p_adjusted is None:
        return ""
    if verdict.basis == "planned" and verdict.area is not None and verdict.area.p is not None:
        return f", p {_equal(verdict.area.p)} at {verdict.look} seeds"
    whenever = " at any time" if verdict.basis == "anytime" else ""
    return f", p {_equal(verdict.p_adjusted)}{whenever}"


def _equal(p: float) -> str:
    text = p_text(p)
    return text if text.startswith("<") else f"= {text}"


def p_text(p: float) -> str:
    """Return a p-value with two digits or so, more where rounding would carry it over ALPHA."""
    if p < 0.0001:
        return "< .0001"
    digits = 2 if p >= 0.1 else 3 if p >= 0.01 else 4
    while (round(p, digits) < ALPHA) != (p < ALPHA):
        digits += 1
    return f"{p:.{digits}f}".removeprefix("0")


def metric_words(metric: str) -> str:
    """Return what a column of the steps is called in words."""
    return metric.replace("_", " ").replace("f1", "F1").replace("auc", "AUC")


def unit(found: Comparison) -> str:
    """Return the format of amounts: of labels and questions there are whole numbers only."""
    return ",.0f" if found.x != "cost" or found.end >= 1000 else ",.4g"


def signed_number(value: float, form: str, *, signed: bool = False) -> str:
    """Return a number with a minus sign, or a plus sign if asked for; zero has neither."""
    text = f"{abs(value):{form}}"
    if not re.search("[1-9]", text):
        return text
    return ("−" if value < 0 else "+" if signed else "") + text


def _rivals(found: Comparison) -> _Rivals:
    return [
        (each, verdict)
        for each in found.ranking
        if (verdict := verdict_on(found, each.strategy)) is not None
    ]


def _best(rivals: _Rivals) -> tuple[StrategyNumbers, Verdict]:
    better = [one for one in rivals if one[1].outcome == "better"]
    if better:
        return max(better, key=lambda one: _greatest(one[0].saving))
    return next((one for one in rivals if one[1].outcome == "cannot tell"), rivals[0])


def _better(found: Comparison, better: _Rivals) -> str:
    """Return the sentence on the one that saves the most among those that are better."""
    best, verdict = _best(better)
    line = f"{_is(found, best, 'better')}{p_words(verdict)}"
    others = [each.strategy for each, _ in better if each is not best]
    if not found.all_pairs:
        return line + f"; {_listed(others)} {'are' if others[1:] else 'is'} too" * bool(others)
    beaten = {
        one.second
        for each in found.verdicts
        for one in (each, each.swapped())
        if one.first == best.strategy and one.outcome == "better"
    }
    if open_ := [other for other in others if other not in beaten]:
        return f"{line}; cannot tell it from {_listed(open_)}"
    return line + f"; also better than {_listed(others)}" * bool(others)


def _is(found: Comparison, each: StrategyNumbers, outcome: str) -> str:
    """Return that a strategy is better, or worse, and how far it is ahead on average."""
    line = f"{each.strategy} is {outcome} than {found.baseline_of(each.strategy)}"
    if each.saving is None:
        return line
    lead = each.saving if outcome == "better" else each.saving.negated()
    more = _less(found) if outcome == "better" else f"more {found.counts}"
    is_beyond = lead.amount is None and lead.low == lead.high  # all of the interval
    interval = "" if lead.low is None or is_beyond else f" ({gain_words(found, lead)})"
    if lead.amount is None and lead.is_censored_high:  # the curves are further apart
        return f"{line}, by more {found.counts} than were measured{interval}"
    if lead.amount is None or lead.amount <= 0:  # curves that fall
        return line
    amount = signed_number(lead.amount, unit(found))
    return f"{line}: it needs {amount} {more} on average{interval}"


def _less(found: Comparison) -> str:
    return "less cost" if found.counts == "cost" else f"fewer {found.counts}"


def _undecided(found: Comparison, undecided: _Rivals) -> str:
    """Return the sentence where nothing is better, with what would help."""
    best, verdict = undecided[0]
    names = [each.strategy for each, _ in undecided]
    who = _listed(names, "or") if len(names) <= _FEW else f"any of {len(names)} strategies"
    bases = {str(found.baseline_of(name)) for name in names}
    base = bases.pop() if len(bases) == 1 else "the baseline of its run"
    line = f"cannot tell whether {who} is better than {base}"
    line += f"; of {best.strategy}" * bool(names[1:])
    if best.saving is not None:
        line += f": {found.counts} saved on average {saving_words(found, best.saving)}"
    return line + p_words(verdict) + what_would_decide(verdict)


def _listed(names: Sequence[str], word: str = "and") -> str:
    return f" {word} ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


def _greatest(saving: Saving | None) -> float:
    if saving is None:
        return float("-inf")
    if saving.amount is None:
        return float("inf") if saving.is_censored_high else float("-inf")
    return saving.amount
