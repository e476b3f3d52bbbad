"""What strategies see of the unlabelled rows, in one streamed pass.

A strategy declares the signals it needs; only those are computed, chunk by chunk, and only
scores (and what a selector asked to keep) stay in memory. Hidden labels are not among them.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from alsim.models import MIXED, Inputs, Outputs
from alsim.training.features import Features
from alsim.training.replicas import Replicas

Signal = Literal["probabilities", "head_probabilities", "hidden"]

# One recorded size: the last bits of a product can change with odd chunk sizes.
CHUNK = 4096
# Computing up to this share of rows in vain is cheaper than gathering the others.
_WASTE = 0.25


@dataclass(frozen=True, slots=True, eq=False)
class Signals:
    """The signals of n rows for one task, as one replica sees them."""

    n: int
    values: Mapping[Signal, Tensor]

    @property
    def probabilities(self) -> Tensor:
        """Return the mixed head's class probabilities, `(n, c)`."""
        return self._get("probabilities")

    @property
    def head_probabilities(self) -> Tensor:
        """Return every head's class probabilities, `(n, heads, c)`, the mixed head first."""
        return self._get("head_probabilities")

    @property
    def hidden(self) -> Tensor:
        """Return the input of the mixed head, `(n, h)`."""
        return self._get("hidden")

    def _get(self, signal: Signal) -> Tensor:
        if signal not in self.values:
            raise ValueError(f"the strategy uses {signal!r} without declaring that it needs it")
        return self.values[signal]


def _probabilities(outputs: Outputs, task: str) -> Tensor:
    return torch.softmax(outputs.logits[task][MIXED], -1)


def _head_probabilities(outputs: Outputs, task: str) -> Tensor:
    return torch.stack([torch.softmax(z, -1) for z in outputs.logits[task].values()], -2)


def _hidden(outputs: Outputs, task: str) -> Tensor:
    del task
    return outputs.hidden


# Each computes (r, n, …) from the outputs of a chunk.
SIGNALS: Mapping[Signal, Callable[[Outputs, str], Tensor]] = {
    "probabilities": _probabilities,
    "head_probabilities": _head_probabilities,
    "hidden": _hidden,
}


def stream_signals(
    replicas: Replicas,
    features: Features,
    rows: Tensor,
    *,
    task: str,
    needs: frozenset[Signal],
    chunk: int = CHUNK,
) -> Iterator[tuple[Signals, ...]]:
    """Yield chunk by chunk, in order, every replica's signals of `rows`, `(n,)` int64 ascending."""
    for start in range(0, len(rows), chunk):
        part = rows[start : start + chunk]
        inputs, kept = inputs_of(features, part)
        outputs = replicas.outputs(inputs)
        values: dict[Signal, Tensor] = {s: SIGNALS[s](outputs, task) for s in needs}
        if kept is not None:
            values = {signal: value[:, kept] for signal, value in values.items()}
        yield tuple(
            Signals(len(part), {signal: value[r] for signal, value in values.items()})
            for r in range(replicas.size)
        )


def inputs_of(features: Features, rows: Tensor) -> tuple[Inputs, Tensor | None]:
    """Return inputs that cover `rows`, and the positions of `rows` among them (None: all).

    Rows that lie close together are viewed in place and the few others computed in vain, since
    gathering wide rows costs more.

    Args:
        features: The pool's inputs.
        rows: `(n,)` int64, ascending.
    """
    first, last = int(rows[0]), int(rows[-1])
    if last + 1 - first > (1 + _WASTE) * len(rows):
        return features.take(rows), None
    inputs = features.span(first, last + 1)
    return inputs, (None if last + 1 - first == len(rows) else rows - first)
