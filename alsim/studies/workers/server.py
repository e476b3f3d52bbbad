"""A worker process: reads tasks from stdin, writes what it reports to stdout.

Started as `python -m alsim.studies.workers.server`, so a user's script needs no `__main__` guard.
It maps the pool, which all workers share, keeps its curves' journals and checkpoints itself, and
reports each step. When stdin closes the parent is gone, however it went, and so is the worker.
"""

import os
import queue
import signal
import sys
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from functools import partial

from alsim.errors import AlsimError
from alsim.studies import messages
from alsim.studies.messages import Opening, Task
from alsim.studies.workers.worker import Worker


@contextmanager
def _protocol_on_stdout() -> Generator[Callable[[messages.Reply], None]]:
    """Keep stdout for messages: whatever else prints goes to stderr."""
    with os.fdopen(os.dup(1), "wb") as out:
        os.dup2(2, 1)
        yield partial(messages.write, out)


def _received() -> Iterator[Opening | Task]:
    """Yield what the parent sends; end this process, whatever it is doing, when the parent does."""
    inbox: queue.Queue[Opening | Task] = queue.Queue()
    reader = messages.reading_tasks(sys.stdin.buffer)

    def read() -> None:
        while (message := reader.read()) is not None:
            inbox.put(message)
        os._exit(0)

    threading.Thread(target=read, daemon=True).start()
    while True:
        yield inbox.get()


def main() -> None:
    """Serve until stdin closes."""
    # What a terminal or a system sends to the whole group is the parent's to handle.
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    with _protocol_on_stdout() as send:
        worker = Worker(send, where="a worker process")
        for message in _received():
            try:
                worker.do(message)
            except AlsimError as error:
                what, where, mend = error.args
                send(messages.Failed(type(error).__name__, (what, where, mend)))
                continue
            send(messages.Done())


if __name__ == "__main__":
    main()
