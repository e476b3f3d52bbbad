"""The cells of a comparison: what is undefined is a dash or words, never a number."""

import re

from alsim.analysis.curves.answer import (
    lead_ends,
    p_words,
    saving_ends,
    signed_number,
    unit,
    verdict_on,
)
from alsim.analysis.curves.comparison import Comparison, StrategyNumbers
from alsim.analysis.curves.savings import Reach, Saving
from alsim.analysis.curves.verdicts import Verdict
from alsim.analysis.statistics.intervals import Estimate, interval_text
from alsim.cli.screens.output import NOTHING

MONEY = ",.2f"


def estimate_cell(value: Estimate, *, signed: bool = False) -> str:
    """Return an accuracy, or a difference of two, with its interval where it has one."""
    return interval_text(value, points, lambda mean: points(mean, signed=signed))


def level_cell(value: Estimate, found: Comparison) -> str:
    """Return an accuracy, without its own interval where that of a verdict stands beside it."""
    return points(value.mean) if judges_in_table(found) else estimate_cell(value)


def judges_in_table(found: Comparison) -> bool:
    """Whether the table of strategies has verdicts: on each against its baseline."""
    return found.baseline is not None and len(found.strategies) > 1


def points(value: float, form: str = ".4f", *, signed: bool = False) -> str:
    """Return a number of at most 1 without the zero before the point."""
    return re.sub(r"^(\D?)0\.", r"\1.", signed_number(value, form, signed=signed))


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
    if each.strategy == found.baseline_of(each.strategy):
        return "baseline"
    if saving is None:
        return NOTHING
    is_lead = saving is not each.end_saving  # which no verdict is on
    low, high = (
        lead_ends(found, each.strategy, saving, form) if is_lead else saving_ends(saving, form)
    )
    is_open = saving.is_censored_low, saving.is_censored_high
    if saving.amount is not None:
        amount = signed_number(saving.amount, form, signed=True)
    else:
        amount = {(True, False): low, (False, True): high}.get(is_open, NOTHING)
    if saving.low is None or (saving.amount is None and saving.low == saving.high):
        return amount  # without an interval, or all of it lies beyond what was measured
    return f"{amount} [{low}, {high}]"


def verdict_cell(found: Comparison, strategy: str) -> str:
    """Return a strategy's verdict against the baseline with its p-value."""
    outside = next(each.outside for each in found.strategies if each.strategy == strategy)
    if outside is not None:
        return outside
    verdict = verdict_on(found, strategy)
    return NOTHING if verdict is None else verdict.outcome + p_words(verdict)


def joint_cell(verdict: Verdict) -> str:
    """Return the difference of the AUBC with the interval that agrees with the verdict."""
    joint = verdict.joint
    if joint is None:
        return NOTHING
    mean = points(joint.mean, signed=True)
    if joint.low is None or joint.high is None:
        return mean
    low, high = (points(end) for end in (joint.low, joint.high))
    low = ">" * (verdict.outcome == "better" and joint.low == 0) + low
    high = "<" * (verdict.outcome == "worse" and joint.high == 0) + high
    return f"{mean} [{low}, {high}]"


def wins_cell(verdict: Verdict) -> str:
    """Return in how many seeds the first strategy has the greater AUBC; a tie counts half."""
    if verdict.wins is None:
        return NOTHING
    n = len(verdict.seeds)
    return f"{verdict.wins * n:g} of {n}"
