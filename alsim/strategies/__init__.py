"""The query strategies: scores, selectors, and the table of both."""

from alsim.strategies.naming import Named, find_strategy
from alsim.strategies.plugins import installed_entries
from alsim.strategies.selectors import Candidates, top_k
from alsim.strategies.strategy import Entry, Select, Strategy, query
from alsim.strategies.table import STRATEGIES

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
