"""What a strategy gained by its labels: what remains beyond the control, which only trained on."""

from dataclasses import dataclass

import numpy as np

from alsim.analysis.curve import Curve, shared_seeds, values_at
from alsim.analysis.statistics.intervals import (
    ROUNDING,
    Estimate,
    Floats,
    bounds_of,
    difference_bounds,
    estimate,
)


@dataclass(frozen=True, slots=True)
class BeyondControl:
    """What a strategy gained that training on alone does not give, at the last step that both have.

    Both are means over the seeds that both have, each with its 95 % t-interval.
    """

    gain: Estimate  # the strategy's last value less that of the control
    share: Estimate | None  # of all that it gained since its start; None where a seed gained none


def beyond_control(curve: Curve, control: Curve) -> BeyondControl | None:
    """Return what a strategy gained beyond the control, None where they share no seed or point.

    Both curves are paired by step, as `paired_by_step` puts them. The share is that of each seed,
    (last − control's last) / (last − first), averaged.
    """
    seeds = shared_seeds(curve, control)
    places, mine, other = np.intersect1d(curve.x, control.x, return_indices=True)
    if not seeds or not places.size:
        return None
    values = values_at(curve, seeds)
    last = values[:, mine[-1]]
    gain = last - values_at(control, seeds)[:, other[-1]]
    within = difference_bounds(bounds_of(curve.metric))
    return BeyondControl(
        gain=estimate(gain, within=within), share=share_of(gain, last - values[:, 0])
    )


def share_of(part: Floats, whole: Floats) -> Estimate | None:
    """Return the mean over seeds of part / whole, `(s,)` each; None if a whole is not above 0."""
    if not part.size or (whole <= ROUNDING).any():
        return None
    return estimate(part / whole)
