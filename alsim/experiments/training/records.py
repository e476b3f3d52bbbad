"""What passive training on tasks yields: frozen records, the rows of its tables."""

from dataclasses import dataclass
from typing import Literal

from alsim.experiments.ranges import Count, Int64, Measured, Share

RANDOM = "random"  # what has chosen the labels where a share of all was drawn

GateFactName = Literal["weight", "probability"]


@dataclass(frozen=True, slots=True)
class NetRecord:
    """Which net a record is of, and what it was trained on."""

    seed: Int64
    model: str  # with its parameters
    chosen_by: str  # "random", or the strategy of the run whose queries it was trained on
    fraction: Share  # of the labelled objects of train, or of what the run had queried
    n_objects: Count
    n_cells: Count  # labels of these objects, over all tasks


@dataclass(frozen=True, slots=True)
class FitRecord(NetRecord):
    """One net: how large it is, and where its training ended."""

    n_parameters: Count
    active_flops: Count  # multiply-adds a row in evaluation, of all tasks; disjoint: of its own
    epochs: Count  # whose result was kept; 0 if the training diverged: then nothing was measured
    train_loss: float | None  # mean over tasks, as `task_losses` has them, of the labelled rows
    validation_loss: float | None  # the same on validation; None also where there is none


@dataclass(frozen=True, slots=True)
class TaskRecord(NetRecord):
    """One measure of one net at one task.

    On the evaluated split accuracy, nll, auc and mse, by every evaluation of a net with stochastic
    gates; beside them `n_experts`, the experts of the task that then run. The others are recorded
    once, with the first evaluation, by which the training was stopped: `train_loss` and
    `validation_loss`, of the labelled rows and of validation; `density`, Σp of the task's gates;
    `sigma`, of its mixed head, and `task_weight`, learned by some weightings; `n_labelled`, the
    labels that it was trained on.
    """

    task: str
    evaluation: str  # "task-k", "top-5" …; empty for a net without stochastic gates
    metric: str
    value: Measured


@dataclass(frozen=True, slots=True)
class GateRecord(NetRecord):
    """One expert of one net for one task, by the gate of the mixed head.

    A weight is the mean of a softmax gate over the evaluated rows of the task, a probability that
    of a stochastic gate.
    """

    task: str
    expert: Count
    fact: GateFactName
    value: Share


@dataclass(frozen=True, slots=True)
class TasksResult:
    """All records of one net."""

    fit: FitRecord
    tasks: tuple[TaskRecord, ...]
    gates: tuple[GateRecord, ...]
