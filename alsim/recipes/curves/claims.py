"""A recipe's claims against the tables of a run."""

from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

from alsim.analysis.statistics.mean_test import t_test
from alsim.analysis.statistics.paired import (
    SMALL_BATCH,
    Part,
    dips,
    judge_above,
    judge_not_above,
    labels_saved,
    pair,
    part_area,
    small_batch_steps,
)
from alsim.recipes.verdict import Finding, Verdict, verdict_on, with_interval
from alsim.strategies import find_strategy

ClaimKind = Literal["above", "not-above", "labels-saved", "dips", "smooths"]
_PARTS = {
    "whole": "area under the curve",
    "first-quarter": "area under the first quarter of the curve",
    "last-quarter": "area under the last quarter of the curve",
    "end": "last accuracy",
}


@dataclass(frozen=True, slots=True)
class Claim(Finding):
    """A finding of the source about strategies."""

    kind: ClaimKind
    strategy: str
    than: str | None = None  # the strategy it is compared with; `dips` has none
    part: Part = "whole"  # of the learning curve, for `above` and `not-above`


def judge_claim(claim: Claim, steps: pa.Table, batch_size: int, study: str = "run") -> Verdict:
    """Return what the steps of a study say of a claim; `batch_size` is the largest mini-batch.

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
        first, second = (dips(counts, each, batch_size) for each in (both.first, both.second))
        measured = f"accuracy where batches of {batch_size} leave 1 to {SMALL_BATCH}, less around"
        if first is None or second is None:
            return verdict_on(study, claim, "cannot tell", measured, {}, "no such step")
        remark = "expected at " + ", ".join(f"{counts[i]:,}" for i in at) + " labels"
        values = first if claim.kind == "dips" else first - second
        if claim.kind == "smooths":
            measured = f"{measured}: {mine} less {other}"
            remark += f"; alone: {with_interval(t_test(first), '+.4f')}"
    else:
        areas = [part_area(counts, each, claim.part) for each in (both.first, both.second)]
        values = areas[0] - areas[1]
        measured = f"{_PARTS[claim.part]}, {mine} less {other}"
    judge = judge_not_above if claim.kind == "not-above" else judge_above
    outcome = judge(t_test(-values if claim.kind == "dips" else values))
    per_seed = dict(zip(both.seeds, map(float, values), strict=True))
    form = "+,.0f" if claim.kind == "labels-saved" else "+.4f"
    return verdict_on(study, claim, outcome, measured, per_seed, remark, form)
