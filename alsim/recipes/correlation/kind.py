"""Recipes of correlation studies: tables of the source."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from alsim.analysis.correlation import Correlation
from alsim.analysis.statistics.paired import Outcome
from alsim.experiments.correlation import CONTROL
from alsim.options.texts import parse_names
from alsim.plots.scatter import draw_scatter
from alsim.recipes.file import Fault, look_up
from alsim.recipes.recipe import RecipeKind, Studies, scaled_size
from alsim.recipes.verdict import Finding, Verdict
from alsim.store.correlation import CorrelationStudy
from alsim.strategies import find_strategy
from alsim.studies.correlation.check import metric_names
from alsim.studies.declared import Settings
from alsim.studies.kinds import KINDS

Sign = Literal["positive", "negative", "either", "none"]


@dataclass(frozen=True, slots=True)
class CorrelationClaim(Finding):
    """A finding of the source about a metric."""

    kind: Literal["correlates"]
    metric: str
    sign: Sign  # either: the source does not say which; none: as groups at random


def judge_correlation(claim: CorrelationClaim, found: Correlation, study: str) -> Verdict:
    """Return what became of a claim in one study, by the correlation that it measured."""
    facts = {
        "mean": found.mean,
        "over_seeds": None if found.fisher is None else list(found.fisher),
        "p": found.p,
        "p_within": found.p_within,
        "null_band_of_mean": None if found.null_mean is None else list(found.null_mean),
        "per_seed": {str(seed): rho for seed, rho in found.rhos.items()},
    }
    return Verdict(study, claim, _outcome(claim.sign, found), _numbers(claim.sign, found), facts)


def _outcome(sign: Sign, found: Correlation) -> Outcome:
    """Return what the interval over seeds says of a sign; of none, what the null band says.

    A sign held where the whole interval lies on its side, and did not where it lies on the other.
    That of groups at random leaves its band in one study of twenty.
    """
    if sign == "none" and found.is_within_null is not None:
        return "held" if found.is_within_null else "did not hold"
    interval = found.fisher
    if sign in ("either", "none") or interval is None or interval[0] <= 0 <= interval[1]:
        return "cannot tell"
    return "held" if (interval[0] > 0) == (sign == "positive") else "did not hold"


def _numbers(sign: Sign, found: Correlation) -> str:
    """Return ρ, its interval and p over seeds, and the null band in words."""
    if found.mean is None:
        return f"ρ of {found.metric} is undefined in {found.seeds_in_words}"
    text = f"ρ of {found.metric} {found.mean:+z.3f}"
    if found.fisher is not None:
        text += ", 95 % {:+z.2f} … {:+z.2f}".format(*found.fisher)
        text += f", p = {found.p:.2g} over {found.seeds_in_words}"
    else:
        text += f", {found.seeds_in_words}: p = {found.p_within:.2g}, only within these starts"
    if found.null_mean is not None:
        text += "; groups at random {:+z.2f} … {:+z.2f}".format(*found.null_mean)
    return text + ("; the source does not say which sign it means" if sign == "either" else "")


def _check_claim(claim: CorrelationClaim, studies: Studies, where: str, fault: Fault) -> None:
    known = (*parse_names(next(iter(studies.values()))["metric"]), CONTROL)
    look_up(claim, "metric", known, "which the study does not have", where, fault)


def _scaled(settings: Settings, scale: float) -> Settings:
    """Return the initial labels and the groups' size multiplied; the number of groups stays."""
    group = settings["group_size"]
    size = scaled_size(group, scale)
    return {
        "initial_size": scaled_size(settings["initial_size"], scale, 2),
        "group_size": size,
        "sample_size": settings["sample_size"] // group * size,
    }


def _sizes(settings: Settings) -> str:
    start, group = settings["initial_size"], settings["group_size"]
    return f"{start:,} initial labels, groups of {group}, as many as before"


def _judge(
    claims: Sequence[CorrelationClaim], runs: Mapping[str, CorrelationStudy], studies: Studies
) -> list[Verdict]:
    """Return what became of each claim in each study."""
    del studies
    names = {each: find_strategy(metric_names((each.metric,))[0]).name for each in claims}
    return [
        judge_correlation(claim, found, study)
        for study, done in runs.items()
        for claim in claims
        for found in done.correlations
        if found.metric == names[claim]
    ]


def _method(verdicts: Sequence[Verdict]) -> str:
    n = len(verdicts)
    text = "a sign is tested by p and the 95 % interval over seeds, chance by the null band"
    return f"{text}; each alone, not corrected for there being {n}" if n > 1 else text


CORRELATION = RecipeKind(
    study=KINDS["correlation"],
    names="metric",
    needs=("metric", "initial_size", "sample_size", "group_size"),
    leave_out=("initial_ids",),  # --scale would have to know of them
    claim=CorrelationClaim,
    check_claim=_check_claim,
    scaled=_scaled,
    sizes=_sizes,
    judge=_judge,
    method=_method,
    draw=lambda done, _, title: draw_scatter(done.groups, done.correlations, title=title),
)
