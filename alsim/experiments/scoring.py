"""What every replica's selector is given: one pass over the unlabelled rows, one over the labelled.

Only scores, and what a selector asked to keep, stay in memory. Rows are in the order of their ids,
so a query does not depend on the order of the file.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from alsim.experiments.setting import Setting
from alsim.seeding import stream
from alsim.signals import Request, Scene, Signal, Signals, signals_of
from alsim.strategies import Candidates, Strategy
from alsim.training.fit import Labelled
from alsim.training.replicas import Replicas


class Scored(NamedTuple):
    """One replica's candidates and which rows of the pool they are."""

    rows: Tensor  # (n,) int64, ascending
    candidates: Candidates


class _Gathered(NamedTuple):
    """What stays of some rows of one replica, on the CPU."""

    scores: Tensor  # (n,); empty where none was asked for
    kept: dict[Signal, Tensor]


def score_round(
    setting: Setting,
    replicas: Replicas,
    seeds: Sequence[int],
    strategies: Sequence[Strategy],
    unlabelled: Tensor,
    labelled: Labelled,
    *,
    step: int,
    size: int,
) -> list[Scored]:
    """Return every replica's candidates, scored.

    Args:
        setting: The study.
        replicas: R of them.
        seeds: One a replica; with the step they name its random streams.
        strategies: One a replica.
        unlabelled: `(r, n)` bool over the pool's rows.
        labelled: What each replica has been told.
        step: Of the active phase.
        size: k; a strategy never looks at fewer rows than that.
    """
    scene = Scene(
        replicas,
        setting.features,
        setting.task,
        truth=setting.pool.tasks[setting.task].labels.to(setting.features.device),
    )
    rows = [
        _considered(mine, strategy.candidates, size, stream(seed, "round", step, "candidates"))
        for mine, strategy, seed in zip(unlabelled, strategies, seeds, strict=True)
    ]
    wanted = [_request(s, s.signals, seed, step) for s, seed in zip(strategies, seeds, strict=True)]
    found = _gather(
        setting, scene, rows, wanted, [s.keeps for s in strategies], [s.score for s in strategies]
    )
    known = [mine.sort() for mine in labelled.rows.cpu()]
    asked = [_request(s, s.labelled, seed, step) for s, seed in zip(strategies, seeds, strict=True)]
    seen = _gather(
        setting, scene, [k.values for k in known], asked, [s.labelled for s in strategies]
    )
    return [
        Scored(
            rows[r],
            Candidates(
                found[r].scores if wanted[r].signals else _unseen(strategies[r], len(rows[r])),
                found[r].kept,
                seen[r].kept,
                _exact(labelled.labels[setting.task][r].cpu())[known[r].indices],
                setting.n_classes[setting.task],
                step,
            ),
        )
        for r in range(replicas.size)
    ]


def _considered(
    unlabelled: Tensor, most: int | None, size: int, generator: torch.Generator
) -> Tensor:
    """Return the rows that a strategy looks at: all, or so many drawn at random; ascending."""
    rows = unlabelled.nonzero()[:, 0]
    if most is None or most >= len(rows):
        return rows
    drawn = torch.randperm(len(rows), generator=generator)[: max(most, size)]
    return rows[drawn.sort().values]


def _unseen(strategy: Strategy, n: int) -> Tensor:
    """Return the scores of a strategy that asks for no signal, `(n,)`."""
    return strategy.score(Signals(n, {}))


def _exact(labels: Tensor) -> Tensor:
    """Return the labels, `(m,)`, −1 where several classes are possible."""
    if labels.dtype != torch.bool:
        return labels
    return torch.where(labels.sum(1) == 1, labels.int().argmax(1), -1)


def _request(strategy: Strategy, signals: frozenset[Signal], seed: int, step: int) -> Request:
    def streams(use: str) -> torch.Generator:
        return stream(seed, "round", step, use)

    return Request(signals, streams, strategy.committee, strategy.input_dropout)


def _gather(
    setting: Setting,
    scene: Scene,
    rows: Sequence[Tensor],
    requests: Sequence[Request],
    keeps: Sequence[frozenset[Signal]],
    scores: Sequence[Callable[[Signals], Tensor]] = (),
) -> list[_Gathered]:
    """Return what is asked for of every replica's own rows, in one pass over all of them.

    Args:
        setting: The study.
        scene: What the signals are computed from.
        rows: One a replica, ascending.
        requests: One a replica; where it asks for nothing, its rows are passed over.
        keeps: Of the signals asked for, those to return.
        scores: One a replica, or none at all.
    """
    nothing = _Gathered(torch.empty(0), {})
    asking = [mine for mine, request in zip(rows, requests, strict=True) if request.signals]
    if not asking:
        return [nothing] * len(requests)
    union = asking[0] if len(asking) == 1 else torch.cat(asking).unique()

    def of_replica(r: int, signals: Signals, here: Tensor) -> _Gathered:
        mine = signals if len(asking) == 1 else _own(signals, here, rows[r])
        return _Gathered(
            scores[r](mine).cpu() if scores else nothing.scores,
            {signal: mine.values[signal].cpu() for signal in sorted(keeps[r])},
        )

    # Scores too are computed inside, since their memory may be what runs out.
    def of_chunk(here: Tensor) -> list[_Gathered]:
        chunk = signals_of(scene, here.to(scene.features.device), requests)
        return [
            of_replica(r, signals, here) if requests[r].signals else nothing
            for r, signals in enumerate(chunk)
        ]

    parts = list(setting.chunks.over(union, of_chunk))
    return [
        _Gathered(
            torch.cat([part[r].scores for part in parts]),
            {s: torch.cat([part[r].kept[s] for part in parts]) for s in parts[0][r].kept},
        )
        for r in range(len(requests))
    ]


def _own(signals: Signals, here: Tensor, rows: Tensor) -> Signals:
    """Return the signals of those rows of a chunk, `here`, that are a replica's own."""
    own = torch.isin(here, rows, assume_unique=True)
    if own.all():
        return signals
    return Signals(int(own.sum()), {s: v[own.to(v.device)] for s, v in signals.values.items()})
