"""Which model wins: the mean of each over the tasks, and one verdict a pair with the baseline.

What is tested is fixed before any study: the paired t-test over the seeds on the mean over the
tasks, at 5 % by Holm over all pairs. Tasks of classes and regression targets are never averaged
together: each have a score of their own.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from alsim.analysis.statistics.holm import holm
from alsim.analysis.statistics.intervals import (
    ALPHA,
    ROUNDING,
    Bounds,
    Estimate,
    difference_bounds,
    estimate,
    interval_text,
)
from alsim.analysis.statistics.judging import VerdictOutcome, judge
from alsim.analysis.statistics.mean_test import MeanTest, t_test
from alsim.analysis.training.values import (
    Trained,
    choose_metric,
    choose_tasks,
    net_means,
    tasks_in,
    trained_in,
)
from alsim.errors import UsageError, nearest
from alsim.escaping import html_table, visible
from alsim.experiments.training.records import RANDOM
from alsim.measures import MEASURES, Measure

R2 = "r2"
# Of a target: 1 − mse / variance. It has no unit, so several targets have a mean.
_R_SQUARED = Measure(
    function="", words="R²", of="target", least=-math.inf, more_is_better=True, in_training=True
)
_WHERE = "the tasks of the studies"


@dataclass(frozen=True, slots=True)
class Score:
    """What models are compared by: the mean of a metric over the tasks."""

    metric: str
    tasks: tuple[str, ...]  # by name

    @property
    def measure(self) -> Measure:
        """Return what the metric is, as the table of measures has it."""
        return _R_SQUARED if self.metric == R2 else MEASURES[self.metric]

    @property
    def bounds(self) -> Bounds:
        """Return the least and the greatest value that can occur."""
        return self.measure.least, self.measure.most


@dataclass(frozen=True, slots=True)
class ModelNumbers:
    """One model by one score, trained on labels chosen alike, over the seeds."""

    score: Score
    name: str  # the model, and what chose its labels where it matters
    model: str
    chosen_by: str  # "random", or a strategy
    fraction: float  # of the labels
    value: Estimate


@dataclass(frozen=True, slots=True)
class ModelVerdict:
    """Whether a model is better than the baseline by one score, on the seeds that both have."""

    score: Score
    fraction: float
    first: str  # names, as `ModelNumbers` has them
    second: str  # the baseline
    level: float  # what the pair's own p-value is compared with, by Holm
    outcome: VerdictOutcome = "cannot tell"  # of the first
    p_adjusted: float | None = None  # by Holm over all verdicts, to compare with ALPHA
    seeds: tuple[int, ...] = ()  # where there is none, all below is None
    difference: MeanTest | None = None  # first − second
    seeds_needed: int | None = None  # for such a difference, at `level` with power 0.8: a guess
    wins: float | None = None  # share of the seeds in which the first is better, a tie half


@dataclass(frozen=True, slots=True)
class ModelComparison:
    """Models compared with one of them, or with the same model on labels drawn at random."""

    baseline: str  # a model, or "random"
    scores: tuple[Score, ...]  # of classes, then of targets
    models: tuple[ModelNumbers, ...]  # by score, the largest fraction first, then the best
    verdicts: tuple[ModelVerdict, ...]  # in the same order
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Return what was compared, the best first."""
        names = ", ".join(dict.fromkeys(each.name for each in self.models))
        metrics = " and ".join(score.metric for score in self.scores)
        return visible(f"ModelComparison({metrics}; baseline {self.baseline}: {names})")

    def _repr_html_(self) -> str:
        """Return a row for each model, as a notebook shows it."""
        return html_table(repr(self), *self.cells())

    def cells(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """Return the headers and the rows of a table, a row a model, score and fraction."""
        verdicts = {(v.score, v.fraction, v.first): v for v in self.verdicts}
        rows: list[tuple[str, ...]] = []
        for each in self.models:
            verdict = verdicts.get((each.score, each.fraction, each.name))
            found = None if verdict is None else verdict.difference
            difference = "–" if found is None else interval_text(found, ".4f", "+.4f")
            row = (each.name, f"{each.fraction:g}", each.score.metric, str(len(each.score.tasks)))
            outcome = "baseline" if verdict is None else verdict.outcome
            rows.append((*row, interval_text(each.value, ".4f"), difference, outcome))
        headers = ("model", "fraction", "metric", "tasks", "mean", "difference", "verdict")
        return headers, rows

    def of(self, score: Score, fraction: float) -> tuple[ModelNumbers, ...]:
        """Return the models by one score at one fraction, the best first."""
        return tuple(m for m in self.models if (m.score, m.fraction) == (score, fraction))

    @property
    def fractions(self) -> tuple[float, ...]:
        """Return the fractions of the labels, the largest first."""
        return tuple(sorted({each.fraction for each in self.models}, reverse=True))


def judge_models(
    tasks: pa.Table,
    evaluations: Mapping[str, str],
    *,
    variances: Mapping[str, float] | None = None,
    baseline: str | None = None,
    metric: str | None = None,
    task: str | None = None,
) -> ModelComparison:
    """Return each model's mean over the tasks, and a verdict on each against the baseline.

    The baseline is the model of that name, trained on the same labels. By default it is the first,
    but where several strategies have chosen labels and random is among them, the same model on
    labels drawn at random. Tasks of classes are scored by the AUC if each has two classes, else by
    their accuracy; targets by R², if the variance of each is known.

    Args:
        tasks: The table of one or more studies, in which a model's name means the same throughout.
        evaluations: By model, in order, the evaluation that it is reported by; "" of one without
            stochastic gates.
        variances: By target, the variance over the rows that were evaluated.
        baseline: A model; None as above.
        metric: The only one to compare by; None as above.
        task: The only one to compare by; None: the mean over all.

    Raises:
        UsageError: If there is no such model, metric or task.
        StoreError: If nothing was measured.
    """
    if baseline is not None and baseline not in evaluations:
        what = f"no model {baseline!r} in the study"
        raise UsageError(what, "--baseline", nearest(baseline, evaluations))
    tasks = _with_r_squared(tasks, variances or {})
    scores = _scores(tasks, metric, task)
    there = trained_in(tasks, tuple(evaluations))
    strategies = {each.chosen_by for each in there}
    by_labels = baseline is None and RANDOM in strategies and len(strategies) > 1
    reference = baseline or next(iter(evaluations))
    models: list[ModelNumbers] = []
    pairs: list[tuple[ModelVerdict, dict[int, float], dict[int, float]]] = []
    for score in scores:
        values = {
            (which, fraction): by_seed
            for which in there
            for (fraction, mode), by_seed in net_means(
                tasks, which, score.metric, score.tasks
            ).items()
            if mode == evaluations.get(which.model, "")
        }
        sign = 1 if score.measure.more_is_better else -1
        for which, fraction in sorted(
            values, key=lambda each: (-each[1], -sign * np.mean([*values[each].values()]))
        ):
            mine = values[which, fraction]
            own = estimate(np.array([*mine.values()]), within=score.bounds)
            name = _name(which, strategies)
            models.append(ModelNumbers(score, name, *which, fraction, own))
            other = (
                which._replace(chosen_by=RANDOM) if by_labels else which._replace(model=reference)
            )
            if other != which:
                open_ = ModelVerdict(score, fraction, name, _name(other, strategies), ALPHA)
                pairs.append((open_, mine, values.get((other, fraction), {})))
    return ModelComparison(RANDOM if by_labels else reference, scores, tuple(models), _judge(pairs))


def _judge(
    pairs: Sequence[tuple[ModelVerdict, Mapping[int, float], Mapping[int, float]]],
) -> tuple[ModelVerdict, ...]:
    """Return open verdicts decided, by the values of both models by seed."""
    tested: list[ModelVerdict] = []
    for open_, mine, theirs in pairs:
        seeds = sorted(mine.keys() & theirs.keys())
        apart = np.array([mine[seed] - theirs[seed] for seed in seeds], np.float64)
        if seeds:
            sign = 1 if open_.score.measure.more_is_better else -1
            won = np.where(np.abs(apart) > ROUNDING, np.sign(sign * apart), 0)
            within = difference_bounds(open_.score.bounds)
            open_ = replace(
                open_,
                seeds=tuple(seeds),
                difference=t_test(apart, within=within),
                wins=float((1 + won).mean() / 2),
            )
        tested.append(open_)
    adjusted = holm([each.difference and each.difference.p for each in tested])
    found: list[ModelVerdict] = []
    for each, one in zip(tested, adjusted, strict=True):
        is_more = each.score.measure.more_is_better
        outcome, needed = judge(each.difference, one, more_is_better=is_more)
        found.append(
            replace(each, level=one.level, p_adjusted=one.p, outcome=outcome, seeds_needed=needed)
        )
    return tuple(found)


def _scores(tasks: pa.Table, metric: str | None, task: str | None) -> tuple[Score, ...]:
    """Return by what models are compared: classes, then targets, or the metric asked for."""
    known = {name: tasks_in(tasks, name) for name in ("accuracy", R2, "mse")}
    if metric is not None and not (metric == R2 and known[R2]):
        choose_metric(tasks, metric, "--metric")
    classes = choose_metric(tasks, None, _WHERE)  # AUC where each task has two classes
    wanted = [metric] if metric else [classes] * bool(known["accuracy"])
    if metric is None and known["mse"]:
        # Without variances a single target has a mean still.
        wanted += [R2] if known[R2] == known["mse"] else ["mse"] * (len(known["mse"]) == 1)
    there = {name: tasks_in(tasks, name) for name in wanted}
    if task is not None and not any(task in names for names in there.values()):
        names = dict.fromkeys(name for each in there.values() for name in each)
        what = f"no task {task!r} has {' or '.join(there)}"
        raise UsageError(what, "--task", nearest(task, names))
    return tuple(
        Score(name, choose_tasks(tasks, name, task, "--task"))
        for name, names in there.items()
        if names and task in (None, *names)
    )


def _with_r_squared(tasks: pa.Table, variances: Mapping[str, float]) -> pa.Table:
    """Return a table of tasks with R² of each target whose variance is known and not 0."""
    known = {task: variance for task, variance in variances.items() if variance > 0}
    found = [
        {**row, "metric": R2, "value": 1 - row["value"] / known[row["task"]]}
        for row in tasks.filter(pc.field("metric") == "mse").to_pylist()
        if row["task"] in known
    ]
    return pa.concat_tables([tasks, pa.Table.from_pylist(found, schema=tasks.schema)])


def _name(which: Trained, strategies: set[str]) -> str:
    return which.model if len(strategies) == 1 else f"{which.model} on {which.chosen_by}'s labels"
