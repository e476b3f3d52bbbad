"""Dropout masks from each replica's own stream."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from alsim.models.layers import StreamDropout


class Site(NamedTuple):
    """One dropout layer of a model."""

    name: str
    p: float
    width: int
    n_tasks: int = 1  # side by side in the width

    def of_one_task(self) -> "Site":
        """Return the layer for batches in which each row has only its own task."""
        return self._replace(width=self.width // self.n_tasks, n_tasks=1)


def dropout_sites(module: nn.Module) -> list[Site]:
    """Return the dropout layers of a module in order, without those that drop nothing."""
    return [
        Site(name, layer.p, layer.width, layer.n_tasks)
        for name, layer in module.named_modules()
        if isinstance(layer, StreamDropout) and kept_of_256(layer.p) < 256
    ]


def kept_of_256(p: float) -> int:
    """Return how many of 256 values a dropout layer keeps on average; at least one."""
    return max(1, round(256 * (1 - p)))


def draw_bytes(n: int, *, generator: torch.Generator) -> Tensor:
    """Return `n` uniform bytes, `(n,)` uint8, on the generator's device."""
    words = torch.empty((n + 7) // 8, dtype=torch.int64, device=generator.device)
    # The full range: by default the top bit, and so every eighth byte, would be biased.
    words.random_(-(2**63), None, generator=generator)
    return words.view(torch.uint8)[:n]


def draw_masks(
    sites: Sequence[Site], n: int, dtype: torch.dtype, generators: Sequence[torch.Generator]
) -> Mapping[str, Tensor]:
    """Return one scaled mask per layer for n rows, buffer name -> `(r, n, width)`.

    Each value uses one byte, so the share kept is round(256·(1 − p)) / 256: ten times cheaper than
    a Bernoulli draw, and exact for p = 0.5 and 0.25. Each of the replicas' generators draws its own
    masks, layer after layer.
    """
    sizes = [n * site.width for site in sites]
    drawn = torch.stack([draw_bytes(sum(sizes), generator=g) for g in generators])
    masks: dict[str, Tensor] = {}
    for site, part in zip(sites, drawn.split(sizes, 1), strict=True):
        masks |= masks_of_bytes([site], part.view(len(generators), n, site.width), dtype)
    return masks


def masks_of_bytes(
    sites: Sequence[Site], drawn: Tensor, dtype: torch.dtype
) -> Mapping[str, Tensor]:
    """Return one scaled mask per layer, buffer name -> `(…, width)`.

    `drawn` are uniform bytes, `(…, sum of the layers' widths)` uint8.
    """
    parts = drawn.split([site.width for site in sites], -1)
    return {
        f"{site.name}.mask": scaled_mask(part, kept_of_256(site.p), dtype)
        for site, part in zip(sites, parts, strict=True)
    }


def scaled_mask(drawn: Tensor, kept: int, dtype: torch.dtype) -> Tensor:
    """Return 256 / `kept` where a uniform byte is below `kept`, else 0, in the shape of `drawn`."""
    # Written as floats at once: turning booleans into floats takes eight times as long.
    mask = torch.empty(drawn.shape, dtype=dtype, device=drawn.device)
    return torch.lt(drawn, kept, out=mask).mul_(256 / kept)
