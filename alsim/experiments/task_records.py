"""What passive training on tasks yields: frozen records, the rows of its tables."""

from dataclasses import dataclass

from alsim.experiments.gate_facts import GateFactName


@dataclass(frozen=True, slots=True)
class FitRecord:
    """One net: what it was trained on, how large it is, and where its training ended."""

    seed: int
    model: str
    fraction: float  # of the labelled objects of train
    n_objects: int
    n_cells: int  # labels of these objects, over all tasks
    n_parameters: int
    active_flops: int  # multiply-adds a row in evaluation, all tasks together
    epochs: int  # whose result was kept; 0 if the training diverged: then nothing was measured
    train_loss: float | None  # mean over tasks, as `task_losses` has them, of the labelled rows
    validation_loss: float | None  # the same on validation; None also where there is none


@dataclass(frozen=True, slots=True)
class TaskRecord:
    """One measure of one net at one task.

    On the evaluated split accuracy, nll, auc and mse. `train_loss` and `validation_loss` are of
    the labelled rows and of validation. `density` is Σp of the task's stochastic gates; `sigma`,
    of its mixed head, and `task_weight` are learned by some weightings; `n_labelled` counts the
    labels that it was trained on.
    """

    seed: int
    model: str
    fraction: float
    n_objects: int
    n_cells: int
    task: str
    metric: str
    value: float


@dataclass(frozen=True, slots=True)
class GateRecord:
    """One expert of one net for one task."""

    seed: int
    model: str
    fraction: float
    task: str
    expert: int
    fact: GateFactName
    value: float


@dataclass(frozen=True, slots=True)
class TasksResult:
    """All records of one net."""

    fit: FitRecord
    tasks: tuple[TaskRecord, ...]
    gates: tuple[GateRecord, ...]
