"""What is drawn about a mean curve: pointwise intervals, or how far its seeds lie apart.

Bands over the whole curve are in `whole_curve`.

No band reaches values that cannot occur, such as an accuracy above 1.
"""

from typing import TYPE_CHECKING, Literal, cast, get_args

import numpy as np

from alsim.analysis.statistics.intervals import ANYTHING, CONFIDENCE, Bounds, Floats, t_half_width

if TYPE_CHECKING:  # torch takes seconds to import, and most bands draw no number
    import torch

BandKind = Literal["t", "simultaneous", "bootstrap", "sd", "seeds", "none"]
BANDS: tuple[BandKind, ...] = get_args(BandKind)
N_RESAMPLES = 2_000

Edges = tuple[Floats, Floats]  # the lower and the upper one


def t_band(
    values: Floats, confidence: float = CONFIDENCE, *, within: Bounds = ANYTHING
) -> Edges | None:
    """Return the pointwise t-interval of the mean over seeds, None with one seed.

    The values are `(s, …)`, one row a seed, finite.
    """
    half_width = t_half_width(values, confidence)
    return None if half_width is None else _about(values, half_width, within)


def deviation_band(values: Floats, *, within: Bounds = ANYTHING) -> Edges | None:
    """Return the mean ± the standard deviation of the seeds, which is no interval of the mean.

    The values are `(s, …)`, one row a seed, finite. With one seed there is no band.
    """
    if len(values) < 2:
        return None
    return _about(values, cast("Floats", values.std(axis=0, ddof=1)), within)


def bootstrap_band(
    values: Floats, confidence: float = CONFIDENCE, *, generator: "torch.Generator"
) -> Edges | None:
    """Return the pointwise percentile interval of the mean over seeds, None with one seed.

    The seeds are drawn with replacement (Efron 1979): too narrow with few of them. The values are
    `(s, …)`, one row a seed, finite.
    """
    import torch

    s = len(values)
    if s < 2:
        return None
    drawn = torch.randint(s, (N_RESAMPLES, s), generator=generator).numpy()
    # How often each seed was drawn: resampled values themselves would be s times as many.
    counts = (drawn[:, :, None] == np.arange(s)).sum(axis=1)
    means = cast("Floats", np.tensordot(counts / s, values, axes=1))
    low, high = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2], axis=0)
    return low, high


def _about(values: Floats, half_width: Floats, within: Bounds) -> Edges:
    mean = cast("Floats", values.mean(axis=0))
    return np.maximum(mean - half_width, within[0]), np.minimum(mean + half_width, within[1])
