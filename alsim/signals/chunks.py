"""Chunk sizes: how many rows are computed, or nets trained, at once."""

from collections.abc import Callable, Iterator
from typing import TypeVar

import torch
from torch import Tensor

from alsim.training.memory import MEMORY_ERRORS, out_of_memory, ran_out

# Rows at a time, and numbers computed from them. The size is recorded: where MKL is not in its
# strict mode, the last bits of a product can change with it. On a core a chunk and what is computed
# from it should stay in the cache; a GPU wants more at once.
ROWS = {"cpu": 1024, "cuda": 4096}
_NUMBERS = {"cpu": 2**20, "cuda": 2**26}
_SMALLEST = 64

Rows = TypeVar("Rows", Tensor, range)
Made = TypeVar("Made")


class Chunks:
    """The number of rows computed at a time, halved when memory runs out.

    All passes of a study share one object, so that the largest fitting size is found once. Results
    with smaller chunks can differ in their last bits, so `size` should be recorded.

    Args:
        size: Initial number of rows; None: as many as suit the device.
        smallest: The smallest size to try.
        device: The kind of device that computes.
        doing: What is done with "{}" rows, for the error message.
        on_smaller: Called with the new size whenever it is reduced.
    """

    def __init__(
        self,
        size: int | None = None,
        *,
        smallest: int = _SMALLEST,
        device: str = "cpu",
        doing: str = "scoring or measuring {} rows at once",
        on_smaller: Callable[[int], None] = lambda size: None,
    ) -> None:
        self._initial = size or ROWS[device]
        self.size = self._initial
        self._numbers = _NUMBERS[device]
        self._smallest = smallest
        self._doing = doing
        self._on_smaller = on_smaller

    def reset(self) -> None:
        """Return to the initial number of rows."""
        self.size = self._initial

    def over(self, rows: Rows, work: Callable[[Rows], Made], numbers: int = 1) -> Iterator[Made]:
        """Yield the results of `work` on `rows`, chunk by chunk and in order.

        If memory runs out, smaller chunks continue from the same row. `work` is then called again
        for the same rows, so it must have no side effects. Chunks are also smaller where `work`
        computes many `numbers` a row.

        Raises:
            RunError: If memory is too small for the smallest chunk.
        """
        start = 0
        most = max(self._smallest, self._numbers // numbers)
        while start < len(rows):
            here = rows[start : start + min(self.size, most)]
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
