"""Runs of several tasks, in memory and as the store writes them, with made-up numbers."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from pictures import MemoryRun, make_queries, make_steps

from alsim.experiments.curves.records import MetricRecord, Round, StepRecord
from alsim.store.curves import write_tables
from alsim.store.folder import create_run
from alsim.store.manifest import write_manifest
from alsim.store.tables import METRICS, schema_of

TASKS = ("colour", "season")
STRATEGIES = ("margin", "random")
MEASURES = ("accuracy", "balanced_accuracy", "macro_f1", "nll", "ece")
N_STEPS = 5


def value_of(task: str, strategy: str, seed: int, step: int) -> float:
    """Return the accuracy of a task: margin is ahead only in the first one."""
    ahead = 0.02 * step if (task, strategy) == ("colour", "margin") else 0.0
    return 0.5 + 0.2 * (task == "season") + 0.01 * step + 0.001 * seed + ahead


def task_run(
    tasks: Sequence[str] = TASKS, *, auc: Sequence[str] = ("colour",), n_seeds: int = 3
) -> MemoryRun:
    """Return a run whose steps are the mean of its tasks; some tasks have an AUC, too."""
    places = [
        (strategy, seed, step)
        for strategy in STRATEGIES
        for seed in range(n_seeds)
        for step in range(N_STEPS)
    ]
    rows = [
        (*place, task, head, "all", metric, None, scale * value_of(task, *place))
        for place in places
        for task in tasks
        for head, metric, scale in (
            *(("mixed", metric, 1.0 if metric == "accuracy" else 0.5) for metric in MEASURES),
            ("text", "accuracy", 0.1),
            *[("mixed", "auc", 0.9)] * (task in auc),
        )
    ]
    rows += [
        (*place, "colour", "mixed", "all", "recall", "red", 0.3)
        for place in places
        if "colour" in tasks
    ]
    names = schema_of(METRICS).names
    means = {
        strategy: [
            [
                sum(value_of(task, strategy, seed, step) for task in tasks) / len(tasks)
                for step in range(N_STEPS)
            ]
            for seed in range(n_seeds)
        ]
        for strategy in STRATEGIES
    }
    queries = make_queries({("margin", 0, 1): ["red", "blue"], ("random", 0, 1): ["red", "red"]})
    return MemoryRun(
        "clothes",
        steps=make_steps(means),  # pyright: ignore[reportArgumentType] -- lists will do
        metrics=pa.Table.from_pylist(
            [dict(zip(names, row, strict=True)) for row in rows], schema=schema_of(METRICS)
        ),
        queries=queries.set_column(
            queries.schema.get_field_index("task"), "task", pa.array(["colour"] * 4)
        ),
        manifest={
            "status": "complete",
            "evaluation_split": "test",
            "n_evaluated": 900,
            "pool": {"name": "clothes", "fingerprint": "abc", "classes": {}},
            "task": ", ".join(tasks),
            "tasks": {
                task: {"classes": {"red": 30, "blue": 10}, "n_labels": 40, "n_evaluated": 800}
                for task in tasks
            },
            "configuration": {"unit": "object", "combine": "mean"},
        },
    )


def write_task_run(folder: Path, **options: Any) -> Path:
    """Write such a run in the format of the store, and return its folder."""
    run = task_run(**options)
    create_run(folder)
    metrics: dict[tuple[str, int, int], list[MetricRecord]] = {}
    for row in run.metrics.to_pylist():
        metrics.setdefault((row["strategy"], row["seed"], row["step"]), []).append(
            MetricRecord(**row)
        )
    rounds = [
        Round(StepRecord(**row), tuple(metrics[row["strategy"], row["seed"], row["step"]]), ())
        for row in run.steps.to_pylist()
    ]
    write_tables(folder, rounds)
    write_manifest(folder, run.manifest)
    return folder
