"""A learning curve: values over seeds, at points that all seeds have."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from alsim.analysis.statistics.intervals import Floats


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """The learning curve of one strategy: s seeds at p points that all of them have."""

    strategy: str
    metric: str
    seeds: tuple[int, ...]  # ascending
    x: Floats  # (p,), ascending: labels, questions or cost
    values: Floats  # (s, p), in the order of `seeds`
    is_cut: bool  # whether some seed has more points than are drawn of it
    is_interpolated: bool  # whether `x` is between the steps of some seed

    @property
    def mean(self) -> Floats:
        """Return the mean over the seeds, `(p,)`."""
        return cast("Floats", self.values.mean(axis=0))


def shared_seeds(*curves: Curve) -> tuple[int, ...]:
    """Return the seeds that all curves have, ascending."""
    return tuple(sorted(set[int].intersection(*(set(curve.seeds) for curve in curves))))


def values_at(curve: Curve, seeds: Sequence[int]) -> Floats:
    """Return the values of some of a curve's seeds, `(s, p)`, in the order asked for."""
    return curve.values[[curve.seeds.index(seed) for seed in seeds]]
