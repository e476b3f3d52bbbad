"""Fonts for all characters of a figure, and numbers for words that no font can write."""

import logging
import re
import unicodedata
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING

from alsim.escaping import visible

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FONT = "DejaVu Sans"  # part of matplotlib, so every machine has it
_LAST_RESORT = "Last Resort High-Efficiency"  # matplotlib's font of boxes for all characters
_EXPLAINED = 8  # numbers that the footnote explains
_SPELT = 6  # characters spelt out for each


def make_legible(figure: "Figure") -> list[str]:
    """Set fonts that have the characters of a figure's texts, and return warnings.

    Words that no installed font can write are numbered. The footnote explains the numbers by the
    names of the characters, and the warning by the words themselves.
    """
    from matplotlib.text import Text

    texts: list[Text] = [text for text in figure.findobj(Text) if text.get_text()]
    shown = {text: visible(text.get_text(), keep="\n") for text in texts}
    lacking = set("".join(shown.values())) - _characters(FONT) - {"\n"}
    families, lost = _fallbacks(lacking)
    pattern = re.compile(f"[{re.escape(''.join(sorted(lost)))}]+") if lost else None
    words = {each for text in shown.values() for each in (pattern.findall(text) if pattern else ())}
    numbers = {word: f"[{n}]" for n, word in enumerate(sorted(words), 1)}

    def legible(text: str) -> str:
        text = visible(text, keep="\n")
        return pattern.sub(lambda found: numbers[found[0]], text) if pattern else text

    for text, words_of_it in shown.items():
        if lacking & set(words_of_it):
            text.set_fontfamily([FONT, *families])
        if (new := legible(words_of_it)) != text.get_text():
            text.set_text(new)
    for axis in (axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)):
        # An axis rewrites its tick labels each time it is drawn.
        labels = [label.get_text() for label in axis.get_majorticklabels()]
        if (new := [legible(label) for label in labels]) != labels:
            axis.set_ticklabels(new)
    return _explain(figure, numbers) if numbers else []


def _explain(figure: "Figure", numbers: dict[str, str]) -> list[str]:
    """Explain the numbers in the footnote, and return a warning with the words."""
    from alsim.plots.drawing.figures import write_footnote

    spelt = [f"{n} {_spelt(word)}" for word, n in [*numbers.items()][:_EXPLAINED]]
    more = f" and {len(numbers) - _EXPLAINED} more" if len(numbers) > _EXPLAINED else ""
    note = figure._supxlabel  # pyright: ignore[reportAttributeAccessIssue] -- has no public name
    if note is not None:
        text = note.get_text().replace("\n", " ")
        write_footnote(figure, f"{text}; not in any font here: {', '.join(spelt)}{more}")
    listed = ", ".join(f"{n} {word}" for word, n in numbers.items())
    return [
        f"this machine has no font for some characters, so words are numbered: {listed}; "
        "install a font that has them, such as Noto"
    ]


def _spelt(word: str) -> str:
    """Return the characters of a word in ASCII: the code of a letter, the name of a symbol."""
    names = [
        f"U+{ord(c):04X}" if unicodedata.category(c).startswith("L") else _name(c)
        for c in word[:_SPELT]
    ]
    return " ".join(names) + " …" * (len(word) > _SPELT)


def _name(character: str) -> str:
    return unicodedata.name(character, f"U+{ord(character):04X}").lower()


def _fallbacks(characters: Iterable[str]) -> tuple[list[str], set[str]]:
    """Return installed fonts that together have the characters, and those that no font has."""
    from matplotlib.font_manager import fontManager

    families: list[str] = []
    lost = set(characters)
    installed = {entry.name for entry in fontManager.ttflist if entry.name != _LAST_RESORT}
    for family in sorted(installed) if lost else ():
        found = {c for c in lost & _characters(family) if _can_draw(family, c)}
        if found:
            families.append(family)
            lost -= found
        if not lost:
            break
    return families, lost


@cache
def _path(family: str) -> str | None:
    from matplotlib.font_manager import FontProperties, fontManager

    # Otherwise matplotlib warns that a light font has no other weight.
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)
    try:
        return fontManager.findfont(FontProperties(family=[family]), fallback_to_default=False)
    except ValueError:
        return None


@cache
def _characters(family: str) -> frozenset[str]:
    """Return the characters that a font lists, none if it cannot be read."""
    from matplotlib.ft2font import FT2Font

    path = _path(family)
    try:
        return frozenset(map(chr, FT2Font(path).get_charmap())) if path else frozenset()
    except (OSError, RuntimeError):
        return frozenset()


def _can_draw(family: str, character: str) -> bool:
    """Return whether a font has an outline of a character, not only a bitmap."""
    from matplotlib.ft2font import FT2Font

    path = _path(family)
    assert path is not None
    try:
        font = FT2Font(path)
        font.set_size(10, 72)
        font.load_char(ord(character))
    except RuntimeError:
        return False
    return True
