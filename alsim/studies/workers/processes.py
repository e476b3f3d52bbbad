"""Worker processes: started, given tasks, watched.

`subprocess` rather than `multiprocessing`, which would run the caller's main module again in
each child: a notebook or a script without a `__main__` guard just works.
"""

import os
import queue
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress

from alsim import errors
from alsim.errors import AlsimError, RunError, is_want_of_memory
from alsim.studies.messages import Done, Failed, Opening, Reply, Task, read_replies, write
from alsim.studies.workers.hosts import Forked, Host, Server, Started, temporary
from alsim.studies.workers.protocol import Handle, More, Opened, Tasks, WorkerTask, no_more
from alsim.studies.workers.server import Channel

# The server reads /proc, and some libraries of macOS do not survive a fork.
_FORKS = sys.platform == "linux"


class _Worker:
    """The channel to one worker, and the thread that reads its reports."""

    def __init__(self, inbox: "_Inbox") -> None:
        self.task: WorkerTask[Task] | None = None
        self._errors = temporary()
        tasks, mine = os.pipe()
        replies, theirs = os.pipe()
        self.channel = Channel(tasks, theirs, self._errors.fileno())
        self._tasks, self._replies = os.fdopen(mine, "wb"), os.fdopen(replies, "rb")
        self._inbox = inbox
        self._reader = threading.Thread(target=self._read, daemon=True)

    def begin(self) -> None:
        """Close the worker's ends of the pipes, and start to read."""
        os.close(self.channel.tasks)
        os.close(self.channel.replies)
        self._reader.start()

    def _read(self) -> None:
        for message in read_replies(self._replies):
            self._inbox.put((self, message))
        self._inbox.put((self, None))

    def send(self, message: Opening | Task) -> None:
        """Send one message; a worker that has died is noticed by its reader."""
        with suppress(BrokenPipeError):
            write(self._tasks, message)

    def leave(self) -> None:
        """Close the worker's pipe of tasks, at which it ends."""
        with suppress(BrokenPipeError):
            self._tasks.close()

    def close(self) -> None:
        """Wait until the worker is gone."""
        self._reader.join()
        self._replies.close()
        self._errors.close()


_Inbox = queue.Queue[tuple[_Worker, Reply | None]]  # None: the worker's output has ended


class Processes:
    """A group of worker processes with one stream of messages."""

    def __init__(
        self,
        n: int,
        environment: Mapping[str, str],
        lock: int | None,
        server: Server | None = None,
    ) -> None:
        """Start `n` processes, which hold the open file `lock` until they end.

        A `server` at hand forks them. Otherwise several are forked from one that is started, if the
        system can; a single one is started.
        """
        self._inbox: _Inbox = queue.Queue()
        self._workers = [_Worker(self._inbox) for _ in range(n)]
        channels = [worker.channel for worker in self._workers]
        locks = () if lock is None or lock < 0 else (lock,)
        is_lent = server is not None
        if server is None and n > 1 and _FORKS:
            server = Server.start(environment)
        self._hosts: dict[_Worker, Host]
        if server is not None:
            host = Forked(server, channels, environment, locks, is_lent=is_lent)
            self._hosts = dict.fromkeys(self._workers, host)
        else:
            self._hosts = {
                each: Started(each.channel, environment, locks) for each in self._workers
            }
        for worker in self._workers:
            worker.begin()

    def __enter__(self) -> "Processes":
        return self

    def __exit__(self, *exception: object) -> None:
        for worker in self._workers:
            worker.leave()
        for host in set(self._hosts.values()):
            host.close()
        for worker in self._workers:
            worker.close()

    def run(
        self,
        opening: Opening,
        tasks: Tasks,
        handle: Handle,
        opened: Opened,
        more: More = no_more,
    ) -> None:
        """Do all tasks, see `Workers.run`."""
        waiting, left = list(tasks), {task.name for task in tasks}
        done: set[str] = set()
        idle: list[_Worker] = []
        n_opening = len(self._workers)
        for worker in self._workers:
            worker.send(opening)  # its "done" makes the worker idle
        while left:
            worker, message = self._inbox.get()
            if message is None:
                where = worker.task.name if worker.task else "before its first task"
                raise death_of(*self._hosts[worker].death_of(worker.channel), where)
            if isinstance(message, Failed):
                raise _as_error(message)
            if isinstance(message, Done):
                if worker.task is not None:
                    done.add(worker.task.name)
                    left.discard(worker.task.name)
                    worker.task = None
                    if not left:
                        waiting = list(more())
                        left = {task.name for task in waiting}
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


def _as_error(message: Failed) -> AlsimError:
    kind: type[AlsimError] = getattr(errors, message.error)
    return kind(*message.arguments)


def death_of(code: int, words: str, where: str) -> RunError:
    """Return the error for a worker process that ended.

    A negative `code` is a signal; `words` are the end of its stderr, and `where` is its task.
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
