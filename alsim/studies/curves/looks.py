"""A run that goes on until it is decided: its plan of looks, and what they call for so far."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from alsim.analysis.curve import Curve
from alsim.analysis.curves.curves import learning_curves
from alsim.analysis.curves.row_areas import areas_by_row
from alsim.analysis.curves.runs import Merged
from alsim.analysis.curves.spans import share_span
from alsim.analysis.curves.verdicts import describe_pair
from alsim.analysis.statistics.looks import (
    Looked,
    LookPlan,
    judge_by_plan,
    plan_looks,
    usual_looks,
)
from alsim.analysis.statistics.mean_test import MeanTest
from alsim.experiments.jobs import Job
from alsim.options.curves import CurvesOptions
from alsim.options.faults import Faults
from alsim.options.looks import MOST
from alsim.store.curves import read_run, recorded
from alsim.strategies import Named


@dataclass(frozen=True, slots=True)
class Looks:
    """The plan of a run's looks, and whose question it decides."""

    plan: LookPlan
    order: tuple[int, ...]  # the seeds, as they are taken
    baseline: str
    family: tuple[str, ...]  # what is compared with it
    others: tuple[str, ...]  # what goes on with the baseline, and is not judged

    def describe(self) -> dict[str, Any]:
        """Return what a manifest records of the plan."""
        return {"seeds": list(self.plan.looks), "levels": [list(each) for each in self.plan.levels]}

    def taken(self, folder: Path) -> Mapping[str, Looked]:
        """Return what the looks decided so far, by the curves that a run's journals hold whole."""
        whole = {
            Job(found.seed, found.strategy): found.ending.reason == "done"
            for found in recorded(folder)
            if found.ending is not None
        }

        def n_seeds(name: str) -> int:
            """Return how many seeds, in their order, both have ended with."""
            pairs = [[Job(seed, name), Job(seed, self.baseline)] for seed in self.order]
            return next(
                (i for i, pair in enumerate(pairs) if not all(job in whole for job in pair)),
                len(pairs),
            )

        if not any(n_seeds(name) >= self.plan.looks[0] for name in self.family):
            return dict.fromkeys(self.family, Looked("cannot tell", -1, 0.0, None))
        run = read_run(folder)
        # A curve that diverged has no part in the area.
        kept = [
            whole.get(Job(int(str(seed)), str(name)), False)
            for seed, name in zip(
                run.steps.column("seed").to_pylist(),
                run.steps.column("strategy").to_pylist(),
                strict=True,
            )
        ]
        steps = run.steps.filter(kept)
        names = (*self.family, self.baseline)
        merged = Merged(steps, {name: (name, (run.name,)) for name in names})
        by_row = areas_by_row([run], merged, "accuracy", "labels")

        @cache
        def curves_at(n: int) -> Mapping[str, Curve]:
            """Return the curves of the first n seeds, on which later ones have no bearing."""
            first = steps.filter(pc.field("seed").isin(list(self.order[:n])))
            there = [c for c in learning_curves(first) if c.strategy in names and c.x.size]
            return {curve.strategy: curve for curve in (share_span(there) if there else ())}

        def test_at(name: str, n: int) -> MeanTest | None:
            mine, base = (curves_at(n).get(each) for each in (name, self.baseline))
            if mine is None or base is None:
                return None
            return describe_pair(mine, base, by_row).area

        return judge_by_plan(self.plan, self.family, test_at, n_seeds)

    def in_words(self, looked: Mapping[str, Looked]) -> list[str]:
        """Return what the last look found, in a note."""
        looks = [each.look for each in looked.values()]
        if (last := max(looks)) < 0:
            return []
        n = self.plan.looks[last]
        open_ = [name for name, each in looked.items() if each.outcome == "cannot tell"]
        decided = [
            f"{name} is {each.outcome}"
            for name, each in looked.items()
            if each.outcome != "cannot tell" and each.look == last
        ]
        words = "; ".join([*decided, *[f"open: {', '.join(open_)}"] * bool(open_)])
        is_over = not open_ or n == self.plan.looks[-1]
        on = "the run ends" if is_over else f"on to {self.plan.looks[last + 1]} seeds"
        return [f"look at {n} seeds: {words}; {on}"]

    def called_for(self, looked: Mapping[str, Looked]) -> frozenset[Job]:
        """Return the curves that the plan asks for, given what its looks decided so far.

        A decided strategy has no further seeds. The baseline goes on as long as any is open.
        """
        last = len(self.plan.looks) - 1
        until = {
            name: each.look if each.outcome != "cannot tell" else min(each.look + 1, last)
            for name, each in looked.items()
        }
        furthest = max(until.values())
        until |= dict.fromkeys((self.baseline, *self.others), furthest)
        return frozenset(
            Job(seed, name)
            for name, look in until.items()
            for seed in self.order[: self.plan.looks[look]]
        )


def in_manifest(looked: Mapping[str, Looked]) -> dict[str, Any]:
    """Return what the looks decided, as a manifest records it."""
    return {
        name: {"outcome": each.outcome, "look": each.look, "level": each.level}
        for name, each in looked.items()
    }


def with_planned_seeds(
    options: CurvesOptions, given: Mapping[str, Any], faults: Faults
) -> CurvesOptions:
    """Return options with all seeds that a plan may come to; add what does not fit to the faults.

    `given` has the options that were asked for.
    """
    if not options.until_decided:
        for name in ("max_seeds", "looks"):
            if getattr(options, name) is not None:
                flag = "--" + name.replace("_", "-")
                faults.add(
                    f"{flag} plans looks, and the number of seeds is fixed",
                    flag,
                    "add --until-decided, or leave it out",
                )
        return options
    most = options.max_seeds
    if "seeds" in given:
        n = len(options.seeds)
        if most is not None and most > n:
            what = f"--max-seeds {most} is more than the {n} seeds named"
            faults.add(what, "--seeds and --max-seeds", f"name {most} seeds, such as {most}")
        seeds = options.seeds[:most]
    else:
        looks = options.looks or (MOST,)
        seeds = tuple(range(looks[-1] if most is None else most))
    if len(seeds) < 2:
        faults.add("one seed cannot be looked at", "--until-decided", "name more: --seeds 20")
    if options.until.kind == "accuracy":
        faults.add(
            "curves that end by an accuracy have no common end to be judged by",
            "--until-decided --until",
            "leave out one of the two",
        )
    return replace(options, seeds=seeds)


def looks_of(
    options: CurvesOptions, baseline: str | None, strategies: Mapping[str, Named], faults: Faults
) -> Looks | None:
    """Return the plan that options ask for, None for a fixed number of seeds."""
    if not options.until_decided or len(options.seeds) < 2:
        return None
    names = [name for name in strategies if name != baseline]
    family = tuple(name for name in names if not strategies[name].strategy.outside)
    if baseline is None or not family:
        faults.add(
            "there is nothing to decide without a baseline and a strategy to compare with it",
            "--until-decided",
            "name both: --strategy margin --baseline random",
        )
        return None
    n = len(options.seeds)
    asked = options.looks or usual_looks(n)
    looks = (*(look for look in asked if look < n), n)
    others = tuple(name for name in names if name not in family)
    return Looks(plan_looks(looks, len(family)), options.seeds, baseline, family, others)
