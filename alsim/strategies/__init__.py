"""The query strategies that `--strategy` names."""

from collections.abc import Mapping

from alsim.errors import UsageError, nearest
from alsim.strategies.selectors import Candidates, top_k
from alsim.strategies.strategy import Select, Strategy, query
from alsim.strategies.uncertainty import constant, entropy, least_confident, margin

__all__ = [
    "STRATEGIES",
    "Candidates",
    "Select",
    "Strategy",
    "find_strategy",
    "query",
    "top_k",
]

STRATEGIES: Mapping[str, Strategy] = {
    "random": Strategy(
        summary="uniformly at random: passive learning, the baseline",
        source="—",
        cost="O(n)",
        needs=frozenset(),
        score=constant,
    ),
    "least-confident": Strategy(
        summary="the most probable class is least probable: 1 − p₍₁₎",
        source="Lewis & Gale 1994",
        cost="O(n·c), one pass over the pool",
        needs=frozenset({"probabilities"}),
        score=least_confident,
    ),
    "margin": Strategy(
        summary="the two most probable classes are closest: −(p₍₁₎ − p₍₂₎)",
        source="Scheffer et al. 2001",
        cost="O(n·c), one pass over the pool",
        needs=frozenset({"probabilities"}),
        score=margin,
    ),
    "entropy": Strategy(
        summary="the prediction's entropy is highest: −Σ p log p",
        source="Settles 2009",
        cost="O(n·c), one pass over the pool",
        needs=frozenset({"probabilities"}),
        score=entropy,
    ),
}


def find_strategy(name: str) -> Strategy:
    """Return a strategy by its name in the table.

    Raises:
        UsageError: If there is none of that name.
    """
    if name not in STRATEGIES:
        raise UsageError(f"no strategy {name!r}", "--strategy", nearest(name, STRATEGIES))
    return STRATEGIES[name]
