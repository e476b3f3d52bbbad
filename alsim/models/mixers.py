"""Mixers: how the experts' outputs become the input of each task's tower.

A mixer is a module `forward(experts (n, e, h), x) -> (…, n, t, h)`, where x is the experts' input.
With `own`, `(n,)` int64, each row's only task by its place, it mixes for this task only and returns
`(…, n, 1, h)`. `used(tasks)` returns the experts that some tasks use in evaluation, ascending;
`cut(tasks, experts)` returns a plain mixer of some tasks and experts, equal in evaluation.
"""

import copy
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from alsim.models.own import gathered, picked
from alsim.models.stacked import StackedLinear
from alsim.options.experts import GateInput

GATE_LOGITS = "gate.logits"  # end of the parameter names of gates that depend on the task only


def mix_experts(experts: Tensor, weights: Tensor) -> Tensor:
    """Return the input of each task's tower, the weighted sum of the experts, `(…, n, t, h)`.

    Ma et al. (2018), §4.2; Yan et al. (2019), eq. 1. The experts are `(n, e, h)`, the weights
    `(…, n, t, e)`, or `(t, e)` if they are the same for all rows.
    """
    if weights.ndim == 2:
        # One product per row: a single product would copy the experts and take 2.5 times as long.
        weights = weights.expand(len(experts), -1, -1)
    return torch.einsum("...nte,neh->...nth", weights, experts)


class InputGate(nn.Module):
    """softmax(W x): a gate's weights depend on its input; Ma et al. (2018), §4.2, without bias."""

    def __init__(self, n_gates: int, n_in: int, n_experts: int) -> None:
        super().__init__()
        self.linear = StackedLinear(n_gates, n_in, n_experts, bias=False)

    def forward(self, x: Tensor, own: Tensor | None = None) -> Tensor:
        """Return `(n, gates, e)`; `x` is `(n, d)` or, for each gate its own, `(n, gates, d)`."""
        logits = self.linear(x)
        return torch.softmax(logits if own is None else gathered(logits, own).unsqueeze(1), -1)

    def cut(self, kept: Sequence[int]) -> "InputGate":
        """Return some of the gates."""
        new = copy.deepcopy(self)
        new.linear = self.linear.cut(kept)
        return new


class TaskGate(nn.Module):
    """softmax of learned logits: a gate's weights depend on its task only; all start equal."""

    def __init__(self, n_gates: int, n_in: int, n_experts: int) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.zeros(n_gates, n_experts))

    def forward(self, x: Tensor, own: Tensor | None = None) -> Tensor:
        """Return `(n, gates, e)`."""
        weights = torch.softmax(self.logits, -1)
        if own is None:
            return weights.expand(len(x), -1, -1)
        return picked(weights, own).unsqueeze(1)

    def cut(self, kept: Sequence[int]) -> "TaskGate":
        """Return some of the gates."""
        new = TaskGate(len(kept), 0, self.logits.shape[1])
        new.logits = nn.Parameter(self.logits.detach()[list(kept)])
        return new


GATES: Mapping[GateInput, type[InputGate | TaskGate]] = {"input": InputGate, "task": TaskGate}


class Own(nn.Module):
    """No mixing: task i has expert i."""

    def forward(self, experts: Tensor, x: Tensor, own: Tensor | None = None) -> Tensor:
        """Return the experts, `(n, t, h)`."""
        return experts if own is None else gathered(experts, own).unsqueeze(1)

    def used(self, tasks: Sequence[int]) -> list[int]:
        """Return the tasks' experts."""
        return list(tasks)

    def cut(self, tasks: Sequence[int], experts: Sequence[int]) -> "Own":
        """Return the same for some tasks."""
        return Own()


class Shared(nn.Module):
    """A single expert for all tasks; Caruana (1997)."""

    def __init__(self, n_tasks: int) -> None:
        super().__init__()
        self.n_tasks = n_tasks

    def forward(self, experts: Tensor, x: Tensor, own: Tensor | None = None) -> Tensor:
        """Return the expert once for each task, `(n, t, h)`."""
        return experts.expand(-1, self.n_tasks if own is None else 1, -1)

    def used(self, tasks: Sequence[int]) -> list[int]:
        """Return the only expert."""
        return [0]

    def cut(self, tasks: Sequence[int], experts: Sequence[int]) -> "Shared":
        """Return the same for some tasks."""
        return Shared(len(tasks))


class Gated(nn.Module):
    """Experts weighted by one gate per task (MMoE), or by one gate for all tasks (OMoE)."""

    def __init__(self, n_tasks: int, n_experts: int, gate: InputGate | TaskGate) -> None:
        super().__init__()
        self.n_tasks = n_tasks
        self.n_experts = n_experts
        self.gate = gate

    @property
    def is_one_for_all(self) -> bool:
        """Return whether there is a single gate."""
        return next(self.gate.parameters()).shape[0] == 1

    def forward(self, experts: Tensor, x: Tensor, own: Tensor | None = None) -> Tensor:
        """Return `(n, t, h)`, inside the convex hull of the experts."""
        # A single gate mixes once, and its mixture serves all tasks.
        mixed = mix_experts(experts, self.gate(x, None if self.is_one_for_all else own))
        return mixed.expand(-1, self.n_tasks if own is None else 1, -1)

    def used(self, tasks: Sequence[int]) -> list[int]:
        """Return all experts: no weight of a softmax is zero."""
        return list(range(self.n_experts))

    def cut(self, tasks: Sequence[int], experts: Sequence[int]) -> "Gated":
        """Return the same for some tasks."""
        gate = self.gate.cut([0] if self.is_one_for_all else tasks)
        return Gated(len(tasks), len(experts), gate)


class Stitch(nn.Module):
    """Experts weighted by free weights for each task, without gates: generalised cross-stitch.

    Misra et al. (2016) with any number of tasks and experts and one mixed layer, as in Yan et al.
    (2019), §4.1, where the weights start as N(0, 1).
    """

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight)

    def forward(self, experts: Tensor, x: Tensor, own: Tensor | None = None) -> Tensor:
        """Return `(n, t, h)`."""
        weight = self.weight if own is None else picked(self.weight, own).unsqueeze(1)
        return mix_experts(experts, weight)

    def used(self, tasks: Sequence[int]) -> list[int]:
        """Return all experts."""
        return list(range(self.weight.shape[1]))

    def cut(self, tasks: Sequence[int], experts: Sequence[int]) -> "Stitch":
        """Return the same for some tasks and experts."""
        return Stitch(self.weight.detach()[list(tasks)][:, list(experts)])
