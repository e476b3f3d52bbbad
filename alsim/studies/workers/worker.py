"""A worker, in whichever process: it opens a study, then does its tasks one by one."""

from collections.abc import Mapping

import torch

from alsim.loading import importing
from alsim.studies import messages
from alsim.studies.correlation.work import run_correlate
from alsim.studies.curves.ceilings import run_ceilings
from alsim.studies.curves.work import run_active
from alsim.studies.messages import Opening, Task
from alsim.studies.start.work import Send, Study, open_study, run_passive
from alsim.studies.training.work import Training, open_training, run_fit
from alsim.training.memory import blaming_memory

_FEWER_NETS = "use fewer --seeds or strategies at once, or --device cpu"
_FEWER_WORKERS = "use fewer --workers"


class Worker:
    """Does the tasks of a study that it has opened."""

    def __init__(self, send: Send, *, where: str) -> None:
        """Report to `send`; `where` is the process, for messages."""
        self._send = send
        self._where = where
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
            blaming_memory(self._where, gpu=_FEWER_NETS, host=_FEWER_WORKERS),
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
                case messages.Ceilings(), Study() as study:
                    run_ceilings(study, message, self._send)
                case messages.Correlate(), Study() as study:
                    run_correlate(study, message, self._send)
                case messages.Fit(), Training() as training:
                    run_fit(training, message, self._send)
                case _:
                    raise ValueError(f"out of order: {type(message).__name__}")


def _set_threads(n: int) -> None:
    torch.set_num_threads(n)
    # Moments of weights without gradient decay to denormals, which are slow.
    torch.set_flush_denormal(True)
