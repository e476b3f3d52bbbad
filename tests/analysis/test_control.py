"""What labels gave beyond training on, and how far it is from all labels: by hand-made curves."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pictures import make_metrics, make_steps

from alsim.analysis.curve import Curve
from alsim.analysis.curves.beyond_control import beyond_control
from alsim.analysis.curves.ceiling import ceiling_of, share_reached
from alsim.analysis.curves.control import by_own_steps, controls_of, paired_by_step
from alsim.analysis.curves.curves import learning_curves
from alsim.analysis.curves.runs import merge_runs, outside
from alsim.store.curve_bands import band_curves
from alsim.store.tables import METRICS, schema_of

# Two seeds at 100, 150 and 200 labels; the control has 100 at each of its steps, and one step more.
MARGIN = np.array([[0.50, 0.60, 0.70], [0.40, 0.60, 0.80]])
CONTROL = np.array([[0.50, 0.52, 0.55, 0.56], [0.40, 0.44, 0.50, 0.51]])


def with_control(start: int = 100, query_size: int = 50) -> pa.Table:
    silent = make_steps({"control": CONTROL}, start, 0)
    return pa.concat_tables([make_steps({"margin": MARGIN}, start, query_size), silent])


STEPS = with_control()


def curves() -> dict[str, Curve]:
    return {curve.strategy: curve for curve in learning_curves(STEPS)}


def test_the_control_stands_where_the_others_are_after_as_many_steps() -> None:
    found = curves()["control"]
    assert found.x.tolist() == [100, 150, 200]  # its fourth step has no counterpart
    assert found.values.tolist() == CONTROL[:, :3].tolist()
    for x, places in {"cost": [200, 300, 400], "questions": [300, 450, 600]}.items():
        (control, _) = learning_curves(STEPS, x=x)  # type: ignore[arg-type]
        assert control.x.tolist() == places
    assert np.array_equal(curves()["margin"].values, MARGIN)


def test_only_what_went_on_without_a_query_beside_others_that_query_is_a_control() -> None:
    assert controls_of(STEPS) == ("control",)
    at_start = STEPS.filter(pa.compute.equal(STEPS["step"], 0))
    for steps in (make_steps({"margin": MARGIN}), make_steps({"control": CONTROL}, 100, 0)):
        assert controls_of(steps) == ()
        assert paired_by_step(steps) is steps
    assert controls_of(at_start) == ()


def test_in_the_table_of_curves_it_keeps_its_steps_and_its_own_labels_and_cost() -> None:
    found = band_curves(STEPS, schema_of(METRICS).empty_table()).to_pylist()
    mine = [r for r in found if (r["strategy"], r["metric"]) == ("control", "accuracy")]
    assert [r["step"] for r in mine] == [0, 1, 2, 3]
    assert {(r["n_labelled"], r["cost"]) for r in mine} == {(100, 200.0)}
    assert [r["mean"] for r in mine] == pytest.approx(CONTROL.mean(0).tolist())
    others = [r for r in found if (r["strategy"], r["metric"]) == ("margin", "accuracy")]
    assert [(r["step"], r["n_labelled"]) for r in others] == [(0, 100), (1, 150), (2, 200)]
    assert by_own_steps(STEPS).column("step").equals(STEPS.column("step"))


def test_of_several_runs_it_stands_at_the_labels_of_its_own_run() -> None:
    runs = [OldRun("a", with_control()), OldRun("b", with_control(10, 5))]
    steps = merge_runs(runs).steps
    found = {curve.strategy: curve.x.tolist() for curve in learning_curves(steps)}
    assert found["control · a"] == [100, 150, 200]
    assert found["control · b"] == [10, 15, 20]


def test_the_gain_beyond_control_is_the_difference_at_the_end_and_its_share() -> None:
    found = beyond_control(curves()["margin"], curves()["control"])
    assert found is not None
    assert found.share is not None
    # Ends .70 and .80 against .55 and .50, from .50 and .40: gains .15, .30 of .20, .40.
    assert found.gain.mean == pytest.approx(0.225)
    assert found.gain.half_width == pytest.approx(12.7062 * 0.075, rel=1e-4)
    assert found.share.mean == pytest.approx(0.75)
    assert found.share.half_width == pytest.approx(0, abs=1e-9)
    assert found.gain.n == found.share.n == 2


def test_without_a_gain_in_every_seed_there_is_no_share_of_it() -> None:
    control = curves()["control"]
    found = beyond_control(control, control)
    assert found is not None
    assert found.gain.mean == 0
    flat = Curve("flat", "accuracy", (0, 1), control.x, np.full((2, 3), 0.5), False, False)
    lone = beyond_control(flat, control)
    assert lone is not None
    assert lone.share is None
    apart = Curve("apart", "accuracy", (7,), control.x, np.full((1, 3), 0.5), False, False)
    assert beyond_control(apart, control) is None


CEILINGS = make_metrics(
    [
        ("", 0, 0, "mixed", "all", "accuracy", None, 0.75),
        ("", 1, 0, "mixed", "all", "accuracy", None, 0.90),
        ("", 1, 0, "image", "all", "accuracy", None, 0.10),
        ("", 1, 0, "mixed", "image", "accuracy", None, 0.20),
        ("", 1, 0, "mixed", "all", "recall", "cat", 0.30),
        ("margin", 1, 0, "mixed", "all", "accuracy", None, 0.40),
    ]
)


def test_a_ceiling_is_of_the_mixed_head_on_all_rows_under_no_strategy() -> None:
    found = ceiling_of(CEILINGS)
    assert found is not None
    assert (found.seeds, found.values.tolist()) == ((0, 1), [0.75, 0.90])
    assert found.estimate.mean == pytest.approx(0.825)
    assert ceiling_of(CEILINGS, "macro_f1") is None
    assert ceiling_of(CEILINGS.slice(5)) is None


def test_a_ceiling_of_several_tasks_is_their_mean_or_that_of_one() -> None:
    late = CEILINGS.set_column(3, "task", pa.array(["late"] * CEILINGS.num_rows))
    late = late.set_column(8, "value", pa.array([0.25] * CEILINGS.num_rows))
    both = pa.concat_tables([CEILINGS.cast(late.schema), late])
    means, topic = ceiling_of(both), ceiling_of(both, task="topic")
    assert means is not None
    assert topic is not None
    assert means.values.tolist() == [0.5, 0.575]
    assert topic.values.tolist() == [0.75, 0.90]


def test_the_share_reached_is_paired_by_seed() -> None:
    ceiling = ceiling_of(CEILINGS)
    assert ceiling is not None
    found = share_reached(curves()["margin"], ceiling)
    assert found is not None
    # (.70 − .50) / (.75 − .50) and (.80 − .40) / (.90 − .40)
    assert (found.mean, found.n) == (pytest.approx(0.8), 2)
    low = ceiling_of(make_metrics([("", 0, 0, "mixed", "all", "accuracy", None, 0.45)]))
    assert low is not None
    assert share_reached(curves()["margin"], low) is None


@dataclass(frozen=True, eq=False)
class OldRun:
    name: str
    steps: pa.Table = field(default_factory=with_control)
    manifest: dict[str, Any] = field(default_factory=dict[str, Any])

    @property
    def folder(self) -> Path:
        return Path(self.name)


def test_who_stands_outside_is_recorded_or_known_from_the_table() -> None:
    recorded = {"mine.py:peek": "reads the hidden labels"}
    assert outside(OldRun("a", manifest={"configuration": {"outside": recorded}})) == recorded
    names = ["margin", "ideal-learning-loss(batch-norm=frozen)", "control", "mine.py:peek"]
    assert outside(OldRun("a", manifest={"configuration": {"strategies": names}})) == {
        "ideal-learning-loss(batch-norm=frozen)": "reads the hidden labels",
        "control": "queries nothing",
    }
    assert outside(OldRun("a")) == {}
