"""A learning curve: values over seeds, at points that all seeds have."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """The learning curve of one strategy: s seeds at p points that all of them have.

    The interval is pointwise: 95 % at each point, less for the whole curve at once.
    """

    strategy: str
    metric: str
    seeds: tuple[int, ...]  # ascending
    x: NDArray[np.float64]  # (p,), ascending: labels, questions or cost
    mean: NDArray[np.float64]  # (p,), over seeds
    half_width: NDArray[np.float64] | None  # (p,), of the t-interval; None with one seed
    values: NDArray[np.float64]  # (s, p), in the order of `seeds`
    is_cut: bool  # whether some seed has more points than are drawn of it
    is_interpolated: bool  # whether `x` is between the steps of some seed
