"""Drop-query: rows whose prediction changes under input dropout, one of each cluster."""

import torch
from torch import Tensor

from alsim.signals import InputDropout, Signals
from alsim.strategies.geometry import Space, central_rows
from alsim.strategies.selectors import Candidates, top_k
from alsim.strategies.strategy import Strategy


def drop_query(space: Space = "embeddings", passes: int = 3, p: float = 0.75) -> Strategy:
    """Return the strategy that spreads over the rows whose prediction input dropout changes.

    Gupte et al. (2024): a row counts if more than half of its passes predict another class than
    the input without dropout does. These rows are grouped into k clusters by k-means, and the row
    nearest to each centre is queried. The paper leaves open: if at most k rows count, all are
    taken, then others by the number of passes that disagree, with ties at random; where several
    classes are equally probable, two predictions agree if they share one.

    Args:
        space: Where rows are clustered.
        passes: At least 1.
        p: Share of the input that is dropped, in (0, 1).
    """
    if passes < 1:
        raise ValueError("passes must be at least 1")
    if not 0 < p < 1:
        raise ValueError("p must lie between 0 and 1")

    def select(candidates: Candidates, k: int, *, generator: torch.Generator) -> Tensor:
        changes = 2 * candidates.scores > passes
        rows = changes.nonzero()[:, 0]
        if len(rows) <= k:
            return top_k(candidates, k, generator=generator)
        return rows[central_rows(candidates.only(changes).rows(space), k, generator=generator)]

    return Strategy(
        frozenset({"probabilities", "noised_probabilities"}),
        n_disagreeing,
        select,
        keeps=frozenset({space}),
        input_dropout=InputDropout(passes, p),
    )


def n_disagreeing(signals: Signals) -> Tensor:
    """Return how many passes under input dropout predict another class, `(n,)`, 0 … passes."""
    plain, noised = signals.probabilities[:, None], signals.noised_probabilities
    is_likeliest = plain == plain.amax(-1, keepdim=True)
    shares = is_likeliest & (noised == noised.amax(-1, keepdim=True))
    return (~shares.any(-1)).sum(1).to(plain.dtype)
