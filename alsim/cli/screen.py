"""Text as Rich may have it: names of other people without markup."""

import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from alsim.escaping import visible

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text


def styled(text: str, style: str = "") -> "Text":
    """Return a text for Rich, which reads nothing in it as markup."""
    from rich.text import Text

    return Text(visible(text), style=style)


def console(*, is_stderr: bool = False) -> "Console":
    """Return Rich's console on stdout or stderr; what is printed there as `str` has no markup."""
    from rich.console import Console

    stream: Any = sys.stderr if is_stderr else sys.stdout
    # Rich asks the first terminal among stdin, stdout and stderr. That of stderr may be resized.
    width = None if is_stderr else width_of_stdout()
    return Console(
        file=_Styled(stream),  # pyright: ignore[reportArgumentType] -- all that Rich asks of a file
        width=width,
        markup=False,
        emoji=False,
        highlight=False,
    )


def width_of_stdout() -> int:
    """Return how many characters a line of the terminal at stdout holds.

    `shutil` asks Python's own stdout instead, in whose place `Output` is.
    """
    if (given := os.environ.get("COLUMNS", "")).isdecimal() and int(given):
        return int(given)
    with suppress(OSError, ValueError):  # no terminal
        return os.get_terminal_size(sys.stdout.fileno()).columns or 80
    return 80


class _Styled:
    """A stream as Rich writes to it: its escape sequences stay."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.write = getattr(stream, "write_styled", stream.write)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
