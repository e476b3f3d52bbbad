"""One round's query: every replica's unlabelled rows scored in one pass, then picked from."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from alsim.experiments.scoring import score_round
from alsim.experiments.setting import Setting
from alsim.oracle import Answers
from alsim.seeding import stream
from alsim.signals import Request, Scene, stream_signals
from alsim.strategies import find_strategy, query
from alsim.training.fit import Labelled
from alsim.training.replicas import Replicas

PASSIVE = find_strategy("random").strategy


class Job(NamedTuple):
    """One learning curve: a seed and the name of a strategy."""

    seed: int
    strategy: str


class Queried(NamedTuple):
    """One replica's query and its answers, best first."""

    rows: Tensor  # (k,) int64, rows of the pool
    scores: Tensor | None  # (k,); None for the initial labels, which no strategy chose
    answers: Answers


def query_round(
    setting: Setting,
    replicas: Replicas,
    jobs: Sequence[Job],
    unlabelled: Tensor,
    labelled: Labelled,
    running: Sequence[bool],
    *,
    step: int,
    size: int,
) -> list[Queried]:
    """Return the next query of every replica.

    Args:
        setting: The study.
        replicas: One a job.
        jobs: Which seed and strategy each replica has.
        unlabelled: `(r, n)` bool over the pool's rows.
        labelled: What each replica has been told.
        running: Which replicas still count; one that has ended is queried at random, only to stay
            in step.
        step: Names the random streams.
        size: k; each replica gets min(k, its unlabelled rows).

    Raises:
        RunError: If a score is not a number.
    """
    # One that has ended stays in step at the least cost.
    strategies = [
        setting.strategies[job.strategy] if on else PASSIVE
        for job, on in zip(jobs, running, strict=True)
    ]
    seeds = [job.seed for job in jobs]
    scored = score_round(
        setting, replicas, seeds, strategies, unlabelled, labelled, step=step, size=size
    )
    picks: list[tuple[Tensor, Tensor]] = []
    for seed, strategy, (rows, candidates) in zip(seeds, strategies, scored, strict=True):
        generator = stream(seed, "round", step, "query")
        chosen = query(strategy, candidates, size, generator=generator)
        picks.append((rows[chosen], candidates.scores[chosen]))
    beliefs = _beliefs(setting, replicas, [picked for picked, _ in picks])
    return [
        Queried(
            picked,
            scores,
            setting.oracle(picked, beliefs=b, generator=stream(job.seed, "round", step, "oracle")),
        )
        for job, (picked, scores), b in zip(jobs, picks, beliefs, strict=True)
    ]


def _beliefs(
    setting: Setting, replicas: Replicas, picks: Sequence[Tensor]
) -> Sequence[Tensor | None]:
    """Return each replica's class probabilities of its rows, `(k, c)`, if the oracle wants them."""
    if not setting.oracle.traits.wants_beliefs:
        return [None] * len(picks)
    rows = torch.cat(list(picks)).unique()  # ascending, as the pass over the pool wants it
    scene = Scene(replicas, setting.features, setting.task)
    request = Request(frozenset({"probabilities"}), lambda use: stream(0, use))
    parts: list[list[Tensor]] = [[] for _ in picks]
    for chunk in stream_signals(scene, rows.to(setting.features.device), [request] * len(picks)):
        for mine, signals in zip(parts, chunk, strict=True):
            mine.append(signals.probabilities.cpu())
    return [
        torch.cat(mine)[torch.searchsorted(rows, picked)]
        for mine, picked in zip(parts, picks, strict=True)
    ]
