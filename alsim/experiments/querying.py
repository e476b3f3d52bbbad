"""One round's query: every replica's unlabelled rows scored in one pass, then picked from."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from alsim.experiments.setting import Setting
from alsim.oracle import Answers
from alsim.seeding import stream
from alsim.signals import Signal, Signals, stream_signals
from alsim.strategies import STRATEGIES, Candidates, Strategy, query
from alsim.training.replicas import Replicas

PASSIVE = STRATEGIES["random"]


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
        running: Which replicas still count; one that has ended is queried without regard to its
            scores, only to stay in step.
        step: Names the random streams.
        size: k; each replica gets min(k, its unlabelled rows).

    Raises:
        RunError: If a score is not a number.
    """
    # Rows are in the order of their ids, so a query does not depend on the order of the file.
    rows = unlabelled.any(0).nonzero()[:, 0]
    strategies = [setting.strategies[job.strategy] for job in jobs]
    queried: list[Queried] = []
    scored = _score(setting, replicas, strategies, rows)
    for r, (job, strategy) in enumerate(zip(jobs, strategies, strict=True)):
        mine = unlabelled[r, rows]
        candidates = Candidates(
            scored[r].scores[mine], {s: value[mine] for s, value in scored[r].kept.items()}
        )
        if not running[r]:
            strategy, candidates = PASSIVE, Candidates(torch.zeros(int(mine.sum())))
        generator = stream(job.seed, "round", step, "query")
        chosen = query(strategy, candidates, size, generator=generator)
        picked = rows[mine][chosen]
        answers = setting.oracle(picked, generator=stream(job.seed, "round", step, "oracle"))
        queried.append(Queried(picked, candidates.scores[chosen], answers))
    return queried


def _score(
    setting: Setting, replicas: Replicas, strategies: Sequence[Strategy], rows: Tensor
) -> list[Candidates]:
    """Return every strategy's scores of `rows` and the signals its selector keeps."""
    needs = frozenset[Signal]().union(*(s.needs | s.keeps for s in strategies))
    if not needs:
        return [Candidates(s.score(Signals(len(rows), {}))) for s in strategies]
    scores: list[list[Tensor]] = [[] for _ in strategies]
    kept: list[dict[Signal, list[Tensor]]] = [{s: [] for s in st.keeps} for st in strategies]
    for chunk in stream_signals(
        replicas, setting.features, rows.to(setting.features.device), task=setting.task, needs=needs
    ):
        for r, (strategy, signals) in enumerate(zip(strategies, chunk, strict=True)):
            scores[r].append(strategy.score(signals).cpu())
            for signal, values in kept[r].items():
                values.append(signals.values[signal].cpu())
    return [
        Candidates(torch.cat(s), {signal: torch.cat(values) for signal, values in k.items()})
        for s, k in zip(scores, kept, strict=True)
    ]
