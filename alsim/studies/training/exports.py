"""The export of single tasks' nets from trained models: which, to which files, and their inputs."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from alsim.errors import nearest
from alsim.experiments.training.records import RANDOM
from alsim.models import ExpertNet
from alsim.models.naming import NamedModel
from alsim.options.faults import Faults
from alsim.pool.loading import LoadedPool
from alsim.pool.pool import Pool
from alsim.pool.roles import FEATURES
from alsim.training.objective import Objective

FLAG = "--export-task"


class ExportPaths:
    """The files of exported nets, each with a distinct name that is valid on any system."""

    def __init__(self, folder: Path, tasks: Sequence[str]) -> None:
        self._folder = folder
        self._tasks = tasks
        self._taken: set[str] = set()

    def of(self, model: str, chosen_by: str, fraction: float, seed: int) -> dict[str, Path]:
        """Return the path of each task's net, MODEL-FRACTION-SEED-TASK.safetensors."""
        who = model if chosen_by == RANDOM else f"{model}-{chosen_by}"
        return {task: self._free(f"{who}-{fraction:g}-{seed}-{task}") for task in self._tasks}

    def _free(self, name: str) -> Path:
        stem = re.sub(r"[^\w.,=+]+", "-", name).strip(".-")[:150]
        number = 1
        while (free := stem if number == 1 else f"{stem}-{number}") in self._taken:
            number += 1
        self._taken.add(free)
        return self._folder / f"{free}.safetensors"


def check_exports(
    tasks: Sequence[str],
    pool: Pool,
    models: Sequence[NamedModel],
    objectives: Sequence[Objective],
    faults: Faults,
) -> list[str]:
    """Return a note on models from which no task can be exported; add unknown tasks to the faults.

    There is an objective of each model, unless one could not be made.
    """
    for task in tasks:
        if task not in pool.tasks:
            faults.add(f"no task {task!r} to cut out", FLAG, nearest(task, pool.tasks))
    if not tasks or len(objectives) < len(models):
        return []
    whole = [
        model.name
        for model, objective in zip(models, objectives, strict=True)
        if not isinstance(objective.model, ExpertNet)
    ]
    if len(whole) == len(models):
        faults.add(
            "no model is one of experts, which alone can be cut to a task",
            FLAG,
            "leave it out, or add --model mmoe",
        )
        return []
    return [f"not of experts, so no task is cut out of: {', '.join(whole)}"] * bool(whole)


def describe_inputs(loaded: LoadedPool) -> dict[str, Any]:
    """Return how each modality is made from the pool's file, as JSON values."""
    report = loaded.report
    columns = [name for names in report.features.values() for name in names]
    encoded = {"columns": columns, "features": {n: list(c) for n, c in report.features.items()}}
    return {
        name: {
            **(encoded if name == FEATURES and report.features else {"columns": None}),
            "mean": list(report.scalings[name].mean),
            "scale": list(report.scalings[name].scale),
        }
        for name in loaded.pool.modalities
    }
