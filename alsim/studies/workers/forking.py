"""A server of workers that is a fork of this process, so that nothing is imported a second time.

The command line alone has one, since it knows what its process has done before: in a script or a
notebook, threads may hold locks, MKL may have been used, and torch may have been set in ways that
would be inherited.
"""

import gc
import os
import signal
import socket
import sys
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial

import torch

from alsim.studies.bits import compute_strictly, is_strict
from alsim.studies.workers.hosts import Server, connect, temporary
from alsim.studies.workers.server import SIGNALS, fork, fork_workers, ignore_signals, other_threads

_at_hand: ContextVar[Server | None] = ContextVar("server", default=None)


@contextmanager
def server_of_workers() -> Generator[None]:
    """Have a server at hand for the studies of the block, if it can be forked here safely."""
    server = _fork_server() if _is_safe() else None
    token = _at_hand.set(server)
    try:
        yield
    finally:
        _at_hand.reset(token)
        if server is not None:
            server.close()


def server_at_hand() -> Server | None:
    """Return the server of the block, if there is one."""
    server = _at_hand.get()
    return server if server is not None and server.is_ready() else None


def _is_safe() -> bool:
    """Return whether a fork of this process could do all that a new one can."""
    return sys.platform == "linux" and not torch.cuda.is_initialized() and not other_threads()


class _Fork:
    """A process that was forked from this one."""

    def __init__(self, process: int) -> None:
        self._process = process
        self._code: int | None = None

    def kill(self) -> None:
        if self._code is None:
            os.kill(self._process, signal.SIGKILL)

    def wait(self) -> int:
        if self._code is None:
            self._code = os.waitstatus_to_exitcode(os.waitpid(self._process, 0)[1])
        return self._code


def _fork_server() -> Server:
    connection, its = connect()
    errors = temporary()
    # A signal to the whole group may come before the fork ignores it.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        process = fork(partial(_be_server, connection, its, errors.fileno(), {*mask}))
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    its.close()
    return Server(_Fork(process), connection, errors)


def _be_server(
    parents: socket.socket, connection: socket.socket, errors: int, mask: set[int]
) -> None:
    ignore_signals()
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    gc.freeze()  # to look at what is shared would copy it
    parents.close()
    nowhere = os.open(os.devnull, os.O_RDWR)
    # First, so that what the parent has not written yet goes nowhere.
    for standard, descriptor in enumerate((nowhere, nowhere, errors)):
        os.dup2(descriptor, standard)
    sys.stdin, sys.stdout = os.fdopen(0, closefd=False), os.fdopen(1, "w", closefd=False)
    sys.stderr = os.fdopen(2, "w", buffering=1, errors="backslashreplace", closefd=False)
    compute_strictly(0)
    # MKL may have been used already, which cannot be undone: then the parent sees that this ends.
    if is_strict():
        fork_workers(connection)
