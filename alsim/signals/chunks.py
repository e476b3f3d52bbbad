"""Chunk sizes: how many rows are computed, or nets trained, at once."""

from collections.abc import Callable, Iterator
from typing import TypeVar

import torch
from torch import Tensor

from alsim.training.memory import MEMORY_ERRORS, out_of_memory, ran_out

# A fixed, recorded size: the last bits of a product can change with the chunk size.
CHUNK = 4096
_SMALLEST = 64

Rows = TypeVar("Rows", Tensor, range)
Made = TypeVar("Made")


class Chunks:
    """The number of rows computed at a time, halved when memory runs out.

    All passes of a study share one object, so that the largest fitting size is found once. Results
    with smaller chunks can differ in their last bits, so `size` should be recorded.

    Args:
        size: Initial number of rows.
        smallest: The smallest size to try.
        doing: What is done with "{}" rows, for the error message.
        on_smaller: Called with the new size whenever it is reduced.
    """

    def __init__(
        self,
        size: int = CHUNK,
        *,
        smallest: int = _SMALLEST,
        doing: str = "scoring or measuring {} rows at once",
        on_smaller: Callable[[int], None] = lambda size: None,
    ) -> None:
        self.size = size
        self._smallest = smallest
        self._doing = doing
        self._on_smaller = on_smaller

    def over(self, rows: Rows, work: Callable[[Rows], Made]) -> Iterator[Made]:
        """Yield the results of `work` on `rows`, chunk by chunk and in order.

        If memory runs out, smaller chunks continue from the same row. `work` is then called again
        for the same rows, so it must have no side effects.

        Raises:
            RunError: If memory is too small for the smallest chunk.
        """
        start = 0
        while start < len(rows):
            here = rows[start : start + self.size]
            try:
                made = work(here)
            except MEMORY_ERRORS as error:
                if not ran_out(error):
                    raise
                smaller = self._below(len(here))
                if smaller < self._smallest:
                    raise _too_little(error, self._doing.format(len(here))) from None
            else:
                yield made
                start += len(here)
                continue
            # Only here, after the error and its traceback, are the attempt's tensors free.
            torch.cuda.empty_cache()
            self.size = smaller
            self._on_smaller(smaller)

    def _below(self, n: int) -> int:
        """Return the size, halved until it is less than `n`: the last chunk may be short."""
        size = self.size
        while size >= n:
            size //= 2
        return size


def _too_little(error: BaseException, doing: str) -> Exception:
    return out_of_memory(
        error,
        doing,
        gpu="use fewer --seeds or strategies at once, --device cpu, or a narrower net",
        host="use fewer --workers, fewer --seeds or strategies at once, or a narrower net",
    )
