"""The study's net: one branch per modality, then fusion; one head per modality and a mixed head.

Picture → encoder → block; text → block; fusion → block; heads: one for each modality, and the
mixed head, which gives the predictions (VK 2020, Fig. 3). It takes any set of modalities by name.
An absent modality's branch is multiplied by the mask and stays out of the normalisation; the mask
is appended at the fusion.
"""

from collections.abc import Mapping
from itertools import pairwise

import torch
from torch import Tensor, nn

from alsim.models.blocks import BLOCKS
from alsim.models.fusion import FUSIONS
from alsim.models.interface import MIXED, Inputs, Outputs, Shape
from alsim.options.model import ModelOptions


class LateFusion(nn.Module):
    """A late-fusion classifier with one head a modality and a mixed head."""

    def __init__(self, shape: Shape, options: ModelOptions) -> None:
        super().__init__()
        # Column names may clash with attributes of a module, so submodules are numbered.
        self.modalities = tuple(shape.widths)
        self.tasks = tuple(shape.n_classes)
        block, width = BLOCKS[options.blocks], options.width
        encoded = options.encoders or ()  # the pool's pictures are filled in before
        self.branches = nn.ModuleList(
            _Branch([d, width, width] if name in encoded else [d, width], block, options.dropout)
            for name, d in shape.widths.items()
        )
        self.fusion = FUSIONS[options.fusion](len(self.modalities), width)
        self.mixed_block = block(self.fusion.n_out + len(self.modalities), width, options.dropout)
        self.heads = nn.ModuleList(nn.Linear(width, c) for c in shape.n_classes.values())
        own_heads = self.modalities if options.heads == "all" else ()
        self.own_heads = nn.ModuleList(
            nn.ModuleList(nn.Linear(width, c) for _ in own_heads) for c in shape.n_classes.values()
        )

    def forward(self, inputs: Inputs) -> Outputs:
        """Return the logits of every task and head."""
        present = inputs.present
        masks = present.unbind(1)
        branches = [
            branch(inputs.modalities[name], mask.unsqueeze(1))
            for name, branch, mask in zip(self.modalities, self.branches, masks, strict=True)
        ]
        fused = self.fusion(torch.stack(branches, 1), present)
        hidden = self.mixed_block(torch.cat([fused, present], 1))
        # zip stops at the shortest: without own heads, or where none is wanted, at once.
        names = self.modalities if inputs.heads == "all" else ()
        logits: dict[str, Mapping[str, Tensor]] = {}
        for task, mixed_head, own in zip(self.tasks, self.heads, self.own_heads, strict=True):
            heads = {MIXED: mixed_head(hidden)}
            for name, head, branch in zip(names, own, branches, strict=False):  # pyright: ignore[reportArgumentType] -- a ModuleList iterates over its modules
                heads[name] = head(branch)
            logits[task] = heads
        return Outputs(logits, hidden, (*branches, hidden))


class _Branch(nn.Module):
    """The blocks of one modality, at the listed widths; zero where absent."""

    def __init__(self, widths: list[int], block: type[nn.Module], dropout: float) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(block(n_in, n_out, dropout) for n_in, n_out in pairwise(widths))

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        for block in self.blocks:
            x = block(x, mask)
        return x * mask
