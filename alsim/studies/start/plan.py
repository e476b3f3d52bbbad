"""A run as tasks for the workers: passive phases first, then what starts from them."""

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Generic, TypeVar

from alsim.experiments.correlation import CorrelationOptions
from alsim.experiments.jobs import Job
from alsim.options.engine import Way
from alsim.options.training import LossPrediction, TrainingOptions
from alsim.store.layout import CHECKPOINTS, JOURNALS
from alsim.strategies import Named
from alsim.studies.messages import Active, Correlate, Passive
from alsim.studies.workers.protocol import WorkerTask


def training_of(named: Named, options: TrainingOptions) -> TrainingOptions:
    """Return how a strategy's net is trained in a study: its own choices, and what it needs."""
    options = named.adapt(options)
    strategy = named.strategy
    if "predicted_loss" in strategy.signals | strategy.labelled and not options.loss_prediction:
        prediction = strategy.loss_prediction or LossPrediction()
        options = replace(options, loss_prediction=prediction)
    return options


_After = TypeVar("_After", Active, Correlate)


@dataclass(frozen=True, slots=True)
class Plan(Generic[_After]):
    """A run's tasks, and the files in which they leave what they find."""

    passives: tuple[WorkerTask[Passive], ...]
    actives: tuple[WorkerTask[_After], ...]  # each waits for its passive phase

    @property
    def tasks(self) -> tuple[WorkerTask[Passive | _After], ...]:
        """Return all tasks, in the order of preference."""
        return (*self.passives, *self.actives)

    def without(self, ended: Set[Job]) -> "Plan[_After]":
        """Return what is left to do once some curves have ended and some states are there."""
        actives = [task for task in self.actives if not ended >= {*task.message.jobs}]
        wanted = {name for task in actives for name in task.after}
        passives = [
            task
            for task in self.passives
            if task.name in wanted and not task.message.state.exists()
        ]
        names = {task.name for task in passives}
        return Plan(
            tuple(passives), tuple(replace(task, after=task.after & names) for task in actives)
        )


def plan_tasks(
    seeds: Sequence[int],
    strategies: Mapping[str, Named],
    training: TrainingOptions,
    way: Way,
    folder: Path,
) -> Plan[Active]:
    """Return the tasks of a run in `folder`: each curve comes after its seed's passive phase.

    Strategies share a seed's passive phase unless they train their nets differently from its
    start. Directly, there is one passive task a seed and one task a curve; in lockstep one of
    each for all that are trained alike. The same run always gives the same plan.
    """
    folder = folder.resolve()
    pairs = [Job(seed, name) for name in strategies for seed in seeds]
    numbers = {job: i for i, job in enumerate(pairs)}
    groups = [tuple(seeds)] if way == "lockstep" else [(seed,) for seed in seeds]
    starts = _alike(strategies, lambda named: _at_first(training_of(named, training)))
    passives: list[WorkerTask[Passive]] = []
    actives: list[WorkerTask[Active]] = []
    for names in starts:
        for group in groups:
            state = folder / CHECKPOINTS / f"passive-{len(passives):03d}.safetensors"
            passive = _passive(Passive(group, names[0], state), is_only=len(starts) == 1)
            passives.append(passive)
            for jobs in _bundles(group, names, strategies, training, way):
                curves = [f"{numbers[job]:04d}" for job in jobs]
                actives.append(
                    WorkerTask(
                        "; ".join(f"strategy {job.strategy}, seed {job.seed}" for job in jobs),
                        Active(
                            tuple(jobs),
                            state,
                            tuple(group.index(job.seed) for job in jobs),
                            tuple(folder / JOURNALS / f"{c}.jsonl" for c in curves),
                            folder / CHECKPOINTS / f"curve-{curves[0]}.safetensors",
                        ),
                        frozenset({passive.name}),
                    )
                )
    return Plan(tuple(passives), tuple(actives))


def plan_correlation(
    seeds: Sequence[int],
    metrics: Mapping[str, Named],
    training: TrainingOptions,
    sizes: CorrelationOptions,
    folder: Path,
) -> Plan[Correlate]:
    """Return the tasks of a correlation study: one for each seed and metrics trained alike.

    A job is a seed and a metric. The passive phase of a seed comes first, and is trained by itself
    whatever the way of the copies.
    """
    folder = folder.resolve()
    pairs = [Job(seed, name) for name in metrics for seed in seeds]
    numbers = {job: i for i, job in enumerate(pairs)}
    passives: list[WorkerTask[Passive]] = []
    actives: list[WorkerTask[Correlate]] = []
    starts = _alike(metrics, lambda named: _at_first(training_of(named, training)))
    for names in starts:
        chosen = {name: metrics[name] for name in names}
        for seed in seeds:
            state = folder / CHECKPOINTS / f"passive-{len(passives):03d}.safetensors"
            message = Passive((seed,), names[0], state, way="direct")
            passive = _passive(message, is_only=len(starts) == 1)
            passives.append(passive)
            for alike in _alike(chosen, lambda named: training_of(named, training)):
                jobs = [Job(seed, name) for name in alike]
                files = [folder / JOURNALS / f"{numbers[job]:04d}.parquet" for job in jobs]
                actives.append(
                    WorkerTask(
                        f"metric {', '.join(alike)}, seed {seed}",
                        Correlate(tuple(jobs), state, (0,), tuple(files), sizes),
                        frozenset({passive.name}),
                    )
                )
    return Plan(tuple(passives), tuple(actives))


def _passive(message: Passive, *, is_only: bool) -> WorkerTask[Passive]:
    """Return the task of a passive phase; `is_only`: all strategies of a seed start from it."""
    seeds = ", ".join(map(str, message.seeds)) + ("" if is_only else f", as for {message.like}")
    return WorkerTask(f"passive phase, seed {seeds}", message, seeds=seeds)


def _alike(
    strategies: Mapping[str, Named], training: Callable[[Named], TrainingOptions]
) -> list[list[str]]:
    """Return the strategies' names, those that are trained alike together, in order."""
    groups: list[tuple[TrainingOptions, list[str]]] = []
    for name, named in strategies.items():
        mine = training(named)
        for theirs, names in groups:
            if theirs == mine:
                names.append(name)
                break
        else:
            groups.append((mine, [name]))
    return [names for _, names in groups]


def _at_first(training: TrainingOptions) -> TrainingOptions:
    """Return what of the options matters to the passive phase."""
    return replace(training, batch_norm="train")


def _bundles(
    group: Sequence[int],
    names: Sequence[str],
    strategies: Mapping[str, Named],
    training: TrainingOptions,
    way: Way,
) -> list[list[Job]]:
    """Return the curves of some seeds and strategies, those that one task runs together."""
    chosen = {name: strategies[name] for name in names}
    bundles = [
        [Job(seed, name) for name in alike for seed in group]
        for alike in _alike(chosen, lambda named: training_of(named, training))
    ]
    return bundles if way == "lockstep" else [[curve] for bundle in bundles for curve in bundle]
