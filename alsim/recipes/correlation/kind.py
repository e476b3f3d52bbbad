"""Recipes of correlation studies: tables of the source."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from alsim.analysis.correlation import Correlation
from alsim.analysis.statistics.paired import Outcome
from alsim.errors import nearest
from alsim.experiments.correlation import CONTROL
from alsim.options.correlation import CorrelateOptions
from alsim.options.faults import Faults
from alsim.options.option import read
from alsim.options.types import shown
from alsim.plots import Drawing
from alsim.plots.scatter import draw_scatter
from alsim.recipes.recipe import (
    Picture,
    Settings,
    Studies,
    StudyKind,
    Tell,
    of_each_study,
    scaled_size,
)
from alsim.store.correlation import CorrelationStudy
from alsim.strategies import find_strategy
from alsim.studies.correlation.check import FLAG, check_metric_names, metric_names
from alsim.studies.correlation.run import correlate
from alsim.studies.start.check import study_of

Sign = Literal["positive", "negative", "either", "none"]


@dataclass(frozen=True, slots=True)
class CorrelationClaim:
    """A finding of the source about a metric. `says` is the finding in words."""

    says: str
    kind: Literal["correlates"]
    metric: str
    sign: Sign  # either: the source does not tell which; none: as groups at random


@dataclass(frozen=True, slots=True)
class CorrelationVerdict:
    """What became of a claim in one study."""

    study: str
    claim: CorrelationClaim
    found: Correlation

    @property
    def outcome(self) -> Outcome:
        """Return what the interval over seeds says of a sign; of none, what the null band says.

        A sign held where the whole interval lies on its side, and did not where it lies on the
        other. That of groups at random leaves its band in one study of twenty.
        """
        is_within = self.found.is_within_null
        if self.claim.sign == "none" and is_within is not None:
            return "held" if is_within else "did not hold"
        interval = self.found.fisher
        if (
            self.claim.sign in ("either", "none")
            or interval is None
            or interval[0] <= 0 <= interval[1]
        ):
            return "cannot tell"
        return "held" if (interval[0] > 0) == (self.claim.sign == "positive") else "did not hold"

    @property
    def numbers(self) -> str:
        """Return ρ, its interval over seeds, p and the null band in words."""
        found = self.found
        seeds = found.seeds_in_words
        if found.mean is None:
            return f"ρ of {found.metric} is undefined in {seeds}"
        text = f"ρ of {found.metric} {found.mean:+z.3f}"
        if found.fisher is not None:
            text += f", 95 % {found.fisher[0]:+z.2f} … {found.fisher[1]:+z.2f} over seeds"
        text += f", p = {found.p:.2g} by permutation, {seeds}"
        if found.null_mean is not None:
            low, high = found.null_mean
            text += f"; groups at random {low:+z.2f} … {high:+z.2f}"
        if self.claim.sign == "either":
            text += "; the source does not say which sign it means"
        return text

    def to_json(self) -> dict[str, Any]:
        """Return the verdict as JSON values."""
        found = self.found
        return {
            **asdict(self.claim),
            "study": self.study,
            "outcome": self.outcome,
            "numbers": self.numbers,
            "mean": found.mean,
            "over_seeds": None if found.fisher is None else list(found.fisher),
            "p": found.p,
            "null_band_of_mean": None if found.null_mean is None else list(found.null_mean),
            "per_seed": {str(seed): rho for seed, rho in found.rhos.items()},
        }


def _read(settings: Settings, faults: Faults) -> object:
    options = read(CorrelateOptions, settings, faults)
    study, metrics = study_of(options, metric_names(options.metric), FLAG, faults)
    check_metric_names(options.metric, options.label, metrics, faults)
    return study


def _check_claim(claim: Settings, studies: Studies, where: str, tell: Tell) -> None:
    known = (*next(iter(studies.values()))["metric"], CONTROL)
    if claim["metric"] not in known:
        tell(
            f"metric in {where} is {shown(claim['metric'])}, which the study does not have",
            nearest(claim["metric"], known),
        )


def _check_picture(picture: Settings, tell: Tell) -> None:
    if picture:
        tell("[figure] has no meaning for a correlation", "leave it out")


def _scaled(settings: Settings, scale: float) -> dict[str, Any]:
    """Return settings with the initial labels and the groups' size multiplied.

    The number of groups stays.
    """
    group = settings["group_size"]
    size = scaled_size(group, scale)
    return {
        **settings,
        "initial_size": scaled_size(settings["initial_size"], scale, 2),
        "group_size": size,
        "sample_size": settings["sample_size"] // group * size,
    }


def _sizes(settings: Settings) -> str:
    return (
        f"{settings['initial_size']:,} initial labels, groups of {settings['group_size']}, "
        "as many as before"
    )


def _judge(
    claim: CorrelationClaim, done: CorrelationStudy, settings: Settings, study: str
) -> CorrelationVerdict:
    del settings
    found = {each.metric: each for each in done.correlations}
    name = find_strategy(metric_names((claim.metric,))[0]).name
    return CorrelationVerdict(study, claim, found[name])


def _method(verdicts: Sequence[CorrelationVerdict]) -> str:
    n = len(verdicts)
    return "a sign is tested by the 95 % interval over seeds, chance by the null band" + (
        f"; each alone, not corrected for there being {n}" if n > 1 else ""
    )


def _draw(done: CorrelationStudy, picture: Picture, title: str) -> Drawing:
    del picture
    return draw_scatter(done.groups, done.correlations, title=title)


CORRELATION = StudyKind(
    table="correlation",
    make=correlate,
    options=CorrelateOptions,
    read=_read,
    names="metric",
    needs=("metric", "initial_size", "sample_size", "group_size"),
    not_here=("pool", "seeds", "out", "watch", "force", "initial_ids"),
    claim=CorrelationClaim,
    check_claim=_check_claim,
    picture=Picture,
    check_picture=_check_picture,
    scaled=_scaled,
    takes_candidates=False,
    sizes=_sizes,
    judge=of_each_study(_judge),
    method=_method,
    draw=_draw,
)
