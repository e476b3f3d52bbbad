"""Text as a screen may have it: names are other people's, and may hold anything.

Whatever is printed passes through here: `visible` for plain text, `console` for Rich.
"""

import re
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

# Controls, what turns the direction of writing, what has no width, ends of lines other than
# "\n", halves of characters, and tags. Joiners stay: scripts and emoji need them.
_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    "\ud800-\udfff\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)


def visible(text: str, keep: str = "") -> str:
    r"""Return a text in which characters that cannot be seen are escaped: `\x1b`, `\u202e`.

    Args:
        text: Of any origin.
        keep: Characters to leave as they are, such as ends of lines.
    """
    return escaped(text, keep, lambda c: c.encode("unicode_escape").decode())


def escaped(text: str, keep: str, escape: Callable[[str], str]) -> str:
    """Return a text in which characters that cannot be seen are replaced, but for some."""
    return _UNSEEN.sub(lambda found: found[0] if found[0] in keep else escape(found[0]), text)


def styled(text: str, style: str = "") -> "Text":
    """Return a text for Rich, which reads nothing in it as markup."""
    from rich.text import Text

    return Text(visible(text), style=style)


def console(*, is_stderr: bool = False) -> "Console":
    """Return Rich's console on stdout or stderr; what is printed there as `str` has no markup."""
    from rich.console import Console

    stream: Any = sys.stderr if is_stderr else sys.stdout
    return Console(file=_Styled(stream), markup=False, emoji=False, highlight=False)  # pyright: ignore[reportArgumentType] -- all that Rich asks of a file


class _Styled:
    """A stream as Rich writes to it: its escape sequences stay."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.write = getattr(stream, "write_styled", stream.write)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
