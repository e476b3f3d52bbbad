"""Characters that cannot be seen: names are other people's, and may hold anything."""

import re
from collections.abc import Callable

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
