"""How many seeds a difference would take to be found."""

import math

from scipy import special

from alsim.analysis.statistics.intervals import ROUNDING
from alsim.analysis.statistics.spread import Spread

POWER = 0.8
_MANY = 100_000  # seeds from which on Student's and the normal distribution are the same


def seeds_needed(mean: float, spread: Spread, level: float, power: float = POWER) -> int | None:
    """Return the fewest seeds whose paired t-test would find a difference of this size.

    The least N for which t exceeds its quantile at 1 − level / 2 with probability `power`, t being
    noncentral with the degrees of freedom and the error that N seeds have. Significant with the
    wrong sign does not count as found; at usual powers that is next to impossible.

    A rough guide: mean and spread come from a few seeds, which err in both. A difference by chance
    alone has an answer too, and one that was just significant asks for more seeds than it took, up
    to twice as many. The level is that of the test, in (0, 1), with several tests below the usual
    one.

    Returns:
        At least 2; None where there is no difference, or no deviation to compare it with, or where
        even 100,000 seeds would not do, such as for want of test rows.
    """
    if abs(mean) <= ROUNDING or spread.error <= ROUNDING:
        return None

    if spread.parts is None:
        effect = abs(mean) / (spread.error * math.sqrt(spread.df + 1))
        quantiles = float(special.ndtri(1 - level / 2) + special.ndtri(power))
        if (at_least := (quantiles / effect) ** 2) > _MANY:
            return math.ceil(at_least)

    def is_found(n: int) -> bool:
        return spread.with_seeds(n).power(mean, level) >= power

    most = 2
    while not is_found(most):
        if most >= _MANY:
            return None
        most = min(2 * most, _MANY)
    least = max(2, most // 2)
    while least < most:  # power grows with the seeds
        middle = (least + most) // 2
        least, most = (least, middle) if is_found(middle) else (middle + 1, most)
    return most
