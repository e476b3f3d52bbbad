"""What axes are called."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from alsim.analysis.curves.curves import XAxis
from alsim.analysis.curves.runs import RunFacts, counted
from alsim.errors import UsageError, nearest


class Evaluated(Protocol):
    """What numbers were measured of: its manifest tells the split."""

    @property
    def manifest(self) -> Mapping[str, object]:
        """What `run.json` holds."""
        ...


# Columns in words, and whether they are measured on the evaluation split.
_WORDS: Mapping[str, tuple[str, bool]] = {
    "accuracy": ("accuracy", True),
    "balanced_accuracy": ("balanced accuracy", True),
    "macro_f1": ("macro F1", True),
    "nll": ("negative log-likelihood (nats)", True),
    "ece": ("expected calibration error", True),
    "auc": ("AUC", True),
    "mse": ("mean squared error", True),
    "cost": ("cost of the labels", False),
    "n_questions": ("questions asked", False),
    "batch_size": ("largest batch (objects)", False),
}
X_WORDS: Mapping[XAxis, str] = {
    "labels": "number of labels",
    "questions": "questions asked",
    "cost": "cost of the labels",
}


def axis_label(metric: str, runs: Sequence[Evaluated]) -> str:
    """Return what a metric is called, and which split it was measured on."""
    words, is_measured = _WORDS.get(metric, (metric.replace("_", " "), True))
    return f"{words} on {split_in_words(runs)}" if is_measured else words


def x_label(x: XAxis, runs: Sequence[RunFacts]) -> str:
    """Return what the x axis is called: an object of several tasks has more labels than one."""
    return "number of labelled objects" if counted(x, runs) == "objects" else X_WORDS[x]


def split_in_words(runs: Sequence[Evaluated]) -> str:
    """Return the splits that runs were evaluated on, such as "the test split"."""
    splits = sorted({str(run.manifest.get("evaluation_split")) for run in runs})
    return f"the {' and '.join(splits)} split{'s' * (len(splits) > 1)}"


def check_score(metric: str, kind: str) -> None:
    """Refuse a metric of which more is not better.

    Raises:
        UsageError: Naming those that can be used.
    """
    from alsim.analysis.curves.comparison import SCORES  # imports torch, which takes seconds

    if metric not in SCORES:
        raise UsageError(
            f"{metric!r} is not a score of which more is better",
            f"alsim plot --kind {kind}",
            nearest(metric, SCORES),
        )
