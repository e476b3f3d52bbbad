"""A recipe's claims about passive training against the tables of its studies.

What is tested is fixed before any run: differences seed by seed, since nets of a seed are trained
on the same labels, by the two-sided t-test of `alsim.analysis.statistics.mean_test`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from alsim.analysis.statistics.mean_test import t_test
from alsim.analysis.statistics.paired import judge_above
from alsim.measures import SCORES
from alsim.recipes.recipe import Studies
from alsim.recipes.training.measured import MEAN, BySeed, Measured, Place
from alsim.recipes.verdict import Finding, Verdict, verdict_on
from alsim.store.training import TrainingStudy

TrainingClaimKind = Literal["better", "gains-more", "spreads-more", "agrees-more"]
Metric = Literal["accuracy", "auc", "nll", "mse", "train_loss", "validation_loss"]


@dataclass(frozen=True, slots=True)
class TrainingClaim(Finding):
    """A finding of the source about models.

    better: `model` is better than `than`, or than itself by another evaluation. gains-more: it is
    so by more than elsewhere, at another fraction or in another study. spreads-more: its runs lie
    further from their median. agrees-more: its tasks agree more on their experts than elsewhere,
    beyond what chance gives at the number of experts that they use. Here is `fraction` and
    `study`, elsewhere `than_fraction` and `than_study`.
    """

    kind: TrainingClaimKind
    model: str
    than: str | None = None
    metric: Metric = "accuracy"
    task: str = MEAN
    fraction: float | None = None  # None: the largest that is trained on
    than_fraction: float | None = None  # None: as `fraction`
    evaluation: str | None = None  # of stochastic gates; None: that by which training was stopped
    than_evaluation: str | None = None
    study: str | None = None  # None: tested in each study
    than_study: str | None = None
    relative: bool = False  # logarithms are compared, as where seeds differ in scale


@dataclass(frozen=True, slots=True, eq=False)
class _Sides:
    """The two sides of a claim: what is compared seed by seed, and where it was measured."""

    what: str
    mine: BySeed
    theirs: BySeed
    raw: Mapping[Place, BySeed]  # as measured, by what each side is made of
    pairs: Sequence[tuple[str, Sequence[Place]]]  # where, and the nets that stand side by side
    sign: int = 1  # −1: the smaller is the better

    @property
    def seeds(self) -> list[int]:
        return sorted(self.mine.keys() & self.theirs.keys())


def judge_training(
    claims: Sequence[TrainingClaim], runs: Mapping[str, TrainingStudy], studies: Studies
) -> list[Verdict]:
    """Return what became of each claim in each study, then of those between studies."""
    measured = Measured(runs, studies)
    within = [(claim, study) for study in runs for claim in claims if claim.study is None]
    across = [(claim, claim.study) for claim in claims if claim.study is not None]
    return [_judge(claim, study, measured) for claim, study in (*within, *across)]


def _judge(claim: TrainingClaim, study: str, measured: Measured) -> Verdict:
    compare = _elsewhere if claim.kind in ("gains-more", "agrees-more") else _here
    sides = compare(claim, study, measured)
    remarks, facts = _seeds_that_count(sides, measured)
    per_seed = {seed: sides.mine[seed] - sides.theirs[seed] for seed in sides.seeds}
    outcome = "cannot tell"
    if not per_seed:
        remarks.insert(0, "not measured")
    else:
        for words, found in (_averages(claim, sides), _experts_used(claim, sides, measured)):
            remarks += words
            facts |= found
        outcome = judge_above(t_test(sides.sign * np.array(list(per_seed.values()))))
        diverged = [measured.seeds(place)[1] for place in sides.raw]
        if claim.kind == "spreads-more" and diverged[0] != diverged[1]:
            # A net that diverged lies furthest of all from the median; without it spread is hidden.
            outcome = "cannot tell"
            remarks.append("spreads cannot be compared: of some seeds one model alone diverged")
    within, remark = "" if claim.study else study, "; ".join(remarks)
    return verdict_on(within, claim, outcome, sides.what, per_seed, remark, facts=facts)


def _here(claim: TrainingClaim, study: str, measured: Measured) -> _Sides:
    """Return two models, or two evaluations of one, side by side."""
    here = measured.place(study, claim.model, claim.fraction, claim.evaluation)
    other = measured.place(study, claim.than or claim.model, claim.fraction, claim.than_evaluation)
    raw = {place: measured.values(place, claim.metric, claim.task) for place in (here, other)}
    mine, theirs = (_scaled(raw[place], claim) for place in (here, other))
    less = f"{here.name} less {other.name}"
    if here.model == other.model:
        less = f"{here.model}, {here.evaluation} less {other.evaluation}"
    pairs = [("", (here, other))]
    if claim.kind == "better":
        sign = 1 if claim.metric in SCORES else -1
        return _Sides(f"{_what(claim)}, {less}", mine, theirs, raw, pairs, sign)
    seeds = sorted(mine.keys() & theirs.keys())
    mine, theirs = (_distances(values, seeds) for values in (mine, theirs))
    what = f"distance of {_what(claim)} from its median over seeds, {less}"
    return _Sides(what, mine, theirs, raw, pairs)


def _elsewhere(claim: TrainingClaim, study: str, measured: Measured) -> _Sides:
    """Return a gain or an agreement beside that at another fraction or in another study."""
    here = measured.place(study, claim.model, claim.fraction, claim.evaluation)
    fraction = claim.fraction if claim.than_fraction is None else claim.than_fraction
    there = measured.place(claim.than_study or study, claim.model, fraction, claim.evaluation)
    where = f"{_where(here, there)} less {_where(there, here)}"
    if claim.kind == "agrees-more":
        raw = {place: measured.agreement(place) for place in (here, there)}
        what = f"agreement beyond chance between the experts of two tasks, {here.model}, {where}"
        return _Sides(what, raw[here], raw[there], raw, [("", (here, there))])
    raw, gains, pairs = {}, list[BySeed](), list[tuple[str, Sequence[Place]]]()
    other, sign = here, 1 if claim.metric in SCORES else -1
    for mine, away in ((here, there), (there, here)):
        other = measured.place(mine.study, claim.than or "", mine.fraction, claim.than_evaluation)
        both = mine, other
        raw |= {place: measured.values(place, claim.metric, claim.task) for place in both}
        one, two = (_scaled(raw[place], claim) for place in both)
        gains.append({s: sign * (one[s] - two[s]) for s in sorted(one.keys() & two.keys())})
        pairs.append((_where(mine, away), both))
    what = f"how much better in {_what(claim)} {here.name} is than {other.name}, {where}"
    return _Sides(what, gains[0], gains[1], raw, pairs)


def _seeds_that_count(sides: _Sides, measured: Measured) -> tuple[list[str], dict[str, Any]]:
    """Return how many seeds count and why others do not, in words where there are others."""
    parts = zip(*(measured.seeds(place) for place in sides.raw), strict=True)
    trained, diverged = (set[int]().union(*found) for found in parts)
    counted = set(sides.seeds)
    measured_seeds = set.intersection(*(set(values) for values in sides.raw.values()))
    reasons = {
        "diverged": len(diverged - counted),
        "without a logarithm": len(measured_seeds - counted - diverged),
        "not measured": len(trained - measured_seeds - diverged),
    }
    facts = {"counted": len(counted), "of": len(trained)}
    facts |= {reason.replace(" ", "_"): n for reason, n in reasons.items()}
    words = [f"{n} {reason}" for reason, n in reasons.items() if n]
    is_plain = not words or (not counted and reasons["not measured"] == len(trained))
    return [] if is_plain else [f"{len(counted)} of {len(trained)} seeds", *words], {"seeds": facts}


def _averages(claim: TrainingClaim, sides: _Sides) -> tuple[list[str], dict[str, Any]]:
    """Return the numbers behind a difference over the seeds that count: means, or deviations."""
    seeds = sides.seeds
    if claim.kind == "spreads-more":
        if len(seeds) < 2:
            return [], {}
        scaled = (_scaled(values, claim) for values in sides.raw.values())
        one, two = (float(np.std([values[s] for s in seeds], ddof=1)) for values in scaled)
        text = f"standard deviations of {_scale(claim)}{claim.metric} {one:.3g} and {two:.3g}"
        return [text], {"standard_deviations": [one, two]}
    both = tuple(sides.raw.values()) if claim.kind == "better" else (sides.mine, sides.theirs)
    one, two = (float(np.mean([values[s] for s in seeds])) for values in both)
    return [f"{one:.4g} against {two:.4g} on average"], {"means": [one, two]}


def _experts_used(
    claim: TrainingClaim, sides: _Sides, measured: Measured
) -> tuple[list[str], dict[str, Any]]:
    """Return the mean Σp of each net with stochastic gates, which does not follow from its λ."""
    words: list[str] = []
    facts: list[dict[str, Any]] = []
    for where, places in sides.pairs:
        nets = {(p.study, p.model, p.fraction): p for p in places}
        found: list[dict[str, Any]] = []
        for (study, model, fraction), place in nets.items():
            of_seeds = measured.experts_used(place, claim.task)
            if used := [of_seeds[seed] for seed in sides.seeds if seed in of_seeds]:
                mean = float(np.mean(used))
                found.append({"study": study, "model": model, "fraction": fraction, "mean": mean})
        if found:
            text = " against ".join(f"{each['mean']:.1f}" for each in found)
            text += f" by {found[0]['model']}" if len(found) < len(nets) else ""
            words.append(f"{text} {where}".rstrip())
            facts += found
    return [f"experts used: {', '.join(words)}"] * bool(words), {"experts_used": facts}


def _scaled(values: BySeed, claim: TrainingClaim) -> BySeed:
    """Return the values as they are compared; those without a logarithm are left out."""
    if not claim.relative:
        return values
    return {seed: float(np.log(value)) for seed, value in values.items() if value > 0}


def _distances(values: BySeed, seeds: Sequence[int]) -> BySeed:
    """Return how far each seed lies from the median, as Brown and Forsythe (1974) compare spreads.

    A departure: they take the groups to be independent; here the distances are compared seed by
    seed, since both models of a seed share data and labels.
    """
    if not seeds:
        return {}
    middle = float(np.median([values[seed] for seed in seeds]))
    return {seed: abs(values[seed] - middle) for seed in seeds}


def _what(claim: TrainingClaim) -> str:
    task = "mean over tasks" if claim.task == MEAN else claim.task
    return f"{_scale(claim)}{claim.metric} ({task})"


def _scale(claim: TrainingClaim) -> str:
    return "log " if claim.relative else ""


def _where(place: Place, other: Place) -> str:
    """Return what distinguishes one place from another."""
    return place.study if place.study != other.study else f"at {place.fraction:g} of the labels"
