"""What each row contributes to a score of all rows: numbers whose mean over the rows is the score.

They are the score plus its influence function (Hampel 1974): leaving out row i of R changes the
score by about −(contribution − score)/R. So the spread of their mean over rows is that of the
score. Of accuracy they are whether the row is predicted correctly. As in `alsim.metrics`, averages
over classes run over the K classes present.
"""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from alsim import metrics


class Predictions(NamedTuple):
    """What the contributions of R rows are computed from."""

    predicted: Tensor  # (R,) int64
    labels: Tensor  # (R,) int64
    counts: metrics.ClassCounts
    scores: Tensor | None = None  # (R,) float, higher for class 1; None: not finite, or other tasks


def contributions(found: Predictions) -> Mapping[str, Tensor]:
    """Return each row's contribution to the scores that are no mean over rows, `(R,)` float64.

    By metric: balanced accuracy, macro F1, and the AUC where both of two classes have a row and
    the scores are given.
    """
    by_metric = {"balanced_accuracy": to_balanced_accuracy(found), "macro_f1": to_macro_f1(found)}
    of_auc = to_area_under_curve(found)
    return by_metric if of_auc is None else {**by_metric, "auc": of_auc}


def to_balanced_accuracy(found: Predictions) -> Tensor:
    """Return the contributions to the mean recall, BA: BA + R/(K n_y) · (right − recall_y).

    y is the row's class, n_y its number of rows.
    """
    recalls, is_present, weight = metrics.recalls(found.counts), *_weights(found.counts.true, found)
    right = (found.predicted == found.labels).double()
    own = found.labels
    return recalls[is_present].mean() + weight[own] * (right - recalls[own])


def to_macro_f1(found: Predictions) -> Tensor:
    """Return the contributions to the mean F1.

    F1 + R/K · Σ_c (2·[predicted and true c] − F1_c · ([predicted c] + [true c])) / (predicted_c +
    true_c).
    """
    total = found.counts.predicted + found.counts.true
    is_present, weight = _weights(total, found)
    f1 = torch.where(is_present, 2 * found.counts.right.double() / total, 0.0)
    right = (found.predicted == found.labels).double()
    own, said = found.labels, found.predicted
    influence = weight[own] * (2 * right - f1[own]) - weight[said] * f1[said]
    return f1[is_present].mean() + influence


def to_area_under_curve(found: Predictions) -> Tensor | None:
    """Return the contributions to the AUC, None without scores or rows of both classes.

    AUC + R/n₊ · (placement − AUC) for a positive, whose placement is the share of the n₋ negatives
    below it, ties counting half; likewise for negatives, with the positives above. DeLong et al.
    (1988), eq. 4 to 6.
    """
    if found.scores is None:
        return None
    positive = found.labels == 1
    n_positive = int(positive.sum())
    n_negative = len(positive) - n_positive
    if not n_positive or not n_negative:
        return None
    _, place, counts = found.scores.unique(return_inverse=True, return_counts=True)
    of_positives = place[positive].bincount(minlength=len(counts)).double()
    of_negatives = counts - of_positives
    below = (of_negatives.cumsum(0) - of_negatives / 2) / n_negative
    above = 1 - (of_positives.cumsum(0) - of_positives / 2) / n_positive
    placement = torch.where(positive, below[place], above[place])
    n_own = torch.where(positive, float(n_positive), float(n_negative)).double()
    area = placement[positive].mean()
    return area + len(positive) / n_own * (placement - area)


def _weights(size: Tensor, found: Predictions) -> tuple[Tensor, Tensor]:
    """Return which classes are present, and R/(K · size) of each, 0 where absent: `(c,)` each."""
    is_present = found.counts.true > 0
    weight = len(found.labels) / (is_present.sum() * size.double())
    return is_present, torch.where(is_present, weight, 0.0)
