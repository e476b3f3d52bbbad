"""A worker's tasks of passive training: one net, or the seeds of one in lockstep."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from alsim.experiments.progress import Progress
from alsim.experiments.training.labels import Queries, TaskLabels, drawn_labels, queried_labels
from alsim.experiments.training.loop import train_tasks
from alsim.experiments.training.results import TrainedNet
from alsim.experiments.training.setting import TasksSetting, make_tasks_setting
from alsim.models import ExpertNet
from alsim.pool.mapping import open_mapped
from alsim.signals import Chunks
from alsim.store.exported_task import save_task
from alsim.store.training import keep_results
from alsim.studies import messages
from alsim.studies.training.assignment import TrainAssignment
from alsim.studies.training.mapped_queries import read_queries, with_queried_tasks
from alsim.training.features import shape_of

Send = Callable[[messages.Report], None]


@dataclass(frozen=True, slots=True, eq=False)
class Training:
    """Passive training that a worker has opened."""

    settings: tuple[TasksSetting, ...]  # one a model, of one pool
    queries: Mapping[tuple[str, int], Queries] | None  # None: labels are drawn at random
    inputs: Mapping[str, Any]  # how they were made, for exports

    def labels(self, chosen_by: str, seed: int, fraction: float) -> TaskLabels:
        """Return the labels that a net is trained on."""
        pool = self.settings[0].pool
        if self.queries is None:
            return drawn_labels(pool, fraction, seed)
        return queried_labels(pool, self.queries[chosen_by, seed], fraction)


def open_training(folder: Path, assignment: TrainAssignment) -> Training:
    """Return the training whose pool is mapped in `folder`."""
    pool, queries = open_mapped(folder), read_queries(folder)
    if queries is not None:
        pool = with_queried_tasks(pool, queries)
    first, *others = assignment.models
    setting = make_tasks_setting(
        pool,
        model=first.options,
        training=assignment.training,
        way=assignment.way,
        device=torch.device(assignment.device),
        name=first.name,
        evaluations=first.evaluations,
    )
    rest = (setting.with_model(other.name, other.options, other.evaluations) for other in others)
    return Training((setting, *rest), queries, assignment.inputs)


class _Reporting(Progress):
    def __init__(self, send: Send) -> None:
        self._send = send

    def epoch(self, n: int) -> None:
        self._send(messages.Epoch(n))


def run_fit(training: Training, message: messages.Fit, send: Send) -> None:
    """Train a net on its labels for each seed, and keep the results."""

    def warn(n: int) -> None:
        text = f"memory ran out: scoring goes on with {n:,} rows at a time"
        send(messages.Note(f"{text}; last bits may differ from other runs'"))

    setting = training.settings[message.model]
    # Chunks of its own, since their size, which memory limits, matters to the last bits.
    chunks = Chunks(device=setting.features.device.type, on_smaller=warn)
    setting = replace(setting, chunks=chunks)
    chosen = [training.labels(message.chosen_by, seed, message.fraction) for seed in message.seeds]
    nets = train_tasks(setting, message.seeds, chosen, _Reporting(send))
    for seed, net in zip(message.seeds, nets, strict=True):
        _export(training, setting, net, message.exports.get(seed, {}))
    keep_results(message.journal, [net.result for net in nets])
    send(messages.Fits(len(nets)))


def _export(
    training: Training, setting: TasksSetting, net: TrainedNet, paths: Mapping[str, Path]
) -> None:
    """Export the nets of some tasks from a model that did not diverge."""
    fit = net.result.fit
    if not fit.epochs or not isinstance(net.model, ExpertNet):
        return
    for task, path in paths.items():
        save_task(
            path,
            net.model,
            task,
            name=setting.name,
            shape=shape_of(setting.pool),
            options=setting.model,
            inputs=training.inputs,
            classes=setting.pool.tasks[task].classes,
            target=net.scales.get(task),
            facts={"chosen_by": fit.chosen_by, "fraction": fit.fraction, "seed": fit.seed},
        )
