"""One round's query: every replica's unlabelled rows scored in one pass, then picked from."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from alsim.errors import AlsimError, RunError
from alsim.experiments.scoring import score_round
from alsim.experiments.setting import Setting
from alsim.oracle import Answers
from alsim.seeding import stream
from alsim.signals import Request, Scene, Signals, signals_of
from alsim.strategies import Strategy, find_strategy, query
from alsim.training.fit import Labelled
from alsim.training.memory import blaming_memory
from alsim.training.replicas import Replicas

PASSIVE = find_strategy("random").strategy
_FEWER = "let it look at fewer rows, such as --candidates 10000, or use fewer --workers"


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
        RunError: If scores are not one number a row, or memory runs out. It names the strategy,
            seed and step, as a note does on whatever else a strategy raises.
    """
    # One that has ended stays in step at the least cost.
    strategies = [
        _named(setting.strategies[job.strategy], job, step) if on else PASSIVE
        for job, on in zip(jobs, running, strict=True)
    ]
    seeds = [job.seed for job in jobs]
    with blaming_memory(f"step {step}, scoring the unlabelled rows", gpu=_FEWER, host=_FEWER):
        scored = score_round(
            setting, replicas, seeds, strategies, unlabelled, labelled, step=step, size=size
        )
    picks: list[tuple[Tensor, Tensor]] = []
    for job, strategy, (rows, candidates) in zip(jobs, strategies, scored, strict=True):
        generator = stream(job.seed, "round", step, "query")
        with _naming(job, step), blaming_memory("choosing the query", gpu=_FEWER, host=_FEWER):
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


@contextmanager
def _naming(job: Job, step: int) -> Generator[None]:
    """Name the strategy, the seed and the step in whatever is raised inside."""
    here = f"strategy {job.strategy}, seed {job.seed}, step {step}"
    try:
        yield
    except AlsimError as error:
        what, where, mend = error.args
        raise type(error)(what, f"{here}, {where}", mend) from None
    except Exception as error:
        error.add_note(f"in {here}")
        raise


def _named(strategy: Strategy, job: Job, step: int) -> Strategy:
    """Return a strategy whose score is checked, chunk by chunk, and named in its failures."""

    def score(signals: Signals) -> Tensor:
        with _naming(job, step):
            return _one_a_row(strategy.score(signals), signals.n)

    return replace(strategy, score=score)


def _one_a_row(scores: object, n: int) -> Tensor:
    """Return scores of `n` rows that have their shape; a plug-in's may be anything."""
    if isinstance(scores, Tensor) and scores.shape == (n,):
        return scores
    found = (
        f"the shape {tuple(scores.shape)}"
        if isinstance(scores, Tensor)
        else f"the type {type(scores).__name__}"
    )
    raise RunError(
        f"the score of {n} rows has {found}, and is no tensor of the shape ({n},)",
        "scoring the unlabelled rows",
        "mend the strategy's score: one number a row",
    )


def _beliefs(
    setting: Setting, replicas: Replicas, picks: Sequence[Tensor]
) -> Sequence[Tensor | None]:
    """Return each replica's class probabilities of its rows, `(k, c)`, if the oracle wants them."""
    if not setting.oracle.traits.wants_beliefs:
        return [None] * len(picks)
    rows = torch.cat(list(picks)).unique()  # ascending, as the pass over the pool wants it
    scene = Scene(replicas, setting.features, setting.task)
    request = Request(frozenset({"probabilities"}), lambda use: stream(0, use))

    def of_chunk(here: Tensor) -> list[Tensor]:
        chunk = signals_of(scene, here.to(setting.features.device), [request] * len(picks))
        return [signals.probabilities.cpu() for signals in chunk]

    parts = zip(*setting.chunks.over(rows, of_chunk), strict=True)  # by replica
    return [
        torch.cat(mine)[torch.searchsorted(rows, picked)]
        for mine, picked in zip(parts, picks, strict=True)
    ]
