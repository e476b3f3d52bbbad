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
from alsim.training.members import ROWS
from alsim.training.replicas import Replicas

Streams = Callable[[str], torch.Generator]  # a fresh generator for each named use


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

    In memory the rows come last, `(r, members, c, n)`: sums and softmax over a short last axis take
    many times as long. The masks depend only on the stream (independent masks also on the row), not
    on how the rows are split into chunks or on the other replicas.

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
    if committee.by == "dropout" and committee.masks == "independent":
        seeds = [draw_seed(generator=g) for g in generators]
        blocks: list[Tensor] = []
        for start in range(0, len(rows), ROWS):
            here = slice(start, start + ROWS)
            part = Inputs({k: x[here] for k, x in inputs.modalities.items()}, inputs.present[here])
            masks = _row_masks(replicas.sites, rows[here].cpu(), committee.k, dtype, seeds)
            blocks.append(replicas.member_logits(part, _on(device, masks), task))
        logits = torch.cat(blocks, 3)
    else:
        masks = (
            member_noise(_mixed_gate(replicas), committee.k, dtype, generators)
            if committee.by == "gates"
            else draw_masks(replicas.sites, committee.k, dtype, generators)
        )
        logits = replicas.member_logits(inputs, _on(device, masks), task)
    return torch.softmax(logits, 2).permute(0, 3, 1, 2)


def _on(device: torch.device, masks: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: mask.to(device) for name, mask in masks.items()}


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
