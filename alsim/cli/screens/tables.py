"""A table as it is shown: columns as far as there is room, else blocks; plainly in a pipe."""

import sys
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from alsim.cli.screen import console, styled, width_of_stdout
from alsim.cli.screens.output import print_lines
from alsim.escaping import visible

_GAP = "  "  # between columns
_BLOCKS = 60  # a narrower terminal gets a block a row, unless all columns fit
_PROSE = 24  # characters below which prose is hard to read


@dataclass(frozen=True, slots=True)
class TextTable:
    """A table whose columns stand in the order of their priority.

    A narrow terminal leaves out whole columns, the last first. No cell is cut, and none is broken
    but prose, between words.
    """

    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    right: Sequence[int] = ()  # columns aligned to the right
    kept: Sequence[int] = (0,)  # columns that are never left out
    prose: Sequence[int] = ()  # columns whose cells may be broken between words


def print_table(table: TextTable, *, title: str = "", otherwise: str = "") -> None:
    """Print a table to stdout, on a terminal with a title.

    A line names the columns that are left out, and how to see them; `otherwise` is another way than
    a wider terminal, such as "add --json".
    """
    table = TextTable(
        [visible(header) for header in table.headers],
        [[visible(cell) for cell in row] for row in table.rows],
        *(table.right, table.kept, table.prose),
    )
    if not sys.stdout.isatty():
        _print_plain(table)
        return
    if title:
        print_lines([title])
    room, columns = width_of_stdout(), list(range(len(table.headers)))
    needed = _needed(table, columns)
    while _needed(table, columns) > room:
        others = [column for column in columns if column not in table.kept]
        if room < _BLOCKS or not others:
            _print_blocks(table, room)
            return
        columns.remove(others[-1])
    _print_columns(table, columns, room)
    if left_out := [h for i, h in enumerate(table.headers) if i not in columns]:
        ways = " or ".join(filter(None, (f"widen the terminal to {needed} characters", otherwise)))
        print_lines([f"left out: {', '.join(left_out)}; to see them, {ways}"])


def _print_plain(table: TextTable) -> None:
    lines = [table.headers, *table.rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(table.headers))]
    for line in lines:
        cells = [
            cell.rjust(width) if i in table.right else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        sys.stdout.write(_GAP.join(cells).rstrip() + "\n")


def _needed(table: TextTable, columns: Sequence[int]) -> int:
    """Return the characters that some columns need at least."""
    return sum(_least(table, i) for i in columns) + len(_GAP) * (len(columns) - 1)


def _least(table: TextTable, column: int) -> int:
    widest = _widest(table, column)
    if column not in table.prose:
        return widest
    words = [len(word) for row in table.rows for word in row[column].split()]
    return min(widest, max([_PROSE, len(table.headers[column]), *words]))


def _widest(table: TextTable, column: int) -> int:
    from rich.cells import cell_len

    return max(cell_len(line[column]) for line in (table.headers, *table.rows))


def _print_columns(table: TextTable, columns: Sequence[int], room: int) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    shown = Table(box=SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0), pad_edge=False)
    widths = {column: _least(table, column) for column in columns}
    spare = room - _needed(table, columns)
    for column in columns:  # prose takes what the others leave
        more = min(spare, _widest(table, column) - widths[column])
        widths[column], spare = widths[column] + more, spare - more
        shown.add_column(
            styled(table.headers[column]),
            justify="right" if column in table.right else "left",
            width=widths[column],
            no_wrap=column not in table.prose,
        )
    for row in table.rows:
        shown.add_row(*(styled(row[column]) for column in columns))
    console().print(shown)


def _print_blocks(table: TextTable, room: int) -> None:
    """Print a block for each row: the first cell, and below it the others with their headers."""
    headers = table.headers[1:]
    left = max((len(header) for header in headers), default=0) + 2 * len(_GAP)
    for i, (first, *cells) in enumerate(table.rows):
        if i:
            sys.stdout.write("\n")
        console().print(styled(first, "bold"), soft_wrap=True)
        for place, (header, cell) in enumerate(zip(headers, cells, strict=True), 1):
            lines = [cell]
            if place in table.prose:
                lines = textwrap.wrap(cell, max(room - left, _PROSE), break_long_words=False)
            labelled = f"{_GAP}{header}".ljust(left)
            sys.stdout.write(labelled + f"\n{'':{left}}".join(lines or [""]) + "\n")
