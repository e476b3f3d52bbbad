"""One round's query: every replica's unlabelled rows scored task by task, then picked from."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import torch
from torch import Tensor

from alsim.errors import AlsimError, RunError
from alsim.experiments.asking import Queried, ask
from alsim.experiments.cells import open_cells
from alsim.experiments.curves.picking import Options, Picked, pick, wanted_tasks
from alsim.experiments.curves.scoring import considered, score_tasks
from alsim.experiments.jobs import Job
from alsim.experiments.setting import Setting
from alsim.seeding import stream
from alsim.signals import Request, Scene, Signals, signals_of
from alsim.strategies import Candidates, Strategy, find_strategy
from alsim.training.fit import Labelled
from alsim.training.memory import blaming_memory
from alsim.training.replicas import Replicas

RANDOM = find_strategy("random").strategy
_FEWER = "let it look at fewer rows, such as --candidates 10000, or use fewer --workers"


def query_round(
    setting: Setting,
    replicas: Replicas,
    jobs: Sequence[Job],
    labelled: Labelled,
    running: Sequence[bool],
    *,
    step: int,
    size: int,
) -> list[Queried]:
    """Return the next query of every replica.

    There is one replica a job. One that is not `running` is queried at random, only to stay in
    step. The size is k objects or cells, or as many as a replica may ask for.

    Raises:
        RunError: If scores are not one number a row, or memory runs out. It names the strategy,
            seed and step, as a note does on whatever else a strategy raises.
    """
    # One that has ended stays in step at the least cost.
    strategies = [
        _named(setting.strategies[job.strategy], job, step) if on else RANDOM
        for job, on in zip(jobs, running, strict=True)
    ]
    options = [
        _options(setting, mine, strategy, size, stream(job.seed, "round", step, "candidates"))
        for mine, strategy, job in zip(
            open_cells(setting.known, setting.oracles, labelled, setting.unit),
            strategies,
            jobs,
            strict=True,
        )
    ]
    with blaming_memory(f"step {step}, scoring the unlabelled rows", gpu=_FEWER, host=_FEWER):
        scored = _scored(setting, replicas, jobs, strategies, options, labelled, step, size)
    picks: list[Picked] = []
    for job, strategy, mine, of_tasks in zip(jobs, strategies, options, scored, strict=True):
        generator = stream(job.seed, "round", step, "query")
        with _naming(job, step), blaming_memory("choosing the query", gpu=_FEWER, host=_FEWER):
            picks.append(pick(strategy, mine, of_tasks, size, step=step, generator=generator))
    beliefs = _beliefs(setting, replicas, [picked.rows for picked in picks])
    seen = labelled.rows.cpu()
    return [
        Queried(
            *picked,
            ask(
                setting, picked.rows, picked.cells, seen=seen[r], beliefs=beliefs[r],
                generator=stream(job.seed, "round", step, "oracle"),
            ),
        )
        for r, (job, picked) in enumerate(zip(jobs, picks, strict=True))
    ]  # fmt: skip


def _options(
    setting: Setting, is_open: Tensor, strategy: Strategy, size: int, generator: torch.Generator
) -> Options:
    """Return what a strategy looks at, by the cells `(n, t)` that are open in the pool."""
    rows = considered(is_open.any(1), strategy.candidates, size, generator=generator)
    return Options(rows, is_open[rows], setting.unit)


def _scored(
    setting: Setting,
    replicas: Replicas,
    jobs: Sequence[Job],
    strategies: Sequence[Strategy],
    options: Sequence[Options],
    labelled: Labelled,
    step: int,
    size: int,
) -> list[dict[int, Candidates]]:
    """Return every replica's candidates by the task, those of its strategy's wanted tasks."""
    wanted = [
        wanted_tasks(strategy, mine, size, step=step)
        for strategy, mine in zip(strategies, options, strict=True)
    ]
    nothing = torch.empty(0, dtype=torch.int64)
    places = sorted({place for tasks in wanted for place in tasks})
    names = list(setting.oracles)
    rows = {
        names[place]: [
            mine.rows[mine.is_open[:, place]] if place in tasks else nothing
            for mine, tasks in zip(options, wanted, strict=True)
        ]
        for place in places
    }
    seeds = [job.seed for job in jobs]
    found = score_tasks(setting, replicas, seeds, strategies, rows, labelled, step=step)
    return [
        {place: found[names[place]][r] for place in places if place in wanted[r]}
        for r in range(len(jobs))
    ]


@contextmanager
def _naming(job: Job, step: int) -> Generator[None]:
    """Name the strategy, the seed and the step in whatever is raised inside."""
    here = f"strategy {job.strategy}, seed {job.seed}, step {step}"
    try:
        yield
    except AlsimError as error:
        what, where, mend = error.args
        raise type(error)(what, f"{here}, {where}", mend) from None
    except Exception as error:
        error.add_note(f"in {here}")
        raise


def _named(strategy: Strategy, job: Job, step: int) -> Strategy:
    """Return a strategy whose score is checked, chunk by chunk, and named in its failures."""

    def score(signals: Signals) -> Tensor:
        with _naming(job, step):
            return _one_a_row(strategy.score(signals), signals.n)

    return replace(strategy, score=score)


def _one_a_row(scores: object, n: int) -> Tensor:
    """Return scores of `n` rows that have their shape; a plug-in's may be anything."""
    if isinstance(scores, Tensor) and scores.shape == (n,):
        return scores
    found = (
        f"the shape {tuple(scores.shape)}"
        if isinstance(scores, Tensor)
        else f"the type {type(scores).__name__}"
    )
    raise RunError(
        f"the score of {n} rows has {found}, and is no tensor of the shape ({n},)",
        "scoring the unlabelled rows",
        "mend the strategy's score: one number a row",
    )


def _beliefs(
    setting: Setting, replicas: Replicas, picks: Sequence[Tensor]
) -> Sequence[Tensor | None]:
    """Return each replica's class probabilities of its rows, `(k, c)`, if the oracle wants them."""
    if not any(oracle.traits.wants_beliefs for oracle in setting.oracles.values()):
        return [None] * len(picks)
    rows = torch.cat(list(picks)).unique()  # ascending, as the pass over the pool wants it
    scene = Scene(replicas, setting.features, setting.task)
    request = Request(frozenset({"probabilities"}), lambda use: stream(0, use))

    def of_chunk(here: Tensor) -> list[Tensor]:
        chunk = signals_of(scene, here.to(setting.features.device), [request] * len(picks))
        return [signals.probabilities.cpu() for signals in chunk]

    parts = zip(*setting.chunks.over(rows, of_chunk), strict=True)  # by replica
    return [
        torch.cat(mine)[torch.searchsorted(rows, picked)]
        for mine, picked in zip(parts, picks, strict=True)
    ]
