"""Core-set: rows far from every labelled one, by greedy k-centre."""

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from alsim.signals import Signal
from alsim.strategies import geometry
from alsim.strategies.badge import squared_distances_from, squared_norms
from alsim.strategies.geometry import Space
from alsim.strategies.rows import Rows, mean_of
from alsim.strategies.selectors import Candidates
from alsim.strategies.strategy import Strategy

_GROUP = 64  # a multiple of the rows whose sums a matrix-vector product takes together
_AT_HAND = 16  # one row in so many is compared with each pick at once, at least 1,024 rows
_AT_LEAST = 1024


def core_set(space: Space = "hidden") -> Strategy:
    """Return the strategy of greedy k-centre. Sener & Savarese (2018), Alg. 1.

    Each pick is the row farthest from its nearest centre, labelled or picked, by Euclidean
    distance. The largest remaining distance is at most twice the least possible. Ties are broken at
    random, and so is the first pick if nothing is labelled.

    Departure: Alg. 2, which refines the greedy answer by mixed-integer programming, is left out.

    Args:
        space: Where distance is measured: at the mixed head's input, as in the paper, or
            between the embeddings that the net is given.
    """

    def select(candidates: Candidates, k: int, *, generator: torch.Generator) -> Tensor:
        rows = candidates.rows(space)
        # Centred: far from 0, distances would be differences of large numbers.
        mean = mean_of(rows)
        # In random order, so that the generator breaks ties, also those that rounding hides.
        order = torch.randperm(len(rows), generator=generator)
        points, centres = _Centred(rows, order, mean), candidates.labelled[space] - mean
        nearest = torch.full((len(rows),), math.inf, dtype=torch.float64)
        if len(centres):
            nearest = geometry.nearest(points, centres)[0].double()
        return order[farthest_first(points, nearest, k)]

    keeps = frozenset[Signal]({space})
    return Strategy(select=select, keeps=keeps, labelled=keeps)


def farthest_first(points: Rows, nearest: Tensor, k: int) -> list[int]:
    """Return k ≤ n rows, each the farthest from its nearest centre once those before are centres.

    A distance only ever falls as centres are added. So a pick is compared at once with the rows
    that are farthest by now, and with the others, which are then read in blocks, only when the
    farthest of those at hand is no farther than these were.

    Args:
        points: `(n, d)`.
        nearest: `(n,)` float64, the squared distance to the nearest centre so far, or infinite;
            it is overwritten.
        k: Number of picks.
    """
    n = len(points)
    size = max(_AT_LEAST, n // _AT_HAND // _GROUP * _GROUP)
    rest = n - n % _GROUP  # from here on, rows are always at hand, see `blocks_of_groups`
    norms = torch.cat([squared_norms([points[span]]) for span in blocks_of_groups(points)])
    picked: list[int] = []
    n_known = 0  # picks that all rows have been compared with
    while len(picked) < k:
        if n_known < len(picked):
            new = points[torch.tensor(picked[n_known:])]
            new_norms = norms[picked[n_known:]]
            for span in blocks_of_groups(points):
                block = points[span]
                for centre, norm in zip(new, new_norms, strict=True):
                    nearest[span] = nearest[span].minimum(
                        squared_distances_from([centre], norm, [block], norms[span])
                    )
            n_known = len(picked)
            nearest[picked] = -1  # below every distance
        by_distance = nearest[:rest].sort(descending=True, stable=True)
        rows = torch.cat([by_distance.indices[:size].sort().values, torch.arange(rest, n)])
        others = float(by_distance.values[size]) if size < rest else -math.inf
        mine, mine_norms, far = points[rows], norms[rows], nearest[rows]
        is_first = True
        while len(picked) < k:
            i = int(far.argmax())
            # As far as another: which of them comes first is known once all are compared.
            if not is_first and far[i] <= others:
                break
            is_first = False
            picked.append(int(rows[i]))
            far = far.minimum(squared_distances_from([mine[i]], mine_norms[i], [mine], mine_norms))
            far[i] = -1
    return picked


def blocks_of_groups(points: Rows) -> Iterator[slice]:
    """Yield the rows in blocks of whole groups, so that the bits of a product stay the same.

    A matrix-vector product takes a few rows together, and its last few one by one; sums differ in
    their last bits. In blocks of whole groups these are the same rows as in one product.
    """
    size = max(1, geometry.BLOCK // points.shape[1] // _GROUP) * _GROUP
    return (slice(start, start + size) for start in range(0, len(points), size))


class _Centred:
    """Rows in another order, minus a point."""

    def __init__(self, rows: Rows, order: Tensor, origin: Tensor) -> None:
        self._rows, self._order, self._origin = rows, order, origin
        self.shape = rows.shape

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: slice | Tensor, /) -> Tensor:
        return self._rows[self._order[index]] - self._origin
