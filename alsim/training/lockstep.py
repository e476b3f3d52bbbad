"""R stacked copies, trained as one program: the faster way on a GPU."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.func import functional_call, stack_module_state

from alsim.models import Inputs, Outputs
from alsim.options.training import TrainingOptions
from alsim.training.descent import backward, normalise_task_weights, note_baselines
from alsim.training.dropout import dropout_sites
from alsim.training.gate_noise import noise_sites
from alsim.training.loss_prediction import readable
from alsim.training.members import member_logits
from alsim.training.objective import PREDICTOR, Losses, Objective
from alsim.training.optimisers import STACKED
from alsim.training.replicas import Batch, Mode, clamp_log_variance, rate_of, set_mode
from alsim.training.state import ReplicaState


class LockstepReplicas:
    """R stacked copies, trained as one program."""

    def __init__(self, objectives: Sequence[Objective], options: TrainingOptions) -> None:
        self.objective = objectives[0]
        self.size = len(objectives)
        self.sites = dropout_sites(self.objective)
        self.gates = noise_sites(self.objective)
        parameters, buffers = stack_module_state(list(objectives))
        self._parameters = {k: v.detach().requires_grad_() for k, v in parameters.items()}
        self._buffers = {k: v.detach().clone() for k, v in buffers.items()}
        rates = {name: rate_of(name, options) for name in self._parameters}
        self._optimiser = STACKED[options.optimiser](self._parameters, rates)

    def step(self, batch: Batch, masks: Mapping[str, Tensor], mode: Mode) -> Losses:
        """Take one optimiser step; return the losses before it, each tensor `(r, …)`."""
        set_mode(self.objective, mode)

        def loss_of_one(
            parameters: dict[str, Tensor],
            buffers: dict[str, Tensor],
            dropped: dict[str, Tensor],
            one: tuple[Inputs, *tuple[Mapping[str, Tensor], ...]],
            joint: dict[str, Tensor],
        ) -> Losses:
            return functional_call(self.objective, (parameters, {**buffers, **dropped}), one, joint)

        # vmap does not accept None where in_dims names an axis.
        in_inputs = Inputs(0, 0, None if batch.inputs.own is None else 0, None)  # pyright: ignore[reportArgumentType]
        losses: Losses = torch.vmap(loss_of_one, in_dims=(0, 0, 0, (in_inputs, 0, 0, 0), 0))(
            self._parameters,
            self._buffers,
            dict(masks),
            (batch.inputs, batch.labels, batch.class_weights, batch.task_weights or {}),
            {} if batch.joint is None else {"joint": batch.joint},
        )
        backward(losses, self.objective, self._parameters, self._buffers, batch.task_order)
        note_baselines(losses, self.objective, self._buffers)
        self._optimiser.step()
        for parameter in self._parameters.values():
            parameter.grad = None
        clamp_log_variance(self._parameters)
        normalise_task_weights(self._parameters)
        return Losses(*(part.detach() for part in losses))

    def outputs(self, inputs: Inputs) -> Outputs:
        """Return every replica's outputs for the same rows, each tensor `(r, n, …)`."""
        set_mode(self.objective, "eval")
        with torch.no_grad():
            outputs: Outputs = torch.vmap(self._outputs_of_one, in_dims=(0, 0, None))(
                _of_model(self._parameters), _of_model(self._buffers), inputs
            )
        return outputs._replace(layers=())

    def predicted_losses(self, inputs: Inputs) -> Tensor:
        """Return the losses that every replica predicts for the same rows, `(r, n)`."""
        predictor = self.objective.loss_predictor()
        set_mode(self.objective, "eval")

        def losses_of_one(
            parameters: dict[str, Tensor],
            buffers: dict[str, Tensor],
            of_predictor: dict[str, Tensor],
        ) -> Tensor:
            layers = readable(self._outputs_of_one(parameters, buffers, inputs))
            return functional_call(predictor, of_predictor, (layers,))

        with torch.no_grad():
            return torch.vmap(losses_of_one)(
                _of_model(self._parameters),
                _of_model(self._buffers),
                _below(PREDICTOR, self._parameters),
            )

    def _outputs_of_one(
        self, parameters: dict[str, Tensor], buffers: dict[str, Tensor], inputs: Inputs
    ) -> Outputs:
        return functional_call(self.objective.model, (parameters, buffers), (inputs,))

    def member_logits(self, inputs: Inputs, masks: Mapping[str, Tensor], task: str) -> Tensor:
        """Return the logits of every replica's K committee members, `(r, k, c, n)`."""
        set_mode(self.objective, "eval")
        tensors = {**_below("model.", self._parameters), **_below("model.", self._buffers)}
        of_members = {name.removeprefix("model."): mask for name, mask in masks.items()}
        # One replica after another: its members already use the whole machine.
        return torch.stack(
            [
                member_logits(
                    self.objective.model,
                    {name: tensor[r] for name, tensor in tensors.items()},
                    {name: mask[r] for name, mask in of_members.items()},
                    inputs,
                    task,
                )
                for r in range(self.size)
            ]
        )

    def parameter(self, name: str) -> Tensor | None:
        """Return a copy of one parameter, `(r, …)`, or None."""
        found = self._parameters.get(name)
        return None if found is None else found.detach().clone()

    def _live(self) -> ReplicaState:
        optimiser = self._optimiser
        return ReplicaState(
            self._parameters, self._buffers, optimiser.first, optimiser.second, optimiser.steps
        )

    def state(self) -> ReplicaState:
        """Return a copy of everything that training changes."""
        return self._live().copied()

    def load(self, state: ReplicaState) -> None:
        """Load a state of the same R."""
        self._live().overwrite(state)


def _of_model(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return _below("model.", tensors)


def _below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
