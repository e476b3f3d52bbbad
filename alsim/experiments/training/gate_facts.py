"""The gates of a trained net of experts: which task uses which expert, and how much."""

from typing import NamedTuple

import torch
from torch import nn

from alsim.experiments.training.evaluation import known_rows
from alsim.experiments.training.records import GateFactName
from alsim.models import ExpertNet
from alsim.models.mixers import Gated
from alsim.models.multi_cluster import MultiCluster
from alsim.pool.pool import Pool
from alsim.signals import Chunks
from alsim.training.features import Features


class GateFact(NamedTuple):
    """One expert for one task, by the gate of the mixed head."""

    task: str
    expert: int
    # Mean weight of a softmax gate over the evaluated rows of the task, or p of a stochastic gate
    fact: GateFactName
    value: float


def gate_facts(
    model: nn.Module, pool: Pool, features: Features, rows: range, chunks: Chunks
) -> list[GateFact]:
    """Return what is known of the gates; nothing of models without any, or of cgc.

    A task's rows are those of the evaluated that have its label; without any it has no mean weight.
    """
    mixer = _mixer_of(model)
    if isinstance(mixer, MultiCluster):
        values = mixer.gate.probabilities().detach().double()
        fact: GateFactName = "probability"
    elif isinstance(mixer, Gated):
        values = _mean_weights(model, mixer, pool, features, rows, chunks)
        fact = "weight"
    else:
        return []
    return [
        GateFact(task, expert, fact, value)
        for task, of_task in zip(pool.tasks, values.tolist(), strict=True)
        for expert, value in enumerate(of_task)
        if value == value  # a task without a row has no mean
    ]


def experts_used(model: nn.Module) -> list[int]:
    """Return how many experts each task uses in evaluation; nothing without stochastic gates."""
    mixer = _mixer_of(model)
    if not isinstance(mixer, MultiCluster):
        return []
    return [len(mixer.used([task])) for task in range(len(mixer.weight))]


def _mixer_of(model: nn.Module) -> nn.Module | None:
    """Return the mixer of the mixed head, at the last level."""
    if not isinstance(model, ExpertNet):
        return None
    last = model.levels[len(model.levels) - 1]
    return last.get_submodule("mixers.0")


def _mean_weights(
    model: nn.Module, mixer: Gated, pool: Pool, features: Features, rows: range, chunks: Chunks
) -> torch.Tensor:
    """Return each expert's mean weight over the rows of each task, `(t, e)` float64."""
    assert isinstance(model, ExpertNet)
    labels = [task.labels[rows.start : rows.stop] for task in pool.tasks.values()]
    known = torch.stack([known_rows(of_task) for of_task in labels], 1).double()
    net = model

    def of_chunk(some: range) -> torch.Tensor:
        with torch.no_grad():
            gates = mixer.gate(net.columns.join(features.span(some.start, some.stop)))
        gates = gates.double().cpu().expand(-1, known.shape[1], -1)
        return torch.einsum(
            "nt,nte->te", known[some.start - rows.start : some.stop - rows.start], gates
        )

    sums = torch.stack(list(chunks.over(rows, of_chunk))).sum(0)
    return sums / known.sum(0).unsqueeze(1)
