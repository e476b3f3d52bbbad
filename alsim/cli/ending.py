"""How the process ends when it is cut short by a signal.

Imports nothing slow, so that it is in place before anything slow is imported.
"""

import atexit
import os
import signal
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import NoReturn

from alsim.cli.streams import OutputError, silence

INTERRUPTED = 128 + signal.SIGINT
_WORDS = {"SIGINT": "interrupted", "SIGTERM": "terminated", "SIGHUP": "hung up"}
_SHOW_CURSOR = b"\x1b[?25h"


class Stopped(KeyboardInterrupt):
    """A signal asks the process to end.

    A class of its own, since Python ends by SIGINT, whatever the exit code, once a plain
    KeyboardInterrupt has left any code run by `exec`, as the making of a dataclass is.
    """


@contextmanager
def ending_well() -> Generator[None]:
    """Turn a signal into an exit code and one line, without a traceback.

    Every signal raises a KeyboardInterrupt inside, so that what cleans up after Ctrl-C cleans up
    after all. Signal handlers are not restored: the process ends.
    """
    listener = _Listener()
    listener.listen()
    try:
        try:
            yield
        finally:
            listener.is_ending = True
    except KeyboardInterrupt:
        raise SystemExit(_exit_code(listener.first)) from None
    except SystemExit as ending:
        if ending.code == INTERRUPTED:  # the boundary's, or Typer's own
            raise SystemExit(_exit_code(listener.first)) from None
        raise
    finally:
        listener.stop()


def leave(code: object) -> NoReturn:
    """End the process with the code of a SystemExit, with all output flushed.

    Destructors of C++ libraries are skipped: threads they leave running would abort the process.
    """
    if not isinstance(code, int | None):
        raise SystemExit(code)  # a message, which Python prints
    atexit._run_exitfuncs()  # pyright: ignore[reportPrivateUsage] -- which os._exit leaves out
    for stream in (sys.stdout, sys.stderr):
        with suppress(OutputError, SystemExit):
            stream.flush()
    os._exit(code or 0)


class _Listener:
    """Handles signals: the first ends the process in good order, Ctrl-C after it at once.

    While modules are imported the first ends it at once too: there is little to clean up then.
    """

    def __init__(self) -> None:
        self.is_ending = False
        self.first: int = signal.SIGINT
        self._numbers: list[int] = []
        self._terminals = [fd for fd in (1, 2) if os.isatty(fd)]

    def listen(self) -> None:
        """Handle the signals that are not ignored already, as by `nohup`."""
        if threading.current_thread() is not threading.main_thread():
            return
        for name in _WORDS:
            number = getattr(signal, name, None)  # Windows has no SIGHUP
            if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._handle)
                self._numbers.append(number)

    def stop(self) -> None:
        """Ignore further signals: one at the end would kill, whatever the exit code."""
        for number in self._numbers:
            signal.signal(number, signal.SIG_IGN)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if not self.is_ending:
            self.is_ending = True
            self.first = number
            if _is_importing(frame):
                self._leave(number)
            if signal.Signals(number).name == "SIGHUP":
                silence(*self._terminals)  # it is gone, and writing to it would fail
            raise Stopped
        # Others come in pairs: a shell passes on what was sent to its whole group.
        if number == signal.SIGINT:
            self._leave(number)

    def _leave(self, number: int) -> NoReturn:
        """End at once: an exception would be lost, or be shown, in some of what it interrupts."""
        with suppress(OSError):
            os.write(2, (_SHOW_CURSOR if 2 in self._terminals else b"") + _word(number).encode())
        os._exit(128 + number)


def _is_importing(frame: FrameType | None) -> bool:
    """Return whether a module is being imported: C++ there takes an exception for its own bug."""
    while frame is not None:
        if frame.f_code.co_filename == "<frozen importlib._bootstrap>":
            return True
        frame = frame.f_back
    return False


def _word(number: int) -> str:
    return _WORDS[signal.Signals(number).name] + "\n"


def _exit_code(number: int) -> int:
    """Return the exit code of a signal, and print in a word which it was."""
    sys.stderr.write(_word(number))
    return 128 + number
