"""A worker process: reads tasks as JSON lines from stdin, writes records to stdout.

Started as `python -m alsim.studies.worker`, so a user's script needs no `__main__` guard. It maps
the pool, which all workers share, keeps its curves' journals and checkpoints itself, and tells the
parent of each step. When stdin closes the parent is gone, however it went, and so is the worker.
"""

import json
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from alsim.errors import AlsimError, StoreError
from alsim.experiments.correlation import CorrelationOptions, copies_at_once, correlate
from alsim.experiments.curves.loop import Passive, active, begin, passive
from alsim.experiments.curves.querying import Job
from alsim.experiments.setting import Setting, make_setting
from alsim.loading import importing, texts_from_json
from alsim.oracle import make_oracle
from alsim.pool.mapping import open_mapped
from alsim.signals import Chunks
from alsim.store.correlation import keep_groups
from alsim.strategies import Named, find_strategy
from alsim.studies.curves.keep import Keeper, Kept, load_passive, save_passive
from alsim.studies.start.check import Assignment
from alsim.studies.start.plan import training_of
from alsim.studies.training.check import TrainAssignment
from alsim.studies.training.work import Training, open_training, run_fit
from alsim.training.memory import blaming_memory

Send = Callable[[Mapping[str, Any]], None]

_FEWER_NETS = "use fewer --seeds or strategies at once, or --device cpu"
_FEWER_WORKERS = "use fewer --workers"


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
    identity: str = ""  # what its checkpoints are known by
    copies: Chunks = field(default_factory=copies_at_once)

    def like(self, strategy: str) -> Setting:
        """Return the setting with the net trained as a strategy has it."""
        training = training_of(self.strategies[strategy], self.setting.training)
        return replace(self.setting, training=training)


def open_study(folder: Path, assignment: Assignment, send: Send, identity: str = "") -> Study:
    """Return the study whose pool is mapped in `folder`; it tells of memory that runs out."""

    def tell(text: str) -> None:
        text = f"memory ran out: {text}; last bits may differ from other runs'"
        send({"kind": "note", "text": text})

    pool = open_mapped(folder)
    rows = assignment.initial_rows
    strategies = {
        name: find_strategy(
            name, assignment.candidates, combine=assignment.combine, committee=assignment.committee
        )
        for name in assignment.strategies
    }
    plan = assignment.oracle
    setting = make_setting(
        pool,
        oracles={
            name: make_oracle(plan.of_task(name), task.labels, len(task.classes))
            for name, task in pool.tasks.items()
            if name in assignment.tasks
        },
        strategies={name: named.strategy for name, named in strategies.items()},
        schedule=assignment.schedule,
        model=assignment.model,
        training=assignment.training,
        way=assignment.way,
        device=torch.device(assignment.device),
        initial_rows=None if rows is None else torch.tensor(rows),
        chunks=Chunks(on_smaller=lambda n: tell(f"scoring goes on with {n:,} rows at a time")),
        unit=assignment.unit,
        read_price=plan.read_price,
    )
    copies = copies_at_once(on_smaller=lambda n: tell(f"copies are trained {n} at a time now"))
    return Study(setting, strategies, identity, copies)


def run_passive(study: Study, message: Mapping[str, Any], send: Send) -> None:
    """Train the passive phase of the seeds named and save their states."""
    watch = Stopwatch(send)
    setting = study.like(message["like"])
    setting = replace(setting, way=message.get("way", setting.way))
    done = passive(setting, message["seeds"], watch.observe)
    save_passive(Path(message["state"]), done, watch.take(), study.identity)


def run_active(study: Study, message: Mapping[str, Any], send: Send) -> None:
    """Run the learning curves named, from where they were left, and keep their steps."""
    watch = Stopwatch(send)
    jobs = [Job(seed, strategy) for seed, strategy in message["jobs"]]
    # Those that go together are trained alike.
    setting = study.like(jobs[0].strategy)
    journals = [Path(path) for path in message["journals"]]
    checkpoint = Path(message["checkpoint"])
    with Keeper(jobs, journals, checkpoint, setting.chunks, study.identity) as keeper:
        position = keeper.position()
        if position is None:
            position = begin(setting, jobs, _start(study, message))
            lost = [r for r, on in enumerate(position.running) if not on]
            _tell(send, Kept((), keeper.end(lost, "diverged", 0)))
        step = position.step
        if any(position.running):
            for advance in active(setting, jobs, position, watch.observe):
                step = advance.step
                seconds = watch.take()
                watch.lap("journal")
                _tell(send, keeper.keep(advance, seconds))
        _tell(send, keeper.finish(step, watch.take()))


def run_correlate(study: Study, message: Mapping[str, Any], send: Send) -> None:
    """Train the copies of a seed's metrics that are not kept yet, and keep each metric's groups."""
    jobs = [Job(*job) for job in message["jobs"]]
    journals = {
        job.strategy: Path(path) for job, path in zip(jobs, message["journals"], strict=True)
    }
    metrics = [metric for metric, path in journals.items() if not path.exists()]
    seed, waiting = jobs[0].seed, [*metrics]

    def observe(phase: str) -> None:
        if phase.startswith("copies "):
            n = int(phase.removeprefix("copies "))
            send({"kind": "copies", "metric": waiting[0], "seed": seed, "n": n})

    # Those that go together are trained alike.
    setting, sizes = study.like(jobs[0].strategy), CorrelationOptions(**message["sizes"])
    for groups in correlate(
        setting, seed, _start(study, message), metrics, sizes, observe, study.copies
    ):
        keep_groups(journals[waiting.pop(0)], groups)


def _start(study: Study, message: Mapping[str, Any]) -> Passive:
    """Return the nets that the passive phase left, one a curve."""
    found = load_passive(Path(message["state"]), study.identity)
    if found is None:
        raise StoreError(
            "the nets of the passive phase are gone",
            message["state"],
            "leave a run's folder alone while it is worked on; then: alsim resume RUN",
        )
    return found[0].pick(message["pick"])


def _tell(send: Send, kept: Kept) -> None:
    for step in kept.steps:
        send({"kind": "step", "step": asdict(step)})
    for job, ending in kept.endings:
        if ending.reason == "diverged":
            send({"kind": "diverged", "job": job, "step": ending.step})


@contextmanager
def _protocol_on_stdout() -> Generator[Send]:
    """Keep stdout for messages: whatever else prints goes to stderr."""
    with os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8") as out:
        os.dup2(2, 1)

        def send(message: Mapping[str, Any]) -> None:
            out.write(json.dumps(message) + "\n")

        yield send


def _messages() -> Iterator[Any]:
    """Yield what the parent sends; end this process, whatever it is doing, when the parent does."""
    inbox: queue.Queue[str] = queue.Queue()

    def read() -> None:
        for line in sys.stdin:
            inbox.put(line)
        os._exit(0)

    threading.Thread(target=read, daemon=True).start()
    while True:
        yield json.loads(inbox.get())


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
        send({"kind": "ready"})
        study: Study | None = None
        training: Training | None = None
        texts: dict[str, bytes] = {}
        for message in _messages():
            texts |= texts_from_json(message.get("texts", {}))
            try:
                with (
                    importing(texts),
                    blaming_memory("a worker process", gpu=_FEWER_NETS, host=_FEWER_WORKERS),
                ):
                    if message["kind"] == "open":
                        assignment = Assignment.from_json(message["assignment"])
                        _set_threads(assignment.threads)
                        folder = Path(message["folder"])
                        study = open_study(folder, assignment, send, message["identity"])
                    elif message["kind"] == "open training":
                        trained = TrainAssignment.from_json(message["assignment"])
                        _set_threads(trained.threads)
                        training = open_training(Path(message["folder"]), trained)
                    elif training is not None and message["kind"] == "fit":
                        run_fit(training, message, send)
                    elif study is not None and message["kind"] == "passive":
                        run_passive(study, message, send)
                    elif study is not None and message["kind"] == "active":
                        run_active(study, message, send)
                    elif study is not None and message["kind"] == "correlate":
                        run_correlate(study, message, send)
                    else:
                        raise ValueError(f"out of order: {message['kind']}")
            except AlsimError as error:
                send({"kind": "error", "error": type(error).__name__, "args": error.args})
                continue
            send({"kind": "done"})


if __name__ == "__main__":
    main()
