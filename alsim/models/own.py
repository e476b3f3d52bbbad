"""What is picked where each row has one task of its own, and the others need not be computed.

Written so that it runs under vmap: which task a row has is a number in a tensor.
"""

import torch
from torch import Tensor


def picked(of_tasks: Tensor, own: Tensor) -> Tensor:
    """Return each row's own, `(n, d)`, of what is the same for all rows, `(t, d)`.

    As a product with 0 and 1, whose gradient is one too: that of an index adds up row by row.
    """
    tasks = torch.arange(of_tasks.shape[0], device=own.device)
    return (own.unsqueeze(-1) == tasks).to(of_tasks.dtype) @ of_tasks


def gathered(of_tasks: Tensor, own: Tensor) -> Tensor:
    """Return each row's own of `(…, n, t, d)`, `(…, n, d)`."""
    shape = (*of_tasks.shape[:-2], 1, of_tasks.shape[-1])
    return of_tasks.gather(-2, own.view(-1, 1, 1).expand(shape)).squeeze(-2)
