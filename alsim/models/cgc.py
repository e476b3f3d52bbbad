"""Task-specific and common experts, in one level (CGC) or several (PLE)."""

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from alsim.models.mixers import GATES, InputGate, TaskGate, mix_experts
from alsim.models.own import gathered
from alsim.options.experts import GateInput


class CgcMixer(nn.Module):
    """A task's gate over its own experts and the common ones; Tang et al. (2020), §4.1–4.2.

    The order of the experts: `own` of the first task, `own` of the second …, then the common ones.
    Below the last level one more gate mixes all experts into the input of the next level's common
    experts, at place t; a task's gate and experts there read the task's own place.
    """

    def __init__(
        self, n_tasks: int, own: int, common: int, n_in: int, kind: GateInput, *, is_last: bool
    ) -> None:
        super().__init__()
        self.places = list(range(n_tasks))  # place of each task's own input, above the first level
        self.shared_place = n_tasks
        self.own = own
        self.common = common
        gate = GATES[kind]
        self.task_gate: InputGate | TaskGate = gate(n_tasks, n_in, own + common)
        self.shared_gate = None if is_last else gate(1, n_in, n_tasks * own + common)

    def forward(self, experts: Tensor, x: Tensor, own: Tensor | None = None) -> Tensor:
        """Return `(n, t, h)` from the last level, `(n, t + 1, h)` below it.

        Args:
            experts: `(n, t·own + common, h)`.
            x: `(n, d)` at the first level, else the output of the level below.
            own: `(n,)` int64, each row's only task, by its place; then the last level returns
                `(n, 1, h)`. Lower levels do not get it.
        """
        weights = self.task_gate(x if x.ndim == 2 else x[:, self.places], own)
        n_own = len(self.places) * self.own
        mixtures = mix_experts(experts[:, n_own:], weights[..., self.own :])
        if self.own:
            theirs = experts[:, :n_own].unflatten(1, (len(self.places), self.own))
            if own is not None:
                theirs = gathered(theirs.flatten(2), own).view(len(own), 1, self.own, -1)
            mixtures = mixtures + torch.einsum("nts,ntsh->nth", weights[..., : self.own], theirs)
        if self.shared_gate is None:
            return mixtures
        weights = self.shared_gate(x if x.ndim == 2 else x[:, [self.shared_place]])
        return torch.cat([mixtures, mix_experts(experts, weights)], 1)

    def used(self, tasks: Sequence[int]) -> list[int]:
        """Return the tasks' own experts and the common ones."""
        own = [task * self.own + i for task in tasks for i in range(self.own)]
        n_own = len(self.places) * self.own
        return own + list(range(n_own, n_own + self.common))

    def cut(self, tasks: Sequence[int], experts: Sequence[int]) -> "CgcMixer":
        """Return the last level's mixer for some tasks; `experts` must be those that they use.

        Raises:
            ValueError: If this is not the last level, whose experts alone can be cut.
        """
        if self.shared_gate is not None or list(experts) != self.used(tasks):
            raise ValueError("only a last level can be cut, to the experts that its tasks use")
        new = copy.deepcopy(self)
        new.places = [self.places[task] for task in tasks]
        new.task_gate = self.task_gate.cut(tasks)
        return new
