"""What a comparison takes from runs beside their steps: who takes part, test rows, looks."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Annotated

import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Meta, Struct, convert

from alsim.analysis.curves.ceiling import Ceiling, ceiling_of
from alsim.analysis.curves.comparison import Judging
from alsim.analysis.curves.curves import XAxis
from alsim.analysis.curves.planned import PlannedSeeds, judge_anytime, judge_planned
from alsim.analysis.curves.row_areas import areas_by_row
from alsim.analysis.curves.runs import Merged, RunFacts, named, outside
from alsim.analysis.curves.task_runs import RunWithTasks
from alsim.analysis.manifest import list_at, object_at, value_at
from alsim.analysis.statistics.judging import VerdictOutcome
from alsim.analysis.statistics.looks import Looked, LookPlan
from alsim.errors import StoreError

PLAN = "looks"  # where a run's configuration holds its plan …
LOOKED = "looked"  # … and its manifest what the looks decided


def judging_of(
    runs: Sequence[RunWithTasks],
    merged: Merged,
    *,
    metric: str,
    x: XAxis,
    is_own_question: bool,
) -> Judging:
    """Return how the strategies of runs are judged.

    A plan of looks holds for the question that it was made for alone: of one run, the accuracy by
    labels, over all tasks, against its own baseline, which `is_own_question` says. Another question
    to such a run, and runs of one strategy whose seeds count together, have seeds that were added
    without a plan.
    """
    reasons = {name: outside(run) for name, run in named(runs)}
    found = {
        label: reasons[names[0]][own]
        for label, (own, names) in merged.sources.items()
        if own in reasons[names[0]]
    }
    by_row, ceiling = areas_by_row(runs, merged, metric, x), _ceiling(runs, metric)
    plans = [plan_of(run) for run in runs]
    if len(runs) == 1 and plans[0] is not None:
        is_whole = value_at(runs[0].manifest, "task") not in object_at(runs[0].manifest, "tasks")
        if is_own_question and is_whole and metric == "accuracy" and x == "labels":
            seeds = _called(plans[0], merged)
            return Judging(found, by_row, partial(judge_planned, seeds=seeds), ceiling)
    if _is_pooled(runs, merged) or any(plans):
        return Judging(found, by_row, partial(judge_anytime, order=_order(runs)), ceiling)
    return Judging(found, by_row, ceiling=ceiling)


class _Plan(Struct):
    seeds: Annotated[tuple[Annotated[int, Meta(ge=2)], ...], Meta(min_length=1)]
    levels: Annotated[tuple[tuple[float, ...], ...], Meta(min_length=1)]


class _Looked(Struct):
    outcome: VerdictOutcome
    look: Annotated[int, Meta(ge=-1)]
    level: float


def plan_of(run: RunFacts) -> PlannedSeeds | None:
    """Return the plan of looks that a run keeps to, None if its number of seeds was fixed.

    Raises:
        StoreError: If the manifest holds one that makes no sense.
    """
    if value_at(run.manifest, "configuration", PLAN) is None:
        return None
    try:
        plan = convert(value_at(run.manifest, "configuration", PLAN), _Plan)
        order = convert(value_at(run.manifest, "configuration", "seeds"), tuple[int, ...])
        found = convert(run.manifest.get(LOOKED) or {}, dict[str, _Looked])
        if any(len(each) != len(plan.seeds) for each in plan.levels):
            raise ValueError("a level is missing")
        if any(each.look >= len(plan.seeds) for each in found.values()):
            raise ValueError("a look that was not planned")
    except ValueError as error:
        what = f"the plan of looks makes no sense: {error}"
        mend = "restore run.json from a copy, or run it again into another folder: --out FOLDER"
        raise StoreError(what, str(run.folder), mend) from error
    looked = {n: Looked(each.outcome, each.look, each.level, None) for n, each in found.items()}
    return PlannedSeeds(LookPlan(plan.seeds, plan.levels), order, looked)


def _called(plan: PlannedSeeds, merged: Merged) -> PlannedSeeds:
    """Return a plan whose strategies are called as in the merged run."""
    looked = {
        label: plan.looked[own] for label, (own, _) in merged.sources.items() if own in plan.looked
    }
    return replace(plan, looked=looked)


def _ceiling(runs: Sequence[RunWithTasks], metric: str) -> Ceiling | None:
    """Return the ceiling of the first run that has one."""
    asked = (run for run in runs if value_at(run.manifest, "ceiling"))  # else it is not read for
    return next((found for run in asked if (found := ceiling_of(run.metrics, metric))), None)


def _is_pooled(runs: Sequence[RunWithTasks], merged: Merged) -> bool:
    """Return whether some strategy has more seeds than any of its runs."""
    by_name = dict(named(runs))
    for own, names in merged.sources.values():
        if len(names) > 1:
            of_runs = [by_name[name].steps for name in names]
            seeds = [set(_seeds(steps.filter(pc.field("strategy") == own))) for steps in of_runs]
            if all(each < set().union(*seeds) for each in seeds):
                return True
    return False


def _seeds(steps: pa.Table) -> list[int]:
    return [int(str(seed)) for seed in steps.column("seed").unique().to_pylist()]


def _order(runs: Sequence[RunWithTasks]) -> tuple[int, ...]:
    """Return the seeds of runs in the order in which they were run."""
    began = sorted(runs, key=lambda run: str(value_at(run.manifest, "began")))
    seeds = [int(seed) for run in began for seed in list_at(run.manifest, "configuration", "seeds")]
    others = [seed for run in began for seed in _seeds(run.steps)]
    return tuple(dict.fromkeys([*seeds, *sorted(others)]))
