"""Tables in the formats of other programs: CSV, LaTeX, Markdown."""

import csv
import re
import sys
from collections.abc import Mapping, Sequence
from typing import TextIO

from alsim.cli.screens.tables import TextTable
from alsim.escaping import visible

_FORMULA = ("=", "+", "-", "@")  # what a spreadsheet takes for one's beginning
Value = str | int | float | bool | None

_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "|": r"\textbar{}",
    "`": r"\textasciigrave{}",
    "-": "{-}",  # two would be a dash
    **{character: "\\" + character for character in "&%$#_{}"},
    # After the end of a row a bracket would begin the size of a gap.
    "[": "{[}",
    "]": "{]}",
    "−": "$-$",
    "±": r"$\pm$",
    "≥": r"$\ge$",
    "≤": r"$\le$",
    "·": r"$\cdot$",
    "–": "--",
    "<": r"$<$",
    ">": r"$>$",
}


def print_csv(records: Sequence[Mapping[str, Value]]) -> None:
    """Print records with the same keys as CSV to stdout; None is an empty cell.

    A text that a spreadsheet would take for a formula has an apostrophe before it.
    """
    write_csv(records, sys.stdout)


def write_csv(records: Sequence[Mapping[str, Value]], file: TextIO) -> None:
    """Write what `print_csv` prints."""
    if records:
        writer = csv.DictWriter(file, list(records[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows({key: _csv(value) for key, value in each.items()} for each in records)


def print_latex(table: TextTable) -> None:
    """Print a table as LaTeX with booktabs to stdout."""
    columns = "".join("r" if i in table.right else "l" for i in range(len(table.headers)))
    lines = ["% needs \\usepackage{booktabs}", f"\\begin{{tabular}}{{{columns}}}", "\\toprule"]
    lines += [_latex_row(table.headers), "\\midrule", *map(_latex_row, table.rows)]
    lines += ["\\bottomrule", "\\end{tabular}"]
    sys.stdout.write("\n".join(lines) + "\n")


def print_markdown(*tables: TextTable) -> None:
    """Print tables as Markdown to stdout, with an empty line between them."""
    texts: list[str] = []
    for table in tables:
        rule = ["---:" if i in table.right else "---" for i in range(len(table.headers))]
        cells = [[_markdown(cell) for cell in row] for row in (table.headers, *table.rows)]
        rows = [cells[0], rule, *cells[1:]]
        texts.append("".join(f"| {' | '.join(row)} |\n" for row in rows))
    sys.stdout.write("\n".join(texts))


def _latex_row(cells: Sequence[str]) -> str:
    shown = map(visible, cells)
    return " & ".join("".join(_LATEX.get(c, c) for c in cell) for cell in shown) + r" \\"


def _markdown(cell: str) -> str:
    # Of brackets only what would make a link: an interval stays as it is.
    return re.sub(r"([\\`*_|<>{}~^$&#]|\](?=[(\[:]))", r"\\\1", visible(cell))


def _csv(value: Value) -> Value:
    if not isinstance(value, str):
        return value
    return f"'{visible(value)}" if value.lstrip().startswith(_FORMULA) else visible(value)
