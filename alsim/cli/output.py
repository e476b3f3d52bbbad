"""Results on stdout: a table on a terminal, plain aligned text in a pipe."""

import json
import re
import shutil
import sys
import textwrap
from collections.abc import Sequence
from typing import Any

_NARROW = 8  # characters of a header that are never broken


def print_json(data: Any) -> None:
    """Print JSON values, and nothing else, to stdout."""
    sys.stdout.write(json.dumps(data, indent=2, ensure_ascii=False) + "\n")


def print_lines(lines: Sequence[str]) -> None:
    """Print lines to stdout; those too long for a terminal are broken between words."""
    if sys.stdout.isatty():
        width = shutil.get_terminal_size().columns
        # No line ends between a number and what is said of it, as in "p = .03".
        tied = [re.sub(r" ([=<±]) ", "\u00a0\\1\u00a0", line) for line in lines]
        filled = [
            textwrap.fill(line, width, subsequent_indent="  ", break_on_hyphens=False)
            for line in tied
        ]
        lines = [line.replace("\u00a0", " ") for line in filled]
    sys.stdout.write("".join(f"{line}\n" for line in lines))


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
    """Print a table to stdout.

    Args:
        headers: Names of the columns.
        rows: Cells as text.
        title: Shown above, on a terminal only.
        right: Columns to align to the right.
        whole: Columns whose cells a narrow terminal must not break; their headers are broken.
    """
    if sys.stdout.isatty():
        from rich.box import SIMPLE_HEAD
        from rich.console import Console
        from rich.markup import escape
        from rich.table import Table
        from rich.text import Text

        # Names may hold what Rich reads as markup.
        table = Table(
            box=SIMPLE_HEAD, title=escape(title) or None, title_justify="left",
            padding=(0, 1, 0, 0), pad_edge=False,
        )  # fmt: skip
        for i, header in enumerate(headers):
            is_whole = i in whole
            if is_whole:
                widest = max((len(row[i]) for row in rows), default=0)
                header = textwrap.fill(header, max(widest, _NARROW), break_long_words=False)
            justify = "right" if i in right else "left"
            table.add_column(header, justify=justify, no_wrap=is_whole, overflow="fold")
        for row in rows:
            table.add_row(*map(Text, row))
        Console().print(table)
        return
    widths = [max(len(row[i]) for row in [headers, *rows]) for i in range(len(headers))]
    for row in [headers, *rows]:
        cells = [
            cell.rjust(width) if i in right else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        sys.stdout.write("  ".join(cells).rstrip() + "\n")
