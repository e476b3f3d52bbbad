"""From a figure to a file: by suffix, atomically, and the same bytes each time."""

import os
from collections.abc import Generator
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from alsim.errors import UsageError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# A date or a random identifier would make equal pictures differ.
_METADATA: dict[str, dict[str, None]] = {
    ".png": {},
    ".svg": {"Date": None},
    ".pdf": {"CreationDate": None},
}
_OWN_STYLE = {
    "svg.hashsalt": "alsim",
    "font.family": "DejaVu Sans",  # comes with matplotlib, so that every machine has it
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


@contextmanager
def own_style() -> Generator[None]:
    """Draw with our settings, whatever the user's matplotlibrc says; restore them afterwards."""
    from matplotlib import style

    with style.context(["default", _OWN_STYLE]):
        yield


def check_target(path: Path) -> None:
    """Raise a UsageError unless a picture can be written at `path`."""
    if path.suffix.lower() not in _METADATA:
        suffix = f"unknown kind of picture {path.suffix!r}" if path.suffix else "no suffix"
        raise UsageError(suffix, str(path), f"end the name in one of: {', '.join(_METADATA)}")
    if path.is_dir():
        raise UsageError("a folder has this name", str(path), "name a file")
    if not path.parent.is_dir():
        raise UsageError("no such folder", str(path.parent), "make it first, or name another")


def save_figure(figure: "Figure", path: Path) -> None:
    """Write a figure as PNG, SVG or PDF, by the suffix; equal figures give equal bytes.

    Raises:
        UsageError: If the suffix is another, or the system cannot write there.
    """
    check_target(path)
    suffix = path.suffix.lower()
    buffer = BytesIO()
    with own_style():
        figure.savefig(buffer, format=suffix[1:], dpi=160, metadata=_METADATA[suffix])
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(buffer.getvalue())
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
