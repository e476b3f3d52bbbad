"""What a run would take, from about a second of it: for `alsim run --dry-run`."""

import statistics
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import pairwise
from math import ceil
from pathlib import Path

import torch

from alsim.experiments.curves.loop import active, begin
from alsim.experiments.jobs import Job
from alsim.experiments.passive import Passive, passive
from alsim.experiments.progress import Progress
from alsim.pool.scratch import scratch_folder
from alsim.studies.curves.study import CurvesStudy
from alsim.studies.start.work import Study, open_study

_SECONDS = 1.0  # that are measured, more where a single query takes longer
_EPOCHS = 4  # of the passive phase, of which the first is not counted
_FEWEST = 2  # queries of each strategy


@dataclass(frozen=True, slots=True)
class Trial:
    """What a run would take on this machine."""

    plan: str
    notes: tuple[str, ...]
    n_passives: int  # trainings to start with
    most_epochs: int  # of each
    epoch_seconds: float
    n_queries: int  # of each curve, at most
    n_seeds: int
    query_seconds: dict[str, float]  # by strategy, halfway through the run
    workers: int
    worker_bytes: int | None  # of the largest process, the pool's mapped pages included
    n_ceilings: int = 0  # trainings on all labels
    ceiling_epoch_seconds: float = 0.0  # about
    looks: tuple[int, ...] = ()  # seeds at which it may end; none where their number is fixed

    @property
    def passive_seconds(self) -> float:
        """Return what the trainings to start with take at most, of all workers' time."""
        return self.epoch_seconds * self.most_epochs * ceil(self.n_passives / self._at_once)

    @property
    def active_seconds(self) -> float:
        """Return what all queries take."""
        each = [seconds * self.n_queries for seconds in self.query_seconds.values()]
        return max(max(each), self.n_seeds * sum(each) / self._at_once)

    @property
    def ceiling_seconds(self) -> float:
        """Return what the trainings on all labels take at most, of all workers' time."""
        each = self.ceiling_epoch_seconds * self.most_epochs
        return each * ceil(self.n_ceilings / self._at_once)

    @property
    def _at_once(self) -> int:
        return max(1, self.workers)


def try_out(study: CurvesStudy) -> Trial:
    """Return what a study would take, by its first seed; nothing is written.

    Every strategy makes some queries. A replica in lockstep is counted as a net alone.

    Raises:
        AlsimError: For anything that would end the run too.
    """
    machine = study.head.machine
    with scratch_folder() as work, _threads(machine.threads):
        prepared = study.prepare(work)
        folder, assignment = Path(work), prepared.assignment
        opened = open_study(work, replace(assignment, way="direct"), lambda _: None)
        tasks, n_steps = study.whole_plan(folder, prepared), study.most_steps(prepared)
        seed, epoch_seconds = study.options.seeds[0], 0.0
        starts: dict[str, Passive] = {}
        seconds: dict[str, float] = {}
        for task in tasks.passives:
            like = task.message.like
            if like not in starts:
                starts[like], each = _start(opened, like, seed)
                epoch_seconds = max(epoch_seconds, each)
        of = {job.strategy: t.message.state for t in tasks.actives for job in t.message.jobs}
        likes = {task.message.state: task.message.like for task in tasks.passives}
        growth = study.epochs_worth(prepared, share=0.5) / study.epochs_worth(prepared, share=0.0)
        budget = _SECONDS / len(study.strategies)
        for name in study.strategies:
            found = _query_seconds(opened, Job(seed, name), starts[likes[of[name]]], budget)
            asks = study.strategies[name].strategy.asks
            seconds[name] = found * (growth if asks else 1.0)
        return Trial(
            plan=study.plan_line(prepared),
            notes=prepared.notes,
            n_passives=len(tasks.passives),
            most_epochs=tasks.most_epochs(study.strategies, assignment.training),
            epoch_seconds=epoch_seconds,
            n_queries=n_steps,
            n_seeds=len(study.options.seeds),
            query_seconds=seconds,
            n_ceilings=len(study.ceilings(folder, prepared)),
            ceiling_epoch_seconds=epoch_seconds * study.ceiling_worth(prepared),
            looks=study.looks.plan.looks if study.looks else (),
            workers=machine.workers,
            worker_bytes=_peak(),
        )


def _start(study: Study, like: str, seed: int) -> tuple[Passive, float]:
    """Return a net after few epochs, and how long one takes."""
    setting = study.like(like)
    times: list[float] = []

    class Timed(Progress):
        def epoch(self, n: int) -> None:
            times.append(time.perf_counter())

    most = min(_EPOCHS, setting.training.max_epochs)
    short = replace(setting, training=replace(setting.training, max_epochs=most))
    times.append(time.perf_counter())
    start = passive(short, [seed], Timed())
    each = [after - before for before, after in pairwise(times)]
    return start, statistics.median(each[1:] or each)


def _query_seconds(study: Study, job: Job, start: Passive, budget: float) -> float:
    """Return how long a query, its training and its measuring take; 0 where there is none."""
    setting = study.like(job.strategy)
    steps = active(setting, [job], begin(setting, [job], start), Progress())
    began = now = time.perf_counter()
    taken: list[float] = []
    for advance in steps:
        before, now = now, time.perf_counter()
        if advance.step:
            taken.append(now - before)
        if len(taken) >= _FEWEST and now - began > budget:
            break
    return statistics.median(taken) if taken else 0.0


def _peak() -> int | None:
    """Return the bytes that this process has used at most, None where the system does not say."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


@contextmanager
def _threads(n: int) -> Generator[None]:
    """Compute with as many threads as a worker has."""
    before = torch.get_num_threads()
    torch.set_num_threads(n)
    try:
        yield
    finally:
        torch.set_num_threads(before)
