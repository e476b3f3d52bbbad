"""Asking the oracles: which cells first, what they cost, and the labels that the answers give."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from alsim.experiments.setting import Setting, Spent
from alsim.oracle import Answers, Oracle
from alsim.seeding import stream
from alsim.training.fit import Labelled


class Queried(NamedTuple):
    """One replica's query and its answers, best first: k objects or cells."""

    rows: Tensor  # (k,) int64, rows of the pool
    cells: Tensor  # (k, t) bool, which of their labels were asked for
    scores: Tensor | None  # (k,); None for the initial labels, which no strategy chose
    # task -> what was answered of all k; label −1, no cost and no question where it was not asked
    answers: Mapping[str, Answers]

    @property
    def spent(self) -> Spent:
        """Return what the answers took together."""
        answers = self.answers.values()
        cost = sum(float(each.costs.sum()) for each in answers)
        return Spent(cost, sum(int(each.questions.sum()) for each in answers))


def ask(
    setting: Setting,
    rows: Tensor,
    cells: Tensor,
    *,
    seen: Tensor,
    beliefs: Tensor | None,
    generator: torch.Generator,
) -> dict[str, Answers]:
    """Return the oracles' answers about some cells, task -> Answers of all k.

    An object is read, at `read_price`, when the first of its labels is asked for, and never again:
    the joint cost c₀ + Σ cₜ. That price is on its first cell here. Rows are `(k,)` int64, with
    cells as the unit an object may come several times; cells are `(k, t)` bool, one at least in
    each row. `seen` has the objects asked about before, `(m,)` int64, and `beliefs` are `(k, c)`,
    see `Oracle`; None with several tasks.
    """
    answers: dict[str, Answers] = {}
    is_read = _first_times(rows) & ~torch.isin(rows, seen)
    for place, (task, oracle) in enumerate(setting.oracles.items()):
        asked = cells[:, place]
        found = oracle(rows[asked], beliefs=beliefs, generator=generator)
        answers[task] = found if asked.all() else _among(found, asked)
        if setting.read_price:
            here = is_read & (cells.int().argmax(1) == place)
            costs = answers[task].costs + setting.read_price * here
            answers[task] = replace(answers[task], costs=costs)
    return answers


def initial_query(setting: Setting, seed: int) -> Queried:
    """Return a seed's initial labels: of objects at random, or of those that are given.

    With cells as the unit, objects come with all of their labels until there are enough; of the
    last one some labels at random, so that the number is the same for every seed. Given ones cost
    nothing, since they are there already.
    """
    generator = stream(seed, "initial")
    rows, size = setting.initial_rows, setting.pool.n * len(setting.oracles)
    if rows is None:
        can_ask = setting.known.any(1).nonzero()[:, 0]
        rows = can_ask[torch.randperm(len(can_ask), generator=generator)]
        size = setting.schedule.initial_size
    if setting.unit == "object":
        rows = rows[:size]
        cells = setting.known[rows]
    else:
        rows, cells = _first_cells(setting.known, rows, size, generator=generator)
    nothing = torch.empty(0, dtype=torch.int64)
    generator = stream(seed, "initial", "oracle")
    answers = ask(setting, rows, cells, seen=nothing, beliefs=None, generator=generator)
    if setting.initial_rows is not None:
        answers = {task: _as_gift(each) for task, each in answers.items()}
    return Queried(rows, cells, None, answers)


def no_query(setting: Setting) -> Queried:
    """Return the query of a step that asks for nothing."""
    nothing = torch.empty(0, dtype=torch.int64)
    answers = {task: Answers(nothing, nothing.double(), nothing) for task in setting.oracles}
    return Queried(nothing, torch.empty(0, len(answers), dtype=torch.bool), None, answers)


def labelled_rows(setting: Setting, queries: Sequence[Queried]) -> Labelled:
    """Return one query a replica, each of the same size, as labelled rows on the device.

    The labels are `(r, m)` int64, −1 where a label was not asked for; from an oracle whose answers
    may be partial they are the classes still possible, `(r, m, c)` bool.
    """
    device = setting.features.device
    rows = torch.stack([query.rows for query in queries])
    labels = {
        task: torch.stack([_training_labels(oracle, query.answers[task]) for query in queries])
        for task, oracle in setting.oracles.items()
    }
    return Labelled(rows.to(device), {task: y.to(device) for task, y in labels.items()})


def one_cell_each(tasks: Tensor, n_tasks: int) -> Tensor:
    """Return cells, `(k, t)` bool, of which each row has that of one task, `(k,)` int64."""
    return F.one_hot(tasks, n_tasks).bool()


def _first_cells(
    known: Tensor, rows: Tensor, size: int, *, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Return the first `size` cells of objects in this order, one by one; all if there are fewer.

    `known` is `(n, t)` bool, and the objects are `(m,)`. The generator decides which cells of the
    last object.
    """
    until = known[rows].sum(1).cumsum(0)
    n_objects = min(int(torch.searchsorted(until, size)) + 1, len(rows))
    pairs = known[rows[:n_objects]].nonzero()
    whole = pairs[pairs[:, 0] < n_objects - 1]
    last = pairs[len(whole) :]
    some = torch.randperm(len(last), generator=generator)[: size - len(whole)]
    pairs = torch.cat([whole, last[some.sort().values]])
    return rows[pairs[:, 0]], one_cell_each(pairs[:, 1], known.shape[1])


def _first_times(rows: Tensor) -> Tensor:
    """Return where a value stands for the first time, `(k,)` bool."""
    values, place = rows.unique(return_inverse=True)
    order = torch.arange(len(rows))
    first = torch.full((len(values),), len(rows)).scatter_reduce(0, place, order, "amin")
    return first[place] == order


def _among(answers: Answers, asked: Tensor) -> Answers:
    """Return answers to some of k cells as answers of all k."""

    def spread(values: Tensor, otherwise: int) -> Tensor:
        return values.new_full((len(asked),), otherwise).masked_scatter(asked, values)

    return Answers(
        spread(answers.labels, -1), spread(answers.costs, 0), spread(answers.questions, 0)
    )


def _as_gift(answers: Answers) -> Answers:
    costs, questions = torch.zeros_like(answers.costs), torch.zeros_like(answers.questions)
    return replace(answers, costs=costs, questions=questions)


def _training_labels(oracle: Oracle, answers: Answers) -> Tensor:
    if not oracle.traits.is_partial:
        return answers.labels
    if answers.possible is None:
        raise ValueError("an oracle that may answer partially must say which classes are possible")
    return answers.possible
