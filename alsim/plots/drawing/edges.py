"""The edges of the bands of a picture, by their kind."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from alsim.analysis.curve import Curve
from alsim.analysis.statistics.bands import BandKind, Edges, bootstrap_band, deviation_band, t_band
from alsim.analysis.statistics.intervals import Bounds
from alsim.errors import UsageError

_WHERE = "alsim plot --band simultaneous"


def edges_of(values: NDArray[np.float64], kind: BandKind, within: Bounds) -> Edges | None:
    """Return the edges of a band about the mean over seeds, the same each time, if it has edges.

    The values are `(s, …)`, one row per seed, and lie `within` a range.

    Raises:
        UsageError: If the band is one over whole curves, which values alone are not.
    """
    if kind == "simultaneous":
        refuse_simultaneous()
    if kind == "t":
        return t_band(values, within=within)
    if kind == "sd":
        return deviation_band(values, within=within)
    if kind != "bootstrap":
        return None
    from alsim.seeding import stream  # imports torch, which takes seconds

    return bootstrap_band(values, generator=stream(0, "plot", "band"))


def edges_over_curves(named: Sequence[tuple[str, Curve]], within: Bounds) -> dict[str, Edges]:
    """Return the edges of bands that each hold a whole curve, by label, the same each time.

    Curves with the same points are pooled for the correlation along them.

    Raises:
        UsageError: If a curve has too few seeds.
    """
    from alsim.analysis.statistics.whole_curve import FEWEST_SEEDS, whole_curve_bands
    from alsim.seeding import stream

    few = [(label, len(curve.seeds)) for label, curve in named if len(curve.seeds) < FEWEST_SEEDS]
    if few:
        label, n = min(few, key=lambda each: each[1])
        raise UsageError(
            f"a band over the whole curve takes {FEWEST_SEEDS} seeds, and {label} has {n}",
            _WHERE,
            "run more seeds, such as --seeds 5, or draw the pointwise band: --band t",
        )
    alike: dict[bytes, list[tuple[str, Curve]]] = {}
    for label, curve in named:
        alike.setdefault(curve.x.tobytes(), []).append((label, curve))
    found: dict[str, Edges] = {}
    for group in alike.values():
        bands = whole_curve_bands(
            group[0][1].x,
            [curve.values for _, curve in group],
            generator=stream(0, "plot", "band over whole curves"),
            within=within,
        )
        found |= {label: edges for (label, _), edges in zip(group, bands, strict=True)}
    return found


def refuse_simultaneous() -> None:
    """Raise a UsageError: what is drawn are no curves whose points depend on each other."""
    raise UsageError(
        "only learning curves, and their differences, have a band over the whole curve",
        _WHERE,
        "take another band, such as --band t, or another kind: --kind curve",
    )
