"""Validation labels that are bought, from the same oracle as all others."""

from dataclasses import replace

import torch

from alsim.experiments.asking import Queried, ask
from alsim.experiments.evaluation import make_evaluator
from alsim.experiments.setting import Setting
from alsim.pool.pool import Pool
from alsim.seeding import stream


def buy_validation(setting: Setting) -> Setting:
    """Return a setting that validates by the oracles' answers, which may be wrong, and pays them.

    The answers are the same for every seed, as the rows are. One that leaves several classes
    possible is not validated by.
    """
    rows = setting.pool.splits["validation"]
    known = torch.stack(
        [task.labels[rows.start : rows.stop] >= 0 for task in setting.pool.tasks.values()], 1
    )
    chosen = torch.arange(rows.start, rows.stop)[known.any(1)]
    cells = known[known.any(1)]
    nothing = torch.empty(0, dtype=torch.int64)
    generator = stream(0, "validation", "oracle")
    answers = ask(setting, chosen, cells, seen=nothing, beliefs=None, generator=generator)
    bought = Queried(chosen, cells, None, answers)
    validator = make_evaluator(
        setting.features, _with_answers(setting.pool, bought), rows, setting.chunks
    )
    return replace(
        setting,
        validator=validator if validator.tasks else None,
        for_validation=bought.spent,
    )


def _with_answers(pool: Pool, bought: Queried) -> Pool:
    """Return a pool in which the rows bear what was answered."""
    tasks = {}
    for name, task in pool.tasks.items():
        labels = task.labels.clone()
        labels[bought.rows] = bought.answers[name].labels
        tasks[name] = replace(task, labels=labels)
    return replace(pool, tasks=tasks)
