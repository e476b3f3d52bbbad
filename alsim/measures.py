"""What a net is measured by: one row each, from which records, ranges, words and scores follow.

To add a measure, write its function in `alsim/metrics.py` and its row here. It is then recorded in
`metrics.parquet` for each task, compared and drawn by `--metric`.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A row of the table of measures."""

    function: str  # of alsim.metrics; its parameters name what it reads, see `metrics.measure`
    words: str  # on an axis
    short: str = ""  # in the header of a table; empty: the words
    of: Literal["classes", "two classes", "target"] = "classes"  # the labels that it is for
    least: float = 0.0  # the smallest value that can occur
    most: float = 1.0
    may_be_nan: bool = False  # of a net whose weights have just ceased to be numbers
    more_is_better: bool = False
    in_training: bool = False  # whether `alsim train` reports it too

    @property
    def is_share(self) -> bool:
        """Return whether it lies in [0, 1]."""
        return (self.least, self.most) == (0.0, 1.0)


MEASURES: Mapping[str, Measure] = {
    "accuracy": Measure(
        function="accuracy", words="accuracy", more_is_better=True, in_training=True
    ),
    "balanced_accuracy": Measure(
        function="balanced_accuracy", words="balanced accuracy", more_is_better=True
    ),
    "macro_f1": Measure(function="macro_f1", words="macro F1", more_is_better=True),
    "nll": Measure(
        function="nll",
        words="negative log-likelihood (nats)",
        most=math.inf,
        may_be_nan=True,
        in_training=True,
    ),
    "ece": Measure(
        function="expected_calibration_error", words="expected calibration error", may_be_nan=True
    ),
    "auc": Measure(
        function="area_under_curve",
        words="AUC",
        of="two classes",
        more_is_better=True,
        in_training=True,
    ),
    "mse": Measure(
        function="mean_squared_error",
        words="mean squared error",
        short="MSE",
        of="target",
        most=math.inf,
        in_training=True,
    ),
}
OF_CURVES = {name: measure for name, measure in MEASURES.items() if measure.of != "target"}
OF_TRAINING = {name: measure for name, measure in MEASURES.items() if measure.in_training}
SHARES = frozenset(name for name, measure in MEASURES.items() if measure.is_share)
SCORES = tuple(name for name, measure in MEASURES.items() if measure.more_is_better)


def scores_in_words() -> str:
    """Return the scores of any number of classes, such as "accuracy or macro_f1"."""
    *others, last = (name for name in SCORES if MEASURES[name].of == "classes")
    return f"{', '.join(others)} or {last}"
