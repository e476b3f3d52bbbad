"""GALAXY and DIRECT, for long tails: rows ordered in a line per class, cut where labels change.

In the line of class j the rows predicted as j come first, the most confident ones in front; the
others follow, ordered by how close pⱼ is to the highest probability. A label change is a place in
the line where a labelled row of class j is next to a labelled row of another class.
"""

import heapq
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from alsim.signals import Signal
from alsim.strategies.base import nearest_by_class
from alsim.strategies.selectors import Candidates
from alsim.strategies.strategy import Strategy

_PROBABILITIES: frozenset[Signal] = frozenset({"probabilities"})


def galaxy() -> Strategy:
    """Return the strategy of Zhang et al. (2022), GALAXY, without answers within a query.

    The graphs of the classes take turns (one graph for two classes: the other is its mirror image).
    A gap is the rows between two labelled neighbours in the line, of which one has the class's
    label. In its turn a graph bisects the shortest path between oppositely labelled rows: the
    middle row of its shortest gap is queried. The paper continues with the half that the answer
    leaves. Here answers come after the whole query, so both halves stay, as gaps of the next level:
    a graph bisects all gaps of one level, the shortest first, before the next level. If the middle
    row is already taken, the nearest free row of the gap is taken instead.

    Once no gap is left, rows are taken by their distance, in places of a line, to the nearest label
    change in any graph; the paper connects ever more distant rows. Without label changes the query
    is random, as in the paper. Within a round the graph with the shortest gap goes first. Labels
    that leave several classes possible are not in the graphs.
    """
    return Strategy(select=_galaxy, keeps=_PROBABILITIES, labelled=_PROBABILITIES)


def direct() -> Strategy:
    """Return the strategy of Nuggehalli et al. (2025), DIRECT, without answers within a query.

    Each class's line has a threshold that puts most labelled rows on their side: the class before
    it, the others after it; among equally good thresholds, the middle one. For each class equally
    many unlabelled rows nearest to the threshold are queried, by their number of places among the
    unlabelled rows. Departures: the first half of the paper's budget narrows the threshold down
    with answers in between, so it is left out; the nearest pair of row and class is taken first,
    and the remainder of k/c goes to the classes whose next row is nearest.
    """
    return Strategy(select=_direct, keeps=_PROBABILITIES, labelled=_PROBABILITIES)


def line_scores(probabilities: Tensor) -> Tensor:
    """Return the scores that order each class's line, `(n, c)`; higher is nearer to the front.

    p₍₁₎ for the predicted class, else pⱼ − p₍₁₎: the margin, with ties by confidence.
    """
    best = probabilities.amax(1, keepdim=True)
    return torch.where(probabilities == best, best, probabilities - best)


IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class _Lines:
    """The lines of unlabelled rows, numbered 0 … n − 1, and labelled ones, numbered from n."""

    n: int
    scores: Tensor  # (n + labelled, c)
    labels: Tensor  # (labelled,) int64
    shuffled: Tensor  # rows in random order, which breaks ties

    def of(self, class_: int) -> Tensor:
        """Return the rows of a class's line, `(n + labelled,)`, front first."""
        scores = self.scores[self.shuffled, class_]
        return self.shuffled[scores.sort(descending=True, stable=True).indices]


@dataclass(slots=True, eq=False)
class _Graph:
    """A class's gaps, a heap of (level, length, tie, rows)."""

    ties: IntArray  # a random number for each row
    turn: int  # random, orders graphs with equally short gaps
    gaps: list[tuple[int, int, int, IntArray]] = field(default_factory=list)

    def add(self, level: int, rows: IntArray) -> None:
        """Add the rows between two labelled ones, in the line's order; without rows, do nothing."""
        if len(rows):
            heapq.heappush(self.gaps, (level, len(rows), int(self.ties[rows].sum()), rows))

    def bisect(self, is_taken: BoolArray) -> int | None:
        """Return the free row nearest to the middle of the first gap, and split the gap there."""
        while self.gaps:
            level, length, _, rows = heapq.heappop(self.gaps)
            free = np.flatnonzero(~is_taken[rows])
            if len(free):
                from_middle = np.abs(2 * free - (length - 1))
                place = free[np.lexsort((self.ties[rows[free]], from_middle))[0]]
                self.add(level + 1, rows[:place])
                self.add(level + 1, rows[place + 1 :])
                return int(rows[place])
        return None


def _lines(candidates: Candidates, generator: torch.Generator) -> _Lines:
    known = candidates.labels >= 0
    unlabelled = candidates.kept["probabilities"]
    both = torch.cat([unlabelled, candidates.labelled["probabilities"][known]])
    shuffled = torch.randperm(len(both), generator=generator)
    return _Lines(len(unlabelled), line_scores(both), candidates.labels[known], shuffled)


def _galaxy(candidates: Candidates, k: int, *, generator: torch.Generator) -> Tensor:
    lines = _lines(candidates, generator)
    ties = torch.randint(1 << 40, (len(lines.scores),), generator=generator)
    places = torch.arange(len(ties))
    c = lines.scores.shape[1]
    distances = torch.full((lines.n,), lines.n + 1)
    graphs: list[_Graph] = []
    for class_ in range(c if c > 2 else 1):
        line = lines.of(class_)
        # Computed from the line, so that turns do not depend on how the classes are numbered.
        graph = _Graph(ties.numpy(), turn=int((places * ties[line]).sum()))
        front, back = _changes(line, lines, class_)
        for i, j in zip(front.tolist(), back.tolist(), strict=True):
            graph.add(0, line[i + 1 : j].numpy())
        graphs.append(graph)
        _lower(distances, line, front, back)
    chosen = _take_turns(graphs, lines.n, k)
    order = lines.shuffled[lines.shuffled < lines.n]
    order = order[distances[order].sort(stable=True).indices]
    return torch.cat([chosen, order[~torch.isin(order, chosen)]])[:k]


def _take_turns(graphs: list[_Graph], n: int, k: int) -> Tensor:
    """Return at most k rows: each round takes one from every graph with a gap left."""
    is_taken, chosen = np.zeros(n, dtype=np.bool_), list[int]()
    while graphs := [graph for graph in graphs if graph.gaps]:
        for graph in sorted(graphs, key=lambda g: (*g.gaps[0][:2], g.turn)):
            if len(chosen) == k:
                return torch.tensor(chosen)
            row = graph.bisect(is_taken)
            if row is not None:
                is_taken[row] = True
                chosen.append(row)
    return torch.tensor(chosen, dtype=torch.int64)


def _changes(line: Tensor, lines: _Lines, class_: int) -> tuple[Tensor, Tensor]:
    """Return the places in a line of labelled neighbours with different labels, `(gaps,)` each."""
    places = (line >= lines.n).nonzero()[:, 0]
    is_class = lines.labels[line[places] - lines.n] == class_
    differ = is_class[1:] != is_class[:-1]
    return places[:-1][differ], places[1:][differ]


def _lower(distances: Tensor, line: Tensor, front: Tensor, back: Tensor) -> None:
    """Lower the distances, `(n,)`, in place to the distances from gap ends in this line."""
    if not len(front):
        return
    ends = torch.cat([front, back]).sort().values
    here = torch.arange(len(line))
    after = torch.searchsorted(ends, here).clamp(max=len(ends) - 1)
    near = torch.minimum((here - ends[after]).abs(), (here - ends[(after - 1).clamp(min=0)]).abs())
    is_row = line < len(distances)
    rows = line[is_row]
    distances[rows] = torch.minimum(distances[rows], near[is_row])


def _direct(candidates: Candidates, k: int, *, generator: torch.Generator) -> Tensor:
    lines = _lines(candidates, generator)
    c = lines.scores.shape[1]
    distances = torch.empty(lines.n, c)
    for class_ in range(c):
        line = lines.of(class_)
        place = threshold(line >= lines.n, _votes(line, lines, class_))
        is_row = line < lines.n
        ranks = torch.arange(int(is_row.sum())) + 0.5
        distances[line[is_row], class_] = (ranks - place).abs()
    return nearest_by_class(distances, candidates.kept["probabilities"], k, generator=generator)


def _votes(line: Tensor, lines: _Lines, class_: int) -> Tensor:
    """Return 1 for a row labelled as the class, −1 for another label, 0 for none, in line order."""
    votes = torch.zeros(len(line), dtype=torch.int64)
    is_labelled = line >= lines.n
    is_class = lines.labels[line[is_labelled] - lines.n] == class_
    votes[is_labelled] = 2 * is_class.long() - 1
    return votes


def threshold(is_labelled: Tensor, votes: Tensor) -> float:
    """Return how many unlabelled rows of a line come before its best threshold.

    It maximises the votes before it minus those after it; of equally good places, the middle one.
    `is_labelled` and the `_votes` are `(rows,)`, in the order of the line.
    """
    correct = torch.cat([votes.new_zeros(1), votes.cumsum(0)])  # of rows before, up to a constant
    unlabelled_before = torch.cat([votes.new_zeros(1), (~is_labelled).long().cumsum(0)])
    good = unlabelled_before[correct == correct.max()].unique()
    return (float(good[(len(good) - 1) // 2]) + float(good[len(good) // 2])) / 2
