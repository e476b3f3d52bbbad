"""What a picture shows as records, for `alsim plot --csv`: a mapping each, of the same keys."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from alsim.analysis.statistics.bands import Edges

if TYPE_CHECKING:
    from alsim.plots.drawing.lines import Line

Record = Mapping[str, str | int | float | None]


def records_of_lines(
    lines: Iterable["Line"],
    metric: str,
    x: str,
    *,
    who: str = "strategy",
    panel: tuple[str, str] | None = None,
) -> list[Record]:
    """Return a record for each point of each line.

    Args:
        lines: The lines of a panel.
        metric: What their height is.
        x: The name of their horizontal axis, such as "n_labelled".
        who: What their labels name.
        panel: A name for what panels differ in and this one's value, where there are several.
    """
    return [
        {
            **dict([panel] if panel else []),
            who: line.label,
            x: whole(place),
            "metric": metric,
            **numbers,
        }
        for line in lines
        for place, numbers in zip(
            line.curve.x.tolist(),
            numbers_of(line.curve.values, line.edges, _seeds_drawn(line)),
            strict=True,
        )
    ]


def numbers_of(
    values: NDArray[np.float64], edges: Edges | None, seeds: Sequence[int] = ()
) -> Iterator[dict[str, int | float | None]]:
    """Yield the mean and band at each point, and the value of each of the seeds that are drawn.

    The values are `(s, p)`, one row per seed; the edges are `(p,)` each.
    """
    low, high = [[None] * values.shape[1]] * 2 if edges is None else [e.tolist() for e in edges]
    for i, mean in enumerate(values.mean(axis=0).tolist()):
        alone = {f"seed {seed}": float(values[k, i]) for k, seed in enumerate(seeds)}
        yield {"mean": mean, "low": low[i], "high": high[i], "n_seeds": len(values), **alone}


def whole(number: float) -> int | float:
    """Return a number of labels or questions as an integer; a cost may have a fraction."""
    return int(number) if number.is_integer() else number


def even(records: Sequence[Record]) -> list[Record]:
    """Return records that all have the keys of any, with None where one had no such key."""
    keys = dict.fromkeys(key for each in records for key in each)
    return [{key: each.get(key) for key in keys} for each in records]


def _seeds_drawn(line: "Line") -> Sequence[int]:
    return line.curve.seeds if line.band == "seeds" else ()
