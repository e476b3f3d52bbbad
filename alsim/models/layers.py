"""Layers that work the same alone and among replicas: row-weighted BatchNorm, dropout."""

import torch
from torch import Tensor, nn


class RowBatchNorm(nn.Module):
    """Batch normalisation over the rows whose weight is 1.

    Ioffe & Szegedy (2015), with rows that do not count: an absent modality is a row of zeros, and
    with half the rows absent an ordinary BatchNorm would see half the variance. With all weights 1
    it equals `nn.BatchNorm1d`, whose last bits, however, depend on the thread count.

    In evaluation mode (also: frozen) the running statistics are used and do not change; the affine
    part remains trainable.
    """

    running_mean: Tensor
    running_variance: Tensor

    def __init__(self, width: int, *, eps: float = 1e-5, momentum: float = 0.1) -> None:
        super().__init__()
        self.eps = eps
        self.momentum = momentum
        self.weight = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width))
        self.register_buffer("running_mean", torch.zeros(width))
        self.register_buffer("running_variance", torch.ones(width))

    def forward(self, x: Tensor, row_weight: Tensor | None = None) -> Tensor:
        """Return `x`, `(n, h)`, normalised over the rows of weight 1, `(n, 1)`; None: over all."""
        if not self.training:
            scale = self.weight * torch.rsqrt(self.running_variance + self.eps)
            return torch.addcmul(self.bias - self.running_mean * scale, x, scale)
        if row_weight is None:
            n = torch.full((), float(x.shape[0]), dtype=x.dtype, device=x.device)
            mean = x.mean(0)
            centred = x - mean
            variance = centred.square().mean(0)
        else:
            # The product with the row of weights is the weighted sum, in one operation.
            n = row_weight.sum()
            shares = row_weight.t() / n.clamp_min(1)
            mean = (shares @ x).squeeze(0)
            centred = x - mean
            variance = (shares @ centred.square()).squeeze(0)
        self._track(mean.detach(), variance.detach(), n)
        scale = torch.rsqrt(variance + self.eps) * self.weight
        return torch.addcmul(self.bias, centred, scale)

    def _track(self, mean: Tensor, variance: Tensor, n: Tensor) -> None:
        # Fewer than two rows have no variance: the momentum is then 0.
        momentum = self.momentum * (n >= 2).to(mean.dtype)
        unbiased = variance * (n / (n - 1).clamp_min(1))
        # Not lerp_, for which vmap has no rule.
        self.running_mean.add_((mean - self.running_mean) * momentum)
        self.running_variance.add_((unbiased - self.running_variance) * momentum)


class StreamDropout(nn.Module):
    """Dropout whose mask is set from outside, so that each replica has its own stream.

    Srivastava et al. (2014), inverted form. Without a mask it returns its input. The training loop
    sets `mask` (or substitutes it as a buffer) before the forward pass; see
    `alsim.training.dropout`.
    """

    mask: Tensor | None

    def __init__(self, p: float, width: int, *, n_tasks: int = 1) -> None:
        super().__init__()
        self.p = p
        self.width = width
        self.n_tasks = n_tasks  # side by side in the width
        self.register_buffer("mask", None, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return `x` times the mask, `(n, h)`; the mask is already scaled by 1 / (1 − p)."""
        return x if self.mask is None else x * self.mask
