import numpy as np
import pyarrow as pa
import pytest
from pictures import make_metrics, make_steps, rising

from alsim.analysis.curves.curves import learning_curves
from alsim.analysis.curves.metric_curves import Place, metric_curves, overall, places_of

ALL = Place("topic", "mixed", "all")


def two_heads(values: np.ndarray) -> pa.Table:
    """Return metrics where the mixed head equals the steps and the text head is 0.1 worse."""
    return make_metrics(
        [
            ("margin", seed, step, head, "all", "accuracy", None, float(value) - worse)
            for seed, row in enumerate(values)
            for step, value in enumerate(row)
            for head, worse in (("mixed", 0.0), ("text", 0.1))
        ]
    )


def test_the_mixed_head_on_all_rows_has_the_curve_of_the_steps() -> None:
    steps = make_steps({"margin": rising()})
    (expected,) = learning_curves(steps)
    (found,) = metric_curves(steps, two_heads(rising()), "accuracy", [ALL])
    assert found.x.tolist() == expected.x.tolist()
    assert np.array_equal(found.values, expected.values)
    assert found.seeds == expected.seeds


def test_another_head_has_its_own_curve_against_the_requested_axis() -> None:
    place = Place("topic", "text", "all")
    steps = make_steps({"margin": rising()})
    (found,) = metric_curves(steps, two_heads(rising()), "accuracy", [place], "cost")
    assert found.x.tolist() == [2.0 * (100 + 50 * step) for step in range(8)]
    assert found.values == pytest.approx(rising() - 0.1)


def test_places_are_listed_once_and_metrics_of_single_classes_are_left_out() -> None:
    metrics = make_metrics(
        [
            ("margin", 0, 0, "text", "all", "accuracy", None, 0.5),
            ("margin", 0, 1, "text", "all", "accuracy", None, 0.5),
            ("margin", 0, 0, "mixed", "none", "accuracy", None, 0.5),
            ("margin", 0, 0, "mixed", "all", "recall", "cats", 0.5),
            ("margin", 0, 0, "mixed", "all", "sigma", None, 1.5),
        ]
    )
    places = (Place("topic", "mixed", "none"), Place("topic", "text", "all"))
    assert places_of(metrics, "accuracy") == places
    assert places_of(metrics, "recall") == ()
    assert places_of(metrics, "sigma") == (ALL,)


def test_metrics_of_runs_that_knew_no_classes_are_read_too() -> None:
    metrics = two_heads(rising()).drop_columns(["label"])
    assert overall(metrics, "accuracy").num_rows == 48
    assert len(places_of(metrics, "accuracy")) == 2


def test_a_place_without_measurements_has_no_curve() -> None:
    steps = make_steps({"margin": rising()})
    nowhere = Place("topic", "picture", "all")
    assert metric_curves(steps, two_heads(rising()), "accuracy", [nowhere]) == ()
