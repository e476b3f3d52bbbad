"""Names as they can be shown: they come from other people and may hold anything."""

import html
import re
from collections.abc import Callable, Iterable, Sequence

# Control characters, changes of writing direction, characters without width, line ends, surrogates
# and tags. Joiners stay: scripts and emoji need them.
_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    "\ud800-\udfff\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)


def visible(text: str, keep: str = "") -> str:
    r"""Return a text with invisible characters escaped, such as `\x1b` or `\u202e`.

    Args:
        text: From any source.
        keep: Characters to leave unescaped, such as line ends.
    """
    return escaped(text, keep, lambda c: c.encode("unicode_escape").decode())


def escaped(text: str, keep: str, escape: Callable[[str], str]) -> str:
    """Return a text with each invisible character, except those of `keep`, replaced by `escape`."""
    return _UNSEEN.sub(lambda found: found[0] if found[0] in keep else escape(found[0]), text)


def html_table(caption: str, headers: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table as HTML for a notebook; every text in it is shown, none is markup."""

    def row(cells: Sequence[str], tag: str) -> str:
        return f"<tr>{''.join(f'<{tag}>{_as_html(cell)}</{tag}>' for cell in cells)}</tr>"

    body = "".join(row(cells, "td") for cells in rows)
    head = f"<caption>{_as_html(caption)}</caption><thead>{row(headers, 'th')}</thead>"
    return f"<table>{head}<tbody>{body}</tbody></table>"


def _as_html(text: str) -> str:
    return html.escape(visible(text))
