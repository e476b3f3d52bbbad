"""A process that does the tasks of a study, or that forks others which do.

Started as `python -m alsim.studies.workers.server`, so a user's script needs no `__main__` guard:
without arguments it is a worker, on stdin and stdout. With the descriptor of a socket it is a
server, which forks workers on request; the command line has one that is itself a fork (`forking`).
A server has imported what its workers need and never computes, so a further worker costs
milliseconds and shares its memory. When stdin or the socket closes the parent has ended, in
whatever way, and the process ends too.
"""

import json
import os
import queue
import select
import signal
import socket
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple, NoReturn

SIGNALS = {getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if name in dir(signal)}


def ignore_signals() -> None:
    """Leave to the parent what a terminal or the system sends to the whole group."""
    for each in SIGNALS:
        signal.signal(each, signal.SIG_IGN)


if __name__ == "__main__":
    ignore_signals()

from alsim.errors import AlsimError  # noqa: E402 -- takes seconds, in which Ctrl-C may come
from alsim.studies import messages  # noqa: E402
from alsim.studies.messages import Opening, Task  # noqa: E402
from alsim.studies.workers.worker import Worker  # noqa: E402

READY = b"ready"
MOST = 80  # workers of one request: a message carries at most 253 descriptors
_SIZE = 1 << 16  # bytes of a request
_HARMLESS = {"jemalloc_bg_thd"}  # Arrow's allocator has its locks in order when a process forks


class Channel(NamedTuple):
    """The descriptors of one worker: two pipes, and a file for what it prints to stderr."""

    tasks: int
    replies: int
    errors: int


def serve() -> NoReturn:
    """Do the tasks from stdin until it closes; other prints to stdout go to stderr."""
    with os.fdopen(os.dup(1), "wb") as out:
        os.dup2(2, 1)
        send = partial(messages.write, out)
        worker = Worker(send, where="a worker process")
        for message in _received():
            try:
                worker.do(message)
            except AlsimError as error:
                what, where, mend = error.args
                send(messages.Failed(type(error).__name__, (what, where, mend)))
                continue
            send(messages.Done())
    raise AssertionError("messages never end")


def _received() -> Iterator[Opening | Task]:
    """Yield the parent's messages; end this process at once when the parent ends."""
    inbox: queue.Queue[Opening | Task] = queue.Queue()

    def read() -> None:
        for message in messages.read_tasks(sys.stdin.buffer):
            inbox.put(message)
        os._exit(0)

    threading.Thread(target=read, daemon=True).start()
    while True:
        yield inbox.get()


def fork_workers(connection: socket.socket, serve: Callable[[], object] = serve) -> None:
    """Fork and kill workers on request, and report as each ends.

    A request is a list of numbers and an environment: a worker is forked for each number, and the
    message has the descriptors of their channels and of what each is to hold. Without an
    environment, workers of these numbers are killed. What is sent is READY at first, then
    "NUMBER CODE" of each worker that has ended. Returns when the connection closes, with all
    workers killed.

    Raises:
        RuntimeError: If this process has other threads: locks that they hold would stay locked in
            a fork.
    """
    waking, woken = os.pipe()
    for end in (waking, woken):
        os.set_blocking(end, False)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    signal.set_wakeup_fd(woken)
    numbers: dict[int, int] = {}
    with suppress(ConnectionError):  # the parent has ended
        connection.send(READY)
        while True:
            ready = select.select([connection, waking], [], [])[0]
            if waking in ready:
                os.read(waking, 4096)
                for process, code in _ended():
                    connection.send(f"{numbers.pop(process)} {code}".encode())
            if connection not in ready:
                continue
            request, held, _, _ = socket.recv_fds(connection, _SIZE, 3 * MOST + 1)
            if not request:
                break
            asked, environment = json.loads(request)
            if environment is None:
                for process in (each for each, number in numbers.items() if number in asked):
                    os.kill(process, signal.SIGKILL)  # not yet waited for, so it is still this one
                continue
            if threads := other_threads():
                raise RuntimeError(f"the server of workers has threads: {', '.join(threads)}")
            for i, number in enumerate(asked):
                channel = Channel(*held[3 * i : 3 * i + 3])
                others = [*held[: 3 * i], *held[3 * i + 3 : 3 * len(asked)]]
                unwanted = [connection.fileno(), waking, woken, *others]
                act = partial(_be_worker, channel, unwanted, environment, serve)
                numbers[fork(act)] = number
            for each in held:  # so that they are the workers' alone
                os.close(each)
    for process in numbers:
        os.kill(process, signal.SIGKILL)
    for process in numbers:
        os.waitpid(process, 0)


def _ended() -> Iterator[tuple[int, int]]:
    """Yield the processes that have ended, with their exit codes, negative for a signal."""
    with suppress(ChildProcessError):  # there are none left
        while True:
            process, status = os.waitpid(-1, os.WNOHANG)
            if not process:
                return
            yield process, os.waitstatus_to_exitcode(status)


def _be_worker(
    channel: Channel,
    unwanted: Sequence[int],
    environment: Mapping[str, str],
    serve: Callable[[], object],
) -> None:
    """Serve in a process that was forked for it, without what is others'."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.environ.update(environment)
    for descriptor, standard in zip(channel, (0, 1, 2), strict=True):
        os.dup2(descriptor, standard)
    for each in (*channel, *unwanted):
        os.close(each)
    serve()


def other_threads() -> list[str]:
    """Return the names of this process's other threads, but for those that a fork is used to."""
    names: list[str] = []
    for path in Path("/proc/self/task").iterdir():
        with suppress(OSError):  # it has just ended
            if path.name != str(threading.get_native_id()):
                names.append((path / "comm").read_text().strip())
    return [name for name in names if name not in _HARMLESS]


def fork(act: Callable[[], object]) -> int:
    """Return the process of a fork that acts and ends: nothing returns to this process's stack."""
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):  # of any thread
        process = os.fork()
    if process:
        return process
    _act_and_end(act)


def _act_and_end(act: Callable[[], object]) -> NoReturn:
    """Act, and end this process at once: an interpreter that shuts down waits for its threads."""
    code = 1
    try:
        act()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def main() -> None:
    """Serve until stdin or the socket closes."""
    if sys.argv[1:]:
        _act_and_end(lambda: fork_workers(socket.socket(fileno=int(sys.argv[1]))))
    _act_and_end(serve)


if __name__ == "__main__":
    main()
