"""The ceiling: what a net knows that was trained on all labels of the pool, once a seed.

It is trained as in the passive phase, by the study's own options: from scratch, to its best epoch
on the same validation rows. Its labels are what the oracle answers about every cell of the train
split, and cost nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from alsim.experiments.asking import Queried, ask, labelled_rows
from alsim.experiments.curves.recording import Measure, measures_of
from alsim.experiments.passive import fit_from_scratch
from alsim.experiments.progress import Progress
from alsim.experiments.setting import Setting, fresh_replicas
from alsim.seeding import stream


@dataclass(frozen=True, slots=True)
class Ceiling:
    """What training on all labels gave with one seed."""

    seed: int
    best: int  # the epoch that its net kept; 0 where the training diverged
    epochs: int  # how many it took
    measures: tuple[Measure, ...]  # none where it diverged


def ceilings(setting: Setting, seeds: Sequence[int], progress: Progress) -> tuple[Ceiling, ...]:
    """Return the ceiling of each seed."""
    progress.phase("ceiling")
    replicas = fresh_replicas(setting, seeds, "ceiling", "init")
    labelled = labelled_rows(setting, [all_labels(setting, seed) for seed in seeds])
    trained = fit_from_scratch(setting, replicas, labelled, seeds, "ceiling", progress=progress)
    progress.phase("evaluate ceiling")
    counts = zip(trained.best.tolist(), trained.epochs.tolist(), strict=True)
    return tuple(
        Ceiling(
            seed,
            best,
            epochs,
            tuple(
                row
                for task, measures in (found.tasks.items() if best else ())
                for row in measures_of(setting, task, measures, with_steps=True)
            ),
        )
        for seed, (best, epochs), found in zip(
            seeds, counts, setting.evaluator.evaluate(replicas), strict=True
        )
    )


def all_labels(setting: Setting, seed: int) -> Queried:
    """Return every object that can be asked about, with the oracle's answers to all its cells."""
    rows = setting.known.any(1).nonzero()[:, 0]
    cells, nothing = setting.known[rows], torch.empty(0, dtype=torch.int64)
    generator = stream(seed, "ceiling", "oracle")
    answers = ask(setting, rows, cells, seen=nothing, beliefs=None, generator=generator)
    return Queried(rows, cells, None, answers)
