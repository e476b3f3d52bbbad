"""What passive training on tasks shares: pool, model, training; and nets made by it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from alsim.options.engine import Way
from alsim.options.model import ModelOptions
from alsim.options.training import TrainingOptions
from alsim.pool.pool import Pool, Split
from alsim.seeding import stream
from alsim.signals import Chunks
from alsim.training.features import Features, features_of, shape_of
from alsim.training.objective import Objective, make_objective
from alsim.training.state import ReplicaState


@dataclass(frozen=True, slots=True, eq=False)
class TasksSetting:
    """What all seeds of one model share."""

    pool: Pool
    features: Features
    name: str  # the model's, with its parameters
    model: ModelOptions
    evaluations: tuple[str, ...]  # of stochastic gates; by the first the training is stopped
    training: TrainingOptions
    way: Way
    chunks: Chunks

    @property
    def evaluated(self) -> Split:
        """Return the split that is measured: test, or validation where there is no test."""
        return "test" if self.pool.splits["test"] else "validation"

    def with_model(
        self, name: str, model: ModelOptions, evaluations: Sequence[str]
    ) -> "TasksSetting":
        """Return the setting with another model; the first evaluation goes before its own."""
        evaluations = tuple(evaluations) or (model.expert_options().evaluation,)
        model = evaluated_by(model, evaluations[0])
        return replace(self, name=name, model=model, evaluations=evaluations)


def make_tasks_setting(
    pool: Pool,
    *,
    model: ModelOptions,
    training: TrainingOptions,
    way: Way,
    device: torch.device,
    name: str | None = None,
    evaluations: Sequence[str] = (),
    chunks: Chunks | None = None,
) -> TasksSetting:
    """Return the setting of a training on all tasks of a pool, on a device.

    The pool is one loaded with `rows_kept="any"` and not to be queried: its tasks may be classes
    or targets, side by side or disjoint. The first of the evaluations goes before the model's own.
    """
    dtype = torch.float64 if training.precision == "float64" else torch.float32
    features = features_of(pool, device, dtype)
    chunks = chunks or Chunks(device=device.type)
    setting = TasksSetting(pool, features, "", model, (), training, way, chunks)
    return setting.with_model(name or model.name, model, evaluations)


def evaluated_by(model: ModelOptions, evaluation: str) -> ModelOptions:
    """Return the options with another evaluation of stochastic gates."""
    experts = model.expert_options()
    if experts.evaluation == evaluation:
        return model
    return replace(model, experts=replace(experts, evaluation=evaluation))


def fresh_net(setting: TasksSetting, seed: int) -> Objective:
    """Return an untrained net, the same for a seed whatever it is to be trained on."""
    objective = make_objective(
        shape_of(setting.pool), setting.model, setting.training, generator=stream(seed, "init")
    )
    return objective.to(setting.features.device, setting.features.dtype)


def net_of(setting: TasksSetting, state: ReplicaState, r: int, seed: int) -> Objective:
    """Return one replica as a module of its own, in evaluation."""
    net = fresh_net(setting, seed)
    tensors = {**state.parameters, **state.buffers}
    net.load_state_dict({name: tensors[name][r] for name in net.state_dict()})
    return net.eval()
