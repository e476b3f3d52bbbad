"""A process that does the tasks of a study, or that forks others which do.

Started as `python -m alsim.studies.workers.server`, so a user's script needs no `__main__` guard:
without arguments it is a worker, on stdin and stdout. With channels it is a server, which forks a
worker for each. The server has imported what its workers need and never computes, so a further
worker costs milliseconds and shares its memory. When stdin closes the parent has ended, in whatever
way, and the process ends too.
"""

import os
import queue
import select
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NoReturn

# Signals that a terminal or the system sends to the whole group are for the parent.
for _name in ("SIGINT", "SIGTERM", "SIGHUP"):
    if hasattr(signal, _name):
        signal.signal(getattr(signal, _name), signal.SIG_IGN)

from alsim.errors import AlsimError  # noqa: E402 -- takes seconds, in which Ctrl-C may come
from alsim.studies import messages  # noqa: E402
from alsim.studies.messages import Opening, Task  # noqa: E402
from alsim.studies.workers.channel import Channel  # noqa: E402
from alsim.studies.workers.worker import Worker  # noqa: E402


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


def fork_all(channels: Sequence[Channel], serve: Callable[[], object] = serve) -> None:
    """Fork a worker for each channel; write "forked" to stdout, and "NUMBER CODE" as each ends.

    Returns when stdin closes, with all workers killed.

    Raises:
        RuntimeError: If this process has more than one thread: locks that others hold would stay
            locked in a fork.
    """
    waking, woken = os.pipe()
    for end in (waking, woken):
        os.set_blocking(end, False)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    signal.set_wakeup_fd(woken)
    numbers: dict[int, int] = {}
    for number, channel in enumerate(channels):
        numbers[_fork(channel, [*channels[number + 1 :]], serve)] = number
        channel.close()  # so that its end is the worker's
    os.write(1, b"forked\n")
    while 0 not in select.select([0, waking], [], [])[0]:
        os.read(waking, 4096)
        for process, code in _ended():
            with suppress(BrokenPipeError):
                os.write(1, f"{numbers.pop(process)} {code}\n".encode())
    for process in numbers:  # not yet waited for, so no other process has its id
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


def _fork(channel: Channel, others: Sequence[Channel], serve: Callable[[], object]) -> int:
    """Return the process of a new worker, which holds no other's channel."""
    threads = [(path / "comm").read_text().strip() for path in Path("/proc/self/task").iterdir()]
    if len(threads) > 1:
        raise RuntimeError(f"the server of workers has threads: {', '.join(threads)}")
    if process := os.fork():
        return process
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for descriptor, standard in zip(channel, (0, 1, 2), strict=True):
            os.dup2(descriptor, standard)
        for each in (channel, *others):
            each.close()
        serve()
        code = 0
    except BaseException:  # nothing may return to the server's own stack
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def main() -> None:
    """Serve until stdin closes."""
    channels = [Channel.read(text) for text in sys.argv[1:]]
    if channels:
        fork_all(channels)
    else:
        serve()


if __name__ == "__main__":
    main()
