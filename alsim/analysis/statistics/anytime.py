"""A p-value that holds whenever one looks: for seeds that were added without a plan.

The t-test's p after seeds were added until it is small is false in up to 31 % of studies (looking
after every seed from 3 to 50). The evidence E does not grow in expectation while there is no
difference, whenever one stops; so 1 / max E is a p-value at any time (Ville 1939).
"""

import math

import numpy as np

from alsim.analysis.statistics.intervals import ROUNDING, Floats

SPREAD = 2.0  # g: the prior variance of the standardised difference
FEW = 8  # seeds, below which the evidence is too weak to decide but the largest differences
_MOST = 50  # seeds up to which a part of 1 / max E is a p-value, too
_PART = 0.6


def evidence(differences: Floats) -> Floats:
    """Return E after each seed from the second on, of `(s,)` differences in the order collected.

    E_n = (1 + n g)^(−½) · [(1 + t²/ν) / (1 + t²/(ν (1 + n g)))]^((ν + 1)/2), ν = n − 1: the
    Bayes factor of a normal prior on the standardised difference, with the right-Haar prior on its
    scale; Lai (1976), Wang & Ramdas (2025). It does not depend on the unit.

    Returns:
        `(s − 1,)`, positive; 1 where the differences so far are all equal, which is no evidence.
    """
    n = np.arange(2, len(differences) + 1)
    sums, squares = (np.cumsum(each)[1:] for each in (differences, np.square(differences)))
    mean = sums / n
    variance = np.maximum(squares / n - mean**2, 0.0) * n / (n - 1)
    varies = np.sqrt(variance) > ROUNDING
    t2 = np.divide(n * mean**2, variance, out=np.zeros(len(n)), where=varies)
    nu, scale = n - 1, 1 + n * SPREAD
    logs = -0.5 * np.log(scale)
    logs += (nu + 1) / 2 * (np.log1p(t2 / nu) - np.log1p(t2 / (nu * scale)))
    return np.where(varies, np.exp(np.minimum(logs, 700.0)), 1.0)


def anytime_p(differences: Floats) -> float | None:
    """Return the p-value at any time of `(s,)` differences in the order collected, None below 2.

    min(1, .6 / max E) up to 50 seeds, by simulation valid at every level up to .1; beyond them
    min(1, 1 / max E). Of E only those count whose mean so far has the sign of the mean of all: what
    spoke for the opposite once decides nothing. Where all seeds differ alike there is none, as for
    the t-test.
    """
    if len(differences) < 2 or np.ptp(differences) <= ROUNDING < np.abs(differences).max():
        return None
    signs = np.sign(np.cumsum(differences))[1:]
    most = evidence(differences)[signs == signs[-1]].max()
    return min(1.0, _part(len(differences)) / float(most))


def anytime_half_width(differences: Floats, level: float) -> float:
    """Return the half width of the interval of the mean that holds at any time.

    All means that the evidence after the last seed does not reject at the level: infinite where no
    evidence of so few seeds could reject.
    """
    n = len(differences)
    nu, scale = n - 1, 1 + n * SPREAD
    # E of t is to be the part / level: solved for t².
    a = (_part(n) / level * math.sqrt(scale)) ** (2 / (nu + 1))
    if a >= scale:
        return math.inf
    t2 = nu * (a - 1) / (1 - a / scale)
    return math.sqrt(t2 / n) * float(differences.std(ddof=1))


def _part(n: int) -> float:
    return _PART if n <= _MOST else 1.0
