"""The two ways to train replicas, chosen by name.

They agree to rounding, not to the bit, so a run records which was used.
"""

from collections.abc import Sequence

from alsim.options.engine import Way
from alsim.options.training import TrainingOptions
from alsim.training.direct import DirectReplica
from alsim.training.lockstep import LockstepReplicas
from alsim.training.objective import Objective
from alsim.training.replicas import Replicas


def make_replicas(way: Way, objectives: Sequence[Objective], options: TrainingOptions) -> Replicas:
    """Return the objectives as replicas, with fresh optimisers.

    Raises:
        ValueError: If the direct way gets more than one objective.
    """
    if way == "lockstep":
        return LockstepReplicas(objectives, options)
    if len(objectives) != 1:
        raise ValueError(f"the direct way trains one replica, not {len(objectives)}")
    return DirectReplica(objectives[0], options)
