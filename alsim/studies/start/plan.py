"""A run as tasks for the workers: passive phases first, then what starts from them."""

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

from msgspec import structs

from alsim.experiments.correlation import CorrelationOptions
from alsim.experiments.jobs import Job
from alsim.options.engine import Way
from alsim.options.training import LossPrediction, TrainingOptions
from alsim.store.layout import CHECKPOINTS, JOURNALS
from alsim.strategies import Named
from alsim.studies.messages import Active, Correlate, Passive
from alsim.studies.workers.protocol import WorkerTask


def training_of(named: Named, options: TrainingOptions) -> TrainingOptions:
    """Return the training of a strategy's net: the study's, with its own choices and needs."""
    options = named.adapt(options)
    strategy = named.strategy
    if "predicted_loss" in strategy.signals | strategy.labelled and not options.loss_prediction:
        prediction = strategy.loss_prediction or LossPrediction()
        options = replace(options, loss_prediction=prediction)
    return options


_After = TypeVar("_After", Active, Correlate)


@dataclass(frozen=True, slots=True)
class Plan(Generic[_After]):
    """A run's tasks, and the files of their results."""

    passives: tuple[WorkerTask[Passive], ...]
    actives: tuple[WorkerTask[_After], ...]  # each waits for its passive phase

    @property
    def tasks(self) -> tuple[WorkerTask[Passive | _After], ...]:
        """Return all tasks, in the order of preference."""
        return (*self.passives, *self.actives)

    def most_epochs(self, strategies: Mapping[str, Named], training: TrainingOptions) -> int:
        """Return how many epochs a passive phase takes at most; 0 where there is none."""
        likes = [strategies[task.message.like] for task in self.passives]
        return max((training_of(named, training).most_epochs for named in likes), default=0)

    def without(self, ended: Set[Job]) -> "Plan[_After]":
        """Return the tasks left once some jobs have ended and some states are there."""
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


def only(plan: Plan[Active], jobs: Set[Job]) -> Plan[Active]:
    """Return the tasks of some of a run's curves."""
    actives: list[WorkerTask[Active]] = []
    for task in plan.actives:
        message = task.message
        kept = [i for i, job in enumerate(message.jobs) if job in jobs]
        if not kept:
            continue
        fewer = structs.replace(
            message,
            jobs=tuple(message.jobs[i] for i in kept),
            pick=tuple(message.pick[i] for i in kept),
            journals=tuple(message.journals[i] for i in kept),
        )
        actives.append(replace(task, message=fewer))
    wanted = {name for task in actives for name in task.after}
    return Plan(tuple(t for t in plan.passives if t.name in wanted), tuple(actives))


def plan_tasks(
    seeds: Sequence[int],
    strategies: Mapping[str, Named],
    training: TrainingOptions,
    way: Way,
    folder: Path,
    cuts: Sequence[int] = (),
) -> Plan[Active]:
    """Return the tasks of a run in `folder`: each curve comes after its seed's passive phase.

    Strategies share a seed's passive phase unless they train their nets differently from its
    start. Directly, there is one passive task a seed and one task a curve; in lockstep one of
    each for all that are trained alike, up to each of the numbers of seeds in `cuts`. The same run
    always gives the same plan.
    """

    def curves(start: _Start, jobs: Sequence[Job], numbers: Sequence[int]) -> tuple[str, Active]:
        return "; ".join(f"strategy {job.strategy}, seed {job.seed}" for job in jobs), Active(
            tuple(jobs),
            start.state,
            tuple(start.seeds.index(job.seed) for job in jobs),
            tuple(start.folder / JOURNALS / f"{number:04d}.jsonl" for number in numbers),
            start.folder / CHECKPOINTS / f"curve-{numbers[0]:04d}.safetensors",
        )

    groups = [(seed,) for seed in seeds]
    if way == "lockstep":
        ends = sorted({0, *cuts, len(seeds)})
        groups = [tuple(seeds[a:b]) for a, b in pairwise(ends)]
    return _plan(groups, strategies, training, folder, curves, is_together=way == "lockstep")


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

    def copies(start: _Start, jobs: Sequence[Job], numbers: Sequence[int]) -> tuple[str, Correlate]:
        files = tuple(start.folder / JOURNALS / f"{number:04d}.parquet" for number in numbers)
        name = f"metric {', '.join(job.strategy for job in jobs)}, seed {jobs[0].seed}"
        return name, Correlate(tuple(jobs), start.state, (0,), files, sizes)

    groups = [(seed,) for seed in seeds]
    return _plan(groups, metrics, training, folder, copies, is_together=True, way="direct")


class _Start(NamedTuple):
    """What the tasks that come after a passive phase know of it."""

    folder: Path  # the run's
    state: Path  # its nets
    seeds: tuple[int, ...]


def _plan(
    groups: Sequence[tuple[int, ...]],
    strategies: Mapping[str, Named],
    training: TrainingOptions,
    folder: Path,
    task_of: Callable[[_Start, Sequence[Job], Sequence[int]], tuple[str, _After]],
    *,
    is_together: bool,
    way: Way | None = None,
) -> Plan[_After]:
    """Return the tasks of a study.

    One passive phase trains each group of seeds, in its own `way` if there is one. With
    `is_together` one task does all jobs that are trained alike; `task_of` returns its name and
    message, given the numbers of its jobs.
    """
    folder = folder.resolve()
    pairs = [Job(seed, name) for name in strategies for group in groups for seed in group]
    numbers = {job: i for i, job in enumerate(pairs)}
    passives: list[WorkerTask[Passive]] = []
    actives: list[WorkerTask[_After]] = []
    # What matters to the passive phase is all but whether batch norm is frozen later.
    starts = _alike(
        strategies, lambda named: replace(training_of(named, training), batch_norm="train")
    )
    for names in starts:
        chosen = {name: strategies[name] for name in names}
        for group in groups:
            state = folder / CHECKPOINTS / f"passive-{len(passives):03d}.safetensors"
            seeds = ", ".join(map(str, group)) + f", as for {names[0]}" * (len(starts) > 1)
            message = Passive(group, names[0], state, way)
            passives.append(WorkerTask(f"passive phase, seed {seeds}", message, seeds=seeds))
            bundles = [
                [Job(seed, name) for name in alike for seed in group]
                # In lockstep all have as many labels, so what asks for none goes apart.
                for alike in _alike(
                    chosen, lambda named: (training_of(named, training), named.strategy.asks)
                )
            ]
            if not is_together:
                bundles = [[job] for bundle in bundles for job in bundle]
            for jobs in bundles:
                start = _Start(folder, state, group)
                task = task_of(start, jobs, [numbers[job] for job in jobs])
                actives.append(WorkerTask(*task, frozenset({passives[-1].name})))
    return Plan(tuple(passives), tuple(actives))


def _alike(strategies: Mapping[str, Named], facts: Callable[[Named], object]) -> list[list[str]]:
    """Return the strategies' names, those with the same facts together, in order."""
    groups: list[tuple[object, list[str]]] = []
    for name, named in strategies.items():
        mine = facts(named)
        for theirs, names in groups:
            if theirs == mine:
                names.append(name)
                break
        else:
            groups.append((mine, [name]))
    return [names for _, names in groups]
