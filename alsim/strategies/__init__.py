"""The query strategies: scores, selectors, and the table of both."""

from typing import TYPE_CHECKING

from alsim.lazy import lazy_names
from alsim.strategies.plugins import installed_entries
from alsim.strategies.table import STRATEGIES, Entry

if TYPE_CHECKING:
    from alsim.strategies.naming import Named, find_strategy
    from alsim.strategies.selectors import Candidates, top_k
    from alsim.strategies.strategy import Select, Strategy, query

__all__ = [
    "STRATEGIES",
    "Candidates",
    "Entry",
    "Named",
    "Select",
    "Strategy",
    "find_strategy",
    "installed_entries",
    "query",
    "top_k",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "naming": ("Named", "find_strategy"),
        "selectors": ("Candidates", "top_k"),
        "strategy": ("Select", "Strategy", "query"),
    },
)
