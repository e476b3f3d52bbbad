"""What a worker process knows of passive training."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from alsim.options.engine import Way
from alsim.options.model import ModelOptions
from alsim.options.training import TrainingOptions


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """A model as it is trained on a pool."""

    name: str
    options: ModelOptions
    evaluations: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TrainAssignment:
    """What a worker knows of passive training besides its mapped pool and its jobs."""

    models: tuple[TrainedModel, ...]
    training: TrainingOptions
    way: Way
    device: str
    threads: int
    inputs: Mapping[str, Any]  # how the inputs were made, for exports; empty: there are none
