"""Labels saved against the baseline, by the number of labels."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from alsim.analysis.curve import Curve
from alsim.analysis.curves.curves import X_COLUMNS, XAxis
from alsim.analysis.curves.differences import paired
from alsim.analysis.curves.runs import counted
from alsim.analysis.curves.saving_curves import MOST_POINTS, SavingCurve, savings_by
from alsim.analysis.curves.savings import Saving, saved, saved_by_bootstrap
from alsim.analysis.statistics.bands import BandKind
from alsim.errors import UsageError
from alsim.plots.drawing.baselines import CUT_SHARED, NOT_SHARED, pair_curves
from alsim.plots.drawing.edges import refuse_simultaneous
from alsim.plots.drawing.figures import Drawing, finished, own_style
from alsim.plots.drawing.labels import EndLabel
from alsim.plots.drawing.lines import (
    FEW_LINES,
    FEW_POINTS,
    Look,
    band_opacity,
    draw_ends,
    refuse_nothing,
    signed,
)
from alsim.plots.drawing.of_runs import DrawableRun, baseline_of, distinct, label_of
from alsim.plots.drawing.page import in_range, points
from alsim.plots.drawing.records import Record, whole
from alsim.plots.drawing.words import check_score, x_label
from alsim.seeding import stream

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_KIND = "savings-curve"
_RESAMPLED = 40  # maximum number of points with a bootstrap, which is slow
_BANDS = {
    "t": "; band: pointwise 95 % interval by inverting the paired t-test",
    "bootstrap": "; band: pointwise 95 % percentile bootstrap over seeds, too narrow for so few",
    "seeds": "; thin lines: each seed alone",
    "none": "",
}
_BOUNDS = "; dotted: the most that can be measured by then"


@dataclass(frozen=True, slots=True, eq=False)
class _Saved:
    """The saving of one strategy, and its look."""

    look: Look
    curve: SavingCurve
    seeds: tuple[int, ...]
    start: float  # the initial number of labels of both
    is_interpolated: bool

    @property
    def n_seeds(self) -> int:
        """Return the number of seeds."""
        return len(self.seeds)

    @property
    def amounts(self) -> NDArray[np.float64]:
        """Return the savings, `(q,)`, NaN where the mean curves do not meet."""
        return np.array([each.amount for each in self.curve.savings], dtype=np.float64)

    def edges(self, *, is_open: bool) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return both ends of the intervals, `(q,)`; NaN where there is none.

        Censored ends count only if `is_open`, at the largest measurable value.
        """
        lows = [None if e.is_censored_low and not is_open else e.low for e in self.curve.savings]
        highs = [None if e.is_censored_high and not is_open else e.high for e in self.curve.savings]
        return np.array(lows, dtype=np.float64), np.array(highs, dtype=np.float64)


@own_style()
def draw_saving_curves(
    runs: Sequence[DrawableRun],
    *,
    metric: str = "accuracy",
    band: BandKind = "t",
    title: str | None = None,
    x: XAxis = "labels",
    baseline: str | None = None,
) -> Drawing:
    """Return how many fewer labels each strategy needs for the baseline's accuracy at n.

    At each n this is `savings.saved` on the smoothed curves up to n, as if labelling had ended
    there; no verdict is on it. The largest measurable saving or loss at n is n minus the initial
    labels; an interval that extends further is shaded up to this limit, without an edge. Where the
    mean curves do not meet, the line has a gap.

    More of the metric must be better. The band `t` inverts the paired t-test, `bootstrap` uses at
    most 40 points, and `seeds` draws the saving of each seed.

    Raises:
        UsageError: If the metric, band or baseline cannot be used, or no strategy shares seeds and
            at least two points with the baseline.
    """
    check_score(metric, _KIND)
    if band == "simultaneous":
        refuse_simultaneous()
    if band == "sd":
        raise UsageError(
            "a saving has no standard deviation: some seeds' curves may never meet",
            f"alsim plot --kind {_KIND} --band sd",
            f"take one of: {', '.join(_BANDS)}",
        )
    unique = distinct(runs)
    pairs, warnings = pair_curves(unique, metric, x, baseline, _KIND)
    lines: list[_Saved] = []
    for look, mine, other in pairs:
        both = paired(mine, other)
        if both is None or both[0].x.size < 2:
            warnings.append(f"{look.label}: {NOT_SHARED}")
            continue
        if any(curve.is_cut for curve in both):
            warnings.append(f"{look.label}: {CUT_SHARED}")
        lines.append(_saved(look, *both, band))
    refuse_nothing([line.curve.n for line in lines])
    lines = [_within(line) for line in lines if in_range(line.curve.n).any()]
    if not lines:
        raise UsageError(
            "no strategy shares seeds and two numbers of labels with the baseline",
            f"alsim plot --kind {_KIND}",
            "run them with the same --seeds and sizes, for a step or more: --steps 40",
        )
    name = label_of(baseline_of(unique, baseline))
    fewer = f"{'less' if x == 'cost' else 'fewer'} {counted(x, unique)}"
    labels = (f"{x_label(x, unique)}, n", f"{fewer} for {name}'s {metric.replace('_', ' ')} at n")

    # More bands would hide each other.
    banded = lines if len(lines) <= FEW_LINES else [max(lines, key=_last)]

    def draw(axes: "Axes") -> None:
        for line in lines:
            own: BandKind = band if line in banded or band == "seeds" else "none"
            _draw_saved(axes, line, own, opacity=band_opacity(len(lines)))
        _draw_bounds(axes, lines)

    figure, axes, ends = draw_ends(
        draw, [_end(line) for line in lines], _limits(lines, band), x, labels, name
    )
    axes.yaxis.set_major_formatter(lambda y, _: signed(y, "+,.6g") if y else "0")
    records = [record for line in lines for record in _records(line, X_COLUMNS[x], band)]
    note = _footnote(lines, band)
    return finished(
        figure, warnings, title=title, footnote=note, axes=axes, ends=ends, records=records
    )


def _records(line: _Saved, x: str, band: BandKind) -> Iterator[Record]:
    """Yield what each point of a line shows; an interval that is open goes on beyond its end."""
    for i, (n, each) in enumerate(zip(line.curve.n.tolist(), line.curve.savings, strict=True)):
        found: dict[str, str | int | float | None] = {
            "strategy": line.look.label, x: whole(n), "saved": each.amount, "n_seeds": line.n_seeds,
        }  # fmt: skip
        if band in ("t", "bootstrap"):
            found |= {"low": each.low, "high": each.high}
            found |= {"is_open_low": each.is_censored_low, "is_open_high": each.is_censored_high}
        elif band == "seeds":
            alone = line.curve.by_seed[:, i].tolist()
            found |= {f"seed {s}": value for s, value in zip(line.seeds, alone, strict=True)}
        yield found


def _saved(look: Look, mine: Curve, other: Curve, band: BandKind) -> _Saved:
    save, most = saved, MOST_POINTS
    if band == "bootstrap":
        save, most = _bootstrapped, _RESAMPLED
    curve = savings_by(mine.x, mine.values, other.values, save, most)
    is_between = mine.is_interpolated or other.is_interpolated
    return _Saved(look, curve, mine.seeds, float(mine.x[0]), is_between)


def _within(line: _Saved) -> _Saved:
    """Return the points that the axis shows, so that the label stands at their end."""
    curve, seen = line.curve, in_range(line.curve.n)
    savings = tuple(each for each, is_seen in zip(curve.savings, seen, strict=True) if is_seen)
    parts = {"n": curve.n[seen], "savings": savings, "by_seed": curve.by_seed[:, seen]}
    return replace(line, curve=replace(curve, **parts))


def _bootstrapped(
    x: NDArray[np.float64], mine: NDArray[np.float64], other: NDArray[np.float64]
) -> Saving:
    # The same resamples at each n, since others would make the band ragged.
    return saved_by_bootstrap(x, mine, other, generator=stream(0, "plot", "savings"))


def _end(line: _Saved) -> EndLabel:
    amount = line.amounts[-1]
    text = "none measured" if np.isnan(amount) else signed(float(amount), "+z,.0f")
    y = 0.0 if np.isnan(amount) else float(amount)
    return EndLabel(line.look.label, text, float(line.curve.n[-1]), y, line.look.style)


def _last(line: _Saved) -> float:
    return float(np.nan_to_num(line.amounts[-1], nan=-np.inf))


def _draw_saved(axes: "Axes", line: _Saved, band: BandKind, opacity: float) -> None:
    n, amounts, style = line.curve.n, line.amounts, line.look.style
    axes.plot(
        n, amounts, color=style.colour, linestyle=style.dashes, label=line.look.label, zorder=3
    )
    # A point between two gaps would not show as a line.
    seen = np.isfinite(np.concatenate([[np.nan], amounts, [np.nan]]))
    alone = seen[1:-1] & ~seen[:-2] & ~seen[2:] if n.size > FEW_POINTS else seen[1:-1]
    axes.plot(
        n[alone],
        amounts[alone],
        "o",
        color=style.colour,
        markersize=points(4),
        label="_alone",
        zorder=3,
    )
    if band == "seeds" and line.n_seeds > 1:
        for row in line.curve.by_seed:
            axes.plot(
                n,
                row,
                color=style.colour,
                linewidth=points(0.7),
                alpha=0.55,
                label="_seed",
                zorder=2,
            )
    if band in ("seeds", "none"):
        return
    low, high = line.edges(is_open=True)
    if n.size == 1:  # an area over one point would be invisible
        axes.vlines(n, low, high, color=style.colour, linewidth=points(1), zorder=2)
        return
    axes.fill_between(n, low, high, color=style.colour, alpha=opacity, linewidth=0, zorder=2)
    for edge in line.edges(is_open=False):
        axes.plot(
            n, edge, color=style.colour, linewidth=points(0.7), alpha=0.7, label="_edge", zorder=2
        )


def _draw_bounds(axes: "Axes", lines: Sequence[_Saved]) -> None:
    """Draw the largest measurable saving and loss at each n."""
    ends = {
        line.start: float(line.curve.n[-1]) for line in sorted(lines, key=lambda e: e.curve.n[-1])
    }
    for start, end in ends.items():
        for sign in (1, -1):
            axes.plot(
                [start, end], [0, sign * (end - start)], color="#999999", linewidth=points(0.8),
                linestyle=(0, (1, 2)), label="_bound", zorder=1.5,
            )  # fmt: skip


def _limits(lines: Sequence[_Saved], band: BandKind) -> tuple[float, float]:
    """Return limits that show every amount and 0, and bands up to half the span beyond."""
    amounts = np.concatenate([[0.0], *(line.amounts for line in lines)])
    low, high = float(np.nanmin(amounts)), float(np.nanmax(amounts))
    span = high - low or max(float(line.curve.n[-1] - line.start) for line in lines)
    around = [np.zeros(1)]
    if band == "seeds":
        around = [line.curve.by_seed.ravel() for line in lines] + around
    elif band != "none":
        around = [edge for line in lines for edge in line.edges(is_open=True)] + around
    values = np.concatenate(around)
    bottom, top = float(np.nanmin(values)), float(np.nanmax(values))
    bottom, top = min(low, max(bottom, low - span / 2)), max(high, min(top, high + span / 2))
    return bottom - span * 0.04, top + span * 0.04


def _footnote(lines: Sequence[_Saved], band: BandKind) -> str:
    counts = sorted({line.n_seeds for line in lines})
    seeds = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    between = ", linear between the steps" if any(line.is_interpolated for line in lines) else ""
    text = f"from the smoothed curves of {seeds} seed{'s' * (counts != [1])}{between}"
    if counts == [1]:
        return text + (", so no band" if band in ("t", "bootstrap") else "") + _BOUNDS
    is_open = any(e.is_censored_low or e.is_censored_high for n in lines for e in n.curve.savings)
    ends = ", without edge where it extends beyond what was measured"
    few = ", of the best alone" * (len(lines) > FEW_LINES and band in ("t", "bootstrap"))
    return (
        text
        + _BANDS[band]
        + few
        + (ends if is_open and band in ("t", "bootstrap") else "")
        + _BOUNDS
    )
