"""What strategies are called in pictures and tables."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from alsim.errors import UsageError
from alsim.options.option import Option, parsed
from alsim.options.types import shown

Renames = str | Sequence[str] | Mapping[str, str] | None
# The first = that stands in no brackets, since parameters have some of their own.
_SIGN = re.compile(r"((?:[^=()]|\([^()]*\))+)=(.*)", re.DOTALL)


def parse_renames(value: Renames) -> dict[str, str]:
    """Return the new names in `old=new` texts, one or several, or in a mapping, by the old ones.

    Raises:
        UsageError: If a text is not of this form, or a name comes twice.
    """
    if isinstance(value, Mapping):
        return dict(value)
    found: dict[str, str] = {}
    for text in [value] if isinstance(value, str) else value or ():
        match = _SIGN.fullmatch(text)
        old, new = (part.strip() for part in match.groups()) if match else ("", "")
        if not old or not new:
            mend = "give the old name and the new one: --rename 'bald(k=20)=BALD'"
            raise UsageError(f"{shown(text)} is no new name", "--rename", mend)
        if old in found:
            raise UsageError(f"{old!r} is renamed twice", "--rename", "rename each once")
        found[old] = new
    return found


@dataclass(frozen=True, kw_only=True)
class NameOptions:
    """What strategies are called."""

    heading: ClassVar = "Names"

    rename: Option[Renames, dict[str, str]] = parsed(
        None,
        parse_renames,
        "Name to show for a strategy or a model, OLD=NEW; repeat it for several.",
        repeat=True,
    )
