"""Errors of memory that runs out: how to recognise them, and what to report."""

from collections.abc import Generator
from contextlib import contextmanager

import torch

from alsim.errors import RunError

# The classes to catch; for a RuntimeError, `ran_out` then decides.
MEMORY_ERRORS = (MemoryError, RuntimeError)
_HOST = "DefaultCPUAllocator"
_WORDS = (_HOST, "CUDA error: out of memory", "STATUS_ALLOC_FAILED")


def ran_out(error: BaseException) -> bool:
    """Return whether an error reports that memory ran out, a GPU's or the machine's.

    Torch has an error class only for its own GPU memory. If the machine's memory runs out, or the
    GPU's libraries find none left, only the error's text shows it.
    """
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return any(words in str(error) for words in _WORDS)


def out_of_memory(error: BaseException, where: str, *, gpu: str, host: str) -> RunError:
    """Return the error to report after `ran_out`.

    `gpu` and `host` say how to mend it if the GPU's or the machine's memory ran out.
    """
    if isinstance(error, MemoryError) or _HOST in str(error):
        return RunError("the machine ran out of memory", where, host)
    return RunError("the GPU ran out of memory", where, gpu)


@contextmanager
def blaming_memory(where: str, *, gpu: str, host: str) -> Generator[None]:
    """Raise the RunError of `out_of_memory` if memory runs out inside."""
    try:
        yield
    except MEMORY_ERRORS as error:
        if not ran_out(error):
            raise
        raise out_of_memory(error, where, gpu=gpu, host=host) from None
