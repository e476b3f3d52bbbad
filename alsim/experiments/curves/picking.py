"""From one replica's scores, task by task, to the objects or cells that it asks for."""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from alsim.experiments.asking import one_cell_each
from alsim.options.curves import Unit
from alsim.signals import Signals
from alsim.strategies import Candidates, Strategy, query
from alsim.strategies.combining import IN_TURN, cell_values, object_values, order_of, shares
from alsim.strategies.strategy import refuse_nan


class Options(NamedTuple):
    """What one replica may ask for."""

    rows: Tensor  # (n,) int64, ascending: the objects that its strategy looks at
    is_open: Tensor  # (n, t) bool, their cells that have not been asked for; one each at least
    unit: Unit


class Picked(NamedTuple):
    """What one replica asks for, best first: k objects or cells."""

    rows: Tensor  # (k,) int64
    cells: Tensor  # (k, t) bool
    scores: Tensor  # (k,), by which they were picked


def is_uniform(strategy: Strategy) -> bool:
    """Return whether a strategy looks at nothing, so that units are drawn whatever the rule."""
    return strategy.is_pointwise and not strategy.signals


def wanted_tasks(strategy: Strategy, options: Options, k: int, *, step: int) -> list[int]:
    """Return the tasks whose scores are needed to pick k: in turns, those whose turn it is."""
    n_tasks = options.is_open.shape[1]
    if n_tasks == 1:
        return [0]
    if is_uniform(strategy):
        return []
    if strategy.combine != "alternating":
        return list(range(n_tasks))
    order = order_of(step, n_tasks)
    for n in range(1, n_tasks):
        mine = options.is_open[:, order[:n]]
        if int(mine.sum() if options.unit == "cell" else mine.any(1).sum()) >= k:
            return order[:n]
    return order


def pick(
    strategy: Strategy,
    options: Options,
    scored: Mapping[int, Candidates],
    k: int,
    *,
    step: int,
    generator: torch.Generator,
) -> Picked:
    """Return the query of one replica, of min(k, what it may ask for).

    `scored` has the candidates of each task that `wanted_tasks` names: the objects with an open
    cell of it, in order.

    Raises:
        RunError: If a score is not a number.
    """
    if options.is_open.shape[1] == 1:
        (candidates,) = scored.values()
        chosen = query(strategy, candidates, k, generator=generator)
        return Picked(options.rows[chosen], options.is_open[chosen], candidates.scores[chosen])
    if strategy.combine in IN_TURN and not is_uniform(strategy):
        return _in_turn(strategy, options, scored, k, step=step, generator=generator)
    values = _unit_values(strategy, options, scored)
    chosen = query(strategy, Candidates(values, step=step), k, generator=generator)
    if options.unit == "object":
        return Picked(options.rows[chosen], options.is_open[chosen], values[chosen])
    place, task = options.is_open.nonzero()[chosen].unbind(1)
    cells = one_cell_each(task, options.is_open.shape[1])
    return Picked(options.rows[place], cells, values[chosen])


def _unit_values(strategy: Strategy, options: Options, scored: Mapping[int, Candidates]) -> Tensor:
    """Return what the objects, or the open cells row by row, are worth, `(u,)`."""
    is_open, is_by_cell = options.is_open, options.unit == "cell"
    if is_uniform(strategy):
        return strategy.score(Signals(int(is_open.sum()) if is_by_cell else len(is_open), {}))
    scores = torch.zeros(is_open.shape, dtype=torch.float64)
    for task, candidates in scored.items():
        refuse_nan(candidates.scores)
        scores[is_open[:, task], task] = candidates.scores.double()
    values = cell_values(strategy.combine, scores, is_open)
    return values[is_open] if is_by_cell else object_values(strategy.combine, values, is_open)


def _in_turn(
    strategy: Strategy,
    options: Options,
    scored: Mapping[int, Candidates],
    k: int,
    *,
    step: int,
    generator: torch.Generator,
) -> Picked:
    """Return what the tasks pick one after another, each from what the others left."""
    left = options.is_open.clone()
    n_tasks = left.shape[1]
    parts: list[Picked] = []
    missing = k
    while missing and left.any():
        order = [task for task in order_of(step, n_tasks) if left[:, task].any()]
        for task, share in zip(order, shares(strategy.combine, missing, len(order)), strict=True):
            mine = left[:, task].nonzero()[:, 0]
            n = min(share, missing, len(mine))
            if n == 0:
                continue
            candidates = scored[task].only(left[options.is_open[:, task], task])
            chosen = query(strategy, candidates, n, generator=generator)
            place = mine[chosen]
            cells = options.is_open[place]
            if options.unit == "cell":
                cells = one_cell_each(torch.full_like(place, task), n_tasks)
            left[place] &= ~cells
            parts.append(Picked(options.rows[place], cells, candidates.scores[chosen]))
            missing -= n
    return Picked(*map(torch.cat, zip(*parts, strict=True)))
