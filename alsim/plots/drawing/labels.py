"""Labels beside the axes, each at the height where its curve ends."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from alsim.plots.drawing.names import shortened
from alsim.plots.drawing.page import points
from alsim.plots.drawing.style import LineStyle

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D
    from matplotlib.text import Text

LABEL_POINTS = 13.0  # the least distance between two labels, in points of a natural page
_SIZE = 9.0  # points of their text
_WIDE = 0.6  # width of a letter, as a share of the size of the text
_SHARE = 0.4  # of the figure's width, for the names
_LEAST = 12  # letters of a name


@dataclass(frozen=True, slots=True)
class EndLabel:
    """The label of a curve, the value beside it, where the curve ends, and its style."""

    name: str
    value: str
    x: float
    y: float
    style: LineStyle


@dataclass(frozen=True, slots=True)
class Placed:
    """A label beside the axes, and the lines that move with it."""

    axes: "Axes"
    height: float  # where its curve ends, a share of the height of the axes
    text: "Text"
    sample: "Line2D"
    leader: "Line2D | None"


def label_ends(axes: "Axes", labels: Sequence[EndLabel]) -> list[Placed]:
    """Write the labels at the ends of their curves, each with a sample of its line.

    The axes have their final limits. `settle` moves the labels apart, once the layout is known.
    """
    left, right = axes.transData.transform(_corners(axes))[:, 0]
    bottom, top = axes.transData.transform(_corners(axes))[:, 1]
    letters = _SHARE * _size_of(axes)[0] * 72 / points(_SIZE * _WIDE)
    names = shortened([label.name for label in labels], max(int(letters), _LEAST))
    furthest = max(label.x for label in labels)
    placed: list[Placed] = []
    for label, name in zip(labels, names, strict=True):
        x, y = axes.transData.transform((label.x, label.y))
        end = min(max((y - bottom) / (top - bottom), 0.0), 1.0)
        leader = None
        if label.x == furthest:  # a leader line from further left would cross other curves
            start = (x - left) / (right - left)
            plain = LineStyle(label.style.colour, (0, ()))
            leader = _line_beside(axes, (start, 1.02), (end, end), plain, width=0.6)
        sample = _line_beside(axes, (1.022, 1.08), (end, end), label.style, width=1.8)
        text = axes.text(
            1.09,
            end,
            f"{name}  {label.value}".rstrip(),
            transform=axes.transAxes,
            va="center",
            color="#222222",  # pale colours would be hard to read as text
            fontsize=points(_SIZE),
        )
        placed.append(Placed(axes, end, text, sample, leader))
    return placed


def settle(labels: Sequence[Placed]) -> None:
    """Move the labels of each axes apart, now that these have their final height."""
    for axes in dict.fromkeys(label.axes for label in labels):
        own = [label for label in labels if label.axes is axes]
        inches = axes.get_position().height * _size_of(axes)[1]
        gap = points(LABEL_POINTS) / 72 / inches
        for label, place in zip(own, spread([each.height for each in own], gap), strict=True):
            label.text.set_y(place)
            label.sample.set_ydata([place, place])
            if label.leader is not None:
                label.leader.set_ydata([label.height, place])


def _size_of(axes: "Axes") -> tuple[float, float]:
    """Return the width and height of the whole figure in inches."""
    width, height = axes.get_figure(root=True).get_size_inches()  # pyright: ignore[reportOptionalMemberAccess] -- axes lie in a figure
    return float(width), float(height)


def _corners(axes: "Axes") -> list[tuple[float, float]]:
    """Return the lower left and the upper right corner in the coordinates of the data."""
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    return [(left, bottom), (right, top)]


def _line_beside(
    axes: "Axes", x: tuple[float, float], y: tuple[float, float], style: LineStyle, width: float
) -> "Line2D":
    """Draw a line in axes coordinates, also outside the axes, and not as one of their curves."""
    from matplotlib.lines import Line2D

    line = Line2D(x, y, color=style.colour, linestyle=style.dashes, linewidth=points(width))
    line.set_transform(axes.transAxes)
    line.set_clip_on(False)
    axes.add_artist(line)
    return line


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
