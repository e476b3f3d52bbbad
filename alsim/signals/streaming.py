"""The requested signals of one chunk of rows."""

from collections.abc import Callable, Iterable, Mapping, Sequence
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

    @property
    def n_predictions(self) -> int:
        """Return how many predictions of a row the largest signal holds."""
        return self.committee.k if "mc_probabilities" in self.signals else 1


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
    signals: frozenset[Signal]  # all that are wanted of them

    @cached_property
    def _computed(self) -> tuple[Outputs, Tensor | None]:
        inputs, kept = inputs_of(self.features, self.rows)
        if "head_probabilities" not in self.signals:
            inputs = inputs._replace(heads="mixed")
        return self.replicas.outputs(inputs), kept

    def heads(self, task: str) -> Sequence[str]:
        """Return the names of a task's heads."""
        return tuple(self._computed[0].logits[task])

    def of(self, rows: Tensor, read: Callable[[Outputs], Tensor]) -> Tensor:
        """Return what `read` finds in the outputs, `(r, n, …)`, for some of the rows, ascending.

        Nothing else is copied: `hidden` is often wider than what is computed from it.
        """
        outputs, kept = self._computed
        if len(rows) < len(self.rows):
            place = torch.searchsorted(self.rows, rows)
            kept = place if kept is None else kept[place]
        found = read(outputs)
        return found if kept is None else found.index_select(1, kept)


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
    needs = signals_in(requests)
    shared = shared or SharedOutputs(scene.replicas, scene.features, rows, needs)
    chunk = _Chunk(scene, rows, requests, shared)
    values = {signal: _COMPUTE[signal](chunk) for signal in sorted(needs)}
    return tuple(
        Signals(len(rows), {signal: values[signal][r] for signal in request.signals})
        for r, request in enumerate(requests)
    )


def signals_in(requests: Iterable[Request]) -> frozenset[Signal]:
    """Return the signals that any of them needs."""
    return frozenset[Signal]().union(*(request.signals for request in requests))


@dataclass(frozen=True, eq=False)
class _Chunk:
    """Some rows, and the values that several signals share."""

    scene: Scene
    rows: Tensor
    requests: Sequence[Request]
    shared: SharedOutputs

    @cached_property
    def inputs(self) -> Inputs:
        """Return the inputs of exactly these rows."""
        inputs, kept = inputs_of(self.scene.features, self.rows)
        return inputs if kept is None else self.scene.features.take(self.rows)

    def logits(self, head: str = MIXED) -> Tensor:
        """Return a head's logits of the task, `(r, n, c)`."""
        return self.shared.of(self.rows, lambda outputs: outputs.logits[self.scene.task][head])

    def probabilities(self, inputs: Inputs) -> Tensor:
        """Return the mixed head's probabilities on changed inputs, `(r, n, c)`."""
        outputs = self.scene.replicas.outputs(inputs._replace(heads="mixed"))
        logits = outputs.logits[self.scene.task][MIXED]
        return torch.softmax(logits, -1)


def _head_probabilities(chunk: _Chunk) -> Sequence[Tensor]:
    heads = chunk.shared.heads(chunk.scene.task)
    return torch.stack([torch.softmax(chunk.logits(head), -1) for head in heads], -2).unbind()


def _hidden(chunk: _Chunk) -> Sequence[Tensor]:
    task = chunk.scene.task
    return chunk.shared.of(chunk.rows, lambda outputs: outputs.hidden_of(task)).unbind()


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
    return [F.cross_entropy(logits, labels, reduction="none") for logits in chunk.logits()]


# Each computes one tensor (n, …) per replica.
_COMPUTE: Mapping[Signal, Callable[[_Chunk], Sequence[Tensor]]] = {
    "probabilities": lambda chunk: torch.softmax(chunk.logits(), -1).unbind(),
    "head_probabilities": _head_probabilities,
    "mc_probabilities": _mc_probabilities,
    "noised_probabilities": _noised_probabilities,
    "ablated_probabilities": _ablated_probabilities,
    "hidden": _hidden,
    "embeddings": lambda chunk: (
        [torch.cat(list(chunk.inputs.modalities.values()), 1)] * len(chunk.requests)
    ),
    "present": lambda chunk: [chunk.inputs.present] * len(chunk.requests),
    "predicted_loss": lambda chunk: chunk.scene.replicas.predicted_losses(chunk.inputs).unbind(),
    "true_loss": _true_loss,
}


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
