"""A learning curve: values over seeds, at points that all seeds have."""

from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """The learning curve of one strategy: s seeds at p points that all of them have."""

    strategy: str
    metric: str
    seeds: tuple[int, ...]  # ascending
    x: NDArray[np.float64]  # (p,), ascending: labels, questions or cost
    values: NDArray[np.float64]  # (s, p), in the order of `seeds`
    is_cut: bool  # whether some seed has more points than are drawn of it
    is_interpolated: bool  # whether `x` is between the steps of some seed

    @property
    def mean(self) -> NDArray[np.float64]:
        """Return the mean over the seeds, `(p,)`."""
        return cast("NDArray[np.float64]", self.values.mean(axis=0))
