"""What it looks like when memory runs out, and what the user is told then."""

from collections.abc import Generator
from contextlib import contextmanager

import torch

from alsim.errors import RunError

# The classes to catch; of a RuntimeError `ran_out` must then tell.
MEMORY_ERRORS = (MemoryError, RuntimeError)
_HOST = "DefaultCPUAllocator"
_WORDS = (_HOST, "CUDA error: out of memory", "STATUS_ALLOC_FAILED")


def ran_out(error: BaseException) -> bool:
    """Return whether an error says that memory ran out, a GPU's or the machine's.

    Torch has a class for its own GPU memory alone. When the machine's runs out, or when the
    libraries of the GPU find none left, its words are all there is to tell by.
    """
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return any(words in str(error) for words in _WORDS)


def out_of_memory(error: BaseException, where: str, *, gpu: str, host: str) -> RunError:
    """Return what to tell the user of an error that says that memory ran out.

    Args:
        error: For which `ran_out` holds.
        where: What was being done.
        gpu: How to mend it if it was a GPU's memory.
        host: How to mend it if it was the machine's.
    """
    if isinstance(error, MemoryError) or _HOST in str(error):
        return RunError("the machine ran out of memory", where, host)
    return RunError("the GPU ran out of memory", where, gpu)


@contextmanager
def blaming_memory(where: str, *, gpu: str, host: str) -> Generator[None]:
    """Raise a RunError, as `out_of_memory` has it, when memory runs out inside."""
    try:
        yield
    except MEMORY_ERRORS as error:
        if not ran_out(error):
            raise
        raise out_of_memory(error, where, gpu=gpu, host=host) from None
