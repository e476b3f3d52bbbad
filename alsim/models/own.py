"""Selection of each row's own task, where every row has one task only. Works under vmap."""

import torch
from torch import Tensor


def picked(of_tasks: Tensor, own: Tensor) -> Tensor:
    """Return the row of `(t, d)` that belongs to each row's task, `(n, d)`.

    As a product with 0 and 1, whose gradient is also a product; an index's gradient is slower.
    """
    tasks = torch.arange(of_tasks.shape[0], device=own.device)
    return (own.unsqueeze(-1) == tasks).to(of_tasks.dtype) @ of_tasks


def gathered(of_tasks: Tensor, own: Tensor) -> Tensor:
    """Return each row's own task of `(…, n, t, d)`, `(…, n, d)`."""
    shape = (*of_tasks.shape[:-2], 1, of_tasks.shape[-1])
    return of_tasks.gather(-2, own.view(-1, 1, 1).expand(shape)).squeeze(-2)
