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


class _Declared:
    """A signal among the values of `Signals`; an error if the strategy has not declared it."""

    def __set_name__(self, owner: type, name: Signal) -> None:
        self._name: Signal = name

    def __get__(self, signals: "Signals", owner: type) -> Tensor:
        if self._name not in signals.values:
            raise ValueError(f"the strategy uses the signal {self._name!r} without declaring it")
        return signals.values[self._name]


@dataclass(frozen=True, slots=True, eq=False)
class Signals:
    """One replica's signals of n rows for one task.

    Signals that the strategy has not declared are absent, above all the true loss.
    """

    n: int
    values: Mapping[Signal, Tensor]

    probabilities = _Declared()  # (n, c), the mixed head's class probabilities
    # (n, heads, c), of every head: the mixed one, then the modalities' in the order of `present`
    head_probabilities = _Declared()
    mc_probabilities = _Declared()  # (n, members, c), of each committee member, mixed head
    noised_probabilities = _Declared()  # (n, passes, c), under input dropout, mixed head
    ablated_probabilities = _Declared()  # (n, m + 1, c), without each modality, then without any
    hidden = _Declared()  # (n, h), the input of the task's mixed head
    embeddings = _Declared()  # (n, d), the net's input, modalities side by side; 0 where absent
    present = _Declared()  # (n, m), which modalities are present, 1 or 0
    predicted_loss = _Declared()  # (n,), by the auxiliary net; only its order matters
    true_loss = _Declared()  # (n,), cross-entropy of the mixed head on the true label, in nats
