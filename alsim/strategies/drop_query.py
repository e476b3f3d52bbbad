"""Drop-query: rows whose prediction changes under input dropout, one of each cluster."""

import torch
from torch import Tensor

from alsim.signals import InputDropout, Signals
from alsim.strategies.geometry import Space, k_means
from alsim.strategies.selectors import Candidates, top_k
from alsim.strategies.strategy import Strategy


def drop_query(space: Space = "embeddings", passes: int = 3, p: float = 0.75) -> Strategy:
    """Return the strategy that spreads over the rows on which dropped-out inputs disagree.

    Gupte et al. (2024): a row counts if more than half of its passes predict another class
    than the undropped input does; of these rows, k clusters by k-means, and the row nearest to
    each centre. Said here and not in the paper: with k rows or fewer that count, all are taken,
    then others by how many passes disagree, ties at random. Where several classes are equally
    probable, two predictions agree if they share one.

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
        rows = (2 * candidates.scores > passes).nonzero()[:, 0]
        if len(rows) <= k:
            return top_k(candidates, k, generator=generator)
        return rows[central_rows(candidates.kept[space][rows], k, generator=generator)]

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


def central_rows(points: Tensor, k: int, *, generator: torch.Generator) -> Tensor:
    """Return the row nearest to the centre of each of k clusters, `(k,)`.

    Ties at random; for a cluster without rows, another row at random.

    Args:
        points: `(n, d)`.
        k: At most n.
        generator: For the clusters and for ties.
    """
    centres, clusters = k_means(points, k, generator=generator)
    distances = (points - centres[clusters]).square().sum(1)
    # Nearest first, equally near in random order; then the first of each cluster.
    order = torch.randperm(len(points), generator=generator)
    order = order[distances[order].argsort(stable=True)]
    order = order[clusters[order].argsort(stable=True)]
    mine = clusters[order]
    is_first = torch.cat([torch.tensor([True]), mine[1:] != mine[:-1]])
    rest = order[~is_first]
    rest = rest[torch.randperm(len(rest), generator=generator)]
    return torch.cat([order[is_first], rest])[:k]
