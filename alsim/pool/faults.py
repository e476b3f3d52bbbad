"""What is wrong with a pool, collected so that all of it can be told at once."""

from collections.abc import Sequence
from dataclasses import dataclass

from alsim.errors import AlsimError, PoolError


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that keeps a pool from being used, in the three parts of an error."""

    what: str
    where: str
    mend: str
    error: type[AlsimError] = PoolError


def raise_first(faults: Sequence[Fault], where: str) -> None:
    """Raise the first of `faults`, if there is any, and say how to see the others."""
    if not faults:
        return
    first, more = faults[0], len(faults) - 1
    tail = f" (and {more} more: alsim pool check {where})" if more else ""
    raise first.error(first.what + tail, first.where, first.mend)
