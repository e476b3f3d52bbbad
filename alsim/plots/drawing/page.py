"""The page that pictures are drawn on: its size, its text, its axes, and the names on it.

Like matplotlib's own settings, the page is in force while a picture is drawn: a figure gets its
size from it, and text, lines and distances get theirs from `points`.
"""

from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeVar

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

T = TypeVar("T")

StyleName = Literal["screen", "paper", "slides"]
Limits = tuple[float | None, float | None]  # None: as the data have it

WIDEST = 12.0  # inches, unless another width was asked for
_TEXT = 10.0  # points, of a figure at its natural size


@dataclass(frozen=True, slots=True)
class _Style:
    """How much larger than its natural size a picture is, text and lines included."""

    scale: float
    dpi: int
    highest: float = 40.0  # inches


# On a slide of 13.3 by 7.5 inches, 12 by 6.75 leave a margin, and are 1920 by 1080 pixels.
_STYLES: Mapping[StyleName, _Style] = {
    "screen": _Style(1.0, 160),
    "paper": _Style(0.8, 300),
    "slides": _Style(1.5, 160, highest=6.75),
}
_SQUEEZED = 0.8  # of its natural height, a picture on a slide has at least this


@dataclass(frozen=True, slots=True)
class Page:
    """What was chosen about a page; None is the default of the style or of the kind."""

    style: StyleName = "screen"
    width: float | None = None  # inches
    height: float | None = None
    dpi: int | None = None
    font_size: float | None = None  # points
    x_scale: Literal["linear", "log"] = "linear"
    x_range: Limits = (None, None)
    y_range: Limits = (None, None)
    no_title: bool = False
    strategies: tuple[str, ...] = ()  # those drawn, in this order; empty: all, by name
    rename: Mapping[str, str] = field(default_factory=dict)  # what to call them
    everyone: tuple[str, ...] = ()  # all that there are, so that a choice changes no colour

    @property
    def resolution(self) -> int:
        """Return the dots per inch of a PNG."""
        return self.dpi or _STYLES[self.style].dpi

    def name(self, strategy: str) -> str:
        """Return what a strategy, or a model, is called."""
        return self.rename.get(strategy, strategy)

    def in_order(self, found: Iterable[T], strategy_of: Callable[[T], str]) -> list[T]:
        """Return what belongs to strategies in the order that these are drawn in."""
        places = {name: place for place, name in enumerate(self.strategies)}
        return sorted(found, key=lambda one: places.get(strategy_of(one), len(places)))

    def size_of(self, width: float, height: float) -> tuple[float, float, float]:
        """Return the width and height in inches of a figure of a natural size, and its scale.

        A side that was not asked for follows the size of the text, which must fit.
        """
        style = _STYLES[self.style]
        scale = min(style.scale, WIDEST / width, style.highest / (_SQUEEZED * height))
        text = scale if self.font_size is None else self.font_size / _TEXT
        wide = min(width * text, WIDEST) if self.width is None else self.width
        high = min(height * text, style.highest) if self.height is None else self.height
        return wide, high, text


_PAGE: ContextVar[Page] = ContextVar("page", default=Page())  # noqa: B039 -- it is frozen


def page() -> Page:
    """Return the page in force."""
    return _PAGE.get()


@contextmanager
def on_page(chosen: Page) -> Generator[None]:
    """Draw on a page."""
    token = _PAGE.set(chosen)
    try:
        yield
    finally:
        _PAGE.reset(token)


def points(natural: float) -> float:
    """Return the size of text, a line or a distance, given that on a page of natural size."""
    from matplotlib import rcParams

    return natural * float(rcParams["font.size"]) / _TEXT


def scale_settings(scale: float) -> None:
    """Scale matplotlib's sizes of text, lines and ticks. Those of a natural page are in force."""
    from matplotlib import rcParams

    settings: Any = rcParams
    settings.update({name: settings[name] * scale for name in _SCALED})


_SCALED = (
    "font.size",
    "lines.linewidth",
    "axes.linewidth",
    "axes.titlepad",
    "axes.labelpad",
    "grid.linewidth",
    *(f"{axis}tick.{part}" for axis in "xy" for part in ("major.size", "major.width", "major.pad")),
)


def in_range(x: "NDArray[np.float64]") -> "NDArray[np.bool_]":
    """Return which places the limits of the horizontal axis show."""
    low, high = page().x_range
    return (x >= (-float("inf") if low is None else low)) & (
        x <= (float("inf") if high is None else high)
    )


def set_axes(axes: "Axes", *, y: bool = True) -> None:
    """Give axes the scale and the limits that were asked for, those of y only where meant."""
    from matplotlib.ticker import LogLocator, NullLocator

    chosen = page()
    if chosen.x_scale == "log":
        axes.set_xscale("log")
    axes.set_xlim(*chosen.x_range)
    if chosen.x_scale == "log":
        low, high = axes.get_xlim()
        subs = (1, 2, 3, 5, 7) if high < 10 * low else (1, 2, 5)
        axes.xaxis.set_major_locator(LogLocator(subs=subs, numticks=20))
        axes.xaxis.set_minor_locator(NullLocator())
    if y:
        axes.set_ylim(*chosen.y_range)
