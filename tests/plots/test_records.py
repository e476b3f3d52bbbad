"""The records of a picture are the numbers that are drawn."""

from typing import Any

import numpy as np
import pytest
from pictures import MemoryRun, make_steps, rising
from task_runs import task_run

from alsim.analysis.curves.comparison import compare
from alsim.plots import draw
from alsim.plots.drawing.figures import Drawing

CURVES = {"margin": rising(ahead=0.02), "random": rising()}
RUN = MemoryRun(steps=make_steps(CURVES))


def points(drawing: Drawing, label: str, panel: int = 0) -> list[tuple[float, float]]:
    """Return the points of the line with a label."""
    (line,) = [line for line in drawing.figure.axes[panel].lines if line.get_label() == label]
    return list(zip(*map(np.ndarray.tolist, map(np.asarray, line.get_data())), strict=True))


def of(drawing: Drawing, **where: object) -> list[dict[str, Any]]:
    return [dict(each) for each in drawing.records if where.items() <= each.items()]


@pytest.mark.parametrize(
    ("kind", "x", "name"),
    [
        ("curve", "labels", "n_labelled"),
        ("curve", "questions", "n_questions"),
        ("difference", "cost", "cost"),
        ("batch-size", "labels", "n_labelled"),
    ],
)
def test_lines_are_recorded_point_by_point(kind: str, x: str, name: str) -> None:
    drawing = draw(kind, [RUN], x=x)
    found = of(drawing, strategy="margin")
    assert [(row[name], row["mean"]) for row in found] == points(drawing, "margin")
    assert {row["n_seeds"] for row in found} == {3}


def test_a_difference_is_recorded_as_one() -> None:
    found = draw("difference", [RUN]).records
    mean = (CURVES["margin"] - CURVES["random"]).mean(axis=0)
    assert [row["mean"] for row in found] == pytest.approx(mean.tolist())
    assert {row["metric"] for row in found} == {"accuracy minus random"}


def test_seeds_are_recorded_where_they_are_drawn() -> None:
    found = draw("curve", [RUN], band="seeds").records
    of_margin = [row for row in found if row["strategy"] == "margin"]
    for seed in range(3):
        drawn = [row[f"seed {seed}"] for row in of_margin]
        assert drawn == CURVES["margin"][seed].tolist()
    assert {row["low"] for row in found} == {None}
    assert not any("seed 0" in row for row in draw("curve", [RUN]).records)


def test_records_of_panels_name_the_panel() -> None:
    drawing = draw("curve", [task_run()], task="all")
    assert [str(axes.get_title(loc="left")) for axes in drawing.figure.axes] == [
        "mean of 2 tasks", "colour", "season",
    ]  # fmt: skip
    for number, panel in enumerate(("mean of 2 tasks", "colour", "season")):
        found = of(drawing, panel=panel, strategy="margin")
        assert [(row["n_labelled"], row["mean"]) for row in found] == points(
            drawing, "margin", number
        )


def test_a_saving_is_recorded_with_its_ends_and_whether_they_are_open() -> None:
    drawing = draw("savings-curve", [RUN])
    found = of(drawing, strategy="margin")
    assert [(row["n_labelled"], row["saved"]) for row in found] == points(drawing, "margin")
    assert all(row["low"] <= row["saved"] <= row["high"] for row in found)
    assert {type(row["is_open_high"]) for row in found} == {bool}


def test_the_saving_by_the_end_is_recorded_with_its_verdict() -> None:
    drawing = draw("savings", [RUN])
    (row,) = drawing.records
    ((saved, place),) = points(drawing, "margin")
    assert (row["strategy"], row["saved"], place) == ("margin", saved, 0)
    ((low, _), (high, _)) = points(drawing, "_interval")
    assert (row["low"], row["high"], row["n_seeds"]) == (low, high, 3)
    assert row["verdict"] == "better"
    assert row["p_adjusted"] == compare(RUN.steps).verdicts[0].p_adjusted


def test_a_decision_is_recorded_as_its_curves_and_their_differences() -> None:
    found = draw("decision", [RUN]).records
    metrics = list(dict.fromkeys(row["metric"] for row in found))
    assert metrics == ["accuracy", "accuracy minus random"]
    for metric, kind in zip(metrics, ("curve", "difference"), strict=True):
        assert [row for row in found if row["metric"] == metric] == list(draw(kind, [RUN]).records)


def test_bands_that_are_left_out_of_a_crowded_picture_are_recorded() -> None:
    run = MemoryRun(steps=make_steps({f"s{k}": rising(ahead=0.001 * k) for k in range(6)}))
    assert all(row["low"] < row["mean"] < row["high"] for row in draw("curve", [run]).records)


def test_a_matrix_is_recorded_pair_by_pair() -> None:
    drawing = draw("wins", [RUN])
    (row,) = of(drawing, strategy="margin", against="random")
    assert (row["seeds_won"], row["n_seeds"], row["verdict"]) == (3, 3, "better")
    (row,) = of(drawing, strategy="random", against="margin")
    assert (row["seeds_won"], row["verdict"]) == (0, "worse")
    texts = [text.get_text() for text in drawing.figure.axes[0].texts]
    assert {"3 of 3", "0 of 3"} <= set(texts)
