"""Worker processes: started, fed with tasks, watched.

`subprocess` rather than `multiprocessing`, which would run the caller's main module again in
each child: a notebook or a script without a `__main__` guard just works.
"""

import os
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import IO

from alsim import errors
from alsim.errors import AlsimError, RunError, StoreError, is_want_of_memory
from alsim.studies.messages import (
    Done,
    Failed,
    Opening,
    Reply,
    Task,
    reading_replies,
    write,
)
from alsim.studies.workers.protocol import Handle, WorkerTask


class _Worker:
    """One process and the thread that reads what it says."""

    def __init__(
        self, environment: Mapping[str, str], lock: int | None, inbox: "queue.Queue[_Event]"
    ) -> None:
        self.task: WorkerTask[Task] | None = None
        self.errors = _temporary()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "alsim.studies.workers.server"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            env={**os.environ, **environment},
            pass_fds=() if lock is None else (lock,),
        )
        self._inbox = inbox
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        reader = reading_replies(self.process.stdout)
        while (message := reader.read()) is not None:
            self._inbox.put(_Event(self, message))
        self._inbox.put(_Event(self, None))

    def send(self, message: Opening | Task) -> None:
        """Send one message; a worker that has died is noticed by its reader."""
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):
            write(self.process.stdin, message)

    def last_words(self) -> str:
        """Return the end of what the process printed to stderr."""
        self.errors.seek(0)
        return self.errors.read().decode(errors="replace").strip()[-2000:]

    def close(self) -> None:
        """End the process and wait for it."""
        self.process.kill()
        self.process.wait()
        self._reader.join()
        for pipe in (self.process.stdin, self.process.stdout, self.errors):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()


@dataclass(frozen=True, slots=True, eq=False)
class _Event:
    worker: _Worker
    message: Reply | None  # None: the worker's output has ended


class Processes:
    """A group of worker processes with one stream of messages."""

    def __init__(self, n: int, environment: Mapping[str, str], lock: int | None) -> None:
        """Start `n` processes, which hold the open file `lock` until they are gone."""
        self._inbox: queue.Queue[_Event] = queue.Queue()
        self._workers = [_Worker(environment, lock, self._inbox) for _ in range(n)]

    def __enter__(self) -> "Processes":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for worker in self._workers:
            worker.close()

    def run(
        self,
        opening: Opening,
        tasks: Sequence[WorkerTask[Task]],
        handle: Handle,
        opened: Callable[[], None] = lambda: None,
    ) -> None:
        """Do all tasks, see `Workers.run`."""
        waiting = list(tasks)
        done: set[str] = set()
        idle: list[_Worker] = []
        n_opening = len(self._workers)
        for worker in self._workers:
            worker.send(opening)  # its "done" makes the worker idle
        while len(done) < len(tasks):
            event = self._inbox.get()
            worker, message = event.worker, event.message
            if message is None:
                raise _death(worker)
            if isinstance(message, Failed):
                raise _as_error(message)
            if isinstance(message, Done):
                if worker.task is not None:
                    done.add(worker.task.name)
                    worker.task = None
                else:
                    n_opening -= 1
                    if not n_opening:
                        opened()
                idle.append(worker)
            elif worker.task is not None:
                handle(worker.task, message)
            for task in [task for task in waiting if task.after <= done][: len(idle)]:
                waiting.remove(task)
                free = idle.pop()
                free.task = task
                free.send(task.message)


def _temporary() -> IO[bytes]:
    try:
        return tempfile.TemporaryFile()
    except OSError as error:
        raise StoreError(
            f"no temporary file can be made: {error.strerror or error}",
            "the folder for temporary files",
            "free some space there, or name another: TMPDIR=FOLDER alsim …",
        ) from error


def _as_error(message: Failed) -> AlsimError:
    kind: type[AlsimError] = getattr(errors, message.error)
    return kind(*message.arguments)


def _death(worker: _Worker) -> RunError:
    where = worker.task.name if worker.task else "before its first task"
    return death_of(worker.process.wait(), worker.last_words(), where)


def death_of(code: int, words: str, where: str) -> RunError:
    """Return the error that tells why a worker process ended.

    Args:
        code: Its exit code, negative for a signal.
        words: The last that it printed to stderr.
        where: What it was at.
    """
    if is_want_of_memory(words):
        return RunError(
            f"a worker process ran out of memory: {words.splitlines()[-1].strip()}",
            where,
            "go on with fewer: alsim resume RUN --workers 1; or allow more memory (ulimit -v)",
        )
    reason = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
    return RunError(
        f"a worker process {reason}" + (f":\n{words}" if words else ""),
        where,
        "mend what the last lines name, if it is a strategy or a model of your own"
        if code > 0 and words
        else "nothing is lost: alsim resume RUN; if memory ran out, with fewer --workers",
    )
