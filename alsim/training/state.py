"""The state of replicas, everything that training changes, as plain tensors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

_GROUPS = ("parameters", "buffers", "first_moments", "second_moments")


@dataclass(frozen=True, slots=True, eq=False)
class ReplicaState:
    """Parameters, buffers and Adam's state of R replicas, each tensor `(r, …)`."""

    parameters: Mapping[str, Tensor]
    buffers: Mapping[str, Tensor]
    first_moments: Mapping[str, Tensor]
    second_moments: Mapping[str, Tensor]
    steps: Tensor  # (r,) float64, optimiser steps taken

    @property
    def size(self) -> int:
        """Return R."""
        return len(self.steps)

    def pick(self, replicas: Sequence[int]) -> "ReplicaState":
        """Return the state of the given replicas, in that order; one may come twice (a fork)."""
        index = torch.tensor(list(replicas), device=self.steps.device)
        return ReplicaState.from_tensors({k: v[index] for k, v in self.to_tensors().items()})

    def copied(self) -> "ReplicaState":
        """Return a copy, which further training does not change."""
        return ReplicaState.from_tensors(
            {k: v.detach().clone() for k, v in self.to_tensors().items()}
        )

    @torch.no_grad()
    def overwrite(self, other: "ReplicaState") -> None:
        """Write a state of the same R into these tensors.

        Raises:
            ValueError: If it is of another R.
        """
        if other.size != self.size:
            raise ValueError(f"a state of {other.size} replicas for {self.size}")
        theirs = other.to_tensors()
        for name, tensor in self.to_tensors().items():
            tensor.copy_(theirs[name])

    def where(self, mask: Tensor, other: "ReplicaState") -> "ReplicaState":
        """Return this state where `mask` `(r,)` is true, `other` elsewhere."""
        others = other.to_tensors()
        return ReplicaState.from_tensors(
            {
                k: torch.where(mask.to(v.device).view(-1, *[1] * (v.ndim - 1)), v, others[k])
                for k, v in self.to_tensors().items()
            }
        )

    def to_tensors(self) -> dict[str, Tensor]:
        """Return one flat mapping, as for a tensor file."""
        flat = {
            f"{group}/{name}": tensor
            for group in _GROUPS
            for name, tensor in getattr(self, group).items()
        }
        return flat | {"steps": self.steps}

    @staticmethod
    def from_tensors(tensors: Mapping[str, Tensor]) -> "ReplicaState":
        """Return the state that `to_tensors` flattened."""
        groups: dict[str, dict[str, Tensor]] = {group: {} for group in _GROUPS}
        for key, tensor in tensors.items():
            group, _, name = key.partition("/")
            if name:
                groups[group][name] = tensor
        return ReplicaState(**groups, steps=tensors["steps"])
