"""Results on stdout, a table on a terminal, plain aligned text in a pipe; remarks on stderr."""

import json
import re
import shlex
import shutil
import sys
import textwrap
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alsim.cli.screen import console, styled
from alsim.cli.streams import OutputError
from alsim.errors import AlsimError
from alsim.escaping import escaped, visible

NOTHING = "–"  # in a cell
_NARROW = 8  # characters of a header that are never broken
_LONGEST = 2000  # characters of a line of an error


def print_json(data: Any) -> None:
    """Print JSON values, and nothing else, to stdout; what cannot be seen is escaped as in JSON."""
    is_unicode = (sys.stdout.encoding or "").lower().startswith("utf")
    text = json.dumps(data, indent=2, ensure_ascii=not is_unicode)
    sys.stdout.write(escaped(text, "\n", _in_json) + "\n")


def _in_json(character: str) -> str:
    return json.dumps(character)[1:-1] if character != "\x7f" else r"\u007f"


def print_lines(lines: Sequence[str]) -> None:
    """Print lines to stdout; those too long for a terminal are broken between words."""
    lines = [visible(line) for line in lines]
    if sys.stdout.isatty():
        width = shutil.get_terminal_size().columns
        # No line ends between a number and what is said of it, as in "p = .03".
        tied = [re.sub(r" ([=<±]) ", "\u00a0\\1\u00a0", line) for line in lines]
        filled = [
            # A path is left whole, so that it can be copied.
            textwrap.fill(
                line, width, subsequent_indent="  ", break_on_hyphens=False, break_long_words=False
            )
            for line in tied
        ]
        lines = [line.replace("\u00a0", " ") for line in filled]
    sys.stdout.write("".join(f"{line}\n" for line in lines))


def print_remarks(kind: str, remarks: Iterable[str]) -> None:
    """Print remarks of a kind, such as "warning", to stderr."""
    for remark in remarks:
        sys.stderr.write(f"{kind}: {visible(remark)}\n")


def print_error(error: AlsimError) -> None:
    """Print to stderr what happened, where, and how to mend it."""
    lines = f"error: {error}".split("\n")
    sys.stderr.write("".join(f"{_shortened(visible(line))}\n" for line in lines))


def _shortened(line: str) -> str:
    """Return a line without its middle where it is so long that it would bury the others."""
    half = _LONGEST // 2
    return line if len(line) <= _LONGEST else f"{line[:half]} … {line[-half:]}"


def quoted(path: Path | str) -> str:
    """Return a path as it is typed in a shell."""
    return shlex.quote(str(path))


@contextmanager
def reporting(path: Path, mend: str) -> Generator[None]:
    """Print inside what was found; if that fails, the error says that it is written, and where.

    Raises:
        OutputError: If stdout cannot be written.
    """
    try:
        yield
        sys.stdout.flush()
    except OutputError as error:
        what = f"the result is complete and written, but {error.args[0]}"
        raise OutputError(what, str(path), mend) from None


def print_gap() -> None:
    """Print an empty line to stdout, such as a terminal's tables have about them anyway."""
    if not sys.stdout.isatty():
        sys.stdout.write("\n")


def print_table(
    headers: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    title: str = "",
    right: Sequence[int] = (),
    whole: Sequence[int] = (),
) -> None:
    """Print a table to stdout, on a terminal with a title.

    Columns named in `right` are aligned to the right. A narrow terminal breaks no cells of those
    named in `whole`, but their headers.
    """
    headers, rows = [visible(h) for h in headers], [[visible(c) for c in row] for row in rows]
    if sys.stdout.isatty():
        from rich.box import SIMPLE_HEAD
        from rich.table import Table

        table = Table(
            box=SIMPLE_HEAD,
            title=styled(title) if title else None,
            title_justify="left",
            padding=(0, 1, 0, 0),
            pad_edge=False,
        )
        for i, header in enumerate(headers):
            is_whole = i in whole
            if is_whole:
                widest = max((len(row[i]) for row in rows), default=0)
                header = textwrap.fill(header, max(widest, _NARROW), break_long_words=False)
            justify = "right" if i in right else "left"
            table.add_column(header, justify=justify, no_wrap=is_whole, overflow="fold")
        for row in rows:
            table.add_row(*row)
        console().print(table)
        return
    widths = [max(len(row[i]) for row in [headers, *rows]) for i in range(len(headers))]
    for row in [headers, *rows]:
        cells = [
            cell.rjust(width) if i in right else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        sys.stdout.write("  ".join(cells).rstrip() + "\n")
