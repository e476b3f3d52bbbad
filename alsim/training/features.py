"""The pool's inputs on the training device: rows gathered or viewed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from alsim.models import Inputs, Shape
from alsim.pool.pool import Pool, Task


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """Every modality of a pool and its presence mask. On a CPU the tensors stay memory-mapped."""

    modalities: Mapping[str, Tensor]  # name -> (n, d) float32
    present: Tensor  # (n, modalities), in `dtype`
    dtype: torch.dtype
    # (n,) int64, the place of each row's only task; None: a row has several, or there is one task
    own: Tensor | None = None

    @property
    def device(self) -> torch.device:
        """Return where the tensors are."""
        return self.present.device

    def take(self, rows: Tensor) -> Inputs:
        """Return the inputs of the given rows; the shape of `rows` gives the leading axes."""
        flat = rows.reshape(-1)
        return Inputs(
            {
                name: x.index_select(0, flat).to(self.dtype).view(*rows.shape, x.shape[1])
                for name, x in self.modalities.items()
            },
            self.present.index_select(0, flat).view(*rows.shape, self.present.shape[1]),
        )

    def span(self, start: int, stop: int) -> Inputs:
        """Return the inputs of rows start … stop − 1, as views where the dtype allows."""
        return Inputs(
            {name: x[start:stop].to(self.dtype) for name, x in self.modalities.items()},
            self.present[start:stop],
        )


def features_of(pool: Pool, device: torch.device, dtype: torch.dtype) -> Features:
    """Return the inputs of a pool on a device."""
    own = own_tasks(list(pool.tasks.values()))
    return Features(
        {name: x.to(device) for name, x in pool.modalities.items()},
        pool.present.to(device, dtype),
        dtype,
        None if own is None else own.to(device),
    )


def own_tasks(tasks: Sequence[Task]) -> Tensor | None:
    """Return the place of each row's only task, `(n,)` int64, 0 for a row without tasks.

    None if there is one task, a row has several tasks, or classes and targets are mixed.
    """
    if len(tasks) == 1 or len({task.kind for task in tasks}) > 1:
        return None
    own = torch.zeros(len(tasks[0].labels), dtype=torch.int64)
    n_known = torch.zeros_like(own)
    for place, task in enumerate(tasks):
        y = task.labels
        known = ~y.isnan() if y.is_floating_point() else y >= 0
        n_known += known
        own[known] = place
    return own if n_known.max() <= 1 else None


def shape_of(pool: Pool) -> Shape:
    """Return the shape that a model must fit; a regression target is a task with one output."""
    n_outputs = {
        name: 1 if task.kind == "target" else len(task.classes) for name, task in pool.tasks.items()
    }
    return Shape(pool.widths, n_outputs)
