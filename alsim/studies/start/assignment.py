"""What a worker process knows of a study."""

from dataclasses import dataclass, field

from alsim.experiments.schedule import Schedule
from alsim.options.curves import Combination, Members, Unit
from alsim.options.engine import Way
from alsim.options.model import ModelOptions
from alsim.options.training import TrainingOptions
from alsim.oracle.plan import OraclePlan


@dataclass(frozen=True, slots=True)
class Assignment:
    """What a worker knows of a study besides its mapped pool and its jobs."""

    schedule: Schedule
    model: ModelOptions
    training: TrainingOptions
    strategies: tuple[str, ...]
    candidates: int | None
    way: Way
    device: str
    threads: int
    initial_rows: tuple[int, ...] | None
    oracle: OraclePlan = field(default_factory=OraclePlan)
    tasks: tuple[str, ...] = ()  # of the pool, those that are trained and queried
    unit: Unit = "object"
    combine: Combination | None = None
    committee: Members | None = None
    is_validation_paid: bool = False
