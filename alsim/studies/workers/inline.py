"""This process as the only worker: for a debugger, for notebooks and for tests."""

import sys
from contextlib import redirect_stdout

import torch

from alsim.studies.messages import Opening, Report
from alsim.studies.workers.protocol import Handle, More, Opened, Tasks, no_more
from alsim.studies.workers.worker import Worker


class Inline:
    """Does the tasks in this process, one after another; restores torch's settings at the end."""

    def __enter__(self) -> "Inline":
        self._threads = torch.get_num_threads()
        self._flushes = sys.float_info.min / 2 == 0  # torch has no function that returns it
        return self

    def __exit__(self, *exception: object) -> None:
        torch.set_num_threads(self._threads)
        torch.set_flush_denormal(self._flushes)

    def run(
        self,
        opening: Opening,
        tasks: Tasks,
        handle: Handle,
        opened: Opened,
        more: More = no_more,
    ) -> None:
        """Do all tasks, see `Workers.run`; other errors than an AlsimError are raised, too."""
        stdout, task = sys.stdout, None

        def send(report: Report) -> None:
            if task is not None:
                with redirect_stdout(stdout):
                    handle(task, report)

        worker = Worker(send, where="this process")
        waiting = list(tasks)
        done: set[str] = set()
        # As in a process of its own: stdout is for results, not for what a plug-in prints.
        with redirect_stdout(sys.stderr):
            worker.do(opening)
            opened()
            while waiting:
                task = next(task for task in waiting if task.after <= done)
                worker.do(task.message)
                waiting.remove(task)
                done.add(task.name)
                waiting = waiting or list(more())
