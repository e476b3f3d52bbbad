"""What a model is given and what it returns.

A model is a plain `nn.Module` for one copy: rows in, logits out. It never sees how many
replicas of it are trained side by side. What it must avoid for that (boolean indexing,
`.item()`, branching on values) is listed in the README under "Adding a model".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from torch import Tensor

MIXED = "mixed"  # the head that reads all modalities, and from which predictions come
OWN = ""  # in place of a task: that of each row


class Inputs(NamedTuple):
    """A batch of rows as a model sees it."""

    modalities: Mapping[str, Tensor]  # name -> (n, d) float; zeros where absent
    present: Tensor  # (n, modalities) float, 1 where present, in the order of `modalities`
    # (n,) int64, the place of the only task that a row has: a net of experts then says `OWN` alone
    own: Tensor | None = None


class Outputs(NamedTuple):
    """What a model says of a batch of rows."""

    # task -> head -> (n, c); or OWN -> head -> (n, the most classes of a task), −∞ beyond the row's
    logits: Mapping[str, Mapping[str, Tensor]]
    hidden: Tensor  # (n, h), the input of the mixed head; of several tasks', the first one's
    layers: tuple[Tensor, ...] = ()  # (n, h_i) each, what a loss predictor reads; (): `hidden`
    # task -> (n, h), the input of its mixed head, where tasks have their own; else it is `hidden`
    own_hidden: Mapping[str, Tensor] = {}

    def hidden_of(self, task: str) -> Tensor:
        """Return the input of a task's mixed head, `(n, h)`."""
        return self.own_hidden.get(task, self.hidden)


@dataclass(frozen=True, slots=True)
class Shape:
    """What a model must fit: the modalities of a pool and the classes of its tasks.

    A model needs only the number of outputs: a regression target is a task with one.
    """

    widths: Mapping[str, int]  # modality -> d
    n_classes: Mapping[str, int]  # task -> c; 1 for a regression target


class Model(Protocol):
    """A module that maps `Inputs` to `Outputs`."""

    def __call__(self, inputs: Inputs) -> Outputs:
        """Return the logits of every task and head, and the fused representation."""
        ...
