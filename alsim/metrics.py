"""How good predictions are: plain functions of tensors.

Averages over classes run over the classes present in the evaluated rows, since a class that
has no row has neither a recall nor an F1 (DESIGN §8).
"""

import torch
from torch import Tensor

N_BINS = 15


def accuracy(predicted: Tensor, labels: Tensor) -> float:
    """Return the share of rows predicted right, in [0, 1].

    Args:
        predicted: `(n,)` int64.
        labels: `(n,)` int64.
    """
    return (predicted == labels).double().mean().item()


def confusion_matrix(predicted: Tensor, labels: Tensor, n_classes: int) -> Tensor:
    """Return how often class i was predicted as j, `(c, c)` int64.

    Args:
        predicted: `(n,)` int64 in [0, c).
        labels: `(n,)` int64 in [0, c).
        n_classes: c.
    """
    pairs = labels * n_classes + predicted
    return torch.bincount(pairs, minlength=n_classes * n_classes).view(n_classes, n_classes)


def balanced_accuracy(confusion: Tensor) -> float:
    """Return the mean recall over the classes present, in [0, 1].

    Args:
        confusion: `(c, c)` counts, rows are the true classes.
    """
    support = confusion.sum(1)
    present = support > 0
    return (confusion.diagonal()[present].double() / support[present]).mean().item()


def macro_f1(confusion: Tensor) -> float:
    """Return the mean F1 over the classes present, in [0, 1].

    F1 = 2·TP / (2·TP + FP + FN); a class that is present but never found scores 0.

    Args:
        confusion: `(c, c)` counts, rows are the true classes.
    """
    support = confusion.sum(1)
    present = support > 0
    # support + predicted = 2·TP + FP + FN, never 0 for a class that is present.
    f1 = 2 * confusion.diagonal().double() / (support + confusion.sum(0))
    return f1[present].mean().item()


def nll(log_probabilities: Tensor, labels: Tensor) -> float:
    """Return the mean negative log-likelihood of the true classes, in nats.

    Args:
        log_probabilities: `(n, c)` float.
        labels: `(n,)` int64.
    """
    return -log_probabilities.gather(1, labels[:, None]).double().mean().item()


def expected_calibration_error(probabilities: Tensor, labels: Tensor) -> float:
    """Return the expected calibration error of the top label, in [0, 1].

    Σ_b n_b/n · |accuracy(b) − confidence(b)| over 15 equal-width bins (l, u] of the top
    probability; Guo et al. (2017), eq. 3.

    Args:
        probabilities: `(n, c)` float.
        labels: `(n,)` int64.
    """
    confidence, predicted = probabilities.max(1)
    edges = torch.linspace(0, 1, N_BINS + 1, dtype=confidence.dtype, device=confidence.device)
    bins = torch.bucketize(confidence, edges[1:-1])
    gaps = (predicted == labels).double() - confidence.double()
    sums = torch.zeros(N_BINS, dtype=torch.float64, device=gaps.device).index_add_(0, bins, gaps)
    return sums.abs().sum().item() / len(labels)
