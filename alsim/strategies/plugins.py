"""Strategies by name: from the table, the user's file or an installed package.

A package adds strategies by entry points of the group `alsim.strategies`, each an `Entry`, a
`Strategy`, or a function that returns a `Strategy`. `path/to/file.py:name` names one in a file.
"""

from collections.abc import Callable
from typing import Any, cast

from alsim.errors import UsageError
from alsim.loading import find_plugin, installed_names
from alsim.strategies.table import STRATEGIES, Entry

GROUP = "alsim.strategies"


def find_entry(name: str) -> Entry:
    """Return the table's entry for a name; a plug-in is turned into an entry.

    Raises:
        UsageError: If there is none, or it cannot be loaded.
    """
    if name in STRATEGIES:
        return STRATEGIES[name]
    found, source = find_plugin(name, GROUP, "--strategy", STRATEGIES)
    return as_entry(found, name, source)


def installed_entries() -> dict[str, Entry]:
    """Return the entries that installed packages add to the table."""
    return {name: find_entry(name) for name in installed_names(GROUP, STRATEGIES)}


def as_entry(found: Any, name: str, source: str) -> Entry:
    """Return a plug-in as an entry of the table.

    Raises:
        UsageError: If it has none of the three forms.
    """
    if isinstance(found, Entry):
        return found
    from alsim.strategies.strategy import Strategy  # with torch, which a table alone needs not

    if isinstance(found, Strategy):
        return Entry(lambda: found, summary="from a plug-in", source=source, cost="—")
    if callable(found):
        summary = ((found.__doc__ or "").strip() or "from a plug-in").splitlines()[0]
        return Entry(cast("Callable[..., Any]", found), summary, source=source, cost="—")
    raise UsageError(
        f"{name} is a {type(found).__name__}, not a strategy",
        "--strategy",
        "give a Strategy, an Entry, or a function that returns a Strategy",
    )
