"""A run of several tasks seen as a run of one: its curves are those of this task."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any, Protocol, cast

import pyarrow as pa
import pyarrow.compute as pc

from alsim.analysis.curves.control import paired_by_step
from alsim.analysis.curves.metric_curves import overall
from alsim.analysis.curves.runs import RunWithSteps
from alsim.analysis.manifest import object_at, value_at
from alsim.errors import StoreError, UsageError, nearest
from alsim.experiments.curves.records import NO_STRATEGY
from alsim.measures import MEASURES, scores_in_words

MIXED, ALL = "mixed", "all"  # the head and the rows that a task's own numbers are of
_KEY = ("strategy", "seed", "step")
_Step = tuple[str, int, int]  # by these
_AUC = pc.field("metric") == "auc"
_OTHERS = f"take {scores_in_words()}"


class RunWithTasks(RunWithSteps, Protocol):
    """A run whose tasks were measured one by one, such as `alsim.store.curves.Run`."""

    @property
    def status(self) -> str:
        """How far it came, such as "complete"."""
        ...

    @property
    def metrics(self) -> pa.Table:
        """The values by task, head, modalities and class, as the store writes them."""
        ...

    @property
    def queries(self) -> pa.Table:
        """The objects that were labelled, as the store writes them."""
        ...

    @property
    def items(self) -> pa.Table:
        """Which evaluated rows are answered correctly, as the store writes them."""
        ...

    @property
    def contributions(self) -> pa.Table:
        """What evaluated rows contribute to scores, as the store writes them."""
        ...


# eq=False: tables compare elementwise.
@dataclass(frozen=True, slots=True, eq=False)
class TaskRun:
    """A part of a run: a task, or some strategies. Labels, questions and cost stay those of all."""

    folder: Path
    name: str
    status: str
    manifest: Mapping[str, object]  # with this task's classes and evaluated rows
    steps: pa.Table  # with this task's measures
    metrics: pa.Table
    whole: RunWithTasks  # whose large tables are read when they are asked for
    kept: pc.Expression | None = None  # the rows of these that are this part's; None: all

    @property
    def queries(self) -> pa.Table:
        """Return the labels of this part that were asked for."""
        return self._part(self.whole.queries)

    @property
    def items(self) -> pa.Table:
        """Return which evaluated rows this part answers correctly."""
        return self._part(self.whole.items)

    @property
    def contributions(self) -> pa.Table:
        """Return what evaluated rows contribute to the scores of this part."""
        return self._part(self.whole.contributions)

    def _part(self, table: pa.Table) -> pa.Table:
        return table if self.kept is None else table.filter(self.kept)


def tasks_of(run: RunWithTasks) -> tuple[str, ...]:
    """Return the tasks that a run has measured, by name."""
    return tuple(sorted({str(name) for name in run.metrics.column("task").to_pylist()}))


def of_task(run: RunWithTasks, task: str) -> TaskRun:
    """Return one task of a run: its steps with the measures of the mixed head at the task.

    Raises:
        UsageError: If the run has no such task, or no row by which it could measure it.
        StoreError: If it has one task only, but no record of its accuracy.
    """
    known, where = tasks_of(run), f"--task, of {run.folder}"
    if value_at(run.manifest, "tasks", task, "n_evaluated") == 0:
        split = run.manifest.get("evaluation_split")
        what = f"no {split} row has a label of {task!r}: it was not measured"
        raise UsageError(what, where, f"name one of: {', '.join(n for n in known if n != task)}")
    if task not in known:
        raise UsageError(f"the run has no task {task!r}", where, nearest(task, known))
    steps = run.steps  # of a single task; older runs have less of it in the metrics
    if len(known) > 1:
        steps = steps.drop_columns([name for name in MEASURES if name in steps.column_names])
    for metric, values in _measured(run.metrics, task).items():
        steps = _with_column(steps, metric, values)
    if "accuracy" not in steps.column_names:
        what = f"the run has no record of its accuracy at {task}"
        mend = "run it again into another folder: alsim run --out FOLDER"
        raise StoreError(what, str(run.folder), mend)
    manifest, own = run.manifest, object_at(run.manifest, "tasks", task)
    if manifest.get("task") != task and own:
        pool = {**object_at(manifest, "pool"), "classes": own.get("classes")}
        manifest = {**manifest, "task": task, "n_evaluated": own.get("n_evaluated"), "pool": pool}
    is_own = pc.field("task") == task
    metrics = run.metrics.filter(is_own)
    return TaskRun(run.folder, run.name, run.status, manifest, steps, metrics, run, is_own)


def of_strategies(run: RunWithTasks, strategies: Collection[str]) -> TaskRun:
    """Return a run as if it had some of its strategies only."""
    kept = pc.field("strategy").isin(list(strategies))
    of_seeds = pc.field("strategy") == NO_STRATEGY
    steps, metrics = run.steps.filter(kept), run.metrics.filter(kept | of_seeds)
    facts = (run.folder, run.name, run.status, run.manifest, steps, metrics)
    return TaskRun(*facts, run, kept)


def with_control_paired(run: RunWithTasks) -> RunWithTasks:
    """Return a run with its control at the steps of the others, see `paired_by_step`."""
    steps = paired_by_step(run.steps)
    if steps is run.steps:
        return run
    facts = (run.folder, run.name, run.status, run.manifest, steps, run.metrics)
    return TaskRun(*facts, run)


def with_metric(run: RunWithTasks, metric: str) -> RunWithTasks:
    """Return a run whose steps have a measure that is recorded by task alone: the mean of these.

    A measure that the steps have already, or that was not recorded, changes nothing; nor does one
    that is not of every task.
    """
    known = MEASURES.get(metric)
    if metric in run.steps.column_names or known is None or known.of != "classes":
        return run
    values: dict[_Step, list[float]] = {}
    for task in tasks_of(run):
        for step, value in _measured(run.metrics, task).get(metric, {}).items():
            values.setdefault(step, []).append(value)
    means = {step: fmean(each) for step, each in values.items()}
    if not means:
        return run
    steps, facts = _with_column(run.steps, metric, means), (run.folder, run.name, run.status)
    return TaskRun(*facts, run.manifest, steps, run.metrics, run)


def check_auc(runs: Sequence[RunWithTasks], task: str | None) -> None:
    """Refuse the AUC where it is not measured, and say why.

    For a task the runs are those that `of_task` makes; None is the mean over all tasks.

    Raises:
        UsageError: If there is no task, or one of another number of classes than two.
    """
    for run in runs:
        if task is None and "auc" in run.steps.column_names:
            continue
        where = f"--metric auc, of {run.folder}"
        if task is None:
            known = {str(name) for name in run.metrics.filter(_AUC).column("task").to_pylist()}
            mend = f"add --task {' or --task '.join(sorted(known))}" if known else _OTHERS
            what = "auc is of one task that has two classes"
            raise UsageError(what + ("" if known else "; the run has none"), where, mend)
        classes = object_at(run.manifest, "pool", "classes")
        if len(classes) > 2:
            what = f"auc is of tasks of two classes; {task} has {len(classes)}"
            raise UsageError(what, where, _OTHERS)


def _with_column(steps: pa.Table, metric: str, values: Mapping[_Step, float]) -> pa.Table:
    """Return steps with a column, null where there is no value, unless they have it."""
    if metric in steps.column_names:
        return steps
    keys = zip(*(steps.column(name).to_pylist() for name in _KEY), strict=True)
    found: list[Any] = [values.get(cast("_Step", key)) for key in keys]
    return steps.append_column(metric, pa.array(found, pa.float64()))


def _measured(metrics: pa.Table, task: str) -> dict[str, dict[_Step, float]]:
    """Return each measure of a task, by strategy, seed and step."""
    rows = metrics.filter(
        (pc.field("task") == task) & (pc.field("head") == MIXED) & (pc.field("modalities") == ALL)
    )
    found: dict[str, dict[_Step, float]] = {}
    for metric in sorted({str(name) for name in rows.column("metric").to_pylist()}):
        own = overall(rows, metric)
        keys = zip(*(own.column(name).to_pylist() for name in _KEY), strict=True)
        values: dict[Any, Any] = dict(zip(keys, own.column("value").to_pylist(), strict=True))
        if values:
            found[metric] = values
    return found
