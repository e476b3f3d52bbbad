"""Figures: one way to make them, and to write them atomically with the same bytes each time."""

import os
from collections.abc import Collection, Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from alsim.errors import UsageError
from alsim.escaping import visible
from alsim.paths import place
from alsim.plots.drawing.fonts import FONT, make_legible
from alsim.plots.drawing.records import Record, even

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Size = tuple[float, float]  # width and height

# A date or a random identifier would make equal pictures differ.
_METADATA: dict[str, dict[str, None]] = {
    ".png": {},
    ".svg": {"Date": None},
    ".pdf": {"CreationDate": None},
}
_LETTERS_PER_INCH = 16  # in a footnote, at least
_LETTERS_OF_TITLES = 10  # per inch
_LINES_OF_TITLES = 4
_TITLE: dict[str, Any] = {"fontsize": 11, "fontweight": "bold"}
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
    """A figure, the warnings to show beside it, and what it shows as records."""

    figure: "Figure"
    warnings: tuple[str, ...]
    records: tuple[Record, ...] = ()


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


def make_panels(
    titles: Sequence[str],
    n_columns: int,
    *,
    around: Size,
    each: Size,
    xlabel: str = "",
    ylabel: str = "",
    sharey: bool = False,
) -> "tuple[Figure, list[Axes]]":
    """Return a figure and its panels, one for each title, with their labels.

    `around` and `each` are in inches: the room about all panels, and a panel. The labels stand
    below the last panel of each column, and beside the first of each row. Unused axes are hidden.
    """
    n, n_rows = len(titles), -(-len(titles) // n_columns)
    figure = make_figure(around[0] + each[0] * n_columns, around[1] + each[1] * n_rows)
    panels: list[Axes] = list(figure.subplots(n_rows, n_columns, squeeze=False, sharey=sharey).flat)
    for number, (axes, title) in enumerate(zip(panels, titles, strict=False)):
        axes.set_title(title, loc="left", fontsize=9.5)
        axes.tick_params(labelsize=8)
        if number + n_columns >= n:
            axes.set_xlabel(xlabel, fontsize=9)
        if number % n_columns == 0:
            axes.set_ylabel(ylabel, fontsize=9)
    for axes in panels[n:]:
        axes.set_visible(False)
    return figure, panels[:n]


def finished(
    figure: "Figure",
    warnings: Sequence[str],
    *,
    title: str | None = None,
    footnote: str | None = None,
    axes: "Axes | None" = None,
    records: Sequence[Record] = (),
) -> Drawing:
    """Return a figure as a drawing, with fonts that have all of its characters.

    The title stands above `axes`, the only ones of the figure, or else above all panels. The
    records are what it shows, for `alsim plot --csv`.
    """
    width = figure.get_figwidth()
    if title and axes is not None:
        axes.set_title(_fitted(title, width), loc="left", **_TITLE)
    elif title:
        figure.suptitle(_fitted(title, width), x=0.01, ha="left", **_TITLE)
    if footnote:
        write_footnote(figure, footnote)
    with own_style():
        return Drawing(figure, (*warnings, *make_legible(figure)), tuple(even(records)))


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


def check_target(path: Path, formats: Collection[str] = tuple(_METADATA)) -> None:
    """Raise a UsageError unless a file of these formats can be written at `path`."""
    if path.suffix.lower() not in formats:
        what = "picture" if ".png" in formats else "table"
        suffix = f"unknown {what} format {path.suffix!r}" if path.suffix else "no suffix"
        raise UsageError(suffix, str(path), f"end the name in one of: {', '.join(formats)}")
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
    write_atomically(path, buffer.getvalue())


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file beside `path` that then takes its place.

    Raises:
        UsageError: If the system cannot write there.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.unlink(missing_ok=True)
        with temporary.open("xb") as file:  # does not follow a link placed there
            file.write(data)
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
