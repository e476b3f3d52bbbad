"""What every replica's selector is given: one pass over the unlabelled rows, one over the labelled.

Rows are in the order of their ids, so a query does not depend on the order of the file.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from alsim.experiments.setting import Setting
from alsim.seeding import stream
from alsim.signals import Request, Scene, Signal, Signals, stream_signals
from alsim.strategies import Candidates, Strategy
from alsim.training.fit import Labelled
from alsim.training.replicas import Replicas


class Scored(NamedTuple):
    """One replica's candidates and which rows of the pool they are."""

    rows: Tensor  # (n,) int64, ascending
    candidates: Candidates


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
    scores: list[list[Tensor]] = [[] for _ in strategies]

    def score(r: int, signals: Signals) -> None:
        scores[r].append(strategies[r].score(signals).cpu())

    wanted = [_request(s, s.signals, seed, step) for s, seed in zip(strategies, seeds, strict=True)]
    kept = _gather(scene, rows, wanted, [s.keeps for s in strategies], score)
    known = [mine.sort() for mine in labelled.rows.cpu()]
    asked = [_request(s, s.labelled, seed, step) for s, seed in zip(strategies, seeds, strict=True)]
    seen = _gather(scene, [k.values for k in known], asked, [s.labelled for s in strategies])
    return [
        Scored(
            rows[r],
            Candidates(
                torch.cat(scores[r]) if scores[r] else _unseen(strategies[r], len(rows[r])),
                kept[r],
                seen[r],
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
    scene: Scene,
    rows: Sequence[Tensor],
    requests: Sequence[Request],
    keeps: Sequence[frozenset[Signal]],
    observe: Callable[[int, Signals], None] = lambda r, signals: None,
) -> list[dict[Signal, Tensor]]:
    """Return the signals to keep of every replica's own rows, in one pass over all of them.

    Args:
        scene: What the signals are computed from.
        rows: One a replica, ascending.
        requests: One a replica; where it asks for nothing, its rows are passed over.
        keeps: Of the signals asked for, those to return.
        observe: Is shown each replica's signals chunk by chunk.
    """
    asking = [mine for mine, request in zip(rows, requests, strict=True) if request.signals]
    kept: list[dict[Signal, list[Tensor]]] = [{s: [] for s in sorted(keep)} for keep in keeps]
    if asking:
        union = asking[0] if len(asking) == 1 else torch.cat(asking).unique()
        on_device = union.to(scene.features.device)
        done = 0
        for chunk in stream_signals(scene, on_device, requests):
            here = union[done : done + chunk[0].n]
            done += len(here)
            for r, signals in enumerate(chunk):
                if not requests[r].signals:
                    continue
                mine = signals if len(asking) == 1 else _own(signals, here, rows[r])
                observe(r, mine)
                for signal, values in kept[r].items():
                    values.append(mine.values[signal].cpu())
    return [{signal: torch.cat(values) for signal, values in k.items()} for k in kept]


def _own(signals: Signals, here: Tensor, rows: Tensor) -> Signals:
    """Return the signals of those rows of a chunk, `here`, that are a replica's own."""
    own = torch.isin(here, rows, assume_unique=True)
    if own.all():
        return signals
    return Signals(int(own.sum()), {s: v[own.to(v.device)] for s, v in signals.values.items()})
