"""The requested signals of one chunk of rows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor
from torch.nn import functional as F

from alsim.models import MIXED, Inputs, Outputs
from alsim.signals.committees import Streams, committee_probabilities
from alsim.signals.interface import Committee, InputDropout, Signal, Signals
from alsim.signals.perturbed import ablated, noised
from alsim.training.features import Features
from alsim.training.replicas import Replicas

# Computing up to this share of unneeded rows is cheaper than gathering the needed ones.
_WASTE = 0.25


@dataclass(frozen=True, slots=True, eq=False)
class Request:
    """The signals that one replica's strategy needs."""

    signals: frozenset[Signal]
    streams: Streams
    committee: Committee = field(default_factory=Committee)
    input_dropout: InputDropout = field(default_factory=InputDropout)


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """What the signals are computed from."""

    replicas: Replicas
    features: Features
    task: str
    truth: Tensor | None = None  # (all rows of the pool,) int64, for `true_loss` alone


@dataclass(frozen=True, eq=False)
class SharedOutputs:
    """The replicas' outputs for some rows, computed once for several tasks, on first use."""

    replicas: Replicas
    features: Features
    rows: Tensor  # (n,) int64, ascending

    @cached_property
    def _all(self) -> Outputs:
        inputs, kept = inputs_of(self.features, self.rows)
        outputs = self.replicas.outputs(inputs)
        return outputs if kept is None else _taken(outputs, kept, tuple(outputs.logits))

    def of(self, rows: Tensor, task: str) -> Outputs:
        """Return the outputs for some of the rows and one task."""
        if len(rows) == len(self.rows):
            return self._all
        return _taken(self._all, torch.searchsorted(self.rows, rows), (task,))


def signals_of(
    scene: Scene, rows: Tensor, requests: Sequence[Request], shared: SharedOutputs | None = None
) -> tuple[Signals, ...]:
    """Return every replica's signals of `rows`.

    A signal that any replica needs is computed for all, since lockstep is one program, but each
    replica gets only its own.

    Args:
        scene: Replicas, inputs and task.
        rows: `(n,)` int64, ascending, on the device; one chunk.
        requests: One per replica.
        shared: The replicas' outputs for these and perhaps other rows, if known.
    """
    needs = sorted(frozenset[Signal]().union(*(request.signals for request in requests)))
    shared = shared or SharedOutputs(scene.replicas, scene.features, rows)
    chunk = _Chunk(scene, rows, requests, shared)
    values = {signal: _COMPUTE[signal](chunk) for signal in needs}
    return tuple(
        Signals(len(rows), {signal: values[signal][r] for signal in request.signals})
        for r, request in enumerate(requests)
    )


@dataclass(frozen=True, eq=False)
class _Chunk:
    """Some rows, and the values that several signals share."""

    scene: Scene
    rows: Tensor
    requests: Sequence[Request]
    shared: SharedOutputs

    @cached_property
    def outputs(self) -> Outputs:
        """Return the replicas' outputs, each tensor `(r, n, …)`."""
        return self.shared.of(self.rows, self.scene.task)

    @cached_property
    def inputs(self) -> Inputs:
        """Return the inputs of exactly these rows."""
        inputs, kept = inputs_of(self.scene.features, self.rows)
        return inputs if kept is None else self.scene.features.take(self.rows)

    @cached_property
    def logits(self) -> Mapping[str, Tensor]:
        """Return the task's logits, head -> `(r, n, c)`."""
        return self.outputs.logits[self.scene.task]

    def probabilities(self, inputs: Inputs) -> Tensor:
        """Return the mixed head's probabilities on changed inputs, `(r, n, c)`."""
        logits = self.scene.replicas.outputs(inputs).logits[self.scene.task][MIXED]
        return torch.softmax(logits, -1)


def _head_probabilities(chunk: _Chunk) -> Sequence[Tensor]:
    return torch.stack([torch.softmax(z, -1) for z in chunk.logits.values()], -2).unbind()


def _mc_probabilities(chunk: _Chunk) -> Sequence[Tensor]:
    streams = [request.streams for request in chunk.requests]
    asked = [r.committee for r in chunk.requests if "mc_probabilities" in r.signals]
    drawn = {
        committee: committee_probabilities(
            chunk.scene.replicas, chunk.inputs, chunk.rows,
            task=chunk.scene.task, committee=committee, streams=streams,
        )
        for committee in dict.fromkeys(asked)
    }  # fmt: skip
    return [
        drawn[request.committee][r] if "mc_probabilities" in request.signals else torch.empty(0)
        for r, request in enumerate(chunk.requests)
    ]


def _noised_probabilities(chunk: _Chunk) -> Sequence[Tensor]:
    # Each replica has its own noised inputs, though in lockstep all replicas compute on each.
    values: list[Tensor] = []
    for r, request in enumerate(chunk.requests):
        if "noised_probabilities" not in request.signals:
            values.append(torch.empty(0))
            continue
        generator = request.streams("input dropout")
        passes = noised(chunk.inputs, chunk.rows, request.input_dropout, generator=generator)
        values.append(torch.stack([chunk.probabilities(inputs)[r] for inputs in passes], 1))
    return values


def _ablated_probabilities(chunk: _Chunk) -> Sequence[Tensor]:
    parts = [chunk.probabilities(inputs) for inputs in ablated(chunk.inputs)]
    return torch.stack(parts, 2).unbind()


def _true_loss(chunk: _Chunk) -> Sequence[Tensor]:
    if chunk.scene.truth is None:
        raise ValueError("the true loss needs the true labels")
    labels = chunk.scene.truth[chunk.rows]
    return [F.cross_entropy(logits, labels, reduction="none") for logits in chunk.logits[MIXED]]


# Each computes one tensor (n, …) per replica.
_COMPUTE: Mapping[Signal, Callable[[_Chunk], Sequence[Tensor]]] = {
    "probabilities": lambda chunk: torch.softmax(chunk.logits[MIXED], -1).unbind(),
    "head_probabilities": _head_probabilities,
    "mc_probabilities": _mc_probabilities,
    "noised_probabilities": _noised_probabilities,
    "ablated_probabilities": _ablated_probabilities,
    "hidden": lambda chunk: chunk.outputs.hidden_of(chunk.scene.task).unbind(),
    "embeddings": lambda chunk: (
        [torch.cat(list(chunk.inputs.modalities.values()), 1)] * len(chunk.requests)
    ),
    "present": lambda chunk: [chunk.inputs.present] * len(chunk.requests),
    "predicted_loss": lambda chunk: chunk.scene.replicas.predicted_losses(chunk.inputs).unbind(),
    "true_loss": _true_loss,
}


def _taken(outputs: Outputs, kept: Tensor, tasks: Sequence[str]) -> Outputs:
    """Return the outputs for some of the rows and tasks."""
    return Outputs(
        {task: {head: z[:, kept] for head, z in outputs.logits[task].items()} for task in tasks},
        outputs.hidden[:, kept],
        own_hidden={task: h[:, kept] for task, h in outputs.own_hidden.items() if task in tasks},
    )


def inputs_of(features: Features, rows: Tensor) -> tuple[Inputs, Tensor | None]:
    """Return inputs that cover `rows`, and the positions of `rows` among them (None: all).

    If the rows are close together, the whole range is used as a view, since gathering wide rows
    costs more than computing a few unneeded ones.

    Args:
        features: The pool's inputs.
        rows: `(n,)` int64, ascending.
    """
    first, last = int(rows[0]), int(rows[-1])
    if last + 1 - first > (1 + _WASTE) * len(rows):
        return features.take(rows), None
    inputs = features.span(first, last + 1)
    return inputs, (None if last + 1 - first == len(rows) else rows - first)
