"""Inputs with parts removed: entries of the embeddings, or whole modalities."""

from collections.abc import Iterator

import torch
from torch import Tensor

from alsim.models import Inputs
from alsim.seeding import draw_seed, row_bytes
from alsim.signals.interface import InputDropout
from alsim.training.dropout import kept_of_256, scaled_mask


def noised(
    inputs: Inputs, rows: Tensor, dropout: InputDropout, *, generator: torch.Generator
) -> Iterator[Inputs]:
    """Yield the inputs once per pass, with embedding entries dropped and the others scaled up.

    Each row has its own masks, which depend only on the stream and on `rows`, `(n,)` int64, the
    rows' numbers in the pool.
    """
    kept = kept_of_256(dropout.p)
    widths = [x.shape[1] for x in inputs.modalities.values()]
    for _ in range(dropout.passes):
        seed = draw_seed(generator=generator)
        drawn = row_bytes(seed, rows.cpu(), sum(widths)).to(rows.device)
        parts = drawn.split(widths, 1)
        yield inputs._replace(
            modalities={
                name: x * scaled_mask(part, kept, x.dtype)
                for (name, x), part in zip(inputs.modalities.items(), parts, strict=True)
            }
        )


def ablated(inputs: Inputs) -> Iterator[Inputs]:
    """Yield the inputs without each modality in turn, then without all modalities."""
    for i, name in enumerate(inputs.modalities):
        present = inputs.present.clone()
        present[:, i] = 0
        yield Inputs(
            {**inputs.modalities, name: torch.zeros_like(inputs.modalities[name])}, present
        )
    yield Inputs(
        {name: torch.zeros_like(x) for name, x in inputs.modalities.items()},
        torch.zeros_like(inputs.present),
    )
