"""The control and the ceiling in pictures."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from matplotlib.axes import Axes
from pictures import COMPLETE, MemoryRun, footnote, make_metrics, make_steps, rising

from alsim.errors import UsageError
from alsim.plots import draw
from alsim.plots.drawing.style import CONTROL_STYLE

LABEL = "control: no labels, the same training"
FACTS = {**COMPLETE, "pool": {"name": "posts", "fingerprint": "abc"}, "n_evaluated": 1200}
CURVES = {"random": rising(4, 12), "margin": rising(4, 12, ahead=0.006)}
SILENT = {"control": 0.5 + np.zeros((4, 12))}
STEPS = pa.concat_tables([make_steps(CURVES), make_steps(SILENT, query_size=0)])
CEILING = make_metrics([("", s, 0, "mixed", "all", "accuracy", None, 0.9) for s in range(4)])
RUN = MemoryRun(steps=STEPS, metrics=CEILING, manifest={**FACTS, "ceiling": {"n_labelled": 11500}})


def texts(axes: Axes) -> list[str]:
    return [each.get_text() for each in axes.texts]


@pytest.mark.parametrize("kind", ["curve", "decision"])
def test_the_control_is_dashed_and_stands_at_the_labels_of_the_others(kind: str) -> None:
    drawing = draw(kind, [RUN])
    top = drawing.figure.axes[0]
    (line,) = [each for each in top.lines if each.get_label() == LABEL]
    assert np.asarray(line.get_xdata()).tolist() == [100 + 50 * step for step in range(12)]
    assert line.get_color() == CONTROL_STYLE.colour
    assert "after as many steps" in footnote(drawing.figure)


@pytest.mark.parametrize("kind", ["curve", "decision"])
def test_the_ceiling_is_a_dotted_line_with_its_labels_and_value(kind: str) -> None:
    drawing = draw(kind, [RUN])
    top = drawing.figure.axes[0]
    (line,) = [each for each in top.lines if each.get_label() == "_level"]
    assert np.asarray(line.get_ydata()).tolist() == pytest.approx([0.9, 0.9])
    assert "all 11,500 labels  0.900" in texts(top)
    assert top.get_ylim()[1] > 0.9
    (row,) = [r for r in drawing.records if r["strategy"] == "all 11,500 labels"]
    assert (row["mean"], row["n_seeds"], row["n_labelled"]) == (pytest.approx(0.9), 4, None)


def test_without_one_and_for_what_it_was_not_measured_by_there_is_no_line() -> None:
    for run, metric in ((replace(RUN, manifest=FACTS), "accuracy"), (RUN, "macro_f1")):
        drawing = draw("curve", [run], metric=metric)
        assert "_level" not in [line.get_label() for line in drawing.figure.axes[0].lines]


def test_the_control_keeps_its_place_where_it_is_drawn_alone_and_the_ceiling_its_line() -> None:
    top = draw("curve", [RUN], strategies=("control",)).figure.axes[0]
    (line,) = [each for each in top.lines if each.get_label() == LABEL]
    assert np.asarray(line.get_xdata()).tolist() == [100 + 50 * step for step in range(12)]
    assert "all 11,500 labels  0.900" in texts(top)


def test_the_control_has_no_difference_to_the_baseline() -> None:
    bottom = draw("decision", [RUN]).figure.axes[1]
    assert LABEL not in [line.get_label() for line in bottom.lines]
    alone = draw("difference", [RUN]).figure.axes[0]
    assert [each for each in texts(alone) if "control" in each] == []
    with pytest.raises(UsageError, match="control queries nothing, so it saves no labels"):
        draw("savings", [RUN], strategies=("control",))
    with pytest.raises(UsageError, match="the others save no labels against it"):
        draw("decision", [RUN], baseline="control")


def test_of_several_runs_each_ceiling_names_its_run() -> None:
    other = replace(RUN, name="more")
    top = draw("curve", [RUN, other]).figure.axes[0]
    for name in ("posts", "more"):
        assert f"all 11,500 labels · {name}  0.900" in texts(top)


def test_a_control_that_was_renamed_is_called_so() -> None:
    top = draw("curve", [RUN], rename={"control": "no labels"}).figure.axes[0]
    assert "no labels" in [line.get_label() for line in top.lines]
