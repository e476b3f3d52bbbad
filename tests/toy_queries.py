"""A toy study of three tasks with some unknown labels: its queries and their cost."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from toy import make_pool

from alsim.experiments.curves.loop import active, begin
from alsim.experiments.curves.records import QueryRecord, Round
from alsim.experiments.jobs import Job
from alsim.experiments.passive import passive
from alsim.experiments.progress import Progress
from alsim.experiments.schedule import Schedule
from alsim.experiments.setting import Setting, make_setting
from alsim.options.curves import Unit
from alsim.options.engine import Way
from alsim.options.model import ModelOptions
from alsim.options.sizes import QuerySize, Until
from alsim.options.training import TrainingOptions
from alsim.oracle import PerfectOracle
from alsim.pool.pool import Pool, Task
from alsim.seeding import stream
from alsim.strategies import find_strategy

PRICES = {"label": 1.0, "late": 0.5, "third": 4.0}
Rounds = dict[tuple[int, str, int], Round]


def make_queried_pool() -> Pool:
    """Return the toy pool with tasks of six, two and three classes; a quarter is unknown."""
    pool = make_pool()
    label = pool.tasks["label"].labels
    known = torch.rand(3, pool.n, generator=stream(0, "queried")) > 0.25
    tasks = (
        Task("label", tuple("abcdef"), torch.where(known[0], label, -1)),
        Task("late", ("no", "yes"), torch.where(known[1], (label > 2).long(), -1)),
        Task("third", tuple("xyz"), torch.where(known[2], label % 3, -1)),
    )
    return replace(pool, tasks={task.name: task for task in tasks})


def make_queries_setting(
    names: Sequence[str] = ("random", "margin"),
    unit: Unit = "object",
    *,
    pool: Pool | None = None,
    read_price: float = 0.0,
    way: Way = "direct",
    prices: Mapping[str, float] = PRICES,
    schedule: Schedule | None = None,
    training: TrainingOptions | None = None,
) -> Setting:
    """Return a study of all tasks of a pool: 40 initial labels, 3 queries of 11, float64."""
    pool = pool or make_queried_pool()
    return make_setting(
        pool,
        oracles={
            name: PerfectOracle(task.labels, prices.get(name, 1.0))
            for name, task in pool.tasks.items()
        },
        strategies={name: find_strategy(name).strategy for name in names},
        schedule=schedule or Schedule(40, QuerySize(11, 11), 3, Until()),
        model=ModelOptions(name="mlp", width=8),
        training=training
        or TrainingOptions(batch_size=16, max_epochs=3, learning_rate=1e-2, precision="float64"),
        way=way,
        device=torch.device("cpu"),
        unit=unit,
        read_price=read_price,
    )


def run(setting: Setting, jobs: Sequence[Job]) -> Rounds:
    """Run the jobs, together in lockstep and one by one otherwise."""
    seeds = sorted({job.seed for job in jobs})
    groups = [list(jobs)] if setting.way == "lockstep" else [[job] for job in jobs]
    batches = [seeds] if setting.way == "lockstep" else [[seed] for seed in seeds]
    starts = [(batch, passive(setting, batch, Progress())) for batch in batches]
    rounds: Rounds = {}
    for group in groups:
        batch, trained = next(start for start in starts if group[0].seed in start[0])
        start = trained.pick([batch.index(job.seed) for job in group])
        position = begin(setting, group, start)
        for advance in active(setting, group, position, Progress()):
            for r, done in advance.rounds.items():
                rounds[(*group[r], advance.step)] = done
    return rounds


def asked(rounds: Rounds, job: Job) -> list[QueryRecord]:
    """Return all queries of a job, in order."""
    steps = sorted(step for seed, name, step in rounds if (seed, name) == job)
    return [query for step in steps for query in rounds[*job, step].queries]
