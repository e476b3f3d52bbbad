"""Rows that selectors compare, read block by block, so that a mapped pool is never copied."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

import torch
from torch import Tensor

from alsim.signals import Signal

_AT_ONCE = 1024  # rows
_COLUMNS = 64  # columns whose mean is computed at once; a multiple of the vector registers


class Rows(Protocol):
    """n rows of d numbers: a tensor, or what reads its rows where they are asked for."""

    @property
    def shape(self) -> Sequence[int]:
        """Return n and d."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, index: slice | Tensor, /) -> Tensor:
        """Return some of the rows."""
        ...


class PoolRows:
    """Some rows of a pool's embeddings, modalities side by side.

    Args:
        modalities: `(rows of the pool, d_i)` float32 each.
        rows: `(n,)` int64, their places in the pool.
        dtype: Of the rows that are returned.
    """

    def __init__(self, modalities: Sequence[Tensor], rows: Tensor, dtype: torch.dtype) -> None:
        self._modalities, self._rows, self._dtype = modalities, rows, dtype
        self.shape = (len(rows), sum(x.shape[1] for x in modalities))

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: slice | Tensor, /) -> Tensor:
        return self._read(self._modalities, self._rows[index])

    def _read(self, columns: Sequence[Tensor], rows: Tensor) -> Tensor:
        parts = [x.index_select(0, rows) for x in columns if x.shape[1]]
        return (parts[0] if len(parts) == 1 else torch.cat(parts, 1)).to(self._dtype)

    def only(self, chosen: Tensor) -> "PoolRows":
        """Return some of the rows, `chosen` being `(n,)` bool."""
        return PoolRows(self._modalities, self._rows[chosen], self._dtype)

    def mean(self) -> Tensor:
        """Return the mean of the rows, `(d,)`, as of one tensor, but some columns at a time."""
        means: list[Tensor] = []
        for start in range(0, self.shape[1], _COLUMNS):
            columns, left, width = list[Tensor](), start, _COLUMNS
            for x in self._modalities:
                columns.append(x[:, left : left + width] if left < x.shape[1] else x[:, :0])
                left, width = max(left - x.shape[1], 0), width - columns[-1].shape[1]
            means.append(self._read(columns, self._rows).mean(0))
        return torch.cat(means)


class Joined:
    """Rows above other rows, of the same width, without a copy of both."""

    def __init__(self, first: Tensor, rest: Rows) -> None:
        self._first, self._rest = first, rest
        self.shape = (len(first) + len(rest), first.shape[1])

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: slice | Tensor, /) -> Tensor:
        m = len(self._first)
        if isinstance(index, slice):
            start, stop, _ = index.indices(len(self))
            first, rest = self._first[start:stop], self._rest[max(start - m, 0) : max(stop - m, 0)]
            return torch.cat([first, rest])
        out = self._first.new_empty(len(index), self.shape[1])
        # A few at a time: what is read is a copy beside the one that is returned.
        for places, mine in zip(out.split(_AT_ONCE), index.split(_AT_ONCE), strict=True):
            is_first = mine < m
            places[is_first] = self._first[mine[is_first]]
            places[~is_first] = self._rest[mine[~is_first] - m]
        return out


class Kept(Mapping[Signal, Tensor]):
    """What is kept of rows, by signal; rows of a pool are read whenever they are looked up."""

    def __init__(self, values: Mapping[Signal, Tensor | PoolRows]) -> None:
        self._values = values

    def __getitem__(self, signal: Signal) -> Tensor:
        values = self._values[signal]
        return values if isinstance(values, Tensor) else values[:]

    def __iter__(self) -> Iterator[Signal]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def rows(self, signal: Signal) -> Rows:
        """Return a signal's values, of a pool's rows without reading them."""
        return self._values[signal]

    def only(self, chosen: Tensor) -> "Kept":
        """Return what is kept of some of the rows, `chosen` being `(n,)` bool."""
        return Kept(
            {
                signal: values[chosen] if isinstance(values, Tensor) else values.only(chosen)
                for signal, values in self._values.items()
            }
        )


def mean_of(points: Rows) -> Tensor:
    """Return the mean of the rows, `(d,)`, to the same bits for a tensor and for a pool's rows."""
    return points.mean() if isinstance(points, PoolRows) else points[:].mean(0)
