"""Training studies with made-up numbers, written as the store writes them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from alsim.experiments.training.records import (
    FitRecord,
    GateFactName,
    GateRecord,
    TaskRecord,
    TasksResult,
)
from alsim.store.folder import create_run
from alsim.store.manifest import write_manifest
from alsim.store.training import write_training

Gates = Mapping[str, np.ndarray]  # model -> (s, t, e)
# model, seed, fraction, task, evaluation -> accuracy
Accuracy = Callable[[str, int, float, str, str], float]
TASKS = ("colour", "season")
EVALUATIONS = {"task-k": 3, "all": 4, "top-1": 1, "top-2": 2}  # and the experts that run


def is_stochastic(model: str) -> bool:
    return model.startswith("multi-cluster")


def accuracy_of(model: str, seed: int, fraction: float, task: str, evaluation: str) -> float:
    """Return an accuracy in which every term can be recognised."""
    best = (
        0.1 * fraction + 0.01 * TASKS.index(task) + 0.001 * seed + (0.3 if "omoe" in model else 0)
    )
    return 0.5 + best - {"all": 0.01, "top-1": 0.05, "top-2": 0.02}.get(evaluation, 0.0)


def make_results(
    models: Sequence[str] = ("mmoe", "multi-cluster"),
    *,
    fractions: Sequence[float] = (0.5, 1.0),
    n_seeds: int = 3,
    tasks: Sequence[str] = TASKS,
    chosen_by: Sequence[str] = ("random",),
    accuracy: Accuracy = accuracy_of,
    gates: Gates | None = None,
    diverged: Sequence[tuple[str, int]] = (),
) -> Iterator[TasksResult]:
    """Yield a result for each model, choice of labels, fraction and seed.

    Args:
        models: Models named multi-cluster have several evaluations.
        fractions: Of 1,000 objects with a label for each task.
        n_seeds: Seeds 0, 1, …
        tasks: By name.
        chosen_by: The strategies that chose the labels.
        accuracy: The accuracy of a net on a task.
        gates: The gates of some models, equal for each fraction.
        diverged: Models and seeds without measurements.
    """
    for model in models:
        for by in chosen_by:
            for fraction in fractions:
                n = int(1000 * fraction)
                for seed in range(n_seeds):
                    key = (seed, model, by, fraction, n, n * len(tasks))
                    if (model, seed) in diverged:
                        yield TasksResult(FitRecord(*key, 500, 400, 0, None, None), (), ())
                        continue
                    loss = 1.0 + 0.01 * seed + (0.2 if "omoe" in model else 0.0)
                    fit = FitRecord(*key, 500, 400, 7, loss - 0.5, loss)
                    measured: list[TaskRecord] = []
                    for task in tasks:
                        evaluations = EVALUATIONS if is_stochastic(model) else {"": 0}
                        for evaluation, n_experts in evaluations.items():
                            value = accuracy(model, seed, fraction, task, evaluation)
                            of = (*key, task, evaluation)
                            measured.append(TaskRecord(*of, "accuracy", value))
                            if evaluation:
                                measured.append(TaskRecord(*of, "n_experts", float(n_experts)))
                        first = next(iter(evaluations))
                        measured.append(TaskRecord(*key, task, first, "n_labelled", float(n)))
                        measured.append(TaskRecord(*key, task, first, "train_loss", loss - 0.5))
                    yield TasksResult(fit, tuple(measured), _gates(key, gates or {}, tasks))


def _gates(
    key: tuple[int, str, str, float, int, int], gates: Gates, tasks: Sequence[str]
) -> tuple[GateRecord, ...]:
    seed, model = key[0], key[1]
    if model not in gates:
        return ()
    fact: GateFactName = "probability" if is_stochastic(model) else "weight"
    return tuple(
        GateRecord(*key, task, expert, fact, float(value))
        for task, values in zip(tasks, gates[model][seed], strict=True)
        for expert, value in enumerate(values)
        if value == value
    )


def write_made_training(
    folder: Path, results: Iterator[TasksResult] | None = None, **manifest: object
) -> Path:
    """Write a finished training study and return its folder."""
    create_run(folder)
    write_training(folder, make_results() if results is None else results)
    facts: dict[str, object] = {
        "status": "complete",
        "kind": "training",
        "pool": {"name": "clothes", "fingerprint": "7d3f" * 8},
        "evaluation_split": "test",
        "n_evaluated": 200,
    }
    write_manifest(folder, {**facts, **manifest})
    return folder
