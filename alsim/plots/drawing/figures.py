"""Figures: one way to make them, and to write them atomically with the same bytes each time."""

import os
import re
from collections.abc import Collection, Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any
from warnings import catch_warnings, filterwarnings

from alsim.errors import UsageError
from alsim.escaping import visible
from alsim.paths import place
from alsim.plots.drawing.fonts import FONT, make_legible
from alsim.plots.drawing.labels import Placed, settle
from alsim.plots.drawing.page import page, points, scale_settings
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
_INTERVAL = re.compile(r"95 % \S+ to \S+")  # of which no line of a title holds a part
_LINES_OF_TITLES = 4
_COLLAPSED = "constrained_layout not applied"  # matplotlib's words
_CRAMPED = (
    "the picture has no room for its axes beside its text: add a larger --width or --height, or a "
    "smaller --font-size"
)
_OWN_STYLE: dict[str, Any] = {
    "svg.hashsalt": "alsim",
    "svg.fonttype": "none",  # text as text, which can be searched and edited
    "pdf.fonttype": 42,  # TrueType: journals refuse Type 3
    "font.family": [FONT, "sans-serif"],
    "font.sans-serif": [FONT],
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
    """Return an empty figure, drawn without a display: its natural size, in inches, on the page.

    Settings of text and lines follow, so call it inside `own_style`.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    wide, high, scale = page().size_of(width, height)
    scale_settings(scale)
    figure = Figure(figsize=(wide, high), layout="constrained")
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
        axes.set_title(title, loc="left", fontsize=points(9.5))
        axes.tick_params(labelsize=points(8))
        if number + n_columns >= n:
            axes.set_xlabel(xlabel, fontsize=points(9))
        if number % n_columns == 0:
            axes.set_ylabel(ylabel, fontsize=points(9))
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
    ends: Sequence[Placed] = (),
    records: Sequence[Record] = (),
) -> Drawing:
    """Return a figure as a drawing, with fonts that have all of its characters.

    The title stands above `axes`, the only ones of the figure, or else above all panels. The labels
    at the ends of curves are moved apart, now that the height of their axes is known. The records
    are what the figure shows, for `alsim plot --csv`.
    """
    if title and not page().no_title:
        size: dict[str, Any] = {"fontsize": points(11), "fontweight": "bold"}
        text = _fitted(title, figure.get_figwidth())
        if axes is not None:
            axes.set_title(text, loc="left", **size)
        else:
            figure.suptitle(text, x=0.01, ha="left", **size)
    if footnote:
        write_footnote(figure, footnote)
    lost = make_legible(figure)
    cramped = [] if lay_out(figure) else [_CRAMPED]
    _break_labels(figure)
    settle(ends)
    return Drawing(figure, (*warnings, *lost, *cramped), tuple(even(records)))


def lay_out(figure: "Figure") -> bool:
    """Give the axes of a figure the places that they have when it is drawn; say if they fit."""
    engine = figure.get_layout_engine()
    assert engine is not None
    with catch_warnings(record=True) as found:
        filterwarnings("always", _COLLAPSED)
        engine.execute(figure)
    return not found


def _break_labels(figure: "Figure") -> None:
    """Break the labels of axes that are longer than these."""
    is_broken = False
    for axes in figure.axes:
        for axis, side in ((axes.xaxis, 0), (axes.yaxis, 1)):
            label, room = axis.label, axes.get_window_extent().size[side]
            text, long = label.get_text(), label.get_window_extent().size[side]
            if text and long > room and " " in text:
                label.set_text("\n".join(wrap(text, max(int(len(text) * room / long), 8))))
                is_broken = True
    if is_broken:
        lay_out(figure)


def _fitted(title: str, width: float) -> str:
    """Return a title broken into a few lines that fit a figure's width in inches."""
    n = max(int(width * _LETTERS_OF_TITLES / points(1)), 10)
    lines = [
        part
        for line in visible(title, keep="\n").split("\n")
        for part in wrap(_INTERVAL.sub(_tied, line), n, break_on_hyphens=False)
    ]
    if len(lines) > _LINES_OF_TITLES:
        lines = [*lines[: _LINES_OF_TITLES - 1], "…"]
    return "\n".join(lines).replace("\u00a0", " ")


def _tied(found: re.Match[str]) -> str:
    return found[0].replace(" ", "\u00a0")


def write_footnote(figure: "Figure", text: str) -> None:
    """Write small lines below everything, broken at the figure's width."""
    width = max(int(figure.get_figwidth() * _LETTERS_PER_INCH / points(1)), 10)
    text = "\n".join(wrap(text, width, break_long_words=False))
    figure.supxlabel(text, x=0.99, ha="right", fontsize=points(7.5), color="#666666")


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

    A PNG has the dots per inch of the page in force.

    Raises:
        UsageError: If the suffix is unknown, or the system cannot write there.
    """
    check_target(path)
    suffix = path.suffix.lower()
    buffer = BytesIO()
    with own_style(), catch_warnings():
        filterwarnings("ignore", _COLLAPSED)  # a picture that is too small has its warning already
        figure.savefig(buffer, format=suffix[1:], dpi=page().resolution, metadata=_METADATA[suffix])
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
