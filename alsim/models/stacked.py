"""Linear layers side by side, as one operation: for experts, gates and towers."""

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from alsim.models.own import gathered


class StackedLinear(nn.Module):
    """Copies of a linear layer, each initialised as `nn.Linear`.

    With `reads`, `(copies, n_in)` of 0 and 1, a copy reads some of the columns only, and is
    initialised as a layer on these.
    """

    reads: Tensor | None

    def __init__(
        self, copies: int, n_in: int, n_out: int, *, bias: bool = True, reads: Tensor | None = None
    ) -> None:
        super().__init__()
        n_read = torch.full((copies,), float(n_in)) if reads is None else reads.sum(1)
        bound = n_read.rsqrt()
        self.weight = nn.Parameter(torch.empty(copies, n_out, n_in).uniform_(-1, 1))
        self.bias = nn.Parameter(torch.empty(copies, n_out).uniform_(-1, 1)) if bias else None
        with torch.no_grad():
            self.weight.mul_(bound.view(-1, 1, 1))
            if self.bias is not None:
                self.bias.mul_(bound.view(-1, 1))
        self.register_buffer(
            "reads", None if reads is None else reads.unsqueeze(1), persistent=False
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return `(…, copies, n_out)`.

        Args:
            x: `(n, n_in)` for all copies, or `(…, copies, n_in)` for each its own.
        """
        weight = self.weight if self.reads is None else self.weight * self.reads
        if x.ndim == 2:
            bias = None if self.bias is None else self.bias.flatten()
            # One product for all copies; their outputs are side by side.
            return F.linear(x, weight.flatten(0, 1), bias).reshape(len(x), *weight.shape[:2])
        out = torch.einsum("...ei,eoi->...eo", x, weight)
        return out if self.bias is None else out + self.bias

    def of_own(self, x: Tensor, own: Tensor) -> Tensor:
        """Return each row's own copy applied to `x`, `(…, n, 1, n_in)`: `(…, n, 1, n_out)`."""
        bias = None if self.bias is None else self.bias.flatten()
        # All copies in one product, then each row's own: gathering weights is much slower.
        out = F.linear(x.squeeze(-2), self.weight.flatten(0, 1), bias)
        return gathered(out.unflatten(-1, self.weight.shape[:2]), own).unsqueeze(-2)

    def cut(self, kept: Sequence[int]) -> "StackedLinear":
        """Return a new layer with some of the copies."""
        new, index = copy.deepcopy(self), list(kept)
        new.weight = nn.Parameter(self.weight.detach()[index])
        new.bias = None if self.bias is None else nn.Parameter(self.bias.detach()[index])
        new.reads = None if self.reads is None else self.reads[index]
        return new
