"""The signals that a strategy can use."""

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
    model; with independent masks each row of each member has its own mask. The distribution of a
    single row's scores is the same for both; the rows of a consistent pass are correlated.

    By gates, a member is one draw of a net's stochastic gates, the same for all rows; `masks` is
    ignored and nothing is dropped. Yan et al. (2019) draw gates in training only.
    """

    k: int = 20
    masks: Literal["consistent", "independent"] = "consistent"
    by: Members = "dropout"


@dataclass(frozen=True, slots=True)
class InputDropout:
    """How `noised_probabilities` are drawn: dropout on the embeddings, independent by row."""

    passes: int = 3
    p: float = 0.75


@dataclass(frozen=True, slots=True, eq=False)
class Signals:
    """One replica's signals of n rows for one task.

    Signals that the strategy has not declared are absent, above all the true loss.
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

        The mixed head comes first, then the modalities' heads in the order of `present`.
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
        """Return the net's input, all modalities side by side, `(n, d)`; 0 where absent."""
        return self._get("embeddings")

    @property
    def present(self) -> Tensor:
        """Return which modalities are present, `(n, m)`, 1 or 0."""
        return self._get("present")

    @property
    def predicted_loss(self) -> Tensor:
        """Return the auxiliary net's prediction of the loss, `(n,)`; only its order matters."""
        return self._get("predicted_loss")

    @property
    def true_loss(self) -> Tensor:
        """Return the mixed head's cross-entropy on the true label, `(n,)` in nats."""
        return self._get("true_loss")

    def _get(self, signal: Signal) -> Tensor:
        if signal not in self.values:
            raise ValueError(f"the strategy uses the signal {signal!r} without declaring it")
        return self.values[signal]
