"""The processes behind workers, seen from their parent: started ones, and servers' forks."""

import json
import os
import select
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import chain
from typing import IO, Protocol

from alsim.errors import StoreError
from alsim.studies.workers.server import MOST, READY, Channel

_SERVER = (sys.executable, "-m", "alsim.studies.workers.server")
Death = tuple[int, str]  # an exit code, negative for a signal, and last words


class Host(Protocol):
    """What the processes of some workers are ended by."""

    def death_of(self, channel: Channel) -> Death:
        """Return how the worker of a channel has died; waits for it."""
        ...

    def close(self) -> None:
        """End the processes, and wait for them."""
        ...


class Started:
    """A process that is itself the worker."""

    def __init__(
        self, channel: Channel, environment: Mapping[str, str], locks: Sequence[int]
    ) -> None:
        self._process = subprocess.Popen(
            _SERVER, stdin=channel.tasks, stdout=channel.replies, stderr=channel.errors,
            env={**os.environ, **environment}, pass_fds=locks,
        )  # fmt: skip

    def death_of(self, channel: Channel) -> Death:
        """Return how the worker has died."""
        return self._process.wait(), last_words(channel.errors)

    def close(self) -> None:
        """End the process, and wait for it."""
        self._process.kill()
        self._process.wait()


class Process(Protocol):
    """A child of this process."""

    def kill(self) -> None:
        """End it at once."""
        ...

    def wait(self) -> int:
        """Return its exit code, once it has ended."""
        ...


class Server:
    """A process that forks workers, and the connection to it."""

    def __init__(self, process: Process, connection: socket.socket, errors: IO[bytes]) -> None:
        """Take over the connection and the file of what the process prints to stderr."""
        self._process = process
        self._connection = connection
        self._errors = errors
        self._has_answered = False
        self._n = 0
        self._codes: dict[int, int] = {}

    @staticmethod
    def start(environment: Mapping[str, str]) -> "Server":
        """Return a server in an interpreter of its own."""
        connection, its = connect()
        errors = temporary()
        with its:
            process = subprocess.Popen(
                [*_SERVER, str(its.fileno())],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors,
                env={**os.environ, **environment}, pass_fds=[its.fileno()],
            )  # fmt: skip
        return Server(process, connection, errors)

    def is_ready(self) -> bool:
        """Return whether it can fork workers; waits until that is known."""
        return self._has_answered or self._answer() == READY

    def fork(
        self, channels: Sequence[Channel], environment: Mapping[str, str], locks: Sequence[int]
    ) -> list[int]:
        """Ask for a worker for each channel, which holds the locks too; return their numbers."""
        numbers = [*range(self._n, self._n + len(channels))]
        self._n += len(channels)
        for first in range(0, len(channels), MOST):
            some = slice(first, first + MOST)
            request = json.dumps([numbers[some], dict(environment)]).encode()
            self._send(request, [*chain(*channels[some]), *locks])
        return numbers

    def code_of(self, number: int) -> int | None:
        """Return a worker's exit code once it has ended; None if the server itself has died."""
        while number not in self._codes and (answer := self._answer()):
            if answer != READY:
                ended, code = map(int, answer.split())
                self._codes[ended] = code
        return self._codes.get(number)

    def death(self) -> Death:
        """Return how it has died itself."""
        return self._process.wait(), last_words(self._errors.fileno())

    def end(self, numbers: Iterable[int]) -> None:
        """Kill workers, and wait until they are gone."""
        asked = [*numbers]
        self._send(json.dumps([asked, None]).encode(), [])
        for number in asked:
            self.code_of(number)

    def close(self) -> None:
        """End the process and the workers, and wait for it."""
        # While it still imports there are no workers, and it would not notice.
        if not self._has_answered and not select.select([self._connection], [], [], 0)[0]:
            self._process.kill()
        self._connection.close()
        self._process.wait()
        self._errors.close()

    def _send(self, request: bytes, descriptors: Sequence[int]) -> None:
        with suppress(ConnectionError):  # if it has died, its workers' readers notice
            socket.send_fds(self._connection, [request], descriptors)

    def _answer(self) -> bytes:
        """Return its next message, empty if it has died."""
        try:
            answer = self._connection.recv(100)
        except ConnectionError:
            answer = b""
        self._has_answered |= bool(answer)
        return answer


class Forked:
    """Workers that a server forks; it is `lent`, or ends with them."""

    def __init__(
        self,
        server: Server,
        channels: Sequence[Channel],
        environment: Mapping[str, str],
        locks: Sequence[int],
        *,
        is_lent: bool,
    ) -> None:
        self._server = server
        self._numbers = dict(zip(channels, server.fork(channels, environment, locks), strict=True))
        self._is_lent = is_lent

    def death_of(self, channel: Channel) -> Death:
        """Return how a worker has died, or how the server has."""
        code = self._server.code_of(self._numbers[channel])
        return self._server.death() if code is None else (code, last_words(channel.errors))

    def close(self) -> None:
        """End the workers, and the server unless it is lent, and wait for them."""
        if self._is_lent:
            self._server.end(self._numbers.values())
        else:
            self._server.close()


def connect() -> tuple[socket.socket, socket.socket]:
    """Return both ends of a connection that keeps messages apart."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def temporary() -> IO[bytes]:
    """Return a file for what a process prints to stderr.

    Raises:
        StoreError: If none can be made.
    """
    try:
        return tempfile.TemporaryFile()
    except OSError as error:
        raise StoreError(
            f"no temporary file can be made: {error.strerror or error}",
            "the folder for temporary files",
            "free some space there, or name another: TMPDIR=FOLDER alsim …",
        ) from error


def last_words(errors: int) -> str:
    """Return the end of what a process printed to stderr."""
    start = max(0, os.fstat(errors).st_size - 8000)
    return os.pread(errors, 8000, start).decode(errors="replace").strip()[-2000:]
