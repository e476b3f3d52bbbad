"""A worker process: reads jobs as JSON lines from stdin, writes records to stdout.

Started as `python -m alsim.engine.worker`, so a user's script needs no `__main__` guard. It maps
the pool, which all workers share, and answers until stdin closes.
"""

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from alsim.engine.options import Assignment
from alsim.engine.planning import training_of
from alsim.errors import AlsimError
from alsim.experiments.active import active, passive
from alsim.experiments.querying import Job
from alsim.experiments.setting import Setting, make_setting
from alsim.oracle import make_oracle
from alsim.pool.mapping import open_mapped
from alsim.strategies import Named, find_strategy
from alsim.training.state import ReplicaState

Send = Callable[[Mapping[str, Any]], None]


class Stopwatch:
    """Measures how long each phase of a job takes. The core has no clock, so it lives here."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._phase = ""
        self._since = time.perf_counter()
        self.seconds: dict[str, float] = {}

    def observe(self, phase: str) -> None:
        """Begin a phase; an epoch is not one of its own, but tells that something moves."""
        if phase.startswith("epoch "):
            self._send({"kind": "epoch", "epoch": int(phase.removeprefix("epoch "))})
            return
        self.lap(phase)

    def lap(self, phase: str) -> None:
        """End the phase under way, if any, and begin another."""
        now = time.perf_counter()
        if self._phase:
            self.seconds[self._phase] = self.seconds.get(self._phase, 0.0) + now - self._since
        self._phase, self._since = phase, now

    def take(self) -> dict[str, float]:
        """Return the seconds of each phase since the last call."""
        self.lap(self._phase)
        taken, self.seconds = self.seconds, {}
        return taken


@dataclass(frozen=True, slots=True, eq=False)
class Study:
    """What a worker serves."""

    setting: Setting
    strategies: Mapping[str, Named]

    def like(self, strategy: str) -> Setting:
        """Return the setting with the net trained as a strategy has it."""
        training = training_of(self.strategies[strategy], self.setting.training)
        return replace(self.setting, training=training)


def open_study(folder: Path, assignment: Assignment) -> Study:
    """Return the study whose pool is mapped in `folder`."""
    pool = open_mapped(folder)
    task = next(iter(pool.tasks.values()))
    rows = assignment.initial_rows
    strategies = {
        name: find_strategy(name, assignment.candidates) for name in assignment.strategies
    }
    setting = make_setting(
        pool,
        oracle=make_oracle(assignment.oracle, task.labels, len(task.classes)),
        strategies={name: named.strategy for name, named in strategies.items()},
        schedule=assignment.schedule,
        model=assignment.model,
        training=assignment.training,
        way=assignment.way,
        device=torch.device(assignment.device),
        initial_rows=None if rows is None else torch.tensor(rows),
    )
    return Study(setting, strategies)


def run_passive(study: Study, message: Mapping[str, Any], send: Send) -> None:
    """Train the passive phase of the seeds named and save their states."""
    watch = Stopwatch(send)
    state = passive(study.like(message["like"]), message["seeds"], watch.observe)
    tensors = {k: v.cpu().contiguous() for k, v in state.to_tensors().items()}
    save_file(tensors, message["state"])
    send({"kind": "timing", "jobs": None, "step": 0, "seconds": watch.take()})


def run_active(study: Study, message: Mapping[str, Any], send: Send) -> None:
    """Run the learning curves named and send their rounds as they come."""
    watch = Stopwatch(send)
    jobs = [Job(seed, strategy) for seed, strategy in message["jobs"]]
    state = ReplicaState.from_tensors(load_file(message["state"])).pick(message["pick"])
    step = 0

    def send_timing() -> None:
        send({"kind": "timing", "jobs": jobs, "step": step, "seconds": watch.take()})

    def observe(phase: str) -> None:
        if phase == "query":  # a step's last phase, evaluation, is then over
            send_timing()
        watch.observe(phase)

    # Those that go together are trained alike.
    setting = study.like(jobs[0].strategy)
    for _, round_ in active(setting, jobs, state, observe):
        step = round_.step.step
        send({"kind": "round", "round": asdict(round_)})
    send_timing()


@contextmanager
def _protocol_on_stdout() -> Generator[Send]:
    """Keep stdout for messages: whatever else prints goes to stderr."""
    with os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8") as out:
        os.dup2(2, 1)

        def send(message: Mapping[str, Any]) -> None:
            out.write(json.dumps(message) + "\n")

        yield send


def main() -> None:
    """Serve until stdin closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    with _protocol_on_stdout() as send:
        send({"kind": "ready"})
        study: Study | None = None
        for line in sys.stdin:
            message = json.loads(line)
            try:
                if message["kind"] == "open":
                    assignment = Assignment.from_json(message["assignment"])
                    torch.set_num_threads(assignment.threads)
                    # Moments of weights without gradient decay into slow denormals.
                    torch.set_flush_denormal(True)
                    study = open_study(Path(message["folder"]), assignment)
                elif study is not None and message["kind"] == "passive":
                    run_passive(study, message, send)
                elif study is not None and message["kind"] == "active":
                    run_active(study, message, send)
                else:
                    raise ValueError(f"out of order: {message['kind']}")
            except AlsimError as error:
                send({"kind": "error", "error": type(error).__name__, "args": error.args})
                continue
            send({"kind": "done"})


if __name__ == "__main__":
    main()
