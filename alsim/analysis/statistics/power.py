"""How many seeds a difference would take to be found."""

import math

from scipy import special

from alsim.analysis.statistics.intervals import ROUNDING

POWER = 0.8
_MANY = 100_000  # seeds from which on Student's and the normal distribution are the same


def seeds_needed(mean: float, deviation: float, level: float, power: float = POWER) -> int | None:
    """Return the fewest seeds whose paired t-test would find a difference of this size.

    The least N for which t exceeds its quantile at 1 − level / 2 with probability `power`, t being
    noncentral with N − 1 degrees of freedom and noncentrality √N · |mean| / deviation. Significant
    with the wrong sign does not count as found; at usual powers that is next to impossible.

    A rough guide: mean and deviation come from a few seeds, which err in both. A difference by
    chance alone has an answer too, and one that was just significant asks for more seeds than it
    took, up to twice as many. Mean and deviation are those of the differences over the seeds; the
    level is that of the test, in (0, 1), with several tests below the usual one.

    Returns:
        At least 2; None where there is no difference, or no deviation to compare it with.
    """
    if abs(mean) <= ROUNDING or deviation <= ROUNDING:
        return None
    effect = abs(mean) / deviation
    # Known deviation needs fewer seeds, so the search can begin there.
    at_least = (float(special.ndtri(1 - level / 2) + special.ndtri(power)) / effect) ** 2
    if at_least > _MANY:
        return math.ceil(at_least)
    n = max(2, math.floor(at_least))
    while _power(effect, n, level) < power:
        n += 1
    return n


def _power(effect: float, n: int, level: float) -> float:
    # The same as scipy.stats.nct.sf, whose module takes two seconds to import.
    quantile = float(special.stdtrit(n - 1, 1 - level / 2))
    return 1 - float(special.nctdtr(n - 1, effect * math.sqrt(n), quantile))
