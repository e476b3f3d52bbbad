"""A worker's tasks of both curves and correlation: opening the study, the passive phase."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch

from alsim.errors import StoreError
from alsim.experiments.correlation import copies_at_once
from alsim.experiments.passive import Passive, passive
from alsim.experiments.progress import Progress
from alsim.experiments.setting import Setting, make_setting
from alsim.experiments.validation import buy_validation
from alsim.oracle import make_oracle
from alsim.pool.mapping import open_mapped
from alsim.signals import Chunks
from alsim.store.atomic import gone_under_way
from alsim.store.layout import again
from alsim.strategies import Named, find_strategy
from alsim.studies import messages
from alsim.studies.start.assignment import Assignment
from alsim.studies.start.passive_results import load_passive, save_passive
from alsim.studies.start.plan import training_of

Send = Callable[[messages.Report], None]


class Stopwatch(Progress):
    """Measures how long each phase of a job takes; the core itself has no clock."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._phase = ""
        self._since = time.perf_counter()
        self.seconds: dict[str, float] = {}

    def phase(self, name: str) -> None:
        """End the current phase, if any, and begin another."""
        now = time.perf_counter()
        if self._phase:
            self.seconds[self._phase] = self.seconds.get(self._phase, 0.0) + now - self._since
        self._phase, self._since = name, now

    def epoch(self, n: int) -> None:
        """Report an epoch."""
        self._send(messages.Epoch(n))

    def take(self) -> dict[str, float]:
        """Return the seconds of each phase since the last call."""
        self.phase(self._phase)
        taken, self.seconds = self.seconds, {}
        return taken


@dataclass(frozen=True, slots=True, eq=False)
class Study:
    """A study that a worker has opened."""

    setting: Setting
    strategies: Mapping[str, Named]
    identity: str = ""  # of its checkpoints
    copies: Chunks = field(default_factory=copies_at_once)

    def like(self, strategy: str) -> Setting:
        """Return the setting with the training of a strategy's net."""
        training = training_of(self.strategies[strategy], self.setting.training)
        return replace(self.setting, training=training)


def open_study(folder: Path, assignment: Assignment, send: Send, identity: str = "") -> Study:
    """Return the study whose pool is mapped in `folder`; it reports when memory runs out."""

    def warn(text: str) -> None:
        text = f"memory ran out: {text}; last bits may differ from other runs'"
        send(messages.Note(text))

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
        chunks=Chunks(
            device=assignment.device,
            on_smaller=lambda n: warn(f"scoring goes on with {n:,} rows at a time"),
        ),
        unit=assignment.unit,
        read_price=plan.read_price,
    )
    if assignment.is_validation_paid:
        setting = buy_validation(setting)
    copies = copies_at_once(on_smaller=lambda n: warn(f"copies are trained {n} at a time now"))
    return Study(setting, strategies, identity, copies)


def run_passive(study: Study, message: messages.Passive, send: Send) -> None:
    """Train the passive phase of some seeds and save their states."""
    watch = Stopwatch(send)
    setting = study.like(message.like)
    setting = replace(setting, way=message.way or setting.way)
    done = passive(setting, message.seeds, watch)
    save_passive(message.state, done, watch.take(), study.identity)
    send(messages.Trained())


def start_of(study: Study, message: messages.Active | messages.Correlate) -> Passive:
    """Return the nets that the passive phase left, one a curve.

    Raises:
        StoreError: If they are gone.
    """
    state = message.state
    found = load_passive(state, study.identity)
    if found is None:
        mend = f"leave a run's folder alone while it is worked on; then {again(state)}"
        if not state.parent.exists():
            mend = gone_under_way(state)
        raise StoreError("the nets of the passive phase are gone", str(state), mend)
    return found[0].pick(message.pick)
