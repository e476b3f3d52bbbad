"""The cells of a comparison: what is undefined is a dash or words, never a number."""

import re

from alsim.analysis.curves.comparison import Comparison, StrategyNumbers
from alsim.analysis.curves.savings import Reach, Saving
from alsim.analysis.curves.verdicts import Verdict
from alsim.analysis.statistics.intervals import Estimate, interval_text
from alsim.analysis.statistics.paired import ALPHA
from alsim.cli.screens.output import NOTHING

MONEY = ",.2f"


def metric_words(metric: str) -> str:
    """Return what a column of the steps is called in words."""
    return metric.replace("_", " ").replace("f1", "F1").replace("auc", "AUC")


def estimate_cell(value: Estimate, *, signed: bool = False) -> str:
    """Return an accuracy, or a difference of two, with its interval where it has one."""
    return interval_text(value, points, lambda mean: points(mean, signed=signed))


def points(value: float, form: str = ".4f", *, signed: bool = False) -> str:
    """Return a number of at most 1 without the zero before the point."""
    return re.sub(r"^(\D?)0\.", r"\1.", signed_number(value, form, signed=signed))


def p_text(p: float) -> str:
    """Return a p-value with two digits or so, more where rounding would carry it over ALPHA."""
    if p < 0.0001:
        return "< .0001"
    digits = 2 if p >= 0.1 else 3 if p >= 0.01 else 4
    while (round(p, digits) < ALPHA) != (p < ALPHA):
        digits += 1
    return f"{p:.{digits}f}".removeprefix("0")


def reach_cell(reach: Reach | None, n_seeds: int, found: Comparison) -> str:
    """Return the mean over seeds of what was needed; a bound where that was not measured."""
    if reach is None:
        return NOTHING
    if reach.at_least <= found.start:  # reached before the first query
        return f"≤ {found.start:{unit(found)}}"
    if not reach.n_missed:
        return "≤ " * bool(reach.n_at_start) + f"{reach.at_least:{unit(found)}}"
    if reach.labels is None:
        return f"beyond {found.end:{unit(found)}}"
    return f"≥ {reach.at_least:{unit(found)}} ({reach.labels.n} of {n_seeds})"


def saving_cell(each: StrategyNumbers, saving: Saving | None, found: Comparison, form: str) -> str:
    """Return an amount with its interval; an end that lies beyond what was measured says so."""
    if each.strategy == found.baseline:
        return "baseline"
    if saving is None:
        return NOTHING
    low, high = saving_ends(saving, form)
    is_open = saving.is_censored_low, saving.is_censored_high
    if saving.amount is not None:
        amount = signed_number(saving.amount, form, signed=True)
    else:
        amount = {(True, False): low, (False, True): high}.get(is_open, NOTHING)
    if saving.low is None or (saving.amount is None and saving.low == saving.high):
        return amount  # without an interval, or all of it lies beyond what was measured
    return f"{amount} [{low}, {high}]"


def saving_ends(saving: Saving, form: str) -> tuple[str, str]:
    """Return the ends of a saving's interval."""
    low = _end(saving.low, saving.is_censored_low, "≤", form)
    return low, _end(saving.high, saving.is_censored_high, "≥", form)


def verdict_on(found: Comparison, strategy: str) -> Verdict | None:
    """Return the verdict on a strategy against the baseline, None for the baseline itself."""
    for each in found.verdicts:
        if (each.first, each.second) == (strategy, found.baseline):
            return each
        if (each.first, each.second) == (found.baseline, strategy):
            return each.swapped()
    return None


def verdict_cell(found: Comparison, strategy: str) -> str:
    """Return a strategy's verdict against the baseline with its p-value."""
    verdict = verdict_on(found, strategy)
    return NOTHING if verdict is None else verdict.outcome + p_words(verdict)


def p_words(verdict: Verdict) -> str:
    """Return a verdict's p-value as it goes on a sentence; nothing where there is none."""
    if verdict.p_adjusted is None:
        return ""
    p = p_text(verdict.p_adjusted)
    return f", p {p}" if p.startswith("<") else f", p = {p}"


def wins_cell(verdict: Verdict) -> str:
    """Return in how many seeds the first strategy has the greater AUBC; a tie counts half."""
    if verdict.wins is None:
        return NOTHING
    n = len(verdict.seeds)
    return f"{verdict.wins * n:g} of {n}"


def unit(found: Comparison) -> str:
    """Return the format of amounts: of labels and questions there are whole numbers only."""
    return ",.0f" if found.x != "cost" or found.end >= 1000 else ",.4g"


def _end(value: float | None, is_censored: bool, sign: str, form: str) -> str:
    if value is None:
        return NOTHING
    return sign * is_censored + signed_number(value, form)


def signed_number(value: float, form: str, *, signed: bool = False) -> str:
    """Return a number with a minus sign, or a plus sign if asked for; zero has neither."""
    text = f"{abs(value):{form}}"
    if not any(digit in text for digit in "123456789"):
        return text
    return ("−" if value < 0 else "+" if signed else "") + text
