"""The interface of replicas: copies of one small network, trained side by side.

`direct` and `lockstep` implement it; `ways` makes either.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, Protocol

import torch
from torch import Tensor, nn

from alsim.models import GATE_LOGITS, Inputs, Outputs
from alsim.models.layers import RowBatchNorm
from alsim.options.training import TrainingOptions
from alsim.training.dropout import Site
from alsim.training.gate_noise import NoiseSite
from alsim.training.objective import (
    LOG_VARIANCE,
    LOG_VARIANCE_BOUND,
    TASK_WEIGHTS,
    Losses,
    Objective,
)
from alsim.training.state import ReplicaState

Mode = Literal["train", "frozen", "eval"]  # frozen: train with fixed BatchNorm statistics


class Batch(NamedTuple):
    """One mini-batch of every replica; each tensor has a leading axis of R."""

    inputs: Inputs
    # task -> (r, n) int64, -1 unknown; or (r, n, c) bool, the classes still possible; or, for a
    # target, (r, n) float, NaN unknown
    labels: Mapping[str, Tensor]
    class_weights: Mapping[str, Tensor]  # task -> (r, c); empty: all weights are equal
    # (r,) float, 1 if the ranking loss of a loss predictor trains the model too; None: 0 for all
    joint: Tensor | None = None
    task_weights: Mapping[str, Tensor] | None = None  # task -> (r,), of dwa; None: all equal
    task_order: Tensor | None = None  # (r, t, t), the order in which pcgrad processes the tasks


class Replicas(Protocol):
    """R copies of an objective, each with its own parameters and optimiser."""

    @property
    def size(self) -> int:
        """Return R."""
        ...

    @property
    def objective(self) -> Objective:
        """Return one copy, for its structure; its values may be stale."""
        ...

    @property
    def sites(self) -> Sequence[Site]:
        """Return the dropout layers, which need masks."""
        ...

    @property
    def gates(self) -> Sequence[NoiseSite]:
        """Return the stochastic gates, which need noise in training."""
        ...

    def step(self, batch: Batch, masks: Mapping[str, Tensor], mode: Mode) -> Losses:
        """Take one optimiser step; return the losses before it, each tensor `(r, …)`.

        `masks` holds the masks of `sites` and the noise of `gates`, by buffer name.
        """
        ...

    def outputs(self, inputs: Inputs) -> Outputs:
        """Return every replica's outputs for the same rows, each tensor `(r, n, …)`.

        In evaluation mode, without gradients; the replicas do not change.
        """
        ...

    def member_logits(self, inputs: Inputs, masks: Mapping[str, Tensor], task: str) -> Tensor:
        """Return the mixed head's logits of every replica's K committee members, `(r, k, c, n)`.

        In evaluation mode except for the masks, without gradients.

        Args:
            inputs: The same rows for all.
            masks: The masks of each dropout layer, `(r, k, width)`, or `(r, k, n, width)` with one
                per row; or the noise of stochastic gates, `(r, k, 1, 1, t, e)`.
            task: The task whose logits are returned.
        """
        ...

    def predicted_losses(self, inputs: Inputs) -> Tensor:
        """Return the losses that every replica predicts for the same rows, `(r, n)`.

        In evaluation mode, without gradients. Only the order within a replica is meaningful.

        Raises:
            ValueError: If the replicas have no loss predictor.
        """
        ...

    def parameter(self, name: str) -> Tensor | None:
        """Return a copy of one parameter, `(r, …)`, or None if there is no such parameter."""
        ...

    def state(self) -> ReplicaState:
        """Return a copy of everything that training changes."""
        ...

    def load(self, state: ReplicaState) -> None:
        """Load a state of the same R."""
        ...


def set_mode(module: nn.Module, mode: Mode) -> None:
    """Set a module to training, to training with frozen statistics, or to evaluation."""
    module.train(mode != "eval")
    if mode == "frozen":
        for layer in module.modules():
            if isinstance(layer, RowBatchNorm):
                layer.eval()


def rate_of(name: str, options: TrainingOptions) -> float:
    """Return the learning rate of a parameter of an objective."""
    if name in (LOG_VARIANCE, TASK_WEIGHTS):
        return options.sigma_learning_rate
    return options.gate_learning_rate if name.endswith(GATE_LOGITS) else options.learning_rate


def clamp_log_variance(parameters: Mapping[str, Tensor]) -> None:
    """Clamp the log-variances to their bound, after a step."""
    log_variance = parameters.get(LOG_VARIANCE)
    if log_variance is not None:
        with torch.no_grad():
            log_variance.clamp_(-LOG_VARIANCE_BOUND, LOG_VARIANCE_BOUND)
