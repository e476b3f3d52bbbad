"""How many rows go through the nets at a time, or how many nets are trained at once."""

from collections.abc import Callable, Iterator
from typing import TypeVar

import torch
from torch import Tensor

from alsim.training.memory import MEMORY_ERRORS, out_of_memory, ran_out

# One recorded size: the last bits of a product can change with odd chunk sizes.
CHUNK = 4096
_SMALLEST = 64

Rows = TypeVar("Rows", Tensor, range)
Made = TypeVar("Made")


class Chunks:
    """The number of rows that go through the nets at a time, halved when memory runs out.

    All passes of a study share one, so that what fits is found once. A study that went on with
    smaller chunks can differ in its last bits, so `size` is worth recording.

    Args:
        size: Rows, at first.
        smallest: Of which half is not tried.
        doing: What so many rows at once are in, for the message when that fails.
        on_smaller: Called with the new size whenever it is made smaller.
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
        """Yield what `work` makes of `rows`, chunk by chunk and in order.

        Where memory runs out, smaller chunks go on from the same row; `work` is then called again
        for rows that it has seen, so it must leave nothing behind but what it returns.

        Raises:
            RunError: If memory does not suffice for the smallest number of rows.
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
            # Only here, past the error and its traceback, are the tensors of that attempt free.
            torch.cuda.empty_cache()
            self.size = smaller
            self._on_smaller(smaller)

    def _below(self, n: int) -> int:
        """Return the size halved until it is less than `n`: a last chunk may be short."""
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
