"""A recipe's claims against the tables of a run."""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import pyarrow as pa

from alsim.analysis.statistics.intervals import interval_text
from alsim.analysis.statistics.paired import (
    SMALL_BATCH,
    MeanTest,
    Outcome,
    Part,
    dips,
    judge_above,
    judge_not_above,
    labels_saved,
    pair,
    part_area,
    small_batch_steps,
    t_test,
)
from alsim.recipes.recipe import Finding
from alsim.strategies import find_strategy

ClaimKind = Literal["above", "not-above", "labels-saved", "dips", "smooths"]
_PARTS = {
    "whole": "area under the curve",
    "first-quarter": "area under the first quarter of the curve",
    "last-quarter": "area under the last quarter of the curve",
    "end": "last accuracy",
}


@dataclass(frozen=True, slots=True)
class Claim:
    """A finding of the source about strategies. `says` is the finding in words."""

    says: str
    kind: ClaimKind
    strategy: str
    than: str | None = None  # the strategy it is compared with; `dips` has none
    part: Part = "whole"  # of the learning curve, for `above` and `not-above`


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a claim in one study, or between studies: then `study` is empty."""

    study: str
    claim: Finding
    outcome: Outcome
    measured: str  # what the numbers are
    test: MeanTest | None  # None: there was nothing to measure
    per_seed: dict[int, float] = field(default_factory=dict[int, float])
    remark: str = ""
    form: str = "+.4f"  # of the numbers

    @property
    def numbers(self) -> str:
        """Return the numbers in words."""
        return in_words(self)

    def to_json(self) -> dict[str, Any]:
        """Return the verdict as JSON values."""
        return {
            **asdict(self.claim),
            "study": self.study,
            "outcome": self.outcome,
            "numbers": self.numbers,
            "test": None if self.test is None else asdict(self.test),
            "per_seed": {str(seed): value for seed, value in self.per_seed.items()},
        }


def judge_claim(claim: Claim, steps: pa.Table, batch_size: int, study: str = "run") -> Verdict:
    """Return what the steps of a study say of a claim.

    Args:
        claim: Its strategies are in the study.
        steps: The run's steps.
        batch_size: The largest mini-batch asked for, on which `dips` and `smooths` depend.
        study: Which of a recipe's studies this is.

    Raises:
        ValueError: If a strategy has no steps.
    """
    mine = find_strategy(claim.strategy).name
    other = mine if claim.than is None else find_strategy(claim.than).name
    both = pair(steps, mine, other)
    counts = both.n_labelled
    remark = ""
    if claim.kind == "labels-saved":
        saved = labels_saved(counts, both.first, both.second)
        back = labels_saved(counts, both.second, both.first)
        values = saved.labels - back.labels
        measured = f"labels saved by {mine} less those by {other}, by first crossing"
        # A first crossing flatters, so it is given without an interval of its own.
        remark = (
            f"{mine} first reached the last accuracy of {other} (at {saved.end:,} labels) with "
            f"{saved.labels.mean():,.0f} labels fewer, {other} that of {mine} with "
            f"{back.labels.mean():,.0f} fewer"
        )
        for name, one in ((mine, saved), (other, back)):
            if not one.is_reached.all():
                n_never = int((~one.is_reached).sum())
                remark += f"; {name} never did in {n_never} of {len(values)} seeds, counted as 0"
    elif claim.kind in ("dips", "smooths"):
        at = small_batch_steps(counts.tolist(), batch_size)
        found = [dips(counts, values, batch_size) for values in (both.first, both.second)]
        first, second = found
        measured = f"accuracy where batches of {batch_size} leave 1 to {SMALL_BATCH}, less around"
        if first is None or second is None:
            return Verdict(study, claim, "cannot tell", measured, None, remark="no such step")
        remark = "expected at " + ", ".join(f"{counts[i]:,}" for i in at) + " labels"
        values = first if claim.kind == "dips" else first - second
        if claim.kind == "smooths":
            measured = f"{measured}: {mine} less {other}"
            remark += f"; alone: {_with_interval(t_test(first), '+.4f')}"
    else:
        values = part_area(counts, both.first, claim.part) - part_area(
            counts, both.second, claim.part
        )
        measured = f"{_PARTS[claim.part]}, {mine} less {other}"
    test = t_test(values)
    if claim.kind == "dips":
        outcome = judge_above(t_test(-values))
    elif claim.kind == "not-above":
        outcome = judge_not_above(test)
    else:
        outcome = judge_above(test)
    per_seed = dict(zip(both.seeds, map(float, values), strict=True))
    form = "+,.0f" if claim.kind == "labels-saved" else "+.4f"
    return Verdict(study, claim, outcome, measured, test, per_seed, remark, form)


def in_words(verdict: Verdict) -> str:
    """Return the numbers of a verdict: difference ± half width, p and how many seeds."""
    test = verdict.test
    if test is None:
        return f"{verdict.measured}: {verdict.remark}"
    p = "" if test.p is None else f", p = {test.p:.2g}" if test.p >= 1e-4 else ", p < 0.0001"
    seeds = f"{test.n} seed{'s' if test.n > 1 else ''}"
    text = f"{verdict.measured}: {_with_interval(test, verdict.form)}{p}, {seeds}"
    return f"{text}; {verdict.remark}" if verdict.remark else text


def _with_interval(test: MeanTest, number: str) -> str:
    return interval_text(test, number.removeprefix("+"), number)
