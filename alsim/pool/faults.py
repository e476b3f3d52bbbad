"""The first fault of a pool, raised with the way to see the others."""

from collections.abc import Sequence

from alsim.errors import AlsimError


def raise_first(faults: Sequence[AlsimError], where: str) -> None:
    """Raise the first of `faults`, if there is any, with the number of the others."""
    if faults:
        what, place, mend = faults[0].args
        more = f" (and {len(faults) - 1} more: alsim pool check {where})" if faults[1:] else ""
        raise type(faults[0])(what + more, place, mend)
