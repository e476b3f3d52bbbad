"""The process's stdout and stderr: safe to look at, and a failure to write is reported once."""

import io
import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import BinaryIO, TextIO, cast

from alsim.errors import StoreError
from alsim.escaping import visible

_STDOUT, _STDERR = 1, 2
_BROKEN_PIPE = 128 + 13  # as a shell says it of a program that SIGPIPE has ended


class OutputError(StoreError):
    """What a command found could not be printed."""


class Output(io.TextIOWrapper):
    """A standard stream in place of Python's own.

    Characters that it cannot encode, and those that would act on a terminal, are escaped. If
    stdout cannot be written, that is an OutputError; if stderr cannot, the rest of it is dropped,
    for there is nowhere to say so. Where nobody reads on, as after `| head`, the process ends.
    """

    def write(self, text: str) -> int:
        """Write text whose control characters, but for ends of lines and tabs, are escaped."""
        return self.write_styled(visible(text, keep="\n\t"))

    def write_styled(self, text: str) -> int:
        """Write text as it is, with the escape sequences that Rich has put there."""
        if text:  # Typer tries a stream out with an empty one, and ignores what that raises
            with self._reported():
                super().write(text)
        return len(text)

    def flush(self) -> None:
        """Flush it."""
        with self._reported():
            super().flush()

    @contextmanager
    def _reported(self) -> Generator[None]:
        try:
            yield
        except BrokenPipeError:
            silence(_STDOUT, _STDERR)
            raise SystemExit(_BROKEN_PIPE) from None
        except OSError as error:
            silence(self.fileno())
            if self.fileno() == _STDOUT:
                what = f"stdout cannot be written: {error.strerror}"
                mend = "send it to a terminal, or to a file on a disk with room"
                raise OutputError(what, "stdout", mend) from None


def own_streams() -> None:
    """Put `Output` in place of stdout and stderr, also where they were closed on entry."""
    for descriptor in (0, _STDOUT, _STDERR):
        try:
            os.fstat(descriptor)
        except OSError:
            # Else the next file opened would take its place, and be printed into. A write to
            # stdout is to fail, one to stderr is not.
            os.open(os.devnull, os.O_RDONLY if descriptor == _STDOUT else os.O_RDWR)
    sys.stdout = _output(sys.stdout, _STDOUT)
    sys.stderr = _output(sys.stderr, _STDERR)


def _output(stream: TextIO | None, descriptor: int) -> Output:
    if not isinstance(stream, io.TextIOWrapper):
        raw = io.FileIO(descriptor, "w", closefd=False)
        return Output(raw, encoding="utf-8", errors="backslashreplace", write_through=True)
    encoding, is_by_line = stream.encoding, stream.line_buffering
    is_unbuffered = stream.write_through
    return Output(
        cast("BinaryIO", stream.detach()),
        encoding=encoding,
        errors="backslashreplace",
        line_buffering=is_by_line,
        write_through=is_unbuffered,
    )


def silence(*descriptors: int) -> None:
    """Send what is still written there nowhere, the interpreter's last flush included."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for descriptor in descriptors:
        os.dup2(nowhere, descriptor)
