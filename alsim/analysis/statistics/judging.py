"""What a test of paired differences decides once all tests of its family are counted."""

from typing import Literal

from alsim.analysis.statistics.holm import Adjusted
from alsim.analysis.statistics.intervals import Floats
from alsim.analysis.statistics.paired import ALPHA
from alsim.analysis.statistics.power import seeds_needed

VerdictOutcome = Literal["better", "worse", "cannot tell"]


def judge(
    differences: Floats, adjusted: Adjusted, *, more_is_better: bool = True
) -> tuple[VerdictOutcome, int | None]:
    """Return which of a pair is better, the first or not, and how many seeds would show it.

    The differences, first less second, are `(s,)`, one a seed. Without a p-value nothing is
    decided and the seeds are None; they are a guess, see `seeds_needed`.
    """
    if adjusted.p is None:
        return "cannot tell", None
    mean = float(differences.mean())
    needed = seeds_needed(mean, float(differences.std(ddof=1)), adjusted.level)
    if adjusted.p >= ALPHA:
        return "cannot tell", needed
    return "better" if (mean > 0) == more_is_better else "worse", needed
