"""The input of every replica's selector: one pass over the unlabelled rows, one over the labelled.

Only scores, and what a selector asked to keep, stay in memory; embeddings that it keeps are read
from the pool where it looks at them. Rows are in the order of their ids, so a query does not depend
on the order of the file.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from alsim.errors import RunError
from alsim.experiments.setting import Setting
from alsim.seeding import stream
from alsim.signals import (
    Request,
    Scene,
    SharedOutputs,
    Signal,
    Signals,
    signals_in,
    signals_of,
)
from alsim.strategies import Candidates, Strategy
from alsim.strategies.rows import Kept, PoolRows
from alsim.training.fit import Labelled
from alsim.training.replicas import Replicas


class _Gathered(NamedTuple):
    """What stays of some rows of one replica, on the CPU."""

    scores: Tensor  # (n,); any numbers where none are asked for
    kept: dict[Signal, Tensor]


@dataclass(frozen=True, slots=True, eq=False)
class _Wanted:
    """What the replicas want of one task; each sequence has an entry a replica."""

    scene: Scene
    rows: Sequence[Tensor]  # (n,) int64, ascending
    requests: Sequence[Request]  # where it asks for nothing, its rows are passed over
    keeps: Sequence[frozenset[Signal]]  # of the signals asked for, those to return
    scores: Sequence[Callable[[Signals], Tensor]]  # none at all where no scores are wanted

    @property
    def asking(self) -> list[Tensor]:
        """Return the rows of those replicas that ask for something."""
        return [mine for mine, r in zip(self.rows, self.requests, strict=True) if r.signals]

    def of_rows(self, here: Tensor, shared: SharedOutputs | None) -> list[_Gathered]:
        """Return every replica's part of some rows, ascending, one at least."""
        chunk = signals_of(self.scene, here.to(self.scene.features.device), self.requests, shared)
        return [self._of_replica(r, signals, here) for r, signals in enumerate(chunk)]

    def _of_replica(self, r: int, signals: Signals, here: Tensor) -> _Gathered:
        if not self.requests[r].signals:
            return _NOTHING
        mine = signals if len(self.asking) == 1 else _own(signals, here, self.rows[r])
        return _Gathered(
            self.scores[r](mine).cpu() if self.scores else torch.empty(mine.n),
            {signal: mine.values[signal].cpu() for signal in sorted(self.keeps[r])},
        )


_NOTHING = _Gathered(torch.empty(0), {})


def considered(
    can_ask: Tensor, most: int | None, size: int, *, generator: torch.Generator
) -> Tensor:
    """Return the rows that a strategy looks at, ascending: all, or a random draw of `most`.

    `can_ask` is `(n,)` bool over the pool's rows. Never fewer than `size` are drawn, those of the
    query; all if `most` is None.
    """
    rows = can_ask.nonzero()[:, 0]
    if most is None or most >= len(rows):
        return rows
    drawn = torch.randperm(len(rows), generator=generator)[: max(most, size)]
    return rows[drawn.sort().values]


def score_tasks(
    setting: Setting,
    replicas: Replicas,
    seeds: Sequence[int],
    strategies: Sequence[Strategy],
    rows: Mapping[str, Sequence[Tensor]],
    labelled: Labelled,
    *,
    step: int,
) -> dict[str, list[Candidates]]:
    """Return every replica's candidates, scored, by the task.

    By task `rows` has `(n,)` ascending rows of each replica; where there are none, nothing is
    computed. Labelled rows without a label for a task do not count.

    Raises:
        RunError: If a strategy reads labelled rows, and a task has none.
    """

    def wants(
        of: Mapping[str, Sequence[Tensor]],
        signals: Sequence[frozenset[Signal]],
        keeps: Sequence[frozenset[Signal]],
        scores: Sequence[Callable[[Signals], Tensor]],
    ) -> list[_Wanted]:
        return [
            _Wanted(
                _scene(setting, replicas, task),
                of[task],
                [
                    _request(s, some if len(mine) else frozenset(), seed, step)
                    for s, some, mine, seed in zip(
                        strategies, signals, rows[task], seeds, strict=True
                    )
                ],
                keeps,
                scores,
            )
            for task in rows
        ]

    keeps = [s.keeps - {"embeddings"} for s in strategies]
    streamed = [s.needs | kept for s, kept in zip(strategies, keeps, strict=True)]
    wanted = wants(rows, streamed, keeps, [s.score for s in strategies])
    found = _gather(setting, wanted)
    answered = {
        task: [_told(*pair) for pair in zip(labelled.rows, labelled.labels[task], strict=True)]
        for task in rows
    }
    of_labelled = [s.labelled for s in strategies]
    known = {task: [mine.rows for mine in each] for task, each in answered.items()}
    asked = wants(known, of_labelled, of_labelled, [])
    for mine in asked:
        if not all(map(len, mine.asking)):
            raise RunError(
                f"no label of {mine.scene.task!r} is known yet, and the strategy reads labelled "
                "rows",
                f"step {step}",
                "start from more labels: --initial-size",
            )
    seen = _gather(setting, asked)
    return {
        task: [
            Candidates(
                found[i][r].scores if streamed[r] else _unseen(s, len(mine)),
                _kept(setting, s, found[i][r], mine),
                seen[i][r].kept,
                answered[task][r].labels,
                setting.n_classes[task],
                step,
            )
            for r, (s, mine) in enumerate(zip(strategies, of_task, strict=True))
        ]
        for i, (task, of_task) in enumerate(rows.items())
    }


def _scene(setting: Setting, replicas: Replicas, task: str) -> Scene:
    truth = setting.pool.tasks[task].labels.to(setting.features.device)
    return Scene(replicas, setting.features, task, truth=truth)


def _kept(setting: Setting, strategy: Strategy, found: _Gathered, rows: Tensor) -> Kept:
    """Return what a strategy keeps of `(n,)` rows."""
    if "embeddings" not in strategy.keeps:
        return Kept(found.kept)
    modalities = list(setting.pool.modalities.values())
    return Kept({**found.kept, "embeddings": PoolRows(modalities, rows, setting.features.dtype)})


def _unseen(strategy: Strategy, n: int) -> Tensor:
    """Return the scores of a strategy that asks for no signal, `(n,)`."""
    return strategy.score(Signals(n, {}))


class _Answered(NamedTuple):
    """The rows of which one replica has an answer for a task, ascending."""

    rows: Tensor  # (m,) int64
    labels: Tensor  # (m,) int64, −1 where several classes are possible


def _told(rows: Tensor, labels: Tensor) -> _Answered:
    rows, labels = rows.cpu(), labels.cpu()
    if labels.dtype == torch.bool:
        labels = torch.where(labels.sum(1) == 1, labels.int().argmax(1), -1)
    else:
        rows, labels = rows[labels >= 0], labels[labels >= 0]
    order = rows.argsort()
    return _Answered(rows[order], labels[order])


def _request(strategy: Strategy, signals: frozenset[Signal], seed: int, step: int) -> Request:
    def streams(use: str) -> torch.Generator:
        return stream(seed, "round", step, use)

    return Request(signals, streams, strategy.committee, strategy.input_dropout)


def _gather(setting: Setting, wanted: Sequence[_Wanted]) -> list[list[_Gathered]]:
    """Return what is asked for of every task and replica, in one pass over the rows of all."""
    unions = [_union(mine.asking) for mine in wanted]
    union = _union(unions)

    signals = signals_in(request for mine in wanted for request in mine.requests)

    # Scores too are computed inside, since their memory may be what runs out.
    def of_chunk(here: Tensor) -> list[list[_Gathered]]:
        shared = None
        if len(wanted) > 1:
            scene = wanted[0].scene
            rows = here.to(scene.features.device)
            shared = SharedOutputs(scene.replicas, scene.features, rows, signals)
        parts = [
            here if mine is union else here[torch.isin(here, mine, assume_unique=True)]
            for mine in unions
        ]
        return [
            mine.of_rows(part, shared) if len(part) else []
            for mine, part in zip(wanted, parts, strict=True)
        ]

    numbers = [
        setting.n_classes[mine.scene.task] * sum(r.n_predictions for r in mine.requests)
        for mine in wanted
    ]
    found = [[_Filling(len(rows)) for rows in mine.rows] for mine in wanted]
    for parts in setting.chunks.over(union, of_chunk, max(numbers, default=1)):
        for of_task, part in zip(found, parts, strict=True):
            for mine, gathered in zip(of_task, part, strict=bool(part)):
                mine.add(gathered)
    return [[mine.whole for mine in of_task] for of_task in found]


class _Filling:
    """What stays of n rows, filled part by part: joining all parts needs twice the room."""

    def __init__(self, n: int) -> None:
        self._n, self._filled = n, 0
        self.whole = _NOTHING

    def add(self, part: _Gathered) -> None:
        """Write what stays of the next rows."""
        if part is _NOTHING:
            return
        if self.whole is _NOTHING:
            self.whole = _Gathered(
                self._room(part.scores), {s: self._room(v) for s, v in part.kept.items()}
            )
        here = slice(self._filled, self._filled + len(part.scores))
        self._filled = here.stop
        self.whole.scores[here] = part.scores
        for signal, values in part.kept.items():
            self.whole.kept[signal][here] = values

    def _room(self, values: Tensor) -> Tensor:
        return values.new_empty(self._n, *values.shape[1:])


def _union(rows: Sequence[Tensor]) -> Tensor:
    """Return the rows that are in one of several sets, ascending."""
    if len(rows) == 1:
        return rows[0]
    return torch.cat([torch.empty(0, dtype=torch.int64), *rows]).unique()


def _own(signals: Signals, here: Tensor, rows: Tensor) -> Signals:
    """Return the signals of those rows of a chunk, `here`, that are a replica's own."""
    own = torch.isin(here, rows, assume_unique=True)
    if own.all():
        return signals
    return Signals(int(own.sum()), {s: v[own.to(v.device)] for s, v in signals.values.items()})
