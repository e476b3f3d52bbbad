"""Mini-batches of the labelled rows.

The study's curves dipped where a fixed batch size left a tiny last batch (VK 2020, Figs 5 and 6).
Its formula (1) for the adaptive size is lost; the rule here is a reconstruction.
"""

import math

import torch
from torch import Tensor

from alsim.options.training import BatchRule


def batch_sizes(n: int, batch_size: int, rule: BatchRule) -> list[int]:
    """Return the sizes of an epoch's mini-batches, in order.

    - fixed: `batch_size` each, then the remainder.
    - adaptive: ceil(n / batch_size) batches whose sizes differ by at most one, so the largest
      is B(n) = ceil(n / ceil(n / batch_size)).
    - upsample: the same number of batches, all of the largest adaptive size. If their sum exceeds
      n, the additional objects come twice.

    Raises:
        ValueError: If `n` or `batch_size` is below one.
    """
    if n < 1 or batch_size < 1:
        raise ValueError(f"{n} rows in batches of {batch_size}")
    n_batches = math.ceil(n / batch_size)
    if rule == "fixed":
        return [batch_size] * (n // batch_size) + ([n % batch_size] if n % batch_size else [])
    if rule == "upsample":
        return [math.ceil(n / n_batches)] * n_batches
    smallest, larger = divmod(n, n_batches)
    return [smallest + 1] * larger + [smallest] * (n_batches - larger)


def epoch_order(n: int, total: int, *, generator: torch.Generator) -> Tensor:
    """Return the order in which an epoch visits `n` rows, `(total,)` int64 in [0, n).

    Every row comes once; if `total` exceeds n, further rows are drawn without replacement.
    """
    order = torch.randperm(n, generator=generator)
    if total == n:
        return order
    return torch.cat([order, torch.randperm(n, generator=generator)[: total - n]])
