"""The study's loop: passive phase, then query → answer → fine-tune → measure, in rounds.

Six steps (VK 2020): sample random objects; train on them; query by the strategy; fine-tune;
measure; repeat. Every replica of a seed starts from the same initial labels and the same passive
phase, so that strategies are compared in pairs. No files, no clock.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from alsim.experiments.asking import initial_query, labelled_rows, no_query
from alsim.experiments.curves.position import Position
from alsim.experiments.curves.querying import query_round
from alsim.experiments.curves.recording import make_round
from alsim.experiments.curves.records import Round
from alsim.experiments.curves.row_areas import RowAreas, extended
from alsim.experiments.jobs import Job
from alsim.experiments.passive import Passive, fit_from_scratch, to_train_on
from alsim.experiments.progress import Progress
from alsim.experiments.setting import Setting, fit_streams, fresh_replicas
from alsim.training.fit import Labelled, fit_epochs
from alsim.training.objective import LOG_VARIANCE
from alsim.training.replicas import Replicas


@dataclass(frozen=True, slots=True, eq=False)
class Advance:
    """One step of the curves of R jobs."""

    step: int
    rounds: Mapping[int, Round]  # by replica; one that has ended has none
    diverged: tuple[int, ...]  # replicas whose training diverged at this step; they end
    areas: tuple[RowAreas, ...]  # of each replica's steps up to this one
    position: Callable[[], Position]  # to go on from here; to be called before the next step


def begin(setting: Setting, jobs: Sequence[Job], start: Passive) -> Position:
    """Return where curves begin: after the passive phase, one replica a job."""
    queries = [initial_query(setting, job.seed) for job in jobs]
    first = setting.for_validation
    return Position(
        step=0,
        state=start.state,
        labelled=labelled_rows(setting, queries),
        queried=tuple(queries),
        costs=tuple(first.cost + query.spent.cost for query in queries),
        questions=tuple(first.n_questions + query.spent.n_questions for query in queries),
        running=start.alive,
        areas=tuple({} for _ in jobs),
    )


def active(
    setting: Setting, jobs: Sequence[Job], position: Position, progress: Progress
) -> Iterator[Advance]:
    """Yield the steps of all jobs from `position`, whose own step is measured (again) first.

    The jobs go in lockstep. One that has met its end, or whose training diverged, yields no more
    rounds; the others go on.

    Raises:
        RunError: If a score is not a number.
    """
    replicas = fresh_replicas(setting, [job.seed for job in jobs], "init")
    replicas.load(position.state)
    position = replace(position, labelled=_on(setting.features.device, position.labelled))
    lost: tuple[int, ...] = ()
    while True:
        progress.phase("evaluate")
        rounds, silent, areas = _measure(setting, jobs, position, replicas)
        position = _without(position, silent)
        yield Advance(position.step, rounds, (*lost, *silent), areas, _saving(position, replicas))
        running, size = _next(setting, replicas, jobs, position)
        if not any(running):
            return
        progress.phase("query")
        position = replace(position, areas=areas)
        position = _queried(setting, replicas, jobs, position, running, size)
        progress.phase("train")
        replicas, lost = _fine_tune(setting, replicas, jobs, position, progress)
        position = _without(position, lost)


def _measure(
    setting: Setting, jobs: Sequence[Job], position: Position, replicas: Replicas
) -> tuple[dict[int, Round], tuple[int, ...], tuple[RowAreas, ...]]:
    """Return the rounds of those still running, those among them without a finite measure, areas.

    The areas are of all replicas, with these rounds.
    """
    if not any(position.running):
        return {}, (), position.areas
    rounds: dict[int, Round] = {}
    areas = list(position.areas)
    silent: list[int] = []
    sigmas = _sigmas(replicas)
    n_rows = to_train_on(setting, position.labelled).n
    for r, evaluation in enumerate(setting.evaluator.evaluate(replicas)):
        if not position.running[r]:
            continue
        if not math.isfinite(evaluation.mean("nll")):
            silent.append(r)
            continue
        areas[r] = extended(areas[r], evaluation, position.labelled.n)
        rounds[r] = make_round(
            setting, jobs[r], position.step,
            n_labelled=position.labelled.n, n_rows=n_rows, cost=position.costs[r],
            n_questions=position.questions[r], queried=position.queried[r],
            evaluation=evaluation, sigmas=sigmas[r],
        )  # fmt: skip
    return rounds, tuple(silent), tuple(areas)


def _next(
    setting: Setting, replicas: Replicas, jobs: Sequence[Job], position: Position
) -> tuple[list[bool], int]:
    """Return which replicas make another step, and the size of their query.

    Jobs that ask for nothing, which go with no others, have a size of 0, and as many steps as are
    planned for those that do.
    """
    step, schedule = position.step + 1, setting.schedule
    if not _asks(setting, jobs):
        is_planned = step <= schedule.planned_steps(setting.n_units)
        return [on and is_planned for on in position.running], 0
    size = schedule.query_at(step, position.labelled.n, setting.n_units)
    if size == 0:
        return [False] * len(jobs), 0
    going = _still_running(setting, replicas, position.running)
    costs = zip(going, position.costs, strict=True)
    return [on and schedule.affords(size, cost) for on, cost in costs], size


def _asks(setting: Setting, jobs: Sequence[Job]) -> bool:
    """Return whether jobs that go together query anything.

    Raises:
        ValueError: If only some do, since replicas in lockstep have as many labels each.
    """
    (asks,) = {setting.strategies[job.strategy].asks for job in jobs}
    return asks


def _queried(
    setting: Setting,
    replicas: Replicas,
    jobs: Sequence[Job],
    position: Position,
    running: Sequence[bool],
    size: int,
) -> Position:
    """Return the position after the next query; its state is still that of before."""
    labelled, step = position.labelled, position.step + 1
    if size == 0:
        nothing = tuple(no_query(setting) for _ in jobs)
        return replace(position, step=step, queried=nothing, running=tuple(running))
    queried = query_round(setting, replicas, jobs, labelled, running, step=step, size=size)
    new = labelled_rows(setting, queried)
    return replace(
        position,
        step=step,
        labelled=labelled.extended(new.rows, new.labels),
        queried=tuple(queried),
        costs=tuple(cost + q.spent.cost for cost, q in zip(position.costs, queried, strict=True)),
        questions=tuple(
            n + q.spent.n_questions for n, q in zip(position.questions, queried, strict=True)
        ),
        running=tuple(running),
    )


def _without(position: Position, replicas: Sequence[int]) -> Position:
    """Return the position with these replicas at their end."""
    running = tuple(on and r not in replicas for r, on in enumerate(position.running))
    return replace(position, running=running)


def _saving(position: Position, replicas: Replicas) -> Callable[[], Position]:
    """Return what makes a copy of where the curves stand."""
    return lambda: replace(position, state=replicas.state())


def _fine_tune(
    setting: Setting,
    replicas: Replicas,
    jobs: Sequence[Job],
    position: Position,
    progress: Progress,
) -> tuple[Replicas, tuple[int, ...]]:
    """Return the replicas trained on, fresh ones with `retrain`, and those that diverged."""
    seeds, step = [job.seed for job in jobs], position.step
    labelled = to_train_on(setting, position.labelled)
    if setting.training.retrain:
        replicas = fresh_replicas(setting, seeds, "round", step, "init")
        trained = fit_from_scratch(
            setting, replicas, labelled, seeds, "round", step, progress=progress
        )
        alive = (trained.best > 0).tolist()
    else:
        losses = fit_epochs(
            replicas, setting.features, labelled, setting.training,
            n_classes=setting.n_classes,
            streams=fit_streams(setting.features.device, seeds, "round", step),
        )  # fmt: skip
        alive = torch.isfinite(losses).tolist()
    lost = tuple(r for r, on in enumerate(position.running) if on and not alive[r])
    return replicas, lost


def _still_running(setting: Setting, replicas: Replicas, running: Sequence[bool]) -> list[bool]:
    """Return which replicas have not yet reached the accuracy that ends them.

    It is validation accuracy: what decides must not be what is reported.
    """
    until, validator = setting.schedule.until, setting.validator
    if until.kind != "accuracy" or validator is None:
        return list(running)
    accuracies = validator.accuracies(replicas)
    return [on and a < until.value for on, a in zip(running, accuracies, strict=True)]


def _sigmas(replicas: Replicas) -> list[dict[tuple[str, str], float]]:
    """Return every replica's σ of each (task, head), empty where it is not learned."""
    log_variance = replicas.parameter(LOG_VARIANCE)
    if log_variance is None:
        return [{} for _ in range(replicas.size)]
    return [replicas.objective.sigmas(values) for values in log_variance]


def _on(device: torch.device, labelled: Labelled) -> Labelled:
    def moved(tensor: Tensor) -> Tensor:
        return tensor.to(device)

    return Labelled(
        moved(labelled.rows), {task: moved(labels) for task, labels in labelled.labels.items()}
    )
