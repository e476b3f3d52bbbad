"""A bracket over the labels saved, with the words beside it where they cover no curve."""

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from alsim.analysis.curves.answer import NOT_TESTED, end_certainty, signed_number, unit
from alsim.analysis.curves.comparison import Comparison
from alsim.analysis.curves.savings import Saving
from alsim.plots.drawing.page import points

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_DENSE = 400  # points at which a curve is looked at
_PLACES = 12  # tried along each axis


@dataclass(frozen=True, slots=True)
class Bracket:
    """What is saved at a height: from `start` to `end`, somewhere from `low` to `high`."""

    start: float
    end: float
    low: float | None  # the ends of the interval of the start; None without one
    high: float | None
    height: float
    words: str
    colour: str

    @classmethod
    def of(
        cls, found: Comparison, strategy: str, saving: Saving, height: float, colour: str
    ) -> "Bracket":
        """Return the bracket of a strategy's saving, or loss, that was measured, at a height."""
        amount, end = float(saving.amount or 0.0), found.end
        sign = -1 if amount < 0 else 1
        ends = (saving.low, saving.high) if sign > 0 else (saving.high, saving.low)
        low, high = (
            None if each is None else min(max(end - sign * each, found.start), end) for each in ends
        )
        form = unit(found)
        what = f"{found.counts} saved" if sign > 0 else f"more {found.counts} needed"
        words = f"at the end: {signed_number(abs(amount), form)} {what}"
        certainty = end_certainty(found, strategy, saving if sign > 0 else saving.negated())
        if certainty == NOT_TESTED:
            low = high = None
        words += f"\n{certainty}" if certainty else ""
        return cls(end - abs(amount), end, low, high, height, words, colour)


def draw_bracket(axes: "Axes", bracket: Bracket) -> None:
    """Draw a bracket, with its words as near as they cover no curve; the layout is final."""
    left, right = axes.get_xlim()
    start, end = (float(np.clip(each, left, right)) for each in (bracket.start, bracket.end))
    if start == end:
        return  # all of it lies beyond the limits that were asked for
    height = bracket.height
    axes.annotate(
        "", (start, height), (end, height), zorder=4,
        arrowprops={
            "arrowstyle": "|-|,widthA=0.35,widthB=0.35", "color": "#222222", "shrinkA": 0,
            "shrinkB": 0, "linewidth": points(1.3), "mutation_scale": points(10),
        },
    )  # fmt: skip
    if bracket.low is not None and bracket.high is not None:
        axes.plot(
            [bracket.low, bracket.high], [height, height], color=bracket.colour, alpha=0.35,
            linewidth=points(5), solid_capstyle="butt", label="_interval", zorder=2.5,
        )  # fmt: skip
    _write(axes, bracket.words, ((start + end) / 2, height))


def _write(axes: "Axes", words: str, at: tuple[float, float]) -> None:
    look: dict[str, Any] = {"ha": "center", "va": "center", "color": "#222222", "zorder": 5}
    look |= {"fontsize": points(9), "linespacing": 1.3}
    text = axes.text(0.5, 0.5, words, transform=axes.transAxes, **look)
    box, inside, seen = text.get_window_extent(), axes.get_window_extent(), _curves_seen(axes)
    wide, high = box.width / 2, box.height / 2
    gap = 0.4 * high
    centre = axes.transData.transform(at)
    xs = np.linspace(inside.x0 + wide + gap, inside.x1 - wide - gap, _PLACES)
    ys = np.linspace(inside.y0 + high + gap, inside.y1 - high - gap, _PLACES)
    x = float(np.clip(centre[0], xs[0], xs[-1]))
    beside = [(x, float(centre[1]) + sign * (1.5 * gap + high)) for sign in (-1, 1)]
    beside = [place for place in beside if ys[0] - 1 <= place[1] <= ys[-1] + 1]

    def cost(place: tuple[float, float]) -> tuple[int, float]:
        apart = np.abs(seen - place)
        covered = (apart[:, 0] < wide + gap / 2) & (apart[:, 1] < high + gap / 2)
        return int(covered.sum()), float(np.hypot(*(place - centre)))

    place = min([*beside, *itertools.product(xs, ys)], key=cost)
    x, y = axes.transAxes.inverted().transform(place)
    text.remove()
    line = None
    if place not in beside:  # away from the bracket
        line = {"arrowstyle": "-", "color": "#777777", "linewidth": points(0.7), "shrinkB": 3}
    axes.annotate(
        words, at, (float(x), float(y)), textcoords="axes fraction", arrowprops=line, **look
    )


def _curves_seen(axes: "Axes") -> np.ndarray:
    """Return points along all curves of axes in pixels, `(n, 2)`."""
    found: list[np.ndarray] = []
    for line in axes.lines:
        if line.get_transform() == axes.transData:
            path = axes.transData.transform(np.asarray(line.get_xydata()))
            at, steps = np.linspace(0, len(path) - 1, _DENSE), np.arange(len(path))
            found.append(np.column_stack([np.interp(at, steps, path[:, k]) for k in (0, 1)]))
    return np.concatenate(found)
