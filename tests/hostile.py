"""Names that affect a terminal, Rich, LaTeX or a spreadsheet unless escaped."""

import io
import re

ESCAPE = "\x1b]0;owned\x07\x1b[31m"
NAMES = [
    "[/]",
    "[red]x[/red]",
    "[link=https://x.example]y[/link]",
    ":smile:",
    ESCAPE,
    "\x9b2J",
    "two\nlines",
    "\r\b\x00\x7f",
    "\u202eright to left",
    "half \udcff",
    "=cmd()",
    "a_b & c % $x^2$ # {y} ~ \\z | `q`",
]
FORBIDDEN = set("\x1b\x9b\r\b\x00\x7f\u202e\udcff")


class Terminal(io.StringIO):
    """A stream that records what is written to a terminal."""

    def isatty(self) -> bool:
        return True


def without_styles(text: str) -> str:
    """Return what Rich has written, without its own escape sequences."""
    return re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", text)
