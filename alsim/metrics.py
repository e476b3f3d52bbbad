"""Metrics of predictions: plain functions of a number a row, `(n,)`, never of `(n, c)`.

Averages over classes run over the classes present in the evaluated rows, since a class without
rows has neither a recall nor an F1.
"""

import inspect
from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

import torch
from torch import Tensor

from alsim.measures import Measure

N_BINS = 15


class ClassCounts(NamedTuple):
    """Rows of each class, `(c,)` int64 each: what the measures need of a confusion matrix."""

    right: Tensor  # predicted correctly: the diagonal
    true: Tensor  # the sums of the rows
    predicted: Tensor  # the sums of the columns


def class_counts(predicted: Tensor, labels: Tensor, n_classes: int) -> ClassCounts:
    """Return the counts of `(n,)` int64 in [0, c) each."""
    right = labels[predicted == labels]
    return ClassCounts(*(y.bincount(minlength=n_classes) for y in (right, labels, predicted)))


def measure(
    measures: Mapping[str, Measure], n_classes: int = 0, **given: Tensor | ClassCounts
) -> dict[str, float]:
    """Return the measures whose functions find all that they read.

    Args:
        measures: Some of the table, by name.
        n_classes: c; 0 for a target.
        given: What functions read, by the names of their parameters.
    """
    read: dict[str, Any] = {**given, "n_classes": n_classes}
    found: dict[str, float] = {}
    for name, each in measures.items():
        parameters = _parameters(each.function)
        if read.keys() >= parameters:
            value = globals()[each.function](**{key: read[key] for key in parameters})
            if value is not None:
                found[name] = value
    return found


@cache
def _parameters(function: str) -> frozenset[str]:
    return frozenset(inspect.signature(globals()[function]).parameters)


def accuracy(predicted: Tensor, labels: Tensor) -> float:
    """Return the share of rows predicted correctly, in [0, 1], of `(n,)` int64 each."""
    return (predicted == labels).double().mean().item()


def recalls(counts: ClassCounts) -> Tensor:
    """Return each class's recall, `(c,)` float64 in [0, 1]; nan without rows."""
    return counts.right.double() / counts.true


def balanced_accuracy(counts: ClassCounts) -> float:
    """Return the mean recall over the classes present, in [0, 1]."""
    found = recalls(counts)
    return found[~found.isnan()].mean().item()


def macro_f1(counts: ClassCounts) -> float:
    """Return the mean F1 over the classes present, in [0, 1].

    F1 = 2·TP / (2·TP + FP + FN); a class that is present but never found scores 0.
    """
    # true + predicted = 2·TP + FP + FN, never 0 for a class that is present.
    f1 = 2 * counts.right.double() / (counts.true + counts.predicted)
    return f1[counts.true > 0].mean().item()


def nll(log_of_truth: Tensor) -> float:
    """Return the mean −log p of the true classes, in nats, of `(n,)` float."""
    return -log_of_truth.double().mean().item()


def expected_calibration_error(confidence: Tensor, surest: Tensor, labels: Tensor) -> float:
    """Return the expected calibration error of the top label, in [0, 1].

    Σ_b n_b/n · |accuracy(b) − confidence(b)| over 15 equal-width bins (l, u] of the top
    probability; Guo et al. (2017), eq. 3. Of that probability, the class that has it, and the true
    class, `(n,)` each.
    """
    edges = torch.linspace(0, 1, N_BINS + 1, dtype=confidence.dtype, device=confidence.device)
    bins = torch.bucketize(confidence, edges[1:-1])
    gaps = (surest == labels).double() - confidence.double()
    sums = torch.zeros(N_BINS, dtype=torch.float64, device=gaps.device).index_add_(0, bins, gaps)
    return sums.abs().sum().item() / len(labels)


def area_under_curve(scores: Tensor, labels: Tensor) -> float | None:
    """Return the area under the ROC curve, in [0, 1]; None if either class has no row.

    This is the share of pairs of a positive and a negative row that the scores order correctly,
    with ties counting half: (R₊ − n₊(n₊ + 1)/2) / (n₊·n₋), where R₊ is the sum of the positives'
    mean ranks; Hanley & McNeil (1982). Scores, `(n,)` float, are higher for class 1; labels are
    `(n,)` int64 of 0 and 1.
    """
    positive = labels == 1
    n_positive = int(positive.sum())
    n_negative = len(labels) - n_positive
    if n_positive == 0 or n_negative == 0:
        return None
    _, place, counts = scores.unique(return_inverse=True, return_counts=True)
    ranks = counts.cumsum(0).double() - (counts - 1) / 2
    of_positives = ranks[place][positive].sum().item()
    return (of_positives - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative)


def mean_squared_error(predicted: Tensor, targets: Tensor) -> float:
    """Return the mean squared difference of `(n,)` tensors, in the squared unit of the targets."""
    return (predicted.double() - targets.double()).square().mean().item()
