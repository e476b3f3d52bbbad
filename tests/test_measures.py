"""The table of measures: everything it names exists, and everything it states is used."""

import math
from typing import Any

import pytest
import torch

from alsim import metrics
from alsim.analysis.statistics.intervals import bounds_of
from alsim.experiments.curves.records import OF_STEPS, MetricRecord
from alsim.experiments.ranges import refuse_impossible
from alsim.measures import MEASURES, OF_CURVES, OF_TRAINING, SCORES, SHARES, scores_in_words

LABELS = torch.tensor([0, 1, 1, 0])
LOGS = torch.log_softmax(torch.tensor([[2.0, 0], [0, 1], [1, 0], [3, 1]]), 1)
SAID: dict[str, Any] = {
    "predicted": LOGS.argmax(1),
    "labels": LABELS,
    "counts": metrics.class_counts(LOGS.argmax(1), LABELS, 2),
    "log_of_truth": LOGS[torch.arange(4), LABELS],
    "confidence": LOGS.exp().amax(1),
    "surest": LOGS.argmax(1),
}
SCORED = {**SAID, "scores": LOGS[:, 1] - LOGS[:, 0]}
TARGETS = {"predicted": torch.tensor([1.0, 2.0]), "targets": torch.tensor([1.0, 4.0])}


def test_a_measure_is_computed_if_all_of_its_inputs_are_given() -> None:
    of_classes = {name for name, each in MEASURES.items() if each.of == "classes"}
    of_two = {name for name, each in MEASURES.items() if each.of == "two classes"}
    assert metrics.measure(MEASURES, 2, **SAID).keys() == of_classes
    assert metrics.measure(MEASURES, 2, **SCORED).keys() == of_classes | of_two
    assert metrics.measure(MEASURES, **TARGETS) == {"mse": 2.0}
    assert metrics.measure(OF_CURVES, 2, **SCORED).keys() == of_classes | of_two
    assert metrics.measure(OF_TRAINING, 2, **SCORED).keys() == {"accuracy", "nll", "auc"}


def test_each_measure_is_the_metric_of_its_name() -> None:
    found = metrics.measure(MEASURES, 2, **SCORED)
    # Predicted 0, 1, 0, 0: both rows of class 0 are found, and one of the two of class 1.
    assert found["accuracy"] == found["balanced_accuracy"] == 0.75
    assert found["macro_f1"] == pytest.approx((4 / 5 + 2 / 3) / 2)
    assert found["nll"] == metrics.nll(SAID["log_of_truth"])
    assert found["ece"] == metrics.expected_calibration_error(
        SAID["confidence"], SAID["surest"], LABELS
    )
    # Class 1 scores 1 and -1, class 0 scores -2 twice.
    assert found["auc"] == 1.0


def test_a_loss_that_is_nan_is_recorded_and_a_share_that_is_nan_is_not() -> None:
    assert {name for name, each in MEASURES.items() if each.may_be_nan} == {"nll", "ece"}


def test_an_undefined_measure_is_left_out() -> None:
    alike = {**SCORED, "labels": torch.zeros(4, dtype=torch.int64)}
    assert "auc" not in metrics.measure(OF_CURVES, 2, **alike)


def test_measures_lie_in_their_range() -> None:
    for name, value in metrics.measure(MEASURES, 2, **SCORED).items():
        assert MEASURES[name].least <= value <= MEASURES[name].most


@pytest.mark.parametrize("name", MEASURES)
def test_a_record_of_a_value_out_of_range_is_refused(name: str) -> None:
    def check(value: float) -> None:
        refuse_impossible(MetricRecord("random", 0, 0, "t", "mixed", "all", name, None, value))

    measure = MEASURES[name]
    check(measure.least)
    impossible = [measure.least - 0.01]
    impossible += [measure.most + 0.01] * math.isfinite(measure.most)
    impossible += [math.nan] * (not measure.may_be_nan)
    for value in impossible:
        with pytest.raises(ValueError, match=f"the value of {name} cannot be"):
            check(value)
    assert bounds_of(name) == (measure.least, measure.most)


def test_the_table_gives_the_expected_scores_shares_and_wording() -> None:
    assert SCORES == ("accuracy", "balanced_accuracy", "macro_f1", "auc")
    assert {*SCORES, "ece"} == SHARES
    assert OF_STEPS == ("accuracy", "balanced_accuracy", "macro_f1", "nll", "ece")
    assert scores_in_words() == "accuracy, balanced_accuracy or macro_f1"
