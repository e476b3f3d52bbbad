"""Toy pools of several tasks, shared by all rows or disjoint."""

from dataclasses import replace

import torch
from toy import make_pool

from alsim.pool.pool import Pool, Task
from alsim.seeding import stream


def make_tasks_pool() -> Pool:
    """Return the toy pool with six classes, two classes and a target; a fifth is unknown."""
    pool = make_pool()
    label, generator = pool.tasks["label"].labels, stream(0, "tasks")
    known = torch.rand(3, pool.n, generator=generator) > 0.2
    noise = torch.randn(pool.n, generator=generator)
    height = 100 + 5 * (label + 0.3 * noise)
    tasks = (
        Task("label", tuple("abcdef"), torch.where(known[0], label, -1)),
        Task("late", ("no", "yes"), torch.where(known[1], (label > 2).long(), -1)),
        Task("height", (), torch.where(known[2], height, torch.nan), "target"),
    )
    return replace(pool, tasks={task.name: task for task in tasks})


def make_disjoint_pool() -> Pool:
    """Return the toy pool with three tasks of two classes; each object has one task."""
    pool = make_pool()
    label = pool.tasks["label"].labels
    return replace(
        pool,
        tasks={
            name: Task(name, ("0", "1"), torch.where(label // 2 == i, label % 2, -1))
            for i, name in enumerate(("first", "second", "third"))
        },
    )
