"""The concatenated modalities: which columns belong to which, and which an expert reads."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isqrt
from typing import Literal

import torch
from torch import Tensor

from alsim.errors import UsageError, nearest
from alsim.models.interface import Inputs

Image = tuple[int, int, int]  # height, width, channels


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns [x₁ … x_m, mask]; with one modality x₁ alone."""

    widths: Mapping[str, int]

    @property
    def n(self) -> int:
        """Return the number of columns, D."""
        n_modalities = len(self.widths)
        return sum(self.widths.values()) + (n_modalities if n_modalities > 1 else 0)

    def join(self, inputs: Inputs) -> Tensor:
        """Return the concatenation, `(n, D)`."""
        columns = [inputs.modalities[name] for name in self.widths]
        return columns[0] if len(columns) == 1 else torch.cat([*columns, inputs.present], 1)

    def join_only(self, inputs: Inputs, shown: str) -> Tensor:
        """Return the concatenation as if all modalities but one were absent, `(n, D)`."""
        masks = {
            name: mask if name == shown else torch.zeros_like(mask)
            for name, mask in zip(self.widths, inputs.present.unbind(1), strict=True)
        }
        modalities = {
            name: x if name == shown else torch.zeros_like(x)
            for name, x in inputs.modalities.items()
        }
        return self.join(Inputs(modalities, torch.stack(list(masks.values()), 1)))

    def of(self, group: str) -> list[int]:
        """Return the columns of a group, such as "text" or "image[0:64]+text".

        With several modalities, they include the masks of the group's modalities.

        Raises:
            UsageError: If the group names an unknown modality, or no column of one.
        """
        columns: list[int] = []
        for part in group.split("+"):
            name, start, stop = self._range(part)
            place = list(self.widths).index(name)
            offset = sum(list(self.widths.values())[:place])
            columns += range(offset + start, offset + stop)
            if len(self.widths) > 1:
                columns.append(sum(self.widths.values()) + place)
        return columns

    def _range(self, part: str) -> tuple[str, int, int]:
        """Return a part's modality, first column and end column."""
        if part in self.widths:
            return part, 0, self.widths[part]
        name, bracket, rest = part.rpartition("[")
        if not bracket:
            name = part
        if name not in self.widths:
            raise UsageError(
                f"no modality {name!r} for an expert to read",
                "--model (reads=…)",
                nearest(name, self.widths),
            )
        ends = rest.removesuffix("]").split(":")
        width = self.widths[name]
        is_range = rest.endswith("]") and len(ends) == 2
        # No column number has more digits, and Python does not convert 5,000 of them.
        if not is_range or not all(e.isascii() and e.isdecimal() and len(e) < 10 for e in ends):
            mend = f"write {name}[0:{width}] for all its columns"
            raise UsageError(f"{part!r} is not a range of columns", "--model (reads=…)", mend)
        start, stop = int(ends[0]), int(ends[1])
        if not start < stop <= width:
            mend = f"{name} has columns 0 to {width}"
            raise UsageError(f"{part!r} holds no columns", "--model (reads=…)", mend)
        return name, start, stop


def reading_mask(columns: Columns, groups: Sequence[str], n_experts: int) -> Tensor:
    """Return which columns each expert reads, `(e, D)` float; experts take the groups in turn.

    Raises:
        UsageError: If a group cannot be read, or there are more groups than experts.
    """
    if not 0 < len(groups) <= n_experts:
        mend = "give at most one group per expert; with fewer, the experts take them in turn"
        what = f"{len(groups)} groups of columns for {n_experts} experts"
        raise UsageError(what, "--model (reads=…)", mend)
    mask = torch.zeros(n_experts, columns.n)
    for expert in range(n_experts):
        mask[expert, columns.of(groups[expert % len(groups)])] = 1
    return mask


def image_of(columns: Columns, image: Image | None) -> Image:
    """Return height, width and channels of the only modality; guessed if not given.

    A guess is a square with one channel or three: 784 = 28·28, 3072 = 32·32·3.

    Raises:
        UsageError: If the modality does not have this shape, or is not the only one.
    """
    where = "--model (expert=conv4)"
    if len(columns.widths) > 1:
        what = "these experts read one modality, but the pool has several"
        raise UsageError(what, where, "choose the one that holds pixels: --modality image")
    d = columns.n
    guesses = [(isqrt(d // c), isqrt(d // c), c) for c in (1, 3)]
    found = image or next((g for g in guesses if g[0] * g[1] * g[2] == d), None)
    if found is None or found[0] * found[1] * found[2] != d:
        mend = "give the shape of the picture (image-shape=32x32x3), or use experts of kind mlp"
        raise UsageError(f"{d} columns are not a picture of the given shape", where, mend)
    if min(found[:2]) < 16:
        mend = "use experts of kind mlp"
        raise UsageError(f"a picture of {found[0]}×{found[1]} is too small", where, mend)
    return found


def pixels(x: Tensor, image: Image, layout: Literal["hwc", "chw"]) -> Tensor:
    """Return rows of pixels as pictures, `(n, channels, height, width)`."""
    height, width, channels = image
    if layout == "chw":
        return x.reshape(-1, channels, height, width)
    return x.reshape(-1, height, width, channels).permute(0, 3, 1, 2)
