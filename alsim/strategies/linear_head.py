"""The mixed head's weights, recovered from its inputs and its predictions.

A strategy does not see the model. Every built-in model ends in a linear layer, so that
log p = W z + b − log Σ exp: minus its mean over classes, the log-probability is linear in z.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from alsim.errors import RunError

_FIT_ON = 8192  # rows, or 8 for each weight of a class if that is more
_BLOCK = 8192  # rows in float64 at once
_RANK = 1e-8  # relative eigenvalue below which rows do not vary in a direction
_CLOSE = 0.9  # share of the highest probability; another class above it counts as a tie
_TOLERANCE = 0.01  # of the spread of the log-probabilities; float32 leaves about 1e-6


class LinearHead(NamedTuple):
    """A linear layer, known up to a part that all classes share."""

    weight: Tensor  # (c, h) float64, mean 0 over classes
    bias: Tensor  # (c,) float64, mean 0

    def logits(self, hidden: Tensor) -> Tensor:
        """Return `(n, c)` float64 of `(n, h)`, mean 0 over classes; finite for every row."""
        blocks = hidden.split(_BLOCK)
        return torch.cat([torch.addmm(self.bias, z.double(), self.weight.T) for z in blocks])


def recover_head(
    hidden: Tensor, probabilities: Tensor, *, generator: torch.Generator
) -> LinearHead:
    """Return the head that turns `hidden` into `probabilities`, by least squares in float64.

    Of `(n, h)` and `(n, c)`; if the rows are many, some are drawn for the fit. Rows in which a
    probability underflows its type are left out. Directions in which no row varies, such as units
    that are always 0, get no weight.

    Raises:
        RunError: If the head is not linear, or too many predictions are certain.
    """
    least = torch.finfo(probabilities.dtype).tiny
    usable = (probabilities >= least).all(1).nonzero()[:, 0]
    if not len(usable):
        raise RunError(
            "all predictions are certain to the last digit",
            "recovering the weights of the mixed head",
            "use another strategy, or a lower --learning-rate",
        )
    logs = probabilities[usable].double().log_()
    logs -= logs.mean(1, keepdim=True)
    drawn = torch.randperm(len(usable), generator=generator)[: max(_FIT_ON, 8 * hidden.shape[1])]
    x, y = hidden[usable[drawn]].double(), logs[drawn]
    x_mean, y_mean = x.mean(0), y.mean(0)
    x, y = x - x_mean, y - y_mean
    weight = (torch.linalg.pinv(x.T @ x, rtol=_RANK, hermitian=True) @ (x.T @ y)).T
    head = LinearHead(weight, y_mean - weight @ x_mean)
    wrong = (head.logits(hidden[usable]) - logs).square().mean().sqrt()
    spread = (logs - logs.mean(0)).square().mean().sqrt()
    if wrong > _TOLERANCE * spread + 1e-4:
        raise RunError(
            f"the mixed head is not linear: a linear layer leaves {float(wrong / spread):.0%} "
            "unexplained",
            "recovering the weights of the mixed head",
            "use another strategy, or a model whose `hidden` is the input of a linear layer",
        )
    # With fewer usable rows than the weights need, the fit is perfect and wrong elsewhere.
    likeliest = probabilities.amax(1, keepdim=True)
    found = probabilities.gather(1, head.logits(hidden).argmax(1, keepdim=True))
    if (found < likeliest * _CLOSE).double().mean() > _TOLERANCE:
        raise RunError(
            f"only {len(usable):,} of {len(hidden):,} predictions are not certain to the last "
            "digit, too few to recover the weights",
            "recovering the weights of the mixed head",
            "use another strategy, or a lower --learning-rate",
        )
    return head
