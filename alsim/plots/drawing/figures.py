"""Figures: one way to make them, and to write them atomically with the same bytes each time."""

import os
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING

from alsim.errors import UsageError
from alsim.escaping import visible
from alsim.paths import place
from alsim.plots.drawing.fonts import FONT, make_legible

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# A date or a random identifier would make equal pictures differ.
_METADATA: dict[str, dict[str, None]] = {
    ".png": {},
    ".svg": {"Date": None},
    ".pdf": {"CreationDate": None},
}
_LETTERS_PER_INCH = 16  # in a footnote, at least
_LETTERS_OF_TITLES = 10  # per inch
_LINES_OF_TITLES = 4
_OWN_STYLE = {
    "svg.hashsalt": "alsim",
    "font.family": FONT,
    "text.parse_math": False,  # names are text, even with dollar signs
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "#E4E4E4",
    "grid.linewidth": 0.7,
    "lines.linewidth": 1.8,
    "lines.solid_capstyle": "round",
}


@dataclass(frozen=True, slots=True, eq=False)
class Drawing:
    """A figure, and the warnings to show beside it."""

    figure: "Figure"
    warnings: tuple[str, ...]


def finished(figure: "Figure", warnings: Sequence[str]) -> Drawing:
    """Return a figure as a drawing, with fonts that have all of its characters."""
    with own_style():
        return Drawing(figure, (*warnings, *make_legible(figure)))


@contextmanager
def own_style() -> Generator[None]:
    """Draw with our settings, whatever the user's matplotlibrc says; restore them afterwards."""
    from matplotlib import style

    with style.context(["default", _OWN_STYLE]):
        yield


def make_figure(width: float, height: float) -> "Figure":
    """Return an empty figure, its size in inches, drawn without a display."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def make_panels(figure: "Figure", n: int, n_columns: int, *, sharey: bool) -> "list[Axes]":
    """Return `n` axes in rows of `n_columns`; unused axes of the last row are hidden.

    Args:
        figure: An empty figure.
        n: At least 1.
        n_columns: At least 1.
        sharey: Whether all share one y axis, with numbers at the left only.
    """
    rows = -(-n // n_columns)
    grid = figure.subplots(rows, n_columns, squeeze=False, sharey=sharey)
    panels: list[Axes] = list(grid.flat)
    for axes in panels[n:]:
        axes.set_visible(False)
    return panels[:n]


def write_title(axes: "Axes", title: str) -> None:
    """Write a title above axes, as it was typed."""
    title = _fitted(title, axes.figure.bbox.width / axes.figure.dpi)
    axes.set_title(title, loc="left", fontsize=11, fontweight="bold")


def write_heading(figure: "Figure", title: str) -> None:
    """Write a title above all panels of a figure, as it was typed."""
    title = _fitted(title, figure.get_figwidth())
    style = {"fontsize": 11, "fontweight": "bold"}
    figure.suptitle(title, x=0.01, ha="left", **style)


def _fitted(title: str, width: float) -> str:
    """Return a title broken into a few lines that fit a figure's width in inches."""
    n = int(width * _LETTERS_OF_TITLES)
    lines = [part for line in visible(title, keep="\n").split("\n") for part in wrap(line, n)]
    if len(lines) > _LINES_OF_TITLES:
        lines = [*lines[: _LINES_OF_TITLES - 1], "…"]
    return "\n".join(lines)


def write_footnote(figure: "Figure", text: str) -> None:
    """Write small lines below everything, broken at the figure's width."""
    width = int(figure.get_figwidth() * _LETTERS_PER_INCH)
    text = "\n".join(wrap(text, width, break_long_words=False))
    figure.supxlabel(text, x=0.99, ha="right", fontsize=7.5, color="#666666")


def check_target(path: Path) -> None:
    """Raise a UsageError unless a picture can be written at `path`."""
    if path.suffix.lower() not in _METADATA:
        suffix = f"unknown picture format {path.suffix!r}" if path.suffix else "no suffix"
        raise UsageError(suffix, str(path), f"end the name in one of: {', '.join(_METADATA)}")
    if place(path) == "folder":
        raise UsageError("a folder has this name", str(path), "name a file")
    if place(path.parent) != "folder":
        raise UsageError("no such folder", str(path.parent), "make it first, or name another")
    if path.exists() and not path.is_file():  # root could replace /dev/null
        raise UsageError("this is a device, a pipe or a socket", str(path), "name a file")


def save_figure(figure: "Figure", path: Path) -> None:
    """Write a figure as PNG, SVG or PDF, by the suffix; equal figures give equal bytes.

    Raises:
        UsageError: If the suffix is unknown, or the system cannot write there.
    """
    check_target(path)
    suffix = path.suffix.lower()
    buffer = BytesIO()
    with own_style():
        figure.savefig(buffer, format=suffix[1:], dpi=160, metadata=_METADATA[suffix])
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.unlink(missing_ok=True)
        with temporary.open("xb") as file:  # does not follow a link placed there
            file.write(buffer.getvalue())
        temporary.replace(path)
    except OSError as error:
        raise UsageError(
            f"cannot write: {error.strerror or error}",
            str(path),
            "name a file in a folder that can be written: --out FILE",
        ) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
