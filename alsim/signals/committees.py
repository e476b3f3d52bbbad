"""Committees: many predictions of one net, each with other dropout masks or other open gates.

MC-dropout, Gal & Ghahramani (2016), or the stochastic gates of multi-clustering. Only dropout, or
only the gates, are as in training: batch norm stays in evaluation mode, and the replica does not
change. The part of the net before the first mask or gate is computed once for all members.
"""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from alsim.models import Inputs
from alsim.seeding import draw_seed, row_bytes
from alsim.signals.interface import Committee
from alsim.training.dropout import Site, draw_masks, masks_of_bytes
from alsim.training.gate_noise import NoiseSite, member_noise
from alsim.training.replicas import Replicas

Streams = Callable[[str], torch.Generator]  # a fresh generator for each named use

_BLOCK = 512  # rows at a time; the net processes K times as many, which still fit the cache


def committee_probabilities(
    replicas: Replicas,
    inputs: Inputs,
    rows: Tensor,
    *,
    task: str,
    committee: Committee,
    streams: Sequence[Streams],
) -> Tensor:
    """Return every member's probabilities of the mixed head, `(r, n, members, c)`.

    The masks depend only on the stream (independent masks also on the row), not on how the rows
    are split into chunks or on the other replicas.

    Args:
        replicas: R replicas with dropout or with gates; without any, all members agree.
        inputs: Inputs of n rows.
        rows: `(n,)` int64, the rows' numbers in the pool.
        task: The task whose logits are used.
        committee: The number of members, and how their masks are drawn.
        streams: One per replica.

    Raises:
        ValueError: If the committee uses gates and the replicas have none.
    """
    dtype, device = inputs.present.dtype, inputs.present.device
    generators = [own("committee") for own in streams]
    consistent = committee.by == "gates" or committee.masks == "consistent"
    if committee.by == "gates":
        masks = member_noise(_mixed_gate(replicas), committee.k, dtype, generators)
    else:
        masks = draw_masks(replicas.sites, committee.k, dtype, generators) if consistent else {}
    seeds = [] if consistent else [draw_seed(generator=g) for g in generators]
    probabilities: Tensor | None = None
    for start in range(0, len(rows), _BLOCK):
        block = slice(start, start + _BLOCK)
        part = Inputs({k: x[block] for k, x in inputs.modalities.items()}, inputs.present[block])
        if not consistent:
            masks = _row_masks(replicas.sites, rows[block].cpu(), committee.k, dtype, seeds)
        here = {name: mask.to(device) for name, mask in masks.items()}
        logits = replicas.member_logits(part, here, task)
        if probabilities is None:
            r, k, _, c = logits.shape
            probabilities = logits.new_empty(r, len(rows), k, c)
        # Takes half the time of concatenating transposed blocks.
        probabilities[:, block] = torch.softmax(logits, -1).transpose(1, 2)
    assert probabilities is not None  # there is at least one row
    return probabilities


def _mixed_gate(replicas: Replicas) -> NoiseSite:
    if not replicas.gates:
        raise ValueError("a committee by gates needs a net with stochastic gates")
    return replicas.gates[0]  # the gates of the mixed head come first


def _row_masks(
    sites: Sequence[Site], rows: Tensor, k: int, dtype: torch.dtype, seeds: Sequence[int]
) -> Mapping[str, Tensor]:
    """Return a mask for every member and row, buffer name -> `(r, k, n, width)`."""
    width = sum(site.width for site in sites)
    counters = (rows * k + torch.arange(k).unsqueeze(1)).flatten()
    drawn = torch.stack([row_bytes(seed, counters, width) for seed in seeds])
    return masks_of_bytes(sites, drawn.view(len(seeds), k, len(rows), width), dtype)
