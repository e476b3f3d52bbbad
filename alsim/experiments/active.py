"""The study's loop: passive phase, then query → answer → fine-tune → measure, in rounds.

Six steps (VK 2020): sample random objects; train on them; query by the strategy; fine-tune;
measure; repeat. Every replica of a seed starts from the same initial labels and the same passive
phase, so that strategies are compared in pairs. No files, no clock.
"""

import math
from collections.abc import Callable, Iterator, Sequence

import torch

from alsim.errors import RunError
from alsim.experiments.querying import Job, Queried, query_round
from alsim.experiments.recording import make_round
from alsim.experiments.records import Round
from alsim.experiments.setting import (
    Setting,
    fit_streams,
    fresh_replicas,
    initial_query,
    labelled_rows,
)
from alsim.training.fit import Labelled, fit_early_stopping, fit_epochs
from alsim.training.objective import LOG_VARIANCE
from alsim.training.replicas import Replicas
from alsim.training.state import ReplicaState

Observe = Callable[[str], None]  # called at the start of each phase with its name


def passive(setting: Setting, seeds: Sequence[int], observe: Observe) -> ReplicaState:
    """Train each seed on its initial labels; return the states, one a seed in order.

    Raises:
        RunError: If a seed's training diverged.
    """
    observe("passive")
    replicas = fresh_replicas(setting, seeds, "init")
    labelled = labelled_rows(setting, [initial_query(setting, seed) for seed in seeds])
    _fit_from_scratch(setting, replicas, labelled, seeds, "passive", observe=observe)
    return replicas.state()


def active(
    setting: Setting, jobs: Sequence[Job], state: ReplicaState, observe: Observe
) -> Iterator[tuple[Job, Round]]:
    """Yield the rounds of every job as they come, from `state`, one replica a job.

    Step 0 is the passive phase. The jobs go in lockstep; one that has met its end yields no more.

    Raises:
        RunError: If a training diverged.
    """
    seeds = [job.seed for job in jobs]
    replicas = fresh_replicas(setting, seeds, "init")
    replicas.load(state)
    starts = [initial_query(setting, seed) for seed in seeds]
    queried = [Queried(rows, None, answers) for rows, answers in starts]
    labelled = labelled_rows(setting, [(q.rows, q.answers) for q in queried])
    unlabelled = torch.zeros(len(jobs), setting.pool.n, dtype=torch.bool)
    unlabelled[:, setting.train.start : setting.train.stop] = True
    costs = [0.0] * len(jobs)
    questions = [0] * len(jobs)
    running = [True] * len(jobs)
    step = 0
    while True:
        unlabelled.scatter_(1, torch.stack([q.rows for q in queried]), False)
        costs = [c + float(q.answers.costs.sum()) for c, q in zip(costs, queried, strict=True)]
        questions = [
            n + int(q.answers.questions.sum()) for n, q in zip(questions, queried, strict=True)
        ]
        observe("evaluate")
        sigmas = _sigmas(replicas)
        for r, evaluation in enumerate(setting.evaluator.evaluate(replicas)):
            if running[r]:
                if not math.isfinite(evaluation.nll):
                    raise _diverged(
                        f"strategy {jobs[r].strategy}, seed {jobs[r].seed}, step {step}"
                    )
                yield (
                    jobs[r],
                    make_round(
                        setting, jobs[r], step,
                        n_labelled=labelled.n, cost=costs[r], n_questions=questions[r],
                        queried=queried[r], evaluation=evaluation, sigmas=sigmas[r],
                    ),
                )  # fmt: skip
        step += 1
        size = setting.schedule.query_at(step, labelled.n, len(setting.train))
        running = _still_running(setting, replicas, running)
        if size == 0 or not any(running):
            return
        observe("query")
        queried = query_round(
            setting, replicas, jobs, unlabelled, labelled, running, step=step, size=size
        )
        new = labelled_rows(setting, [(q.rows, q.answers) for q in queried])
        labelled = labelled.extended(new.rows, new.labels)
        observe("train")
        replicas = _fine_tune(setting, replicas, labelled, jobs, running, step, observe)


def _fit_from_scratch(
    setting: Setting,
    replicas: Replicas,
    labelled: Labelled,
    seeds: Sequence[int],
    *path: str | int,
    observe: Observe,
) -> None:
    validator = setting.validator
    epochs = fit_early_stopping(
        replicas, setting.features, labelled, setting.training,
        n_classes=setting.n_classes,
        streams=fit_streams(setting, seeds, *path),
        validate=None if validator is None else lambda: validator.losses(replicas),
        on_epoch=lambda epoch: observe(f"epoch {epoch}"),
    )  # fmt: skip
    for seed, epoch in zip(seeds, epochs.tolist(), strict=True):
        if epoch == 0:
            raise _diverged(f"seed {seed}, {' '.join(map(str, path))}")


def _fine_tune(
    setting: Setting,
    replicas: Replicas,
    labelled: Labelled,
    jobs: Sequence[Job],
    running: Sequence[bool],
    step: int,
    observe: Observe,
) -> Replicas:
    """Return the replicas trained on: the same ones, or fresh ones with `retrain`."""
    seeds = [job.seed for job in jobs]
    if setting.training.retrain:
        replicas = fresh_replicas(setting, seeds, "round", step, "init")
        _fit_from_scratch(setting, replicas, labelled, seeds, "round", step, observe=observe)
        return replicas
    losses = fit_epochs(
        replicas, setting.features, labelled, setting.training,
        n_classes=setting.n_classes, streams=fit_streams(setting, seeds, "round", step),
    )  # fmt: skip
    for job, loss, on in zip(jobs, losses.tolist(), running, strict=True):
        if on and not math.isfinite(loss):
            raise _diverged(f"strategy {job.strategy}, seed {job.seed}, step {step}")
    return replicas


def _diverged(where: str) -> RunError:
    return RunError(
        "the training diverged: its loss is not a number",
        where,
        "lower --learning-rate, or leave the inputs standardised",
    )


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
