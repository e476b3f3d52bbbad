"""One replica, called as a plain module: the faster way on a CPU core."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from alsim.models import Inputs, Outputs
from alsim.options.training import TrainingOptions
from alsim.training.descent import backward, normalise_task_weights, note_baselines
from alsim.training.dropout import dropout_sites
from alsim.training.gate_noise import noise_sites
from alsim.training.loss_prediction import readable
from alsim.training.members import member_logits
from alsim.training.objective import PREDICTOR, Losses, Objective
from alsim.training.optimisers import FLAT, FlatAdam
from alsim.training.plain_step import is_plain, plain_step
from alsim.training.replicas import Batch, Mode, clamp_log_variance, rate_of, set_mode
from alsim.training.state import ReplicaState


class DirectReplica:
    """One replica, called as a plain module."""

    size = 1

    def __init__(self, objective: Objective, options: TrainingOptions) -> None:
        self.objective = objective
        self.sites = dropout_sites(objective)
        self.gates = noise_sites(objective)
        self._layers = dict(objective.named_modules())
        self._named = dict(objective.named_parameters())
        self._buffers = dict(objective.named_buffers())
        # Parameters with the same rate are views of one vector: for two dozen small tensors the
        # optimiser's overhead would be a tenth of the step. Fused Adam's bits depend on an
        # element's position, so a loss predictor has its own vector and leaves the model's as is.
        groups = {n: (rate_of(n, options), n.startswith(PREDICTOR)) for n in self._named}
        self._flats = [
            _Flat(
                {name: p for name, p in self._named.items() if groups[name] == group},
                FLAT[options.optimiser],
                rate=group[0],
            )
            for group in sorted(set(groups.values()))
        ]
        self._is_plain = is_plain(objective)
        self._mode: Mode | None = None

    def _enter(self, mode: Mode) -> None:
        if mode != self._mode:
            set_mode(self.objective, mode)
            self._mode = mode

    def step(self, batch: Batch, masks: Mapping[str, Tensor], mode: Mode) -> Losses:
        """Take one optimiser step; return the losses before it, each tensor `(1, …)`."""
        self._enter(mode)
        is_plain = self._is_plain and all(y.dtype == torch.int64 for y in batch.labels.values())
        losses = (
            plain_step(self.objective, batch, masks) if is_plain else self._gradients(batch, masks)
        )
        for flat in self._flats:
            flat.optimiser.step()
        clamp_log_variance(self._named)
        normalise_task_weights(self._named)
        return losses

    def _gradients(self, batch: Batch, masks: Mapping[str, Tensor]) -> Losses:
        """Write the gradients of a batch; return its losses."""
        for name, mask in masks.items():
            self._substitute(name, mask[0])
        given = batch.inputs
        inputs = Inputs(
            {k: v[0] for k, v in given.modalities.items()},
            given.present[0],
            None if given.own is None else given.own[0],
        )
        losses: Losses = self.objective(
            inputs,
            {task: y[0] for task, y in batch.labels.items()},
            {task: weights[0] for task, weights in batch.class_weights.items()},
            {task: weight[0] for task, weight in (batch.task_weights or {}).items()},
            joint=None if batch.joint is None else batch.joint[0],
        )
        losses = Losses(*(part.unsqueeze(0) for part in losses))
        for flat in self._flats:
            flat.optimiser.gradients.zero_()
        backward(losses, self.objective, self._named, self._buffers, batch.task_order)
        note_baselines(losses, self.objective, self._buffers)
        for name in masks:
            self._substitute(name, None)
        return Losses(*(part.detach() for part in losses))

    def _substitute(self, name: str, value: Tensor | None) -> None:
        layer, _, buffer = name.rpartition(".")
        setattr(self._layers[layer], buffer, value)

    def outputs(self, inputs: Inputs) -> Outputs:
        """Return the replica's outputs, each tensor `(1, n, …)`."""
        self._enter("eval")
        with torch.no_grad():
            outputs: Outputs = self.objective.model(inputs)
        logits = {
            task: {head: z.unsqueeze(0) for head, z in heads.items()}
            for task, heads in outputs.logits.items()
        }
        own_hidden = {task: h.unsqueeze(0) for task, h in outputs.own_hidden.items()}
        return Outputs(logits, outputs.hidden.unsqueeze(0), own_hidden=own_hidden)

    def member_logits(self, inputs: Inputs, masks: Mapping[str, Tensor], task: str) -> Tensor:
        """Return the logits of K committee members for the rows, `(1, k, c, n)`."""
        self._enter("eval")
        one = {name.removeprefix("model."): mask[0] for name, mask in masks.items()}
        return member_logits(self.objective.model, {}, one, inputs, task).unsqueeze(0)

    def predicted_losses(self, inputs: Inputs) -> Tensor:
        """Return the losses that the loss predictor predicts, `(1, n)`."""
        predictor = self.objective.loss_predictor()
        self._enter("eval")
        with torch.no_grad():
            return predictor(readable(self.objective.model(inputs))).unsqueeze(0)

    def parameter(self, name: str) -> Tensor | None:
        """Return a copy of one parameter, `(1, …)`, or None."""
        found = self._named.get(name)
        return None if found is None else found.detach().clone().unsqueeze(0)

    def _live(self) -> ReplicaState:
        """Return views of everything that training changes."""
        first: dict[str, Tensor] = {}
        second: dict[str, Tensor] = {}
        for flat in self._flats:
            first |= flat.split(flat.optimiser.first)
            second |= flat.split(flat.optimiser.second)
        return ReplicaState(
            _of_one(self._named),
            _of_one(dict(self.objective.named_buffers())),
            _of_one(first),
            _of_one(second),
            self._flats[0].optimiser.steps.double().view(1),
        )

    def state(self) -> ReplicaState:
        """Return a copy of everything that training changes."""
        return self._live().copied()

    def load(self, state: ReplicaState) -> None:
        """Load the state of one replica."""
        self._live().overwrite(state)
        for flat in self._flats:
            flat.optimiser.steps.copy_(state.steps[0])


class _Flat:
    """Parameters and their gradients as views of two vectors, which an optimiser steps."""

    def __init__(
        self, named: Mapping[str, nn.Parameter], optimiser: type[FlatAdam], *, rate: float
    ) -> None:
        self._shapes = {name: p.shape for name, p in named.items()}
        vector = torch.cat([p.detach().reshape(-1) for p in named.values()])
        self.optimiser = optimiser(vector, torch.zeros_like(vector), rate)
        values, gradients = self.split(vector), self.split(self.optimiser.gradients)
        for name, parameter in named.items():
            parameter.data = values[name]
            parameter.grad = gradients[name]

    def split(self, vector: Tensor) -> dict[str, Tensor]:
        """Return views of a vector of this size, in the shapes of the parameters."""
        parts = vector.split([shape.numel() for shape in self._shapes.values()])
        shaped = zip(self._shapes.items(), parts, strict=True)
        return {name: part.view(shape) for (name, shape), part in shaped}


def _of_one(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.unsqueeze(0) for name, tensor in tensors.items()}
