"""The answer of a comparison in one sentence: who saves how much, and how sure that is."""

import re
from collections.abc import Sequence

from alsim.analysis.curves.comparison import Comparison, StrategyNumbers
from alsim.analysis.curves.savings import Saving
from alsim.analysis.curves.verdicts import Verdict
from alsim.analysis.statistics.paired import ALPHA

_MANY = 1000  # seeds: above, no exact number is given
_FEW = 3  # strategies that are named in a sentence

_Rivals = Sequence[tuple[StrategyNumbers, Verdict]]


def headline(found: Comparison) -> str:
    """Return the answer in a sentence: what the best strategy saves, and how sure that is.

    The certainty is that of the verdict; an amount whose interval does not agree is said to be
    open.
    """
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
    base = str(found.baseline_of(best.strategy))
    line = f"{best.strategy} is worse than {base}{p_words(verdict)}"
    loss = None if best.saving is None else best.saving.negated()
    if loss is not None and _is_sure(loss):
        line = f"{_reaches(found, base, best.strategy, loss)}: {best.strategy} is worse"
        line += p_words(verdict)
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


def saving_words(found: Comparison, saving: Saving | None) -> str:
    """Return an amount that may have either sign, with its interval where it has one."""
    if saving is None:
        return "not measured"
    low, high = saving_ends(saving, unit(found))
    amount = "not measured"
    if saving.amount is not None:
        amount = signed_number(saving.amount, unit(found), signed=True)
    return amount if saving.low is None else f"{amount}, 95 % {low} to {high}"


def saving_ends(saving: Saving, form: str) -> tuple[str, str]:
    """Return the ends of a saving's interval, marked where they lie beyond what was measured."""
    ends = (saving.low, saving.is_censored_low, "≤"), (saving.high, saving.is_censored_high, "≥")
    low, high = (
        "–" if value is None else sign * is_open + signed_number(value, form)
        for value, is_open, sign in ends
    )
    return low, high


def what_would_decide(verdict: Verdict) -> str:
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


def p_words(verdict: Verdict) -> str:
    """Return a verdict's p-value as it goes on a sentence; nothing where there is none."""
    if verdict.p_adjusted is None:
        return ""
    p = p_text(verdict.p_adjusted)
    return f", p {p}" if p.startswith("<") else f", p = {p}"


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
        return max(better, key=lambda one: (_is_sure(one[0].saving), _greatest(one[0].saving)))
    return next((one for one in rivals if one[1].outcome == "cannot tell"), rivals[0])


def _better(found: Comparison, better: _Rivals) -> str:
    """Return the sentence on the one that saves the most among those that are better."""
    best, verdict = _best(better)
    name, saving = best.strategy, best.saving
    base = found.baseline_of(name)
    if saving is not None and _is_sure(saving):
        line = f"{_reaches(found, name, str(base), saving)}: better{p_words(verdict)}"
    else:
        line = f"{name} is better than {base}{p_words(verdict)}"
        if saving is not None:
            amount = saving_words(found, saving)
            line += f", but not surely by the end: {found.counts} saved {amount}"
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
    bases = {str(found.baseline_of(name)) for name in names}
    base = bases.pop() if len(bases) == 1 else "the baseline of its run"
    line = f"cannot tell whether {who} is better than {base}"
    line += f"; of {best.strategy}" * bool(names[1:])
    if best.saving is not None:
        line += f": {found.counts} saved {saving_words(found, best.saving)}"
    return line + p_words(verdict) + what_would_decide(verdict)


def _reaches(found: Comparison, winner: str, loser: str, saving: Saving) -> str:
    low, high = saving_ends(saving, unit(found))
    amount = f"at least {high.removeprefix('≥')}"
    if saving.amount is not None:
        amount = signed_number(saving.amount, unit(found))
    less = "less cost" if found.counts == "cost" else f"fewer {found.counts}"
    metric = metric_words(found.metric)
    return f"{winner} reaches {loser}'s final {metric} with {amount} {less}, 95 % {low} to {high}"


def _listed(names: Sequence[str], word: str = "and") -> str:
    return f" {word} ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


def _is_sure(saving: Saving | None) -> bool:
    return saving is not None and saving.low is not None and saving.low > 0


def _greatest(saving: Saving | None) -> float:
    if saving is None:
        return float("-inf")
    if saving.amount is None:
        return float("inf") if saving.is_censored_high else float("-inf")
    return saving.amount
