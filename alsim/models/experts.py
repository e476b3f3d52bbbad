"""Experts: nets of the same shape on the same rows."""

import copy
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from alsim.models.columns import Columns, Image, image_of, pixels, reading_mask
from alsim.models.stacked import StackedLinear
from alsim.options.experts import ExpertOptions


class MlpExperts(nn.Module):
    """Experts of one or more layers Linear → ReLU; Ma et al. (2018), §4.2.

    Without BatchNorm. With `sources` expert i reads place `sources[i]` of `(n, places, d)`.
    """

    def __init__(
        self,
        n_experts: int,
        n_in: int,
        widths: Sequence[int],
        *,
        reads: Tensor | None = None,
        sources: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        self.n_out = widths[-1]
        self.sources = None if sources is None else list(sources)
        self.layers = nn.ModuleList(
            StackedLinear(n_experts, n, h, reads=reads if i == 0 else None)
            for i, (n, h) in enumerate(pairwise([n_in, *widths]))
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return every expert's output, `(n, e, h)`."""
        if self.sources is not None:
            x = x[:, self.sources]
        for layer in self.layers:
            x = F.relu(layer(x), inplace=True)
        return x

    def cut(self, kept: Sequence[int]) -> "MlpExperts":
        """Return some of the experts, as a module of their own."""
        new = copy.deepcopy(self)
        new.layers = nn.ModuleList(
            layer.cut(kept) for layer in self.layers if isinstance(layer, StackedLinear)
        )
        new.sources = None if self.sources is None else [self.sources[i] for i in kept]
        return new


class ConvExperts(nn.Module):
    """Experts of four 3×3 convolutions, each with ReLU and 2×2 max pooling; Yan et al. (2019), §4.

    The paper leaves the padding open; here the borders are padded with zeros, so that a convolution
    keeps the picture's size. The experts run in turn: as groups of one convolution, 16 experts take
    2.1 times as long to train on a CPU.
    """

    def __init__(
        self, n_experts: int, image: Image, filters: int, layout: Literal["hwc", "chw"]
    ) -> None:
        super().__init__()
        self.image = image
        self.layout: Literal["hwc", "chw"] = layout
        self.n_out = filters * (image[0] // 16) * (image[1] // 16)
        self.experts = nn.ModuleList(
            nn.ModuleList(
                nn.Conv2d(n, filters, 3, padding=1) for n in (image[2], filters, filters, filters)
            )
            for _ in range(n_experts)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return every expert's output, `(n, e, h)`; `x` holds rows of pixels."""
        seen = pixels(x, self.image, self.layout)
        outputs: list[Tensor] = []
        for convolutions in self.experts:
            z = seen
            for convolution in cast("nn.ModuleList", convolutions):
                # Pooled first: the same numbers and gradients, and a quarter of the ReLUs.
                z = F.relu(F.max_pool2d(convolution(z), 2), inplace=True)
            outputs.append(z.flatten(1))
        return torch.stack(outputs, 1)

    def cut(self, kept: Sequence[int]) -> "ConvExperts":
        """Return some of the experts, as a module of their own."""
        new = copy.deepcopy(self)
        new.experts = nn.ModuleList(new.experts[i] for i in kept)
        return new


Experts = MlpExperts | ConvExperts


def make_experts(
    columns: Columns, options: ExpertOptions, n_experts: int, widths: Sequence[int]
) -> Experts:
    """Return fresh experts on the concatenated modalities.

    Raises:
        UsageError: If they do not fit the modalities.
    """
    if options.kind == "conv4":
        image = image_of(columns, options.image)
        return ConvExperts(n_experts, image, widths[-1], options.layout)
    reads = None if options.reads is None else reading_mask(columns, options.reads, n_experts)
    return MlpExperts(n_experts, columns.n, widths, reads=reads)
