"""The interface of models: their inputs and outputs.

A model is a plain `nn.Module` for one copy: rows in, logits out. It does not know how many
replicas are trained side by side. So it must avoid boolean indexing, `.item()` and branching on
values; see "Adding a model".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

from torch import Tensor

MIXED = "mixed"  # the head that reads all modalities and gives the predictions
OWN = ""  # in place of a task's name: each row's own task


class Inputs(NamedTuple):
    """A batch of rows as a model sees it."""

    modalities: Mapping[str, Tensor]  # name -> (n, d) float; zeros where absent
    present: Tensor  # (n, modalities) float, 1 where present, in the order of `modalities`
    # (n,) int64, each row's only task, by its place; a net of experts then returns `OWN` only
    own: Tensor | None = None
    # "mixed": the caller reads the mixed head alone; a model may still compute the others
    heads: Literal["all", "mixed"] = "all"


class Outputs(NamedTuple):
    """A model's outputs for a batch of rows."""

    # task -> head -> (n, c); or OWN -> head -> (n, largest c), −∞ beyond the row's own classes
    logits: Mapping[str, Mapping[str, Tensor]]
    hidden: Tensor  # (n, h), the input of the (first task's) mixed head
    layers: tuple[Tensor, ...] = ()  # (n, h_i) each, the input of a loss predictor; (): `hidden`
    # task -> (n, h), the input of its mixed head, if tasks have their own; else it is `hidden`
    own_hidden: Mapping[str, Tensor] = {}

    def hidden_of(self, task: str) -> Tensor:
        """Return the input of a task's mixed head, `(n, h)`."""
        return self.own_hidden.get(task, self.hidden)


@dataclass(frozen=True, slots=True)
class Shape:
    """The modalities of a pool and the classes of its tasks, which a model must fit.

    A model needs only the number of outputs; a regression target is a task with one output.
    """

    widths: Mapping[str, int]  # modality -> d
    n_classes: Mapping[str, int]  # task -> c; 1 for a regression target


class Model(Protocol):
    """A module that maps `Inputs` to `Outputs`."""

    def __call__(self, inputs: Inputs) -> Outputs:
        """Return the logits of every task and head, and the fused representation."""
        ...
