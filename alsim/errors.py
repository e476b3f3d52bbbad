"""Failures that a user can mend, each with the exit code of its family."""

import difflib
import re
from collections.abc import Iterable
from typing import ClassVar


class AlsimError(Exception):
    """A failure the user can mend. Any other keeps its traceback."""

    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, where: str, mend: str) -> None:
        # Positional arguments, so that the error survives leaving a worker process.
        super().__init__(what, where, mend)

    def __str__(self) -> str:
        what, where, mend = self.args
        return f"{what}\n  where: {where}\n  mend:  {mend}"


class UsageError(AlsimError):
    """An option or a configuration cannot be used."""

    exit_code = 2


class PoolError(AlsimError):
    """A pool could not be read, or lacks what was requested."""

    exit_code = 3


class StoreError(AlsimError):
    """A run could not be read or written."""

    exit_code = 4


class RunError(AlsimError):
    """A run could not go on: diverged, exhausted, or a worker died."""

    exit_code = 5


# The words of Python, the library loader, BLAS, C++ and torch.
_NO_MEMORY = re.compile(
    r"MemoryError|failed to map segment|annot allocate memory|Memory allocation|bad_alloc"
    r"|DefaultCPUAllocator|can't start new thread"
)


def is_want_of_memory(words: str) -> bool:
    """Return whether an error or a process's last output reports that memory ran out."""
    return _NO_MEMORY.search(words) is not None


def nearest(name: str, known: Iterable[str]) -> str:
    """Return advice that names the closest of the `known` names, or lists them all."""
    options = list(known)
    begun = [each for each in options if name and each.startswith(name)]
    close = difflib.get_close_matches(name, options, n=1) or begun
    listed = ", ".join(options) if options else "none"
    return f"did you mean {close[0]}? There is: {listed}" if close else f"there is: {listed}"
