"""A worker process: reads tasks from stdin, writes what it reports to stdout.

Started as `python -m alsim.studies.worker`, so a user's script needs no `__main__` guard. It maps
the pool, which all workers share, keeps its curves' journals and checkpoints itself, and reports
each step. When stdin closes the parent is gone, however it went, and so is the worker.
"""

import os
import queue
import signal
import sys
import threading
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from functools import partial

import torch

from alsim.errors import AlsimError
from alsim.loading import importing
from alsim.studies import messages
from alsim.studies.correlation.work import run_correlate
from alsim.studies.curves.work import run_active
from alsim.studies.messages import Opening, Task
from alsim.studies.start.work import Send, Study, open_study, run_passive
from alsim.studies.training.work import Training, open_training, run_fit
from alsim.training.memory import blaming_memory

_FEWER_NETS = "use fewer --seeds or strategies at once, or --device cpu"
_FEWER_WORKERS = "use fewer --workers"


class Worker:
    """Does the tasks of a study that it has opened, in whichever process it lives."""

    def __init__(self, send: Send) -> None:
        """Report to `send`."""
        self._send = send
        self._opened: Study | Training | None = None
        self._texts: Mapping[str, bytes] = {}

    def do(self, message: Opening | Task) -> None:
        """Do what a message asks for.

        Raises:
            AlsimError: For anything the user can mend.
            ValueError: For a task of another kind of study than was opened.
        """
        if isinstance(message, Opening):
            self._texts = message.texts
        with (
            importing(self._texts),
            blaming_memory("a worker process", gpu=_FEWER_NETS, host=_FEWER_WORKERS),
        ):
            match message, self._opened:
                case messages.Open(folder, assignment, identity), _:
                    _set_threads(assignment.threads)
                    self._opened = open_study(folder, assignment, self._send, identity)
                case messages.OpenTraining(folder, assignment), _:
                    _set_threads(assignment.threads)
                    self._opened = open_training(folder, assignment)
                case messages.Passive(), Study() as study:
                    run_passive(study, message, self._send)
                case messages.Active(), Study() as study:
                    run_active(study, message, self._send)
                case messages.Correlate(), Study() as study:
                    run_correlate(study, message, self._send)
                case messages.Fit(), Training() as training:
                    run_fit(training, message, self._send)
                case _:
                    raise ValueError(f"out of order: {type(message).__name__}")


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


def _set_threads(n: int) -> None:
    torch.set_num_threads(n)
    # Moments of weights without gradient decay into slow denormals.
    torch.set_flush_denormal(True)


def main() -> None:
    """Serve until stdin closes."""
    # What a terminal or a system sends to the whole group is the parent's to handle.
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    with _protocol_on_stdout() as send:
        worker = Worker(send)
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
