"""What can be chosen about a comparison of runs."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import ClassVar, Literal, Protocol

from alsim.measures import scores_in_words
from alsim.options.names import NameOptions
from alsim.options.option import Range, option

XAxis = Literal["labels", "questions", "cost"]
Interval = Literal["t-test", "bootstrap"]
_SHARE = Range(above=0, most=1, usual="0.95 is 95 %")


class HasFolder(Protocol):
    """What was read from a study's folder."""

    @property
    def folder(self) -> Path:
        """The folder."""
        ...


Runs = str | Path | HasFolder | Sequence[str | Path | HasFolder]


@dataclass(frozen=True, kw_only=True)
class SavingOptions:
    """What savings are measured against, and in what."""

    heading: ClassVar = "Labels saved"

    baseline: str | None = option(
        None,
        "Strategy that savings are measured against; of training studies the model that the "
        "others are compared with.",
        otherwise="random; of training studies the first model",
    )
    reference: float | None = option(
        None,
        "Accuracy to approach, such as that of training on all labels.",
        within=_SHARE,
        otherwise="the baseline's mean at the end",
    )
    share: float = option(0.95, "Target accuracy, as a share of the reference.", within=_SHARE)
    cost_per_label: float | None = option(
        None,
        "Price of a label, to report savings in money too.",
        within=Range(above=0, below=inf, usual="0.08, say"),
    )
    interval: Interval = option(
        "t-test",
        "Intervals of savings at the end. t-test: by inverting the paired test; bootstrap: too "
        "narrow over few seeds.",
    )


@dataclass(frozen=True, kw_only=True)
class ModelCompareOptions:
    """All that can be chosen about a comparison of trained models."""

    heading: ClassVar = "What to compare"

    studies: Runs = field(kw_only=False)
    baseline: str | None = option(
        None, "Model that the others are compared with.", otherwise="that of the first study"
    )
    metric: str | None = option(
        None,
        "Metric to compare by: accuracy, auc, nll, mse, or r2 of targets.",
        otherwise="AUC of tasks of two classes, else accuracy, and R² of targets",
    )
    task: str | None = option(None, "Task to compare by.", otherwise="the mean over all")
    force: bool = option(False, "Compare studies even if their pools or splits differ.")


@dataclass(frozen=True, kw_only=True)
class CompareOptions(SavingOptions, NameOptions):
    """All that can be chosen about a comparison."""

    heading: ClassVar = "What to compare"

    runs: Runs = field(kw_only=False)
    metric: str = option(
        "accuracy",
        f"Score to compare by: {scores_in_words()}; with a --task of two classes also auc.",
        completes="measures",
    )
    task: str | None = option(
        None, "Task to compare by, of runs of several.", otherwise="the mean over them"
    )
    x: XAxis = option(
        "labels", "Unit of savings: labels, the oracle's questions, or the cost of its answers."
    )
    all_pairs: bool = option(
        False, "Judge every pair of strategies, instead of each against its baseline alone."
    )
    force: bool = option(False, "Compare runs even if their pools, splits or tasks differ.")
