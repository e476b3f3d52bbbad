"""What measures read of a head's log-probabilities: a few numbers a row, by their names.

A chunk of rows is reduced to these at once, so that n × c numbers are never kept. The names are the
parameters of the functions in `alsim.metrics`.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

RowValues = Mapping[str, Tensor]  # name -> (…, n) on the CPU

# Log-probabilities whose exponentials may be equal, in units of the dtype's epsilon: an exponential
# is off by one unit or two, and those of up to e¹⁶ classes have a magnitude below 16.
_NEAR = 64


def predicted_of(logs: Tensor) -> RowValues:
    """Return the predicted classes, `(…, n)` int64, of log-probabilities `(…, n, c)`."""
    return {"predicted": logs.argmax(-1).cpu()}


def log_of_truth(logs: Tensor, truth: Tensor) -> RowValues:
    """Return the true classes' log-probabilities, of `(…, n, c)` float and `(n,)` int64."""
    places = truth.expand(logs.shape[:-1]).unsqueeze(-1)
    return {"log_of_truth": logs.gather(-1, places).squeeze(-1).cpu()}


def row_values(logs: Tensor, truth: Tensor) -> RowValues:
    """Return all that measures of classes read of log-probabilities `(…, n, c)`.

    Of two classes the scores are log-odds, which keep apart what probabilities near 1 would tie.

    Args:
        logs: `(…, n, c)` float.
        truth: `(n,)` int64 in [0, c); any class where it is unknown.
    """
    best, predicted = logs.max(-1)
    confidence, surest = _top_probability(logs, best, predicted)
    values = {
        "predicted": predicted.cpu(),
        "confidence": confidence,
        "surest": surest,
        **log_of_truth(logs, truth),
    }
    if logs.shape[-1] == 2:
        values["scores"] = (logs[..., 1] - logs[..., 0]).double().cpu()
    return values


def _top_probability(logs: Tensor, best: Tensor, predicted: Tensor) -> tuple[Tensor, Tensor]:
    """Return the largest of the exponentials and its first place, `(…, n)` on the CPU.

    An exponential never falls as its argument grows, so the largest is that of the largest
    log-probability, to the bit. Only its place may differ: two log-probabilities next to each other
    can have the same exponential. Rows where that is possible are computed in full.
    """
    below = best - _NEAR * torch.finfo(logs.dtype).eps
    confidence, surest = best.cpu().exp(), predicted.cpu()
    is_lower = logs < below.unsqueeze(-1)
    # Counted as a whole first, which is much faster than row by row. A NaN is not lower either.
    if is_lower.count_nonzero() < predicted.numel() * (logs.shape[-1] - 1):
        close = is_lower.sum(-1) < logs.shape[-1] - 1
        there = close.cpu()
        surest = surest.clone()
        confidence[there], surest[there] = logs[close].cpu().exp().max(-1)
    return confidence, surest
