"""Counts and lists as the sentences on a pool name them."""

from collections.abc import Sequence


def count(n: int, one: str, many: str = "") -> str:
    """Return a number with its noun, such as "1 row" or "1,200 rows"."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def listed(names: Sequence[str], most: int = 5) -> str:
    """Return the first `most` names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
