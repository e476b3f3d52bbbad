"""What a strategy can ask for, and how it reads it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from alsim.options.curves import Members

Signal = Literal[
    "probabilities",
    "head_probabilities",
    "mc_probabilities",
    "noised_probabilities",
    "ablated_probabilities",
    "hidden",
    "embeddings",
    "present",
    "predicted_loss",
    "true_loss",
]


@dataclass(frozen=True, slots=True)
class Committee:
    """How `mc_probabilities` are drawn: by MC-dropout, Gal & Ghahramani (2016), or by gates.

    With consistent masks a member drops the same units for every row of the pool, so it is one
    model; with independent masks each row of each member has a mask of its own. A single row's
    scores have the same distribution either way; the rows of one consistent pass are correlated.

    By gates, a member is one draw of a net's stochastic gates, the same for every row whatever
    `masks` says, and nothing is dropped; Yan et al. (2019) draw them in training alone.
    """

    k: int = 20
    masks: Literal["consistent", "independent"] = "consistent"
    by: Members = "dropout"


@dataclass(frozen=True, slots=True)
class InputDropout:
    """How `noised_probabilities` are drawn: dropout on the embeddings, each row by itself."""

    passes: int = 3
    p: float = 0.75


@dataclass(frozen=True, slots=True, eq=False)
class Signals:
    """The signals of n rows for one task, as one replica sees them.

    Those that a strategy has not declared are absent, the true loss above all.
    """

    n: int
    values: Mapping[Signal, Tensor]

    @property
    def probabilities(self) -> Tensor:
        """Return the mixed head's class probabilities, `(n, c)`."""
        return self._get("probabilities")

    @property
    def head_probabilities(self) -> Tensor:
        """Return every head's class probabilities, `(n, heads, c)`.

        The mixed head first, then those of the modalities in the order of `present`.
        """
        return self._get("head_probabilities")

    @property
    def mc_probabilities(self) -> Tensor:
        """Return each committee member's class probabilities, `(n, members, c)`, mixed head."""
        return self._get("mc_probabilities")

    @property
    def noised_probabilities(self) -> Tensor:
        """Return the probabilities under input dropout, `(n, passes, c)`, mixed head."""
        return self._get("noised_probabilities")

    @property
    def ablated_probabilities(self) -> Tensor:
        """Return the probabilities without each modality, then without any, `(n, m + 1, c)`."""
        return self._get("ablated_probabilities")

    @property
    def hidden(self) -> Tensor:
        """Return the input of the task's mixed head, `(n, h)`."""
        return self._get("hidden")

    @property
    def embeddings(self) -> Tensor:
        """Return the modalities side by side as the net is given them, `(n, d)`; absent: 0."""
        return self._get("embeddings")

    @property
    def present(self) -> Tensor:
        """Return which modalities are there, `(n, m)`, 1 or 0."""
        return self._get("present")

    @property
    def predicted_loss(self) -> Tensor:
        """Return the auxiliary net's prediction of the loss, `(n,)`, in no unit."""
        return self._get("predicted_loss")

    @property
    def true_loss(self) -> Tensor:
        """Return the mixed head's cross-entropy on the true label, `(n,)` in nats."""
        return self._get("true_loss")

    def _get(self, signal: Signal) -> Tensor:
        if signal not in self.values:
            raise ValueError(f"the strategy uses {signal!r} without declaring that it needs it")
        return self.values[signal]
