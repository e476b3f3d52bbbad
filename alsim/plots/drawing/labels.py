"""Labels beside the axes, each at the height where its curve ends."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from alsim.plots.drawing.style import LineStyle

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LABEL_POINTS = 13.0  # the least distance between two labels, in points


@dataclass(frozen=True, slots=True)
class EndLabel:
    """The label of a curve, where the curve ends, and its style."""

    text: str
    x: float
    y: float
    style: LineStyle


def label_ends(axes: "Axes", labels: Sequence[EndLabel], gap: float) -> None:
    """Write the labels at the ends of their curves, each with a sample of its line.

    The axes have their final limits; `gap` is the least distance between two labels, as a share of
    the axes' height.
    """
    left, right = axes.get_xlim()
    bottom, top = axes.get_ylim()
    ends = [min(max((label.y - bottom) / (top - bottom), 0.0), 1.0) for label in labels]
    furthest = max(label.x for label in labels)
    for label, end, place in zip(labels, ends, spread(ends, gap), strict=True):
        if label.x == furthest:  # a leader line from further left would cross other curves
            start = (label.x - left) / (right - left)
            leader = LineStyle(label.style.colour, (0, ()))
            _line_beside(axes, (start, 1.02), (end, place), leader, width=0.6)
        _line_beside(axes, (1.022, 1.08), (place, place), label.style, width=1.8)
        axes.text(
            1.09,
            place,
            label.text,
            transform=axes.transAxes,
            va="center",
            color="#222222",  # pale colours would be hard to read as text
            fontsize=9,
        )


def _line_beside(
    axes: "Axes", x: tuple[float, float], y: tuple[float, float], style: LineStyle, width: float
) -> None:
    """Draw a line in axes coordinates, also outside the axes, and not as one of their curves."""
    from matplotlib.lines import Line2D

    line = Line2D(x, y, color=style.colour, linestyle=style.dashes, linewidth=width)
    line.set_transform(axes.transAxes)
    line.set_clip_on(False)
    axes.add_artist(line)


def spread(heights: Sequence[float], gap: float) -> list[float]:
    """Return heights near the given ones, in the same order, at least `gap` apart, in [0, 1].

    Labels that would overlap, where curves end close together, are moved apart about their common
    middle. If they do not all fit, they are spaced evenly.
    """
    n = len(heights)
    gap = min(gap, 1 / max(n - 1, 1))
    order = sorted(range(n), key=lambda k: heights[k])
    # Minus k gaps, the k-th height from below must not fall: isotonic regression, by pooling
    # neighbours that are out of order into their mean.
    blocks: list[tuple[float, int]] = []
    for k, index in enumerate(order):
        mean, size = heights[index] - k * gap, 1
        while blocks and blocks[-1][0] > mean:
            before, n_before = blocks.pop()
            mean = (before * n_before + mean * size) / (n_before + size)
            size += n_before
        blocks.append((mean, size))
    highest = 1 - (n - 1) * gap
    flat = [min(max(mean, 0.0), highest) for mean, size in blocks for _ in range(size)]
    result = [0.0] * n
    for k, index in enumerate(order):
        result[index] = flat[k] + k * gap
    return result
