import math
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from alsim import metrics


def tensor(*values: float) -> torch.Tensor:
    return torch.tensor(values)


def test_accuracy_of_three_in_four_is_three_quarters() -> None:
    assert metrics.accuracy(torch.tensor([0, 1, 2, 2]), torch.tensor([0, 1, 2, 0])) == 0.75


def test_balanced_accuracy_by_hand_leaves_out_the_class_that_has_no_row() -> None:
    labels, predicted = torch.tensor([0, 0, 0, 1]), torch.tensor([0, 0, 2, 1])
    counts = metrics.class_counts(predicted, labels, 3)
    assert metrics.balanced_accuracy(counts) == pytest.approx((2 / 3 + 1) / 2)


def test_recalls_by_hand_are_nan_for_the_class_that_has_no_row() -> None:
    labels, predicted = torch.tensor([0, 0, 0, 1]), torch.tensor([0, 0, 2, 1])
    found = metrics.recalls(metrics.class_counts(predicted, labels, 3))
    assert found.tolist()[:2] == [2 / 3, 1.0]
    assert math.isnan(found[2])


def test_macro_f1_by_hand_counts_a_class_that_was_never_found_as_zero() -> None:
    labels, predicted = torch.tensor([0, 0, 1]), torch.tensor([0, 0, 0])
    counts = metrics.class_counts(predicted, labels, 2)
    assert metrics.macro_f1(counts) == pytest.approx((2 * 2 / (4 + 1) + 0) / 2)


def test_nll_of_a_half_is_log_two() -> None:
    logs = torch.log(tensor(0.5, 0.25))
    assert metrics.nll(logs) == pytest.approx((math.log(2) + math.log(4)) / 2)


def test_calibration_error_by_hand() -> None:
    # Two rows at confidence 0.9, one right: |0.5 - 0.9|; two at 0.6, both right: |1 - 0.6|.
    surest = torch.zeros(4, dtype=torch.int64)
    error = metrics.expected_calibration_error(
        tensor(0.9, 0.9, 0.6, 0.6), surest, torch.tensor([0, 1, 0, 0])
    )
    assert error == pytest.approx(0.5 * 0.4 + 0.5 * 0.4)


@pytest.mark.long
@given(st.integers(0, 10_000), st.integers(2, 7), st.integers(1, 60))
def test_metrics_equal_scikit_learn(seed: int, c: int, n: int) -> None:
    g = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, c, (n,), generator=g)
    p = torch.softmax(torch.randn(n, c, generator=g, dtype=torch.float64), 1)
    predicted = p.argmax(1)
    counts = metrics.class_counts(predicted, labels, c)
    y, z = labels.numpy(), predicted.numpy()
    confusion = sk.confusion_matrix(y, z, labels=range(c))
    assert counts.right.tolist() == confusion.diagonal().tolist()
    assert counts.true.tolist() == confusion.sum(1).tolist()
    assert counts.predicted.tolist() == confusion.sum(0).tolist()
    assert metrics.accuracy(predicted, labels) == pytest.approx(sk.accuracy_score(y, z))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn warns of classes that are only predicted
        assert metrics.balanced_accuracy(counts) == pytest.approx(sk.balanced_accuracy_score(y, z))
        recalls = metrics.recalls(counts)
        expected = sk.recall_score(y, z, labels=np.unique(y), average=None)
        assert recalls[~recalls.isnan()].tolist() == pytest.approx(expected.tolist())
        expected = sk.f1_score(y, z, labels=np.unique(y), average="macro", zero_division=0)
        assert metrics.macro_f1(counts) == pytest.approx(expected)
        assert metrics.nll(p.log()[torch.arange(n), labels]) == pytest.approx(
            sk.log_loss(y, p.numpy(), labels=range(c))
        )


@given(st.integers(0, 10_000), st.integers(1, 80))
def test_calibration_error_equals_a_loop_over_the_bins(seed: int, n: int) -> None:
    g = torch.Generator().manual_seed(seed)
    p = torch.softmax(3 * torch.randn(n, 4, generator=g, dtype=torch.float64), 1)
    labels = torch.randint(0, 4, (n,), generator=g)
    confidence, predicted = p.max(1)
    total = 0.0
    for b in range(15):
        inside = (confidence > b / 15) & (confidence <= (b + 1) / 15)
        if inside.any():
            right = (predicted[inside] == labels[inside]).double().mean()
            total += inside.sum().item() / n * abs(right - confidence[inside].mean()).item()
    error = metrics.expected_calibration_error(confidence, predicted, labels)
    assert error == pytest.approx(total, abs=1e-12)


def test_the_area_under_the_curve_by_hand_counts_a_tie_as_a_half() -> None:
    scores, labels = tensor(0.9, 0.5, 0.5, 0.1, 0.7), torch.tensor([1, 1, 0, 0, 0])
    # 0.9 beats all three; 0.5 beats 0.1, ties with 0.5 and loses to 0.7.
    assert metrics.area_under_curve(scores, labels) == pytest.approx((3 + 1 + 0.5) / 6)


@pytest.mark.parametrize("label", [0, 1])
def test_the_area_under_the_curve_is_undefined_for_a_single_class(label: int) -> None:
    assert metrics.area_under_curve(tensor(0.1, 0.9), torch.tensor([label, label])) is None


@pytest.mark.long
@given(st.integers(0, 10_000), st.integers(2, 60))
def test_the_area_under_the_curve_equals_scikit_learns(seed: int, n: int) -> None:
    g = torch.Generator().manual_seed(seed)
    scores = torch.randint(0, 8, (n,), generator=g).float()
    labels = torch.randint(0, 2, (n,), generator=g)
    labels[:2] = torch.tensor([0, 1])
    expected = sk.roc_auc_score(labels.numpy(), scores.numpy())
    assert metrics.area_under_curve(scores, labels) == pytest.approx(expected)


def test_the_mean_squared_error_by_hand() -> None:
    assert metrics.mean_squared_error(tensor(1, 2, 5), tensor(3, 2, 4)) == pytest.approx(5 / 3)
