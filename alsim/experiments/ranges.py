"""What the numbers of a record can be: stated in their types, checked where records are read."""

import math
import sys
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, get_type_hints

from msgspec import Meta

from alsim.measures import MEASURES

_ROUNDING = 1e-6  # by which a mean of shares may lie beyond them


@dataclass(frozen=True, slots=True)
class Within:
    """The least and the most that a number can be, both included."""

    least: float
    most: float
    may_be_nan: bool = False

    def holds(self, value: float) -> bool:
        """Return whether a number lies within, but for rounding."""
        if math.isnan(value):
            return self.may_be_nan
        return self.least - _ROUNDING <= value <= self.most + _ROUNDING


Int64 = Annotated[int, Meta(ge=-(1 << 63), le=(1 << 63) - 1)]  # what a table's column holds
Count = Annotated[int, Within(0, 1 << 48)]  # of rows, labels, questions: no pool has more
Share = Annotated[float, Within(0, 1)]
Amount = Annotated[float, Within(0, sys.float_info.max)]  # of money or seconds
# A net whose weights have just ceased to be numbers is measured once more before it ends.
Loss = Annotated[float, Within(0, math.inf, may_be_nan=True)]
Calibration = Annotated[float, Within(0, 1, may_be_nan=True)]
Measured = Annotated[float, Within(-math.inf, math.inf, may_be_nan=True)]  # see `_OF_METRICS`

_OF_METRICS = {"recall": Within(0, 1)} | {
    name: Within(measure.least, measure.most, measure.may_be_nan)
    for name, measure in MEASURES.items()
}


def refuse_impossible(record: object) -> None:
    """Raise a ValueError if a number of a record cannot be."""
    metric: Any = getattr(record, "metric", None)
    for name, within in ranges_of(type(record)):
        value: Any = getattr(record, name)
        is_measured = name == "value" and metric in _OF_METRICS
        if is_measured:
            within = _OF_METRICS[metric]
        # The first is true of nearly all, of which a run may have millions.
        if value is None or within.least <= value <= within.most or within.holds(value):
            continue
        of = f"the {name} of {metric}" if is_measured else name
        raise ValueError(f"{of} cannot be {value!r}")


@cache
def ranges_of(kind: type) -> tuple[tuple[str, Within], ...]:
    """Return the fields of a record that have a range, and it."""
    hints = get_type_hints(kind, include_extras=True)
    return tuple(
        (name, within)
        for name, hint in hints.items()
        for within in getattr(hint, "__metadata__", ())
        if isinstance(within, Within)
    )
